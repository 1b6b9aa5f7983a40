"""Threads of our own for the database, each with a connection that it keeps.

Requests get a thread and a connection each and give them back; the journal and the runner work all the time, so they
keep theirs, and drop a broken one when the database has said so.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, connection

T = TypeVar("T")

CLOSE_TIMEOUT = 5.0
"""Seconds for which a thread that closes waits for one that still works: the others' connections are closed anyway."""


class DatabaseThreads:
    """A few named threads in which synchronous database work is done for async code."""

    def __init__(self, name: str, *, workers: int = 1) -> None:
        self._executor = ThreadPoolExecutor(max_workers=workers, thread_name_prefix=name)

    async def run(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call `function` in one of the threads. After a database error its connection is closed and made anew."""

        def call() -> T:
            try:
                return function(*args, **kwargs)
            except (InterfaceError, OperationalError):
                connection.close()
                raise

        result: T = await sync_to_async(call, thread_sensitive=False, executor=self._executor)()
        return result

    async def close(self) -> None:
        """Close the threads' connections and end them; what was not begun is dropped."""

        workers = self._executor._max_workers
        everyone = Barrier(workers)

        def close_own() -> None:
            # Each waits for the others, or one idle thread would take two of the calls.
            with suppress(BrokenBarrierError):
                everyone.wait(CLOSE_TIMEOUT)
            # Looked up in the thread: `connection` is that of the thread which asks.
            connection.close()

        close = sync_to_async(close_own, thread_sensitive=False, executor=self._executor)
        await asyncio.gather(*(close() for _ in range(workers)))
        self._executor.shutdown(wait=False, cancel_futures=True)
