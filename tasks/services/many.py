"""What a person does to many tasks at once: statements over sets, and by name what could not be done and why.

A selection is read once, so that what was counted is what is acted on, and goes through in transactions of `BATCH`
tasks: a crash between two leaves whole batches done, and doing it again is harmless (runs apart).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from tasks.errors import InvalidInput, WrongMoment
from tasks.models import Task, TaskRun
from tasks.services import cancelling, extra_runs, history, operations, resting

BATCH = 500
"""Tasks changed in one transaction: SQLite's writer is held for about 100 ms."""
MOST = 10_000
"""Tasks acted on at once: a few seconds. Cancelling has no bound of its own (`cancelling.cancel_many`)."""
NAMED = 100
"""Left-out tasks that are named; the others are counted."""


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A task of a selection that stayed as it was, and why: `code` as the error's for one task, `reason` for people."""

    task_id: UUID
    title: str
    code: str
    reason: str


@dataclass(kw_only=True)
class Many:
    """What became of a selection: `done` of `matched`; the first `NAMED` that were left out, of `left_out_count`."""

    matched: int = 0
    done: int = 0
    left_out_count: int = 0
    left_out: list[LeftOut] = field(default_factory=list)

    def leave(self, task: Task, why: WrongMoment) -> None:
        """Count a task that stays as it is, and name it while there is room."""
        self.left_out_count += 1
        if len(self.left_out) < NAMED:
            self.left_out.append(LeftOut(task_id=task.pk, title=task.title, code=why.code, reason=why.message))


def pause_many(
    tasks: "QuerySet[Task]", *, actor: User | None, now: datetime, until: datetime | None = None, reason: str = ""
) -> Many:
    """Pause what goes on of `tasks`, as `resting.pause` does. Raises `InvalidInput` (`until`; too many)."""
    resting.refuse_past(until, now)

    def act(fitting: Sequence[Task]) -> None:
        resting.pause_locked(fitting, actor=actor, now=now, until=until, reason=reason)

    return _each(tasks, lambda task: history.ended(task, "paused"), act)


def resume_many(tasks: "QuerySet[Task]", *, actor: User | None, now: datetime) -> Many:
    """Let what rests of `tasks` go on. Raises `InvalidInput` (too many)."""

    def act(fitting: Sequence[Task]) -> None:
        resting.resume_locked(fitting, now=now, reason="resumed", actor=actor)

    return _each(tasks, resting.cannot_resume, act)


def snooze_many(tasks: "QuerySet[Task]", *, actor: User | None, now: datetime, until: datetime) -> Many:
    """Put off what comes next of `tasks` (`operations.snooze`). Raises `InvalidInput` (`until`; too many)."""
    resting.refuse_past(until, now)

    def act(fitting: Sequence[Task]) -> None:
        operations.snooze_locked(fitting, actor=actor, now=now, until=until)

    return _each(tasks, operations.cannot_snooze, act)


def trigger_many(tasks: "QuerySet[Task]", *, actor: User | None, now: datetime) -> Many:
    """Start one run beside the schedule of each of `tasks` that goes on. Raises `InvalidInput` (too many)."""

    def act(fitting: Sequence[Task]) -> None:
        extra_runs.trigger_locked(fitting, actor=actor, now=now)

    return _each(tasks, extra_runs.cannot_trigger, act)


def run_again_many(tasks: "QuerySet[Task]", *, actor: User | None, now: datetime) -> Many:
    """Run each of `tasks` once more with the input of its latest run. Raises `InvalidInput` (too many)."""
    earlier: dict[UUID, TaskRun] = {}

    def refuse(task: Task) -> WrongMoment | None:
        return extra_runs.cannot_run_again(earlier.get(task.pk))

    def act(fitting: Sequence[Task]) -> None:
        extra_runs.run_again_locked(fitting, earlier, actor=actor, now=now)

    return _each(tasks, refuse, act, prepare=lambda batch: earlier.update(extra_runs.latest_runs(batch)))


def cancel_chosen(tasks: "QuerySet[Task]", *, actor: User | None, now: datetime) -> Many:
    """Cancel what is unfinished of `tasks`, and say what was not. Raises `InvalidInput` (too many)."""
    ids = _ids(tasks)
    told = Many(matched=len(ids))
    for at in range(0, len(ids), BATCH):
        chosen = Task.objects.filter(pk__in=ids[at : at + BATCH])
        for task in chosen.exclude(completed_at=None).only("id", "title", "status").order_by("id"):
            if (why := history.ended(task, "cancelled")) is not None:
                told.leave(task, why)
        told.done += cancelling.cancel_many(chosen, actor=actor, now=now)
    return told


def _each(
    tasks: "QuerySet[Task]",
    refuse: Callable[[Task], WrongMoment | None],
    act: Callable[[Sequence[Task]], None],
    *,
    prepare: Callable[[Sequence[Task]], None] = lambda _batch: None,
) -> Many:
    """Do `act` to those of each batch to which `refuse` says nothing; `prepare` reads what that needs."""
    ids = _ids(tasks)
    told = Many(matched=len(ids))
    for at in range(0, len(ids), BATCH):
        with transaction.atomic():
            batch = _locked(ids[at : at + BATCH])
            prepare(batch)
            act(_fitting(batch, refuse, told))
    return told


def _fitting(batch: Sequence[Task], refuse: Callable[[Task], WrongMoment | None], told: Many) -> list[Task]:
    """Those of a batch that nothing is against; the others are left out, and told."""
    fitting: list[Task] = []
    for task in batch:
        if (why := refuse(task)) is None:
            fitting.append(task)
        else:
            told.leave(task, why)
    told.done += len(fitting)
    return fitting


def _ids(tasks: "QuerySet[Task]") -> list[UUID]:
    """The keys of a selection, oldest first. Raises `InvalidInput` on `filter` where it is more than `MOST`."""
    ids = list(tasks.select_related(None).order_by("id").values_list("pk", flat=True)[: MOST + 1])
    if len(ids) > MOST:
        raise InvalidInput({"filter": [f"More than {MOST:,} tasks match: narrow the filter."]})
    return ids


def _locked(ids: Sequence[UUID]) -> list[Task]:
    """These tasks, locked in the order of their ids; what was deleted meanwhile is not there."""
    found = Task.objects.select_for_update(of=("self",)).select_related("plan", "conversation")
    return list(found.filter(pk__in=ids).order_by("id"))
