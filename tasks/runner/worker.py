"""A worker of the job engine: takes the runs that runners deferred, and carries them out in this process."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from uuid import UUID

from django.db import DatabaseError
from django.utils import timezone
from procrastinate.contrib.django import app

from conversations.journal import journal
from tasks import wakeup
from tasks.agents.connections import connections
from tasks.execution import recovery
from tasks.runner import engine
from tasks.runner.going import Going
from tasks.services import Lease, TaskService

logger = logging.getLogger(__name__)

WATCH_EVERY = 0.5
"""Seconds between two looks at whether the runs here still hold: an abort that Redis lost is heard this late."""
FETCH_EVERY = 1.0
"""Seconds after which jobs are looked for that no notification told of."""
HEED_EVERY = 1.0
"""Seconds between two looks at whether the operator drains this process."""
STALLED_EVERY = 30.0
STOP_TIMEOUT = 2.0
"""Seconds for the engine to finish its own books."""


class EngineWorker:
    """Carries out at most `concurrency` runs at once. Any number of workers, on any number of machines."""

    def __init__(self, *, concurrency: int) -> None:
        self.name = recovery.worker_name()
        self.concurrency = concurrency
        self._going = Going(worker=self.name, ended=self._freed)
        self._draining = False
        self._told_to_drain = False
        """By the operator: this process goes on and takes nothing new until it may again."""
        self._loops: set[asyncio.Task[None]] = set()
        self._fetching: asyncio.Task[None] | None = None
        self._unlisten: Callable[[], None] | None = None
        self.failed = asyncio.Event()
        """The engine's own loop ended though nobody asked for it."""

    async def start(self) -> None:
        """Begin in the running event loop: say that there is room, and take jobs."""
        loop = asyncio.get_running_loop()
        journal.use_gate(TaskService.gate)

        def stop_soon(run_ids: Sequence[UUID]) -> None:
            loop.call_soon_threadsafe(self._going.abort, list(run_ids))

        self._unlisten = wakeup.listen(moved=_not_ours, stopped=stop_soon)
        self._app = app.with_connector(app.connector.get_worker_connector())  # type: ignore[attr-defined]
        await self._app.open_async()
        await self._present()
        for job, seconds in (
            (self._present, recovery.HEARTBEAT_EVERY),
            (self._beat, recovery.HEARTBEAT_EVERY),
            (self._heed, HEED_EVERY),
            (self._going.watch, WATCH_EVERY),
            (self._drop_stalled, STALLED_EVERY),
        ):
            self._loops.add(loop.create_task(_every(seconds, job), name=f"worker {job.__name__}"))
        self._fetch()
        wakeup.moved_now()

    def _fetch(self) -> None:
        """Begin to take jobs."""
        self._fetching = asyncio.get_running_loop().create_task(
            self._app.run_worker_async(
                queues=[engine.QUEUE],
                name=self.name,
                concurrency=self.concurrency,
                fetch_job_polling_interval=FETCH_EVERY,
                update_heartbeat_interval=recovery.HEARTBEAT_EVERY,
                delete_jobs="always",
                install_signal_handlers=False,
                additional_context={"carrier": self},
            ),
            name="engine",
        )
        self._fetching.add_done_callback(self._stopped_fetching)

    async def carry_out(self, lease: Lease) -> None:
        """Carry a job's run out to its end; nothing where its lease does not hold any more."""
        if self._draining:
            return  # a runner takes it up: its heartbeat is nobody's
        if not await self._going.threads.run(TaskService.take_over, lease, worker=self.name, now=timezone.now()):
            return
        # Stopped by `Going` alone: the engine's own cancellation of a job must not look like a cancelled run.
        await asyncio.wait([self._going.start(lease)])

    async def drain(self, timeout: float) -> None:
        """Take nothing more; end or hand back what runs, within `timeout` seconds."""
        self._draining = True
        if self._unlisten is not None:
            self._unlisten()
        with suppress(DatabaseError):
            await self._present()
        if self._fetching is not None:
            self._fetching.cancel()
        await self._going.drain(timeout)
        if self._fetching is not None:
            await asyncio.wait([self._fetching], timeout=STOP_TIMEOUT)
        for task in self._loops:
            task.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await journal.flush()
        await connections.aclose()
        with suppress(DatabaseError):
            await self._going.threads.run(TaskService.worker_gone, self.name, now=timezone.now())
        wakeup.moved_now()
        await self._app.close_async()
        await self._going.threads.close()

    async def _present(self) -> None:
        await self._going.threads.run(
            TaskService.worker_present,
            self.name,
            concurrency=self.concurrency,
            leaving=self._draining or self._told_to_drain,
            now=timezone.now(),
        )

    async def _heed(self) -> None:
        """Stop to take jobs while the operator drains this process; what it has goes on, with its heartbeats."""
        held = await self._going.threads.run(TaskService.held)
        told = self.name in held.drained
        if self._draining or self._fetching is None:
            return
        if told and not self._told_to_drain:
            self._told_to_drain = True
            await self._present()  # first, so that no runner counts on its room
            self._fetching.cancel()
        elif self._told_to_drain and not told and self._fetching.done():
            # The engine lets what it has end before it does: until then nothing new can be taken anyway.
            self._told_to_drain = False
            self._fetch()
            await self._present()
            wakeup.moved_now()

    async def _beat(self) -> None:
        await self._going.beat(now=timezone.now())

    async def _drop_stalled(self) -> None:
        await engine.drop_stalled(self._app)

    def _freed(self) -> None:
        wakeup.moved_now()

    def _stopped_fetching(self, done: "asyncio.Task[None]") -> None:
        if self._draining or self._told_to_drain:
            if not done.cancelled():
                done.exception()  # seen
            return
        why = None if done.cancelled() else done.exception()
        logger.error("the engine stopped", exc_info=why, extra={"event": "engine.stopped"})
        self.failed.set()


def _not_ours() -> None:
    """What is due is the runners' business."""


async def _every(seconds: float, job: Callable[[], Awaitable[None]]) -> None:
    """Do a job every so often for ever; an error is logged, and the next turn tries again."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await job()
        except Exception:
            logger.exception("a worker's job failed", extra={"event": "worker.failed"})
