"""What runs in the server's loop beside the web: the runner, or a worker, and the watch over the sample agents."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from datetime import datetime
from typing import TYPE_CHECKING

from channels.db import database_sync_to_async
from django.conf import settings
from django.utils import timezone

from conversations.hub.layer import shared_layer
from conversations.journal import journal
from valuecell_site import gateways, health
from valuecell_site.serve.agents import SampleAgents

if TYPE_CHECKING:
    from tasks.runner import Runner
    from tasks.runner.telegraph import Telegraph
    from tasks.runner.worker import EngineWorker

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 6.0
"""How long runs get to end after SIGTERM before they are handed back."""
ASLEEP_SECONDS = 30.0
"""A runner that has not looked for due work for so long is not well."""
FLUSH_SECONDS = 1.5
"""How long the last commit may take."""


class Work:
    """Starts and ends, in one loop."""

    def __init__(self, *, agents: SampleAgents | None = None, runner: bool = True, worker: int = 0) -> None:
        """`worker`: runs that this process carries out at once for the job engine; 0: it is none of its workers."""
        self._agents = agents
        self._runner = _runner() if runner else None
        self._worker = _worker(worker) if worker else None
        self._telegraph = _telegraph(hears=runner or bool(worker))
        self._supervising: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the runner; from then on `/healthz` answers 200."""
        if self._agents is not None:
            agents = self._agents
            self._supervising = asyncio.create_task(agents.supervise(self._agents_came_up))
            health.depends_on("sample_agents", lambda: "" if agents.up else "not running")
        if self._telegraph is not None:
            self._telegraph.start()
        if self._worker is not None:
            await self._worker.start()
        if self._runner is not None:
            runner = self._runner
            await runner.start()
            health.depends_on("runner", lambda: _asleep(runner.last_turn_at))
        if settings.SCALED_OUT:
            health.depends_on("workers", _nobody_works)
        health.started()

    async def stop(self) -> None:
        """Drain the runner, write what is left, stop the agents; each step has its time."""
        if self._supervising is not None:
            self._supervising.cancel()
        await self._bounded("gateways", gateways.close(), FLUSH_SECONDS)
        if self._runner is not None:
            await self._bounded("runner", self._runner.drain(DRAIN_SECONDS), DRAIN_SECONDS + 0.5)
        if self._worker is not None:
            await self._bounded("worker", self._worker.drain(DRAIN_SECONDS), DRAIN_SECONDS + 1.0)
        if self._telegraph is not None:
            await self._bounded("telegraph", self._telegraph.stop(), FLUSH_SECONDS)
        await self._bounded("journal", journal.close(), FLUSH_SECONDS)
        if self._agents is not None:
            await asyncio.to_thread(self._agents.stop)

    async def broken(self) -> None:
        """Return when this cannot go on: its process should end, and be started again."""
        if self._worker is not None:
            await self._worker.failed.wait()
        else:
            await asyncio.Event().wait()

    async def _agents_came_up(self) -> None:
        """The sample agents were started again, perhaps at other addresses."""
        try:
            await database_sync_to_async(_load_cards, thread_sensitive=False)()
        except Exception:
            logger.exception("the sample agents' cards could not be loaded", extra={"event": "cards.failed"})
        if self._runner is not None:
            self._runner.ask_agents_again()

    @staticmethod
    async def _bounded(name: str, ending: Awaitable[None], seconds: float) -> None:
        try:
            await asyncio.wait_for(ending, seconds)
        except Exception:
            logger.exception("The %s did not end as it should", name)


def _load_cards() -> None:
    from tasks.agents.cards import load

    for report in load([settings.AGENT_CARDS_DIR, settings.LOCAL_CARDS_DIR]):
        if report.outcome in ("added", "updated", "failed"):
            logger.info("%s", report.text, extra={"event": "cards.loaded"})


def _runner() -> Runner:
    # A process that only serves the web loads nothing of what executes runs.
    from tasks.runner import Runner

    return Runner()


def _worker(concurrency: int) -> EngineWorker:
    from tasks.runner.worker import EngineWorker

    return EngineWorker(concurrency=concurrency)


def _telegraph(*, hears: bool) -> Telegraph | None:
    layer = shared_layer()
    if layer is None:
        return None
    from tasks.runner.telegraph import Telegraph

    return Telegraph(layer, hears=hears)


def _nobody_works() -> str:
    from tasks.models import Worker

    return "" if Worker.objects.at_work(timezone.now()).exists() else "no worker is at work: nothing that is due runs"


def _asleep(last: datetime | None) -> str:
    if last is None:
        return "has not looked for due work yet"
    seconds = (timezone.now() - last).total_seconds()
    return "" if seconds < ASLEEP_SECONDS else f"last looked for due work {seconds:.0f} s ago"
