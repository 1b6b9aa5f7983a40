"""Leases: which worker holds which run, shown by heartbeats, and fenced by a token that every write checks."""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, Value
from django.db.models.functions import Coalesce

from conversations import faults
from tasks import metrics, wakeup
from tasks.models import Agent, ExecutionPlan, Task, TaskRun
from tasks.models.run import TaskRunQuerySet
from tasks.services import history, pausing, rates, switches, turns
from tasks.states import BY_SCHEDULE, Overlap, PausedReason, RunStatus, Trigger


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A run in a worker's hands. Also the pass that its writes show to the journal's gate."""

    run_id: UUID
    token: int


def lease_ready(*, worker: str, capacity: int, now: datetime, by: str = "") -> list[Lease]:
    """Take up to `capacity` runs that are ready: higher priority first, then older.

    Nothing is taken while the operator holds all runs, or drains the process that asks (`by`; without: `worker`).

    1. Lock the agents that have ready runs, so that two workers count what goes on one after the other: neither an
       agent's limit nor "one run a task at once" is passed by both at the same moment.
    2. Rest the tasks whose agent is gone (as a claim does): their runs wait for it.
    3. Take ready runs in their turn (`turns`), without those of agents that are full, of tasks of which a run goes on
       (unless they run in parallel), and of schedules that rest.

    A run is taken by a conditional update; whoever lost that race simply gets fewer.
    """
    # A look first: most calls find nothing, and on SQLite the transaction below takes the one writer's turn.
    if capacity <= 0 or not TaskRun.objects.ready(now).exists() or switches.stops(by or worker):
        return []
    with transaction.atomic():
        room, counted = _room_by_agent(now)
        taken: list[TaskRun] = []
        tasks_seen: set[UUID] = set()

        def startable() -> TaskRunQuerySet:
            free = [name for name, left in room.items() if left > 0]
            others = ~Q(task__overlap=Overlap.PARALLEL) & Q(task__in=tasks_seen)
            return _startable(now).filter(agent_name__in=free).exclude(others)

        def fits(run: TaskRun) -> bool:
            again = run.task_id in tasks_seen and run.task.overlap != Overlap.PARALLEL
            return room[run.agent_name] > 0 and not again

        for run in turns.in_turn(now, startable, fits, user_limit=settings.USER_RUN_CONCURRENCY):
            tasks_seen.add(run.task_id)
            room[run.agent_name] -= 1
            taken.append(run)
            if len(taken) == capacity:
                break
        leases = _take(taken, worker, now)
        rates.count([run.agent_name for run in taken if run.agent_name in counted], now=now)
        faults.reached("lease.before_commit")
    if leases:
        faults.reached("lease.committed")
    return leases


def _startable(now: datetime) -> TaskRunQuerySet:
    """Ready runs that nothing but an agent's limit holds up.

    "Run now" and its retries work while the schedule rests; what the schedule or an event started before waits until
    it goes on. Nothing at all starts of those whose owner's account is not active.
    """
    goes_on = (
        TaskRun.objects.active()
        .filter(task=OuterRef("task"), status=RunStatus.RUNNING)
        .exclude(task__overlap=Overlap.PARALLEL)
    )
    # Those of a message that waits stand behind everything that was asked before it in its conversation.
    ahead = TaskRun.objects.active().filter(
        conversation=OuterRef("conversation"),
        status__in=[RunStatus.QUEUED, RunStatus.RUNNING],
        task__plan__lt=OuterRef("task__plan"),
    )
    # A limit that was reached takes away no run that was given before.
    rests = Q(task__paused_at__isnull=False) & ~Q(task__paused_reason=PausedReason.BUDGET)
    by_time = Q(trigger__in=BY_SCHEDULE)
    by_hand = TaskRun.objects.filter(task=OuterRef("task"), scheduled_for=OuterRef("scheduled_for"), attempt=1).exclude(
        by_time
    )
    return (
        TaskRun.objects.ready(now)
        .exclude(Exists(goes_on))
        .exclude(Q(task__in_line=True) & Exists(ahead))
        .exclude(task__paused_reason=PausedReason.OWNER_INACTIVE)
        .exclude(rests & (by_time | (Q(trigger=Trigger.RETRY) & ~Exists(by_hand))))
    )


def _room_by_agent(now: datetime) -> tuple[dict[str, int], set[str]]:
    """How many more runs each agent that may be given work may have now, and whose runs are counted by the minute.

    Locks the agents.
    """
    names = set(TaskRun.objects.ready(now).order_by().values_list("agent_name", flat=True).distinct())
    agents = Agent.objects.enabled().filter(name__in=names).select_for_update(no_key=True).order_by("id")
    if gone := names - {agent.name for agent in agents}:
        waiting = Task.objects.unfinished().filter(paused_at=None, agent_name__in=gone)
        pausing.for_agents(
            waiting.filter(Exists(TaskRun.objects.ready(now).filter(task=OuterRef("pk")))).select_for_update(
                skip_locked=True, of=("self",)
            ),
            now=now,
        )
    going = dict(
        TaskRun.objects.filter(status=RunStatus.RUNNING, agent_name__in=names)
        .order_by()
        .values_list("agent_name")
        .annotate(number=Count("pk"))
    )
    room = {agent.name: min(agent.concurrency - going.get(agent.name, 0), rates.left(agent, now)) for agent in agents}
    return room, {agent.name for agent in agents if agent.max_per_minute is not None}


def _take(runs: Sequence[TaskRun], worker: str, now: datetime) -> list[Lease]:
    """Make locked runs this worker's, in one statement whatever their number; returns the leases in the runs' order."""
    ids = [run.pk for run in runs]
    tokens = {run.pk: run.token + 1 for run in runs}
    TaskRun.objects.filter(pk__in=ids, status=RunStatus.QUEUED).update(
        status=RunStatus.RUNNING,
        worker=worker,
        token=F("token") + 1,
        heartbeat_at=now,
        started_at=Coalesce("started_at", Value(now)),
    )
    # Another worker that was faster carries its own name, and a token of its own.
    mine = TaskRun.objects.filter(pk__in=ids, status=RunStatus.RUNNING, worker=worker).values_list("pk", "token")
    held = {pk for pk, token in mine if token == tokens[pk]}
    history.announce([run.task for run in runs], runs)
    transaction.on_commit(lambda: _measure([run for run in runs if run.pk in held], now))
    return [Lease(run_id=pk, token=tokens[pk]) for pk in ids if pk in held]


def _measure(runs: Sequence[TaskRun], now: datetime) -> None:
    for run in runs:
        metrics.STARTED.labels(trigger=run.trigger).inc()
        metrics.QUEUE_SECONDS.observe((now - run.ready_at).total_seconds())
        if run.trigger == Trigger.SCHEDULE and run.started_at is None:
            metrics.LATENESS_SECONDS.observe((now - run.scheduled_for).total_seconds())


def beat(leases: Sequence[Lease], *, worker: str, now: datetime) -> int:
    """Say that `worker` still carries out the runs of `leases`; returns how many of them it holds.

    A run that it dropped is not among them, so that it is taken up again (`recovery.take_up_stale`).
    """
    held = TaskRun.objects.filter(pk__in=[lease.run_id for lease in leases], worker=worker, status=RunStatus.RUNNING)
    return held.update(heartbeat_at=now)


def lost(leases: Sequence[Lease]) -> list[Lease]:
    """Those of `leases` that do not hold any more: cancelled meanwhile, or taken by somebody else."""
    tokens = {lease.run_id: lease.token for lease in leases}
    held = TaskRun.objects.filter(pk__in=tokens, status=RunStatus.RUNNING).values_list("pk", "token")
    still = {pk for pk, token in held if tokens[pk] == token}
    return [lease for lease in leases if lease.run_id not in still]


def gate(passes: Collection[Hashable], settling: Collection[Hashable]) -> Collection[Hashable]:
    """The journal's gate: the leases among `passes` that still hold.

    Locks the rows, so that a cancel which comes now waits for the commit. In the order that is the same everywhere:
    tasks (of the runs that settle something), then runs, then plans, then (in the store) conversations.
    """
    leases = {item.run_id: item for item in passes if isinstance(item, Lease)}
    ending = [item.run_id for item in settling if isinstance(item, Lease)]
    plans: set[UUID] = set()
    if ending:
        tasks = (
            Task.objects.select_for_update(of=("self",))
            .filter(pk__in=TaskRun.objects.filter(pk__in=ending).values("task"))
            .order_by("id")
            .values_list("plan", "depends_on")
        )
        plans = {plan for plan, depends_on in tasks if depends_on is not None}
    rows = (
        TaskRun.objects.select_for_update(no_key=True)
        .filter(pk__in=leases, status=RunStatus.RUNNING)
        .order_by("id")
        .values_list("pk", "token")
    )
    held = {leases[pk] for pk, token in rows if leases[pk].token == token}
    if plans:
        # Of graphs, whose tasks end side by side (`creation.arm_next`): all of this commit's in one order.
        list(ExecutionPlan.objects.select_for_update().filter(pk__in=plans).order_by("id").values_list("pk"))
    return held


def hand_back(leases: Sequence[Lease], *, now: datetime) -> int:
    """Return runs to the queue: their worker leaves, and another goes on with them. Returns how many it were."""
    number = 0
    with transaction.atomic():
        for lease in leases:
            number += TaskRun.objects.filter(pk=lease.run_id, token=lease.token, status=RunStatus.RUNNING).update(
                status=RunStatus.QUEUED, worker="", heartbeat_at=None, ready_at=now
            )
        if number:
            wakeup.moved()
    return number
