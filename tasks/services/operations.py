"""What a person does with a task besides cancelling it and running it: edit, pause, resume, answer."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from conversations import journal
from conversations.changes import Change
from tasks import schedules, wakeup
from tasks.errors import InvalidInput, NotWaiting, WrongMoment
from tasks.models import Agent, Task, TaskRun
from tasks.schedules import Schedule, ScheduleError
from tasks.schemas.inputs import TaskPatch
from tasks.services import claiming, creation, history, questions, texts, transcript
from tasks.states import (
    TASK_ENDED,
    PausedReason,
    RunStatus,
    TaskStatus,
)

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
LIMITS = frozenset({"max_runs_per_day", "budget"})
"""Columns whose change lets a task go on that rests because one of them was reached."""
PAUSED = "The schedule was paused."
"""Why slots that came in a pause were missed."""


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

    Raises `NotFound`, `AlreadyFinished`, `WrongMoment` (a once task whose run goes on), `InvalidInput`.
    """
    with transaction.atomic():
        task = history.locked(task_id)
        history.refuse_ended(task, "changed")
        wanted = options(patch, now=now)
        if "title" in patch.model_fields_set and patch.title:
            wanted["title"] = patch.title
        if "query" in patch.model_fields_set and patch.query:
            wanted["query"] = patch.query
        schedule = _patched_schedule(task, patch, now)
        if not task.recurring and task.status != TaskStatus.PENDING and (schedule or "query" in wanted):
            raise WrongMoment(
                f"“{task.title}” is {task.status}: its text and time can be changed before it starts.",
                code="already_started",
            )
        if schedule or "query" in wanted:
            text = wanted.get("query", task.query)
            texts.check_of(task, text, recurring=(schedule or task.schedule).recurring)
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
            _resume(task, now, keep_slots=False)
        task.save()
        history.note(task, now=now, reason="edited: " + ", ".join(sorted(changed)), actor=actor, changes=changed)
        if "priority" in changed:
            task.runs.filter(status=RunStatus.QUEUED).update(priority=task.priority)
        if "title" in changed and transcript.controller_item_ids([task]):  # behind others it has none yet
            journal.write([transcript.controller(task)])
        history.announce([task])
        wakeup.moved()
        return task


def _patched_schedule(task: Task, patch: TaskPatch, now: datetime) -> Schedule | None:
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
    # Its turn in its plan has not come.
    behind = task.next_run_at is None and task.status == TaskStatus.PENDING
    if task.recurring and task.next_slot_at is not None and task.next_slot_at <= now:
        _record_due(task, now, "The schedule was changed before it could run." if task.paused_at is None else PAUSED)
    task.schedule = schedule
    if schedule.start_at is not None:
        task.anchor_at = schedule.start_at
    elif schedule.interval_minutes != old.interval_minutes and old.interval_minutes is None:
        task.anchor_at = now
    if behind:
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


def pause(task_id: UUID, *, actor: User | None, now: datetime, until: datetime | None = None, reason: str = "") -> Task:
    """Rest a schedule: no tick starts until it is resumed, or until `until`. What runs goes on.

    Raises `NotFound`, `AlreadyFinished`, `InvalidInput` (`until` is past). Pausing twice takes the newer words.
    """
    if until is not None and until <= now:
        raise InvalidInput({"until": ["It is past already: give a moment in the future, or none."]})
    with transaction.atomic():
        task = history.locked(task_id)
        history.refuse_ended(task, "paused")
        task.paused_at = now
        task.paused_until = until
        task.paused_reason = PausedReason.MANUAL
        task.paused_note = reason[:500]
        task.updated_at = now
        task.save(update_fields=["paused_at", "paused_until", "paused_reason", "paused_note", "updated_at"])
        words = f"paused until {until.isoformat()}" if until else "paused"
        history.note(task, now=now, reason=f"{words}: {reason}" if reason else words, actor=actor)
        history.announce([task])
        wakeup.moved()
        return task


def resume(task_id: UUID, *, actor: User | None, now: datetime) -> Task:
    """Let a paused task go on, planned from now: nothing of the pause is caught up, and a row says what was missed.

    Not paused: nothing changes. Raises `NotFound`, `AlreadyFinished`.
    """
    with transaction.atomic():
        task = history.locked(task_id)
        history.refuse_ended(task, "resumed")
        if task.paused_at is None:
            return task
        _resume(task, now, keep_slots=False)
        history.note(task, now=now, reason="resumed", actor=actor)
        return task


def resume_due(*, now: datetime) -> int:
    """Resume the tasks whose `paused_until` has come; returns how many it were."""
    number = 0
    over = Task.objects.filter(paused_until__lte=now).order_by("paused_until")
    for pk in list(over.values_list("pk", flat=True)[:500]):
        with transaction.atomic():
            task = history.locked(pk)
            if task.paused_until is None or task.paused_until > now or task.status in TASK_ENDED:
                Task.objects.filter(pk=pk, status__in=TASK_ENDED).update(paused_until=None)
                continue
            _resume(task, now, keep_slots=False)
            history.note(task, now=now, reason="resumed: the pause was over")
            number += 1
    return number


def resume_for_agents(names: Iterable[str], *, now: datetime) -> int:
    """The agents are back: their tasks go on, by their catch-up. Returns how many it were."""
    number = 0
    waiting = Task.objects.unfinished().filter(
        paused_reason=PausedReason.AGENT_GONE, paused_at__isnull=False, agent_name__in=list(names)
    )
    for pk in list(waiting.values_list("pk", flat=True)[:500]):
        with transaction.atomic():
            task = history.locked(pk)
            if task.paused_reason != PausedReason.AGENT_GONE or task.paused_at is None:
                continue
            _resume(task, now, keep_slots=True)
            history.note(task, now=now, reason=f"resumed: {task.agent_name} is back")
            number += 1
    return number


def _record_due(task: Task, now: datetime, reason: str) -> None:
    """Write what became of the due slots of a recurring task that rested, or whose schedule is about to change."""
    if task.paused_reason == PausedReason.BUDGET:
        claiming.record_limited(task, now=now)
        reason = "The schedule was changed before it could run."
    if task.next_run_at is not None and task.next_run_at <= now:
        claiming.record_missed(task, now=now, reason=reason)


def _resume(task: Task, now: datetime, *, keep_slots: bool) -> None:
    limited = task.paused_reason == PausedReason.BUDGET
    if task.recurring and limited:
        # What came since there is room again is due as ever.
        claiming.record_limited(task, now=now)
    elif task.recurring and not keep_slots and task.next_run_at is not None and task.next_run_at <= now:
        claiming.record_missed(task, now=now, reason=PAUSED)
    task.paused_at = task.paused_until = None
    task.paused_reason = task.paused_note = ""
    if not limited:
        task.failures_in_a_row = 0
    task.updated_at = now
    task.save()
    if task.recurring and task.next_run_at is None and not task.on_event and not task.runs.active().exists():
        history.move(task, TaskStatus.COMPLETED, now=now, reason="The schedule has no time left.")
        journal.write([transcript.controller(task), *transcript.ending([task])])
    history.announce([task])
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
    history.announce([task], [run])
    wakeup.moved()
    return [transcript.controller(task)] if task.recurring else []


def agents_back() -> list[str]:
    """The names of enabled agents for which tasks rest."""
    waiting = (
        Task.objects.filter(paused_reason=PausedReason.AGENT_GONE, paused_at__isnull=False, completed_at=None)
        .order_by()
        .values_list("agent_name", flat=True)
        .distinct()
    )
    return list(Agent.objects.enabled().filter(name__in=list(waiting)).values_list("name", flat=True))


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
