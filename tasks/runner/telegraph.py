"""Carries wake-up calls between the processes of a deployment, over the channel layer (Redis).

A hint, never the truth: what gets lost is found by the look at the database that every runner and worker takes
each second.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from tasks import wakeup

logger = logging.getLogger(__name__)

GROUP = "tasks.wakeup"
MERGE_SECONDS = 0.01
"""Calls that follow each other closer than this go out as one."""
IDS_MOST = 1_000
"""Runs in one message; of more than that each worker finds out by its look."""
RETRY_SECONDS = 1.0


class Telegraph:
    """This process's end of the line, in one event loop. Sends what happens here, and hears what happens elsewhere."""

    def __init__(self, layer: Any, *, hears: bool = True) -> None:
        """`layer`: the channel layer that the processes share. One that runs nothing need not hear (`hears`)."""
        self._layer = layer
        self._hears = hears
        self._name = os.urandom(8).hex()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._moved = False
        self._stopped: list[UUID] = []
        self._due: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._end: Callable[[], None] | None = None

    def start(self) -> None:
        """Begin in the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._end = wakeup.carry(moved=self._on_moved, stopped=self._on_stopped)
        if self._hears:
            self._spawn(self._hear())

    async def stop(self) -> None:
        """Send what waits, and end."""
        if self._end is not None:
            self._end()
        if self._due is not None:
            self._due.cancel()
            await self._send()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_moved(self) -> None:
        self._in_loop(self._note, True, ())

    def _on_stopped(self, run_ids: Sequence[UUID]) -> None:
        self._in_loop(self._note, False, list(run_ids)[:IDS_MOST])

    def _in_loop(self, function: Callable[..., None], *args: Any) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *args)

    def _note(self, moved: bool, stopped: Sequence[UUID]) -> None:
        self._moved = self._moved or moved
        self._stopped.extend(stopped[: IDS_MOST - len(self._stopped)])
        if self._due is None and self._loop is not None:
            self._due = self._loop.call_later(MERGE_SECONDS, lambda: self._spawn(self._send()))

    def _spawn(self, coroutine: Any) -> None:
        assert self._loop is not None  # noqa: S101  (called after start)
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self) -> None:
        self._due = None
        stopped = [str(run_id) for run_id in self._stopped]
        message = {"type": "tasks.wakeup", "by": self._name, "moved": self._moved, "stopped": stopped}
        self._moved, self._stopped = False, []
        try:
            await self._layer.group_send(GROUP, message)
        except Exception as error:
            logger.info("a wake-up call was not sent: %s", error, extra={"event": "wakeup.unsent"})

    async def _hear(self) -> None:
        while True:
            try:
                channel = await self._layer.new_channel()
                await self._layer.group_add(GROUP, channel)
                while True:
                    message = await self._layer.receive(channel)
                    if message.get("by") == self._name:
                        continue
                    if message.get("moved"):
                        wakeup.heard_moved()
                    if message.get("stopped"):
                        wakeup.heard_stopped([UUID(run_id) for run_id in message["stopped"]])
            except Exception as error:
                logger.info("wake-up calls are not heard: %s", error, extra={"event": "wakeup.unheard"})
                await asyncio.sleep(RETRY_SECONDS)
