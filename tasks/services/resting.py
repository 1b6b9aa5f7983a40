"""Lets schedules rest and go on: one or many, by a person or because a pause is over or an agent is back.

The functions for one and for many end in the same statements over sets: `pause_locked` and `go_on`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from conversations import journal
from conversations.changes import Change
from tasks import wakeup
from tasks.errors import InvalidInput, WrongMoment
from tasks.models import Agent, Task, TaskRun
from tasks.services import claiming, history, transcript
from tasks.services.rows import write_columns
from tasks.states import TASK_ENDED, PausedReason, TaskStatus

PAUSED = "The schedule was paused."
"""Why slots that came in a pause were missed."""
BATCH = 500
"""Tasks that go on in one transaction."""


def pause(task_id: UUID, *, actor: User | None, now: datetime, until: datetime | None = None, reason: str = "") -> Task:
    """Rest a schedule: no tick starts until it is resumed, or until `until`. What runs goes on.

    Raises `NotFound`, `AlreadyFinished`, `InvalidInput` (`until` is past). Pausing twice takes the newer words.
    """
    refuse_past(until, now)
    with transaction.atomic():
        task = history.locked(task_id)
        history.refuse_ended(task, "paused")
        pause_locked([task], actor=actor, now=now, until=until, reason=reason)
        return task


def refuse_past(until: datetime | None, now: datetime) -> None:
    """Raise `InvalidInput` where a rest would be over before it began."""
    if until is not None and until <= now:
        raise InvalidInput({"until": ["It is past already: give a moment in the future, or none."]})


def pause_locked(
    tasks: Sequence[Task],
    *,
    actor: User | None,
    now: datetime,
    until: datetime | None,
    reason: str,
    word: str = "paused",
) -> None:
    """Rest locked, unfinished tasks; `word` is how the history calls it."""
    if not tasks:
        return
    columns = {
        "paused_at": now,
        "paused_until": until,
        "paused_reason": PausedReason.MANUAL,
        "paused_note": reason[:500],
        "updated_at": now,
    }
    Task.objects.filter(pk__in=[task.pk for task in tasks]).update(**columns)
    for task in tasks:
        for name, value in columns.items():
            setattr(task, name, value)
    words = f"{word} until {until.isoformat()}" if until else word
    history.note_many(tasks, now=now, reason=f"{words}: {reason}" if reason else words, actor=actor)
    history.announce(tasks)
    wakeup.moved()


def resume(task_id: UUID, *, actor: User | None, now: datetime) -> Task:
    """Let a paused task go on, planned from now: nothing of the pause is caught up, and a row says what was missed.

    Not paused: nothing changes. Raises `NotFound`, `AlreadyFinished`.
    """
    with transaction.atomic():
        task = history.locked(task_id)
        history.refuse_ended(task, "resumed")
        if task.paused_at is not None:
            resume_locked([task], now=now, reason="resumed", actor=actor)
        return task


def cannot_resume(task: Task) -> WrongMoment | None:
    """Why `task` cannot go on (any more); None where it can."""
    if (error := history.ended(task, "resumed")) is not None:
        return error
    return None if task.paused_at else WrongMoment(f"“{task.title}” is not paused.", code="not_paused")


def resume_locked(tasks: Sequence[Task], *, now: datetime, reason: str, actor: User | None = None) -> None:
    """Let locked tasks to which `cannot_resume` says nothing go on from now."""
    history.note_many(tasks, now=now, reason=reason, actor=actor)
    go_on(tasks, now=now)


def resume_due(*, now: datetime) -> int:
    """Resume the tasks whose `paused_until` has come; returns how many it were."""
    over = Task.objects.filter(paused_until__lte=now).order_by("paused_until")
    if not (ids := list(over.values_list("pk", flat=True)[:BATCH])):
        return 0
    with transaction.atomic():
        tasks = locked(ids)
        Task.objects.filter(pk__in=ids, status__in=TASK_ENDED).update(paused_until=None)
        due = [task for task in tasks if task.paused_until and task.paused_until <= now and not history.ended(task, "")]
        resume_locked(due, now=now, reason="resumed: the pause was over")
    return len(due)


def resume_for_agents(names: Iterable[str], *, now: datetime) -> int:
    """The agents are back: their tasks go on, by their catch-up. Returns how many it were."""
    waiting = Task.objects.unfinished().filter(
        paused_reason=PausedReason.AGENT_GONE, paused_at__isnull=False, agent_name__in=list(names)
    )
    if not (ids := list(waiting.values_list("pk", flat=True)[:BATCH])):
        return 0
    with transaction.atomic():
        back = [
            task
            for task in locked(ids)
            if task.paused_reason == PausedReason.AGENT_GONE and task.paused_at and not history.ended(task, "")
        ]
        for name in sorted({task.agent_name for task in back}):
            there = [task for task in back if task.agent_name == name]
            history.note_many(there, now=now, reason=f"resumed: {name} is back")
        go_on(back, now=now, keep_slots=True)
    return len(back)


def agents_back() -> list[str]:
    """The names of enabled agents for which tasks rest."""
    waiting = (
        Task.objects.filter(paused_reason=PausedReason.AGENT_GONE, paused_at__isnull=False, completed_at=None)
        .order_by()
        .values_list("agent_name", flat=True)
        .distinct()
    )
    return list(Agent.objects.enabled().filter(name__in=list(waiting)).values_list("name", flat=True))


def record_due(task: Task, now: datetime, reason: str) -> None:
    """Write what became of the due slots of a recurring task that rested, or whose schedule is about to change."""
    limited = task.paused_reason == PausedReason.BUDGET
    if limited:
        claiming.record_rested([], [task], now=now, reason="")
        reason = "The schedule was changed before it could run."
    claiming.record_missed(task, now=now, reason=reason)


def go_on(tasks: Sequence[Task], *, now: datetime, keep_slots: bool = False) -> None:
    """Take the pause from locked, unfinished tasks and save them; their history was told by the caller.

    What came in the pause is `missed`, or due as ever where `keep_slots`, or where a limit that was reached leaves room
    again since. A schedule that has no time left is over.
    """
    if not tasks:
        return
    schedules = [task for task in tasks if task.recurring]
    limited = [task for task in schedules if task.paused_reason == PausedReason.BUDGET]
    missed = [] if keep_slots else [task for task in schedules if task.paused_reason != PausedReason.BUDGET]
    claiming.record_rested(missed, limited, now=now, reason=PAUSED)
    for task in tasks:
        if task.paused_reason != PausedReason.BUDGET:
            task.failures_in_a_row = 0
        task.paused_at = task.paused_until = None
        task.paused_reason = task.paused_note = ""
        task.updated_at = now
    fields = ["paused_at", "paused_until", "paused_reason", "paused_note", "failures_in_a_row", "updated_at"]
    write_columns(tasks, [*fields, "next_slot_at", "next_run_at"])
    _end_over([task for task in schedules if not (task.next_run_at or task.on_event or task.behind)], now)
    history.announce(tasks)
    wakeup.moved()


def _end_over(unplanned: Sequence[Task], now: datetime) -> None:
    """End those of these schedules, for which no time is left, of which no run goes on."""
    if not unplanned:
        return
    going = set(TaskRun.objects.active().filter(task__in=unplanned).order_by().values_list("task_id", flat=True))
    over = [task for task in unplanned if task.pk not in going]
    history.move_many(over, TaskStatus.COMPLETED, now=now, reason="The schedule has no time left.")
    changes: list[Change] = [transcript.controller(task) for task in over]
    journal.write([*changes, *transcript.ending(over)])


def locked(ids: Iterable[UUID]) -> list[Task]:
    """These tasks in the order of their ids, locked until the transaction ends."""
    found = Task.objects.select_for_update(of=("self",)).select_related("plan").filter(pk__in=list(ids))
    return list(found.order_by("id"))
