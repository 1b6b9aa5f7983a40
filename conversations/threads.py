"""Threads of our own for the database, each with a connection that it keeps.

Requests get a thread and a connection each and give them back; the journal and the runner work all the time, so they
keep theirs, and drop a broken one when the database has said so.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from typing import Any, Generic, TypeVar

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, connection

T = TypeVar("T")
A = TypeVar("A")
R = TypeVar("R")

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


class Gathered(Generic[A, R]):
    """Asks one question for many: calls of the same turn of the loop, and those that come while one is under way, are
    answered by one call of `function` in a thread. It gets their arguments and returns one answer each, in order.
    """

    def __init__(self, threads: DatabaseThreads, function: Callable[[Sequence[A]], Sequence[R]]) -> None:
        self._threads = threads
        self._function = function
        self._waiting: list[tuple[A, asyncio.Future[R]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def ask(self, argument: A) -> R:
        """The answer for `argument`. Raises what `function` raised for those asked together."""
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((argument, answer))
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._ask_all())
        return await answer

    async def _ask_all(self) -> None:
        # Others that begin in this turn of the loop are taken along.
        await asyncio.sleep(0)
        while self._waiting:
            asked, self._waiting = self._waiting, []
            try:
                found = await self._threads.run(self._function, [argument for argument, _ in asked])
            except Exception as error:
                for _, answer in asked:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            for (_, answer), one in zip(asked, found, strict=True):
                if not answer.done():
                    answer.set_result(one)
        self._asking = None
