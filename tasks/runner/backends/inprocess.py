"""Carries runs out as asyncio tasks of this process: the embedded mode's backend."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings

from tasks.runner.backends.base import RunBackend
from tasks.runner.going import Going
from tasks.services import TaskService


class InProcessBackend(RunBackend):
    """At most `settings.RUN_CONCURRENCY` runs at once."""

    def __init__(self, *, worker: str, slot_freed: Callable[[], None]) -> None:
        super().__init__(worker=worker, slot_freed=slot_freed)
        self._going = Going(worker=worker, ended=slot_freed)
        self._draining = False

    @property
    def concurrency(self) -> int:
        """By the settings."""
        return int(settings.RUN_CONCURRENCY)

    async def submit(self, *, now: datetime) -> int:
        """Lease as many ready runs as there is room for, and start them."""
        room = self.concurrency - len(self._going)
        if self._draining or room <= 0:
            return 0
        leases = await self._going.threads.run(TaskService.start, worker=self.worker, capacity=room, now=now)
        for lease in leases:
            self._going.start(lease)
        return len(leases)

    async def abort(self, run_ids: Sequence[UUID]) -> None:
        """Cancel the asyncio tasks of these runs, where they go on here."""
        self._going.abort(run_ids)

    async def beat(self, *, now: datetime) -> None:
        """Renew the heartbeats of everything that goes on here."""
        await self._going.beat(now=now)

    async def watch(self) -> None:
        """Stop runs whose lease does not hold any more."""
        await self._going.watch()

    async def drain(self, timeout: float) -> None:
        """Wait for what ends by itself, then hand back the rest."""
        self._draining = True
        await self._going.drain(timeout)
        await self._going.threads.close()
