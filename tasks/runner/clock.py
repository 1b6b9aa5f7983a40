"""The clock: one APScheduler with one wake-up at the earliest due moment, a safety poll, and housekeeping.

APScheduler says when, the database says what, the backend says where. Nothing is held per task, so a hundred thousand
idle schedules cost what one costs.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import tzdata
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Min
from django.utils import timezone
from django.utils.module_loading import import_string

from conversations import faults, search
from conversations.journal import journal
from conversations.threads import DatabaseThreads
from tasks import wakeup
from tasks.agents import refreshing
from tasks.agents.connections import connections
from tasks.agents.errors import AgentError
from tasks.execution import recovery
from tasks.execution.context import LEAD
from tasks.hooks import incoming, outgoing
from tasks.models import Task, TaskRun
from tasks.models.operation import PRESENT_EVERY
from tasks.runner.backends.base import RunBackend
from tasks.services import TaskService
from tasks.services.claiming import BATCH
from tasks.states import RunStatus

logger = logging.getLogger(__name__)

POLL_EVERY = 1.0
"""Seconds between two looks at what other processes may have changed: a few index entries each."""
RETENTION_EVERY = 3600.0
RETENTION_PAUSE = 0.1
"""Seconds between two batches that are deleted or indexed, for what others write."""
INDEX_EVERY = 60.0
"""Seconds between two looks at what the search does not know yet; who searches takes in their own at once."""
CARDS_EVERY = 60.0
"""Seconds between two looks at whose card is due (`agents.refreshing.CHECK_EVERY`)."""
CANCEL_TIMEOUT = 5.0
"""Seconds for which an agent is told that a run was cancelled."""
CANCELS_AT_ONCE = 20
"""Agents told at once: a hundred that do not answer take half a minute, in a job of their own."""
TURN_SHARE = 0.1
"""The part of a drain's time for which a turn, and then a job, that is at work is let end."""
ERROR_PAUSE = 1.0
"""Seconds after an unexpected error, so that one that stays does not spin."""


class Runner:
    """Claims what is due and hands it to the backend. One for each process that runs tasks; any number of processes."""

    def __init__(self) -> None:
        self._wake = asyncio.Event()
        self._scheduler: Any = None
        self._worker: asyncio.Task[None] | None = None
        self._unlisten: Callable[[], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._aborting: set[asyncio.Task[None]] = set()
        self._cancel_tries: dict[UUID, tuple[int, datetime]] = {}
        self._stopping = False
        self._due: datetime | None = None
        """The earliest moment at which something is due, as the last look saw it."""
        self._jobs: set[asyncio.Task[Any]] = set()
        """Jobs of the scheduler that are at work, so that a drain can wait for them."""
        # One thread for the runner's own transactions, in their order.
        self._threads = DatabaseThreads("runner")
        self._backend: RunBackend = import_string(settings.RUN_BACKEND)(
            worker=recovery.worker_name(), slot_freed=self._wake.set
        )
        self.last_turn_at: datetime | None = None
        """When the runner last looked for due work: its heartbeat, for `/readyz`."""

    async def start(self) -> None:
        """Begin, in the running event loop: take up what a dead process left, then keep time."""
        self._loop = asyncio.get_running_loop()
        journal.use_gate(TaskService.gate)
        self._unlisten = wakeup.listen(moved=self._poke, stopped=self._abort_soon)
        self._scheduler = AsyncIOScheduler(event_loop=self._loop, timezone=UTC)
        for job, seconds in (
            (self._poll, POLL_EVERY),
            (self._keep_house, recovery.HEARTBEAT_EVERY),
            (self._beat, recovery.HEARTBEAT_EVERY),
            (self._present, PRESENT_EVERY),
            # On its own: agents that do not answer must not hold up the rest of the house.
            (self._tell_agents, recovery.HEARTBEAT_EVERY),
            (self._send_out, POLL_EVERY),
            (self._look_at_cards, CARDS_EVERY),
            (self._retain, RETENTION_EVERY),
            (self._index, INDEX_EVERY),
        ):
            self._scheduler.add_job(
                partial(self._at_work, job),
                "interval",
                seconds=seconds,
                id=job.__name__,
                max_instances=1,
                coalesce=True,
                misfire_grace_time=None,
            )
        # What was cancelled while nobody was here is told now.
        self._scheduler.modify_job(self._tell_agents.__name__, next_run_time=timezone.now())
        self._scheduler.start()
        self._worker = self._loop.create_task(self._turn_forever(), name="runner")
        await self._threads.run(_plan_by_new_rules)
        await self._present()
        await self._keep_house()
        self._wake.set()

    async def drain(self, timeout: float) -> None:
        """Claim nothing more; end or hand back what runs, within `timeout` seconds; commit what is pending."""
        self._stopping = True
        if self._unlisten is not None:
            self._unlisten()
        if self._worker is not None:
            # The turn is let end, since the runs that it leases would be nobody's if it were cut.
            self._wake.set()
            await asyncio.wait([self._worker], timeout=timeout * TURN_SHARE)
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        # Heartbeats go on while runs end.
        await self._backend.drain(timeout * (1 - TURN_SHARE))
        if self._scheduler is not None:
            self._scheduler.pause()
            await asyncio.sleep(0)  # A job that was just started shows itself.
            if self._jobs:
                await asyncio.wait(self._jobs, timeout=timeout * TURN_SHARE)
            self._scheduler.shutdown(wait=False)
        await asyncio.gather(*self._aborting, return_exceptions=True)
        await journal.flush()
        await connections.aclose()
        with suppress(DatabaseError):
            await self._threads.run(TaskService.runner_gone, self._backend.worker, now=timezone.now())
        await self._threads.close()

    def ask_agents_again(self) -> None:
        """Agents that did not answer came back: what they were to be told, they are told at the next look."""
        self._cancel_tries.clear()

    async def _at_work(self, job: Callable[[], Awaitable[None]]) -> None:
        """Do one of the scheduler's jobs, in sight of `drain`."""
        this = asyncio.current_task()
        assert this is not None  # noqa: S101  (a coroutine runs in a task)
        self._jobs.add(this)
        try:
            await job()
        except asyncio.CancelledError:
            # The scheduler cancels what a drain could not wait for, and would log that as a job that failed.
            if not self._stopping:
                raise
        finally:
            self._jobs.discard(this)

    # --- due work ---

    async def _wake_up(self) -> None:
        # A coroutine, so that APScheduler calls it in the loop: plain functions it runs in a thread, later.
        self._wake.set()

    def _poke(self) -> None:
        """Something may be due earlier. Called from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    def _abort_soon(self, run_ids: Sequence[UUID]) -> None:
        """Runs were stopped. Called from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._abort, list(run_ids))

    def _abort(self, run_ids: Sequence[UUID]) -> None:
        task = asyncio.get_running_loop().create_task(self._backend.abort(run_ids))
        self._aborting.add(task)
        task.add_done_callback(self._aborting.discard)

    async def _turn_forever(self) -> None:
        while not self._stopping:
            await self._wake.wait()
            self._wake.clear()
            if self._stopping:
                return
            try:
                await self._turn()
            except Exception:
                logger.exception("the runner's turn failed", extra={"event": "runner.failed"})
                await asyncio.sleep(ERROR_PAUSE)
                self._wake.set()

    async def _turn(self) -> None:
        """Wake and claim all that is due, start what there is room for, and set the clock to what comes next.

        What is due within LEAD is taken as if its moment had come; its runs wait for it (`RunContext.early`).
        """
        now = timezone.now()
        if self._due is not None and now < self._due <= now + LEAD:
            now = self._due
        await self._threads.run(TaskService.resume_due, now=now)
        worker = self._backend.worker
        if await self._threads.run(TaskService.stops, worker):
            # By the operator. What is due stays so, and no clock may run for it: the poll sees when it may start.
            await self._tell_cancelled()
            self.last_turn_at = timezone.now()
            self._set_clock(None)
            return
        while await self._threads.run(TaskService.claim_due, now=now, by=worker) == BATCH:
            # What is claimed may start while the next batch is claimed.
            await self._backend.submit(now=max(now, timezone.now()))
        await self._backend.submit(now=max(now, timezone.now()))
        await self._tell_cancelled()
        self.last_turn_at = timezone.now()
        self._set_clock(await self._threads.run(_earliest))

    def _set_clock(self, moment: datetime | None) -> None:
        """One job, moved to LEAD before the earliest moment at which something is due; none if nothing is planned."""
        self._due = moment
        if moment is None:
            if self._scheduler.get_job("wake"):
                self._scheduler.remove_job("wake")
            return
        self._scheduler.add_job(
            self._wake_up,
            DateTrigger(run_date=max(moment - LEAD, timezone.now()), timezone=UTC),
            id="wake",
            replace_existing=True,
            # One that is replaced may still be on its way: the next one must not be left out for it.
            max_instances=10,
            misfire_grace_time=None,
        )

    async def _poll(self) -> None:
        """See what other processes changed: due work, and runs of ours that they stopped."""
        await self._backend.watch()
        moment = await self._threads.run(_earliest)
        if await self._threads.run(_anything_ready):
            self._wake.set()
        self.last_turn_at = timezone.now()
        if moment is not None and moment <= timezone.now():
            self._wake.set()
        else:
            self._set_clock(moment)

    # --- housekeeping ---

    async def _beat(self) -> None:
        await self._backend.beat(now=timezone.now())

    async def _present(self) -> None:
        """Show operators that this process is here."""
        backend = self._backend
        await self._threads.run(
            TaskService.runner_present, backend.worker, concurrency=backend.concurrency, now=timezone.now()
        )

    async def _keep_house(self) -> None:
        """Everything that time or a crash makes due besides slots."""
        now = timezone.now()
        await self._threads.run(recovery.take_up_stale, now=now)
        await self._threads.run(recovery.miss_deadlines, now=now)
        await self._threads.run(TaskService.end_over, now=now)
        if names := await self._threads.run(TaskService.agents_back):
            await self._threads.run(TaskService.resume_for_agents, names, now=now)
        if owners := await self._threads.run(TaskService.owners_back):
            await self._threads.run(TaskService.resume_for_owners, owners, now=now)
        await self._threads.run(TaskService.mend_unplanned, now=now)
        while await self._threads.run(TaskService.delete_due_conversations, now=now):
            pass
        await self._tell_cancelled()

    async def _tell_cancelled(self) -> None:
        while await self._threads.run(TaskService.tell_cancelled, now=timezone.now()):
            pass

    async def _tell_agents(self) -> None:
        """Tell agents of cancelled runs that no worker holds; those that do not answer are asked ever more rarely."""
        now = timezone.now()
        due = await self._threads.run(recovery.due_cancels, now=now)
        due += await self._threads.run(recovery.open_ends, now=now)
        self._cancel_tries = {c.run_id: self._cancel_tries.get(c.run_id, (0, now)) for c in due}
        ripe = [cancel for cancel in due if self._cancel_tries[cancel.run_id][1] <= now]
        for start in range(0, len(ripe), CANCELS_AT_ONCE):
            await asyncio.gather(*(self._tell_agent(cancel) for cancel in ripe[start : start + CANCELS_AT_ONCE]))

    async def _tell_agent(self, cancel: recovery.DueCancel) -> None:
        """Tell it, or see how what it refused to stop has ended; what is not over is asked again, ever more rarely."""
        try:
            async with asyncio.timeout(CANCEL_TIMEOUT):
                connection = await connections.get(cancel.agent)
                ask = connection.state_of if cancel.heard else connection.cancel
                state = await ask(cancel.remote_task_id)
            faults.reached("clock.told_agent")
            await self._threads.run(TaskService.told_cancel, cancel.run_id, str(state))
            if not state.goes_on:
                return
            error = "it goes on with it"
        except (TimeoutError, AgentError) as failure:
            error = str(failure)
        tries, _ = self._cancel_tries.get(cancel.run_id, (0, timezone.now()))
        wait = timedelta(seconds=min(5 * 2**tries, 600))
        self._cancel_tries[cancel.run_id] = (tries + 1, timezone.now() + wait)
        ids = {"event": "cancel.unheard", "run_id": str(cancel.run_id), "error": error}
        logger.info("an agent did not stop what was cancelled", extra=ids)

    async def _send_out(self) -> None:
        """Send what waits in the outbox: webhooks and mails."""
        while await outgoing.deliver_due(in_thread=self._threads.run, now=timezone.now) == outgoing.BATCH:
            pass

    async def _look_at_cards(self) -> None:
        """See what agents say of themselves by now."""
        await refreshing.refresh_due(in_thread=self._threads.run, now=timezone.now)

    async def _retain(self) -> None:
        """Delete old runs in small batches, with room for others between."""
        days = settings.RETENTION_DAYS
        for forget in (incoming.forget_old, outgoing.forget_old):
            while await self._threads.run(forget, now=timezone.now()):
                await asyncio.sleep(RETENTION_PAUSE)
        if days:
            await self._walk(partial(TaskService.forget_old_runs, days=days))
        await self._walk(TaskService.forget_where_asked)

    async def _index(self) -> None:
        """Take into the search what is new: a restored database's, too, in small batches."""
        await self._walk(search.index_pending)

    async def _walk(self, forget: Callable[..., tuple[int, Any]]) -> None:
        """Let `forget` (or what indexes) go on from where it came to, batch by batch."""
        place = None
        while True:
            deleted, place = await self._threads.run(forget, now=timezone.now(), after=place)
            if place is None:
                return
            await asyncio.sleep(RETENTION_PAUSE if deleted else 0)


def _plan_by_new_rules() -> None:
    """Where the zones' rules are others than at the last start here, plan calendar schedules anew (schedules.md)."""
    kept = settings.DATA_DIR / "zone_rules"
    before = kept.read_text() if kept.exists() else ""
    if before == tzdata.IANA_VERSION:
        return
    moved = TaskService.replan_calendars(now=timezone.now()) if before else 0
    kept.write_text(tzdata.IANA_VERSION)
    logger.info("zone rules %s, %d schedules moved", tzdata.IANA_VERSION, moved, extra={"event": "zones.changed"})


def _earliest() -> datetime | None:
    """When the next thing is due: a task's run, a queued run's retry, the end of a pause. Index entries each."""
    moments = [
        Task.objects.armed().aggregate(moment=Min("next_run_at"))["moment"],
        # Runs that are ready but have no room wait for a slot, not for the clock.
        TaskRun.objects.filter(status=RunStatus.QUEUED, ready_at__gt=timezone.now()).aggregate(moment=Min("ready_at"))[
            "moment"
        ],
        Task.objects.filter(paused_until__isnull=False).aggregate(moment=Min("paused_until"))["moment"],
    ]
    found = [moment for moment in moments if moment is not None]
    if Task.objects.filter(untold=True).exists():
        found.append(timezone.now())
    return min(found, default=None)


def _anything_ready() -> bool:
    """Whether a queued run's moment has come: another process may have made it, or a slot may have freed elsewhere."""
    return TaskRun.objects.ready(timezone.now()).exists()
