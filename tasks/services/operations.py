"""What a person changes of a task: text, schedule, options, its moment; and the answer that it waits for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from conversations import faults, journal
from conversations.changes import Change
from tasks import schedules, wakeup
from tasks.errors import Faults, InvalidInput, NotWaiting, WrongMoment
from tasks.models import Task, TaskRun
from tasks.schedules import Schedule, ScheduleError
from tasks.schemas.inputs import TaskOptions, TaskPatch
from tasks.services import creation, history, questions, resting, texts, transcript
from tasks.services.rows import write_columns
from tasks.states import PausedReason, RunStatus, TaskStatus

COLUMNS = (
    "overlap",
    "catch_up",
    "catch_up_window_minutes",
    "on_interrupt",
    "priority",
    "max_attempts",
    "timeout_seconds",
    "deadline_at",
    "conversation_mode",
    "only_changes",
    "notify",
    "max_runs_per_day",
    "budget",
    "retention_days",
)
"""Writable columns that are taken over as they are."""
NULLABLE = frozenset({"deadline_at", "max_runs_per_day", "budget", "retention_days"})
LASTING = frozenset({"title", "retention_days"})
"""What can still be changed of a task that has ended: what it is called, and how long what it said is kept."""
LIMITS = frozenset({"max_runs_per_day", "budget"})
"""Columns whose change lets a task go on that rests because one of them was reached."""


def options(patch: TaskPatch | Any, *, now: datetime) -> dict[str, Any]:
    """The columns that an input sets, checked against `now`. Raises `InvalidInput`."""
    wanted = {
        name: getattr(patch, name)
        for name in COLUMNS
        if name in patch.model_fields_set and (getattr(patch, name) is not None or name in NULLABLE)
    }
    if (deadline := wanted.get("deadline_at")) is not None and deadline <= now:
        raise InvalidInput({"deadline_at": ["It is past already: give a moment in the future."]})
    if "budget" in wanted and patch.budget is not None:
        wanted["budget"] = patch.budget.model_dump(exclude_none=True) or None
    return wanted


def update(task_id: UUID, patch: TaskPatch, *, actor: User | None, now: datetime) -> Task:
    """Change what `patch` names; it takes effect at the next tick, never fires at once, and is in the history.

    Raises `NotFound`, `AlreadyFinished` (unless only `LASTING` is changed), `WrongMoment` (a once task whose run goes
    on), `InvalidInput`.
    """
    with transaction.atomic():
        task = history.locked(task_id)
        if not patch.model_fields_set <= LASTING:
            history.refuse_ended(task, "changed")
        wanted, schedule = _checked(task, patch, now)
        if "title" in patch.model_fields_set and patch.title:
            wanted["title"] = patch.title
        if "query" in patch.model_fields_set and patch.query:
            wanted["query"] = patch.query
        if not task.recurring and task.status != TaskStatus.PENDING and (schedule or "query" in wanted):
            raise WrongMoment(
                f"“{task.title}” is {task.status}: its text and time can be changed before it starts.",
                code="already_started",
            )
        changed = {
            name: {"old": _plain(getattr(task, name)), "new": _plain(value)}
            for name, value in wanted.items()
            if getattr(task, name) != value
        }
        for name, value in wanted.items():
            setattr(task, name, value)
        if schedule is not None and schedule != task.schedule:
            changed["schedule"] = {
                "old": schedules.to_dict(task.schedule),
                "new": schedules.to_dict(schedule),
            }
            _reschedule(task, schedule, now)
        if not changed:
            return task
        task.updated_at = now
        if task.paused_reason == PausedReason.BUDGET and LIMITS & changed.keys():
            resting.go_on([task], now=now)
        task.save()
        history.note(task, now=now, reason="edited: " + ", ".join(sorted(changed)), actor=actor, changes=changed)
        if "priority" in changed:
            task.runs.filter(status=RunStatus.QUEUED).update(priority=task.priority)
        if "title" in changed and transcript.controller_item_ids([task]):  # behind others it has none yet
            journal.write([transcript.controller(task)])
        history.announce([task])
        wakeup.moved()
        return task


def refusals(task: Task, patch: TaskOptions, *, now: datetime) -> None:
    """Raise `InvalidInput` with what `update` would refuse of `patch`; nothing is changed."""
    _checked(task, patch, now)


def _checked(task: Task, patch: TaskOptions, now: datetime) -> tuple[dict[str, Any], Schedule | None]:
    """The columns that `patch` sets and its schedule. Raises `InvalidInput` with all that is wrong with them."""
    faults = Faults()
    wanted: dict[str, Any] = {}
    schedule: Schedule | None = None
    with faults.gathered():
        wanted = options(patch, now=now)
    with faults.gathered():
        schedule = _patched_schedule(task, patch, now)
    query = patch.query if isinstance(patch, TaskPatch) else None
    # What names are there depends on whether it is to come again: of a schedule that is wrong nobody can tell.
    unsure = not task.recurring and any(name.startswith("schedule") for name in faults.fields)
    if (schedule or query) and not unsure:
        with faults.gathered():
            texts.check_of(task, query or task.query, recurring=(schedule or task.schedule).recurring)
    faults.stop_if_any()
    return wanted, schedule


def _patched_schedule(task: Task, patch: TaskOptions, now: datetime) -> Schedule | None:
    if "schedule" not in patch.model_fields_set:
        return None
    if patch.schedule is None:
        raise InvalidInput({"schedule": ["A schedule cannot be taken away: write another, or cancel the task."]})
    try:
        schedule = schedules.merge(task.schedule, patch.schedule, now=now, anchor=task.anchor_at)
    except ScheduleError as error:
        raise InvalidInput({f"schedule.{name}": texts for name, texts in error.fields.items()}) from None
    if task.recurring and task.status != TaskStatus.PENDING and not schedule.recurring:
        raise InvalidInput({"schedule": ["Name what takes its place: interval_minutes, daily_time or cron."]})
    return schedule


def _reschedule(task: Task, schedule: Schedule, now: datetime) -> None:
    """Put `schedule` in the place of the old one; the next slot lies after now, whatever the old one had planned."""
    old = task.schedule
    if task.recurring and task.next_slot_at is not None and task.next_slot_at <= now:
        resting.record_due(
            task, now, "The schedule was changed before it could run." if task.paused_at is None else resting.PAUSED
        )
    task.schedule = schedule
    if schedule.start_at is not None:
        task.anchor_at = schedule.start_at
    elif schedule.interval_minutes != old.interval_minutes and old.interval_minutes is None:
        task.anchor_at = now
    if task.behind:
        return
    if schedule.recurring:
        slot = schedules.next_after(schedule, now, anchor=task.anchor_at)
        if schedule.max_runs is not None and task.run_count >= schedule.max_runs:
            slot = None
        if slot is None and not schedule.on_event:
            raise InvalidInput({"schedule": ["It has no time left: give a later end_at or more max_runs."]})
    else:
        slot = schedule.start_at or now
    creation.plan_slot(task, slot)


def snooze(task_id: UUID, *, actor: User | None, now: datetime, until: datetime) -> Task:
    """Put off what comes next to `until`: a once task runs at that moment instead, a schedule rests until then.

    Raises `NotFound`, `AlreadyFinished`, `WrongMoment` (a once task that started), `InvalidInput` (`until` is past).
    """
    resting.refuse_past(until, now)
    with transaction.atomic():
        task = history.locked(task_id)
        if (error := cannot_snooze(task)) is not None:
            raise error
        snooze_locked([task], actor=actor, now=now, until=until)
        return task


def cannot_snooze(task: Task) -> WrongMoment | None:
    """Why what comes next of `task` cannot be put off; None where it can."""
    if task.recurring or task.status == TaskStatus.PENDING:
        return history.ended(task, "snoozed")
    return history.ended(task, "snoozed") or WrongMoment(
        f"“{task.title}” is {task.status}: a task that runs once can be put off before it starts.",
        code="already_started",
    )


def snooze_locked(tasks: Sequence[Task], *, actor: User | None, now: datetime, until: datetime) -> None:
    """Put off locked tasks to which `cannot_snooze` says nothing, in as many statements for one as for many."""
    resting.pause_locked(
        [task for task in tasks if task.recurring], actor=actor, now=now, until=until, reason="", word="snoozed"
    )
    moved = [task for task in tasks if not task.recurring]
    changes: dict[UUID, dict[str, Any]] = {}
    for task in moved:
        old = task.schedule
        task.start_at = task.anchor_at = until
        if task.next_run_at is not None:  # else its turn in its plan has not come
            creation.plan_slot(task, until)
        task.updated_at = now
        new = schedules.to_dict(task.schedule)
        changes[task.pk] = {"schedule": {"old": schedules.to_dict(old), "new": new}}
    write_columns(moved, ["start_at", "anchor_at", "next_slot_at", "next_run_at", "updated_at"])
    history.note_many(moved, now=now, reason=f"snoozed until {until.isoformat()}", actor=actor, changes=changes)
    history.announce(moved)
    wakeup.moved()


def answer(task_id: UUID, text: str, *, actor: User | None, now: datetime) -> list[Change]:
    """Give the person's answer to the parked run of a task, which goes on at the agent where it stopped.

    Returns what the transcript shows besides the answer itself. Must run inside the caller's transaction. Raises
    `NotWaiting` if nobody asks (any more): the loser of two answers is told so.
    """
    task = history.locked(task_id)
    run = task.runs.select_for_update(of=("self",)).filter(status=RunStatus.WAITING_INPUT).order_by("-id").first()
    if run is None or not TaskRun.objects.filter(pk=run.pk, status=RunStatus.WAITING_INPUT).update(
        status=RunStatus.QUEUED, answer=text, ready_at=now
    ):
        raise NotWaiting(f"“{task.title}” does not wait for an answer (any more): it is {task.status}.")
    # Of runs side by side another one may still ask.
    if task.status == TaskStatus.WAITING_INPUT and not task.runs.filter(status=RunStatus.WAITING_INPUT).exists():
        history.move(task, TaskStatus.RUNNING, now=now, run=run, reason="answered", actor=actor)
    questions.closed([run.conversation_id])
    faults.reached("answer.before_commit")
    history.announce([task], [run])
    wakeup.moved()
    return [transcript.controller(task)] if task.recurring else []


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
