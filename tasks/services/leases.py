"""Leases: which worker holds which run, shown by heartbeats, and fenced by a token that every write checks."""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Exists, OuterRef

from tasks import wakeup
from tasks.models import Agent, Task, TaskRun
from tasks.services import history
from tasks.states import Overlap, RunStatus


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A run in a worker's hands. Also the pass that its writes show to the journal's gate."""

    run_id: UUID
    token: int


def lease_ready(*, worker: str, capacity: int, now: datetime) -> list[Lease]:
    """Take up to `capacity` runs that are ready: higher priority first, then older.

    Passed over: agents that have as many runs going as they may have, and tasks of which a run goes on (unless they
    run in parallel). Taken by a conditional update, so that two workers never hold one run; the loser of that race
    simply gets fewer.
    """
    if capacity <= 0:
        return []
    with transaction.atomic():
        room = _room_by_agent(now)
        full = [name for name, left in room.items() if left <= 0]
        same_task_goes_on = TaskRun.objects.filter(task=OuterRef("task"), status=RunStatus.RUNNING).exclude(
            task__overlap=Overlap.PARALLEL
        )
        candidates = (
            TaskRun.objects.ready(now)
            .exclude(agent_name__in=full)
            .exclude(Exists(same_task_goes_on))
            .select_for_update(skip_locked=True, of=("self",))
            .select_related("task")
            .order_by("-priority", "ready_at", "id")[: 2 * capacity + 50]
        )
        taken: list[TaskRun] = []
        tasks_seen: set[UUID] = set()
        for run in candidates:
            parallel = run.task.overlap == Overlap.PARALLEL
            if len(taken) == capacity or room.get(run.agent_name, 0) <= 0:
                continue
            if run.task_id in tasks_seen and not parallel:
                continue
            tasks_seen.add(run.task_id)
            room[run.agent_name] -= 1
            taken.append(run)
        return _take(taken, worker, now)


def _room_by_agent(now: datetime) -> dict[str, int]:
    """How many more runs each agent may have at once. Agents that are gone have room: their runs fail at once."""
    names = set(TaskRun.objects.ready(now).order_by().values_list("agent_name", flat=True).distinct())
    caps = {agent.name: agent.concurrency for agent in Agent.objects.filter(name__in=names)}
    going = dict(
        TaskRun.objects.filter(status=RunStatus.RUNNING, agent_name__in=names)
        .order_by()
        .values_list("agent_name")
        .annotate(number=Count("pk"))
    )
    return {name: caps.get(name, 1_000) - going.get(name, 0) for name in names}


def _take(runs: Sequence[TaskRun], worker: str, now: datetime) -> list[Lease]:
    leases: list[Lease] = []
    for run in runs:
        token = run.token + 1
        changed = TaskRun.objects.filter(pk=run.pk, status=RunStatus.QUEUED, token=run.token).update(
            status=RunStatus.RUNNING,
            worker=worker,
            token=token,
            heartbeat_at=now,
            started_at=run.started_at or now,
        )
        if changed:
            leases.append(Lease(run_id=run.pk, token=token))
    history.announce([run.task for run in runs], runs)
    return leases


def beat(*, worker: str, now: datetime) -> int:
    """Say that `worker` still holds its runs; returns how many it holds."""
    return TaskRun.objects.filter(worker=worker, status=RunStatus.RUNNING).update(heartbeat_at=now)


def lost(leases: Sequence[Lease]) -> list[Lease]:
    """Those of `leases` that do not hold any more: cancelled meanwhile, or taken by somebody else."""
    tokens = {lease.run_id: lease.token for lease in leases}
    held = TaskRun.objects.filter(pk__in=tokens, status=RunStatus.RUNNING).values_list("pk", "token")
    still = {pk for pk, token in held if tokens[pk] == token}
    return [lease for lease in leases if lease.run_id not in still]


def gate(passes: Collection[Hashable], settling: Collection[Hashable]) -> Collection[Hashable]:
    """The journal's gate: the leases among `passes` that still hold.

    Locks the rows, so that a cancel which comes now waits for the commit. In the order that is the same everywhere:
    tasks (of the runs that settle something), then runs, then (in the store) conversations.
    """
    leases = {item.run_id: item for item in passes if isinstance(item, Lease)}
    ending = [item.run_id for item in settling if isinstance(item, Lease)]
    if ending:
        list(
            Task.objects.select_for_update(of=("self",))
            .filter(pk__in=TaskRun.objects.filter(pk__in=ending).values("task"))
            .order_by("id")
            .values_list("pk")
        )
    rows = (
        TaskRun.objects.select_for_update(no_key=True)
        .filter(pk__in=leases, status=RunStatus.RUNNING)
        .order_by("id")
        .values_list("pk", "token")
    )
    return {leases[pk] for pk, token in rows if leases[pk].token == token}


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
