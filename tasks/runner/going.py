"""The runs that go on in this process: started, watched, stopped and drained, whoever gave them."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from conversations import faults
from conversations.threads import DatabaseThreads, Gathered
from tasks.agents import callbacks
from tasks.execution import context as contexts
from tasks.execution.run import RunExecution
from tasks.services import Lease, TaskService

logger = logging.getLogger(__name__)

HAND_BACK_SHARE = 0.4
"""The part of a drain's time that is kept for handing back what has not ended."""


class Going:
    """Executions as asyncio tasks that this object owns. Lives in one event loop; `ended` is called after each."""

    def __init__(self, *, worker: str, ended: Callable[[], None]) -> None:
        self._worker = worker
        self._ended = ended
        self._going: dict[UUID, tuple[RunExecution, asyncio.Task[None]]] = {}
        # Two threads: leases and heartbeats must not wait behind each other's transaction.
        self.threads = DatabaseThreads("runs", workers=2)
        # Runs that are leased together are read together.
        self._contexts = Gathered(self.threads, contexts.load_many)

    def __len__(self) -> int:
        return len(self._going)

    def start(self, lease: Lease) -> "asyncio.Task[None]":
        """Carry the leased run out; returns the task, which the caller may await but not cancel."""
        execution = RunExecution(lease, threads=self.threads, contexts=self._contexts)
        task = asyncio.get_running_loop().create_task(execution.execute(), name=f"run {lease.run_id}")
        self._going[lease.run_id] = (execution, task)
        task.add_done_callback(lambda done: self._over(lease.run_id, done))
        return task

    def abort(self, run_ids: Sequence[UUID]) -> None:
        """Stop those of `run_ids` that go on here."""
        for run_id in run_ids:
            if (found := self._going.get(run_id)) is not None:
                found[1].cancel()

    async def beat(self, *, now: datetime) -> None:
        """Renew the heartbeats of everything that goes on here, in one statement."""
        if self._going:
            await self.threads.run(TaskService.beat, self._leases(), worker=self._worker, now=now)

    async def watch(self) -> None:
        """Stop runs whose lease does not hold any more: cancelled, or taken, by another process."""
        if not self._going:
            return
        lost = await self.threads.run(TaskService.lost, self._leases())
        await self.threads.run(callbacks.look)
        # A run that has just settled is over in the database a moment before its task ends here.
        await asyncio.sleep(0)
        for lease in lost:
            found = self._going.get(lease.run_id)
            if found is not None and found[0].lease == lease and not found[0].settling:
                found[1].cancel()

    async def drain(self, timeout: float) -> None:
        """Wait for what ends by itself, then hand back the rest; `timeout` seconds in all."""
        faults.reached("drain.begun")
        going = [task for _, task in self._going.values()]
        if going:
            await asyncio.wait(going, timeout=timeout * (1 - HAND_BACK_SHARE))
        faults.reached("drain.handing_back")
        for execution, task in list(self._going.values()):
            execution.leave()
            task.cancel()
        left = [task for _, task in self._going.values()]
        if left:
            await asyncio.wait(left, timeout=timeout * HAND_BACK_SHARE)

    def _leases(self) -> list[Lease]:
        return [execution.lease for execution, _ in self._going.values()]

    def _over(self, run_id: UUID, done: "asyncio.Task[None]") -> None:
        self._going.pop(run_id, None)
        if not done.cancelled() and (error := done.exception()) is not None:
            # Its heartbeat ends with it, so recovery decides about the run.
            logger.error("a run was dropped", exc_info=error, extra={"event": "run.dropped", "run_id": str(run_id)})
        self._ended()
