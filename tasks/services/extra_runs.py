"""Runs beside the schedule: run now, run again, and a past range made up for. None of them uses up a slot."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from conversations import journal
from tasks import schedules, wakeup
from tasks.errors import InvalidInput, NotFound, WrongMoment
from tasks.models import Task, TaskRun
from tasks.services import history, texts, transcript
from tasks.states import RUN_ENDED, TASK_ENDED, RunStatus, TaskStatus, Trigger

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
        history.refuse_ended(task, "run (use run-again)")
        if query:
            texts.check_of(task, query)
        run = _manual_run(task, query or task.query, now)
        if task.status == TaskStatus.PENDING:
            history.move(
                task,
                TaskStatus.RUNNING,
                now=now,
                run=run,
                reason="run now",
                actor=actor,
                started_at=now,
                **_no_second_run(task),
            )
        else:
            history.note(task, now=now, run=run, reason="run now", actor=actor)
        history.announce([task], [run])
        return run


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
        runs = task.runs.exclude(status__in=[RunStatus.SKIPPED, RunStatus.MISSED])
        earlier = runs.filter(pk=run_id).first() if run_id else runs.order_by("-id").first()
        if run_id and earlier is None:
            raise NotFound("There is no such run of this task.")
        if earlier is not None and earlier.status not in RUN_ENDED:
            raise WrongMoment("That run still goes on: wait for its end, or cancel it.", code="still_running")
        if query:
            texts.check_of(task, query)
        text = query or (earlier.input if earlier else "") or task.query
        as_sent = earlier if earlier is not None and not query else None
        slot = (earlier.for_slot or earlier.scheduled_for) if earlier else None
        run = _manual_run(task, text, now, for_slot=slot, as_sent=as_sent)
        if task.status in TASK_ENDED or task.status == TaskStatus.PENDING:
            history.move(
                task,
                TaskStatus.RUNNING,
                now=now,
                run=run,
                reason="run again",
                actor=actor,
                completed_at=None,
                error_message="",
                started_at=task.started_at or now,
                **_no_second_run(task),
            )
            if task.recurring:
                journal.write([transcript.controller(task)])
        else:
            history.note(task, now=now, run=run, reason="run again", actor=actor)
        history.announce([task], [run])
        return run


def _no_second_run(task: Task) -> dict[str, Any]:
    """The columns that disarm a once task whose run was just made: its planned moment would be a second."""
    return {} if task.recurring else {"next_slot_at": None, "next_run_at": None}


def _manual_run(
    task: Task, text: str, now: datetime, for_slot: datetime | None = None, as_sent: TaskRun | None = None
) -> TaskRun:
    run = _row(task, Trigger.MANUAL, text, now, for_slot)
    if as_sent is not None:
        run.rendered, run.given = as_sent.rendered, as_sent.given
    run.save(force_insert=True)
    wakeup.moved()
    return run


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
        TaskRun.objects.bulk_create(runs)
        words = f"backfill of {len(runs)} slots, {slots[0].isoformat()} to {slots[-1].isoformat()}"
        if task.status == TaskStatus.PENDING:
            history.move(task, TaskStatus.RUNNING, now=now, reason=words, actor=actor, started_at=now)
        else:
            history.note(task, now=now, reason=words, actor=actor)
        history.announce([task], runs)
        wakeup.moved()
        return runs
