"""Hands runs to workers through the job engine: the backend of a deployment that is scaled out."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from conversations.threads import DatabaseThreads
from tasks.runner import engine
from tasks.runner.backends.base import RunBackend
from tasks.services import TaskService


class EngineBackend(RunBackend):
    """Carries out nothing itself: leases are taken by workers, which also keep their heartbeats and stop them."""

    def __init__(self, *, worker: str, slot_freed: Callable[[], None]) -> None:
        super().__init__(worker=worker, slot_freed=slot_freed)
        self._threads = DatabaseThreads("engine")
        self._draining = False

    @property
    def concurrency(self) -> int:
        """None of its own."""
        return 0

    async def submit(self, *, now: datetime) -> int:
        """Lease and defer as many ready runs as the workers have room for."""
        if self._draining:
            return 0
        return await self._threads.run(TaskService.hand_over, engine.defer, by=self.worker, now=now)

    async def abort(self, run_ids: Sequence[UUID]) -> None:
        """Nothing goes on here; workers hear it as this process did (`wakeup`), or look once a second."""

    async def beat(self, *, now: datetime) -> None:
        """Nothing goes on here."""

    async def watch(self) -> None:
        """Nothing goes on here."""

    async def drain(self, timeout: float) -> None:  # noqa: ARG002
        """Take nothing more. What was deferred is the workers'."""
        self._draining = True
        await self._threads.close()
