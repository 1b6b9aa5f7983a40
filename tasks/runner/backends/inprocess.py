"""Carries runs out as asyncio tasks of this process: the embedded mode's backend."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings

from conversations.threads import DatabaseThreads
from tasks.execution.run import RunExecution
from tasks.runner.backends.base import RunBackend
from tasks.services import TaskService

logger = logging.getLogger(__name__)

HAND_BACK_SHARE = 0.4
"""The part of a drain's time that is kept for handing back what has not ended."""


class InProcessBackend(RunBackend):
    """At most `settings.RUN_CONCURRENCY` runs at once, each an asyncio task that this object owns."""

    def __init__(self, *, worker: str, slot_freed: Callable[[], None]) -> None:
        super().__init__(worker=worker, slot_freed=slot_freed)
        self._going: dict[UUID, tuple[RunExecution, asyncio.Task[None]]] = {}
        self._draining = False
        # Two threads: leases and heartbeats must not wait behind each other's transaction.
        self._threads = DatabaseThreads("runs", workers=2)

    async def submit(self, *, now: datetime) -> int:
        """Lease as many ready runs as there is room for, and start them."""
        room = settings.RUN_CONCURRENCY - len(self._going)
        if self._draining or room <= 0:
            return 0
        leases = await self._threads.run(TaskService.start, worker=self.worker, capacity=room, now=now)
        for lease in leases:
            execution = RunExecution(lease, threads=self._threads)
            going = asyncio.get_running_loop().create_task(execution.execute(), name=f"run {lease.run_id}")
            self._going[lease.run_id] = (execution, going)
            going.add_done_callback(lambda done, run_id=lease.run_id: self._ended(run_id, done))  # type: ignore[misc]
        return len(leases)

    async def abort(self, run_ids: Sequence[UUID]) -> None:
        """Cancel the asyncio tasks of these runs, where they go on here."""
        for run_id in run_ids:
            if (found := self._going.get(run_id)) is not None:
                found[1].cancel()

    async def beat(self, *, now: datetime) -> None:
        """Renew the heartbeats of everything that goes on here, in one statement."""
        if self._going:
            leases = [execution.lease for execution, _ in self._going.values()]
            await self._threads.run(TaskService.beat, leases, worker=self.worker, now=now)

    async def watch(self) -> None:
        """Stop runs whose lease does not hold any more: cancelled, or taken, by another process."""
        if not self._going:
            return
        leases = [execution.lease for execution, _ in self._going.values()]
        lost = await self._threads.run(TaskService.lost, leases)
        # A run that has just settled is over in the database a moment before its task ends here.
        await asyncio.sleep(0)
        for lease in lost:
            found = self._going.get(lease.run_id)
            if found is not None and found[0].lease == lease and not found[0].settling:
                found[1].cancel()

    async def drain(self, timeout: float) -> None:
        """Wait for what ends by itself, then hand back the rest."""
        self._draining = True
        going = [task for _, task in self._going.values()]
        if going:
            await asyncio.wait(going, timeout=timeout * (1 - HAND_BACK_SHARE))
        for execution, task in list(self._going.values()):
            execution.leave()
            task.cancel()
        left = [task for _, task in self._going.values()]
        if left:
            await asyncio.wait(left, timeout=timeout * HAND_BACK_SHARE)
        await self._threads.close()

    def _ended(self, run_id: UUID, done: "asyncio.Task[None]") -> None:
        self._going.pop(run_id, None)
        if not done.cancelled() and (error := done.exception()) is not None:
            # Its heartbeat ends with it, so recovery decides about the run.
            logger.error(
                "a run was dropped",
                exc_info=error,
                extra={"event": "run.dropped", "run_id": str(run_id)},
            )
        self.slot_freed()
