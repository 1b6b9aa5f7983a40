"""Runs beside the schedule: run now, run again, and a past range made up for. None of them uses up a slot."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import OuterRef, Subquery

from conversations import journal
from tasks import schedules, wakeup
from tasks.errors import InvalidInput, NotFound, WrongMoment
from tasks.models import Task, TaskRun
from tasks.services import history, texts, transcript
from tasks.services.rows import insert_rows
from tasks.states import RUN_ENDED, TASK_ENDED, RunStatus, TaskStatus, Trigger

NEVER_RAN = (RunStatus.SKIPPED, RunStatus.MISSED)
"""Rows of slots that have no input to run again with."""
BACKFILL_PRIORITY = 0
"""What is made up for waits for what is due now."""
BACKFILL_MAX = 1000
"""Slots that one backfill may make up for."""


def trigger(task_id: UUID, *, actor: User | None, now: datetime, query: str | None = None) -> TaskRun:
    """Run the task now, with its text or `query`; works while it is paused and never uses up a slot.

    Raises `NotFound`, `AlreadyFinished` (then `run_again` is what is meant), `InvalidInput` (`query`).
    """
    with transaction.atomic():
        task = history.locked(task_id)
        if (error := cannot_trigger(task)) is not None:
            raise error
        if query:
            texts.check_of(task, query)
        run = _row(task, Trigger.MANUAL, query or task.query, now, None)
        _begin([(task, run)], actor=actor, now=now, reason="run now")
        return run


def cannot_trigger(task: Task) -> WrongMoment | None:
    """Why `task` cannot be run now; None where it can."""
    return history.ended(task, "run (use run-again)")


def trigger_locked(tasks: Sequence[Task], *, actor: User | None, now: datetime) -> None:
    """Run locked tasks to which `cannot_trigger` says nothing, each with its own text."""
    pairs = [(task, _row(task, Trigger.MANUAL, task.query, now, None)) for task in tasks]
    _begin(pairs, actor=actor, now=now, reason="run now")


def run_again(
    task_id: UUID, *, actor: User | None, now: datetime, run_id: UUID | None = None, query: str | None = None
) -> TaskRun:
    """Run once more with the input of `run_id` (its latest run, if none is named) or with `query`.

    An ended once task goes back to `running`; an ended schedule stays ended, since its run is not a tick of it.
    An input that was sent before is sent again as it was, with the values that it had then. Raises `NotFound` (task or
    run), `WrongMoment` if that run still goes, `InvalidInput` (`query`).
    """
    with transaction.atomic():
        task = history.locked(task_id)
        earlier = task.runs.exclude(status__in=NEVER_RAN).filter(pk=run_id).first() if run_id else None
        if run_id and earlier is None:
            raise NotFound("There is no such run of this task.")
        if not run_id:
            earlier = latest_runs([task]).get(task.pk)
        if (error := cannot_run_again(earlier)) is not None:
            raise error
        if query:
            texts.check_of(task, query)
        run = _like(task, earlier, now, query)
        _begin([(task, run)], actor=actor, now=now, reason="run again")
        return run


def latest_runs(tasks: Sequence[Task]) -> dict[UUID, TaskRun]:
    """By task, the latest run that has an input to run again with. Two queries."""
    ran = TaskRun.objects.exclude(status__in=NEVER_RAN)
    newest = ran.filter(task=OuterRef("pk")).order_by("-id").values("pk")[:1]
    ids = Task.objects.filter(pk__in=[task.pk for task in tasks]).order_by().values_list(Subquery(newest), flat=True)
    return {run.task_id: run for run in TaskRun.objects.filter(pk__in=[pk for pk in ids if pk])}


def cannot_run_again(earlier: TaskRun | None) -> WrongMoment | None:
    """Why a task whose `earlier` run is meant cannot run again; None where it can."""
    if earlier is None or earlier.status in RUN_ENDED:
        return None
    return WrongMoment("That run still goes on: wait for its end, or cancel it.", code="still_running")


def run_again_locked(
    tasks: Sequence[Task], earlier: Mapping[UUID, TaskRun], *, actor: User | None, now: datetime
) -> None:
    """Run locked tasks once more, each with the input of its `earlier` run (one that `cannot_run_again` lets pass)."""
    pairs = [(task, _like(task, earlier.get(task.pk), now, None)) for task in tasks]
    _begin(pairs, actor=actor, now=now, reason="run again")


def _like(task: Task, earlier: TaskRun | None, now: datetime, query: str | None) -> TaskRun:
    """A run with `query`, or with the input of `earlier` as it was sent, for the slot that that one stood for."""
    text = query or (earlier.input if earlier else "") or task.query
    slot = (earlier.for_slot or earlier.scheduled_for) if earlier else None
    run = _row(task, Trigger.MANUAL, text, now, slot)
    if earlier is not None and not query:
        run.rendered, run.given = earlier.rendered, earlier.given
    return run


def _begin(pairs: Sequence[tuple[Task, TaskRun]], *, actor: User | None, now: datetime, reason: str) -> None:
    """Write these new runs and bring their locked tasks to `running`, in as many statements for one as for many."""
    if not pairs:
        return
    insert_rows([run for _, run in pairs])
    tasks = [task for task, _ in pairs]
    runs = {task.pk: run for task, run in pairs}
    moved = [task for task in tasks if task.status in TASK_ENDED or task.status == TaskStatus.PENDING]
    back = [task for task in moved if task.recurring and task.status in TASK_ENDED]
    for task in back:
        task.revived_from = task.status
    for task in moved:
        task.completed_at, task.error_message = None, ""
        task.started_at = task.started_at or now
        if not task.recurring:
            # Its planned moment would be a second run.
            task.next_slot_at = task.next_run_at = None
            task.behind = False
    history.move_many(
        moved,
        TaskStatus.RUNNING,
        now=now,
        reason=reason,
        actor=actor,
        runs=runs,
        columns=["error_message", "started_at", "behind", "revived_from"],
    )
    there = set(moved)
    history.note_many([task for task in tasks if task not in there], now=now, reason=reason, actor=actor, runs=runs)
    if back:
        journal.write([transcript.controller(task) for task in back])
    history.announce(tasks, list(runs.values()))
    wakeup.moved()


def _row(task: Task, trigger: Trigger, text: str, now: datetime, for_slot: datetime | None) -> TaskRun:
    return TaskRun(
        task=task,
        user_id=task.user_id,
        conversation=task.conversation,
        trigger=trigger,
        scheduled_for=now,
        for_slot=for_slot,
        status=RunStatus.QUEUED,
        priority=task.priority,
        agent_name=task.agent_name,
        ready_at=now,
        input=text,
        created_at=now,
    )


def backfill(task_id: UUID, *, begin: datetime, end: datetime, actor: User | None, now: datetime) -> list[TaskRun]:
    """Make up for a past range: one run for each slot of the schedule in [begin, end], one after another.

    The runs say in `for_slot` which slot they stand for. Raises `NotFound`, `AlreadyFinished`, and `InvalidInput` where
    the range is empty, lies in the future, or has no slot or more than `BACKFILL_MAX`.
    """
    if begin > end:
        raise InvalidInput({"to": ["It lies before the beginning: give a later moment."]})
    if end > now:
        raise InvalidInput({"to": ["It lies in the future: a backfill makes up for what is past."]})
    with transaction.atomic():
        task = history.locked(task_id)
        history.refuse_ended(task, "backfilled")
        if not task.recurring or task.on_event:
            raise WrongMoment(f"“{task.title}” has no schedule: run it now instead.", code="no_schedule")
        slots = schedules.slots_between(
            task.schedule,
            begin - timedelta(microseconds=1),
            end,
            anchor=task.anchor_at,
            limit=BACKFILL_MAX + 1,
        )
        if len(slots) > BACKFILL_MAX:
            raise InvalidInput({"to": [f"That is more than {BACKFILL_MAX} runs: choose a shorter range."]})
        if not slots:
            raise InvalidInput({"to": ["The schedule has no time in this range."]})
        runs = [_row(task, Trigger.BACKFILL, task.query, now, slot) for slot in slots]
        for place, run in enumerate(runs):
            # Oldest slot first, and behind what is due by the schedule itself.
            run.ready_at = now + place * timedelta(microseconds=1)
            run.priority = BACKFILL_PRIORITY
        insert_rows(runs)
        words = f"backfill of {len(runs)} slots, {slots[0].isoformat()} to {slots[-1].isoformat()}"
        if task.status == TaskStatus.PENDING:
            history.move(task, TaskStatus.RUNNING, now=now, reason=words, actor=actor, started_at=now)
        else:
            history.note(task, now=now, reason=words, actor=actor)
        history.announce([task], runs)
        wakeup.moved()
        return runs
