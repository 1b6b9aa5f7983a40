"""Stops tasks: one with everything that belongs to it in one transaction, or any number by statements over sets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from conversations import faults, journal
from conversations.changes import Change
from conversations.ids import new_id
from tasks import wakeup
from tasks.errors import AlreadyFinished
from tasks.models import ExecutionPlan, Task, TaskRun, TaskTransition
from tasks.services import creation, history, questions, stopping, transcript
from tasks.services.rows import insert_rows, like
from tasks.states import TASK_UNFINISHED, RunStatus, TaskStatus

INTERRUPTED = "A newer message took its place."
BATCH = 1000
"""Tasks whose states change in one transaction: SQLite's writer is held for less than 250 ms."""
TELL_BATCH = 100
"""Tasks whose transcripts are told in one transaction."""
ASKING = ("id", "conversation_id", "thread_id")
"""What is read of a plan whose question is withdrawn."""


@dataclass(frozen=True, kw_only=True)
class Cancelled:
    """What a cancel did. `already`: it was cancelled before, and nothing changed."""

    task_id: UUID
    already: bool
    updated_component_ids: list[UUID]


def cancel(task_id: UUID, *, actor: User | None, now: datetime, reason: str = "") -> Cancelled:
    """Cancel one task: status, runs, its controller and what the transcript says become visible together.

    Raises `NotFound`, and `AlreadyFinished` if it completed or failed. Cancelling twice is harmless. The runs' workers
    hear of it after the commit, and the remote agents from them.
    """
    with transaction.atomic():
        task = history.locked(task_id)
        if task.status == TaskStatus.CANCELLED:
            return Cancelled(task_id=task_id, already=True, updated_component_ids=[])
        if task.status not in TASK_UNFINISHED:
            raise AlreadyFinished(f"“{task.title}” is {task.status} already, so there is nothing left to cancel.")
        runs = stopping.stop_runs([task.pk], now=now)
        faults.reached("cancel.stopped")
        history.move(task, TaskStatus.CANCELLED, now=now, reason=reason or "cancelled", actor=actor)
        frames = journal.write([*transcript.cut(runs), *_said_of(task, runs, task.plan, now, reason)])
        questions.closed(run.conversation_id for run in runs)
        envelopes = frames.get(task.conversation_id, [])
        key = transcript.controller_item_ids([task]) if task.recurring else []
        shown = {part["data"]["item_id"] for part in envelopes}
        faults.reached("cancel.before_commit")
        return Cancelled(task_id=task_id, already=False, updated_component_ids=[pk for pk in key if str(pk) in shown])


def cancel_many(tasks: "QuerySet[Task]", *, actor: User | None, now: datetime, reason: str = "") -> int:
    """Cancel every unfinished task of `tasks`; returns how many it were.

    States and their history change first, by statements over sets, in transactions of at most `BATCH` tasks. What the
    transcripts show follows within seconds: the rows are marked `untold`, so a crash between loses nothing.
    """
    total = 0
    template = TaskTransition(
        new_status=TaskStatus.CANCELLED, reason=reason or "cancelled", actor=actor, created_at=now
    )
    unfinished = tasks.filter(status__in=TASK_UNFINISHED).order_by("id").select_for_update(of=("self",))
    last: UUID | None = None
    while True:
        with transaction.atomic():
            # From where the batch before ended: what it cancelled is not walked over again.
            rest = unfinished if last is None else unfinished.filter(pk__gt=last)
            batch = list(rest.values_list("pk", "status", "user_id")[:BATCH])
            if not batch:
                return total
            ids = [pk for pk, _, _ in batch]
            runs = stopping.stop_runs(ids, now=now)
            total += Task.objects.filter(pk__in=ids, status__in=TASK_UNFINISHED).update(
                status=TaskStatus.CANCELLED,
                next_run_at=None,
                next_slot_at=None,
                completed_at=now,
                updated_at=now,
                untold=True,
                revived_from="",
            )
            insert_rows([like(template, id=new_id(), task_id=pk, old_status=old) for pk, old, _ in batch])
            questions.closed(run.conversation_id for run in runs)
            history.announce_tasks((user, pk) for pk, _, user in batch)
            wakeup.moved()
            last = ids[-1]
            faults.reached("cancel_many.before_commit")
        faults.reached("cancel_many.committed")


def cancel_conversation_tasks(
    conversation_ids: Iterable[UUID], *, actor: User | None, now: datetime, reason: str = ""
) -> int:
    """Cancel everything unfinished in these conversations; returns how many tasks it were.

    What the planner asked there is open no more.
    """
    ids = list(conversation_ids)
    _drop_questions(ExecutionPlan.objects.filter(conversation__in=ids))
    return cancel_many(Task.objects.filter(conversation__in=ids), actor=actor, now=now, reason=reason)


def cancel_plan(plan_id: UUID, *, actor: User | None, now: datetime) -> int:
    """Cancel everything unfinished in a plan, the planner's question too; returns how many tasks it were."""
    _drop_questions(ExecutionPlan.objects.filter(pk=plan_id))
    return cancel_many(Task.objects.filter(plan=plan_id), actor=actor, now=now, reason="plan cancelled")


def _drop_questions(plans: "QuerySet[ExecutionPlan]") -> None:
    """Plans that wait for an answer to the planner are cancelled: they have no tasks, and get none.

    Their transcripts say so in the same transaction; a question that was answered meanwhile is left alone.
    """
    # Looked at outside a transaction: mostly there is none.
    while plans.exclude(question="").exists():
        with transaction.atomic():
            asking = list(
                plans.exclude(question="").select_for_update(of=("self",)).order_by("id").only(*ASKING)[:TELL_BATCH]
            )
            if not asking:
                return
            ExecutionPlan.objects.filter(pk__in=[plan.pk for plan in asking]).update(question="", draft={})
            journal.write([transcript.withdrawn(plan) for plan in asking])
            questions.closed(plan.conversation_id for plan in asking)


def tell_cancelled(*, now: datetime) -> int:
    """Write into their transcripts that the next `TELL_BATCH` untold tasks were cancelled; returns how many it were."""
    if not Task.objects.filter(untold=True).exists():
        return 0
    with transaction.atomic():
        tasks = list(
            Task.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(untold=True)
            .select_related("plan")
            .order_by("id")[:TELL_BATCH]
        )
        if not tasks:
            return 0
        runs: dict[UUID, list[TaskRun]] = {}
        for run in TaskRun.objects.filter(task__in=tasks, status=RunStatus.CANCELLED, started_at__isnull=False):
            task_end = next(task.completed_at for task in tasks if task.pk == run.task_id)
            if run.finished_at and task_end and run.finished_at >= task_end:
                runs.setdefault(run.task_id, []).append(run)
        # One object a plan, whatever the number of its tasks: what one of them arms the next must see.
        plans = ExecutionPlan.objects.prefetch_related("tasks").in_bulk({task.plan_id for task in tasks})
        changes = transcript.cut(run for stopped in runs.values() for run in stopped)
        for task in tasks:
            changes.extend(_said_of(task, runs.get(task.pk, []), plans[task.plan_id], now, ""))
        Task.objects.filter(pk__in=[task.pk for task in tasks]).update(untold=False)
        journal.write(changes)
        faults.reached("cancel_told.before_commit")
    faults.reached("cancel_told.committed")
    return len(tasks)


def interrupt_conversation(conversation_id: UUID, *, actor: User | None, now: datetime) -> None:
    """Make room for a message that comes instead of what runs there: once tasks are cancelled, schedules go on.

    What waits for a person, or for its moment, stays. Must run inside the caller's transaction.
    """
    going = TaskRun.objects.active().filter(
        conversation=conversation_id, status__in=[RunStatus.QUEUED, RunStatus.RUNNING]
    )
    tasks = list(Task.objects.filter(pk__in=going.values("task")).select_for_update(of=("self",)).order_by("id"))
    for task in tasks:
        if not task.recurring:
            cancel(task.pk, actor=actor, now=now, reason=INTERRUPTED)
    schedules = {task.pk: task for task in tasks if task.recurring}
    runs = list(going.filter(task__in=schedules).select_for_update(of=("self",)).order_by("id"))
    for run in runs:
        run.task = schedules[run.task_id]
    journal.write(make_room(runs, now=now, reason=INTERRUPTED))
    history.announce(schedules.values(), runs)


def make_room(runs: Sequence[TaskRun], *, now: datetime, reason: str) -> list[Change]:
    """End locked runs (with their tasks) of schedules that go on; what they asked is not asked any more.

    Returns what the transcript shows of it.
    """
    stopped = stopping.end_runs(runs, now=now, reason=reason)
    changes = transcript.cut(stopped)
    changes.extend(transcript.cancelled(run.task, run, reason) for run in stopped if run.started_at)
    for task in {run.task_id: run.task for run in stopped}.values():
        asks = task.runs.filter(status=RunStatus.WAITING_INPUT).exists()
        if task.status == TaskStatus.WAITING_INPUT and not asks:
            history.move(task, TaskStatus.RUNNING, now=now, reason=f"its question was dropped: {reason}")
            changes.append(transcript.controller(task))
    questions.closed(run.conversation_id for run in stopped)
    return changes


def _said_of(task: Task, runs: Sequence[TaskRun], plan: ExecutionPlan, now: datetime, reason: str) -> list[Change]:
    """What the transcript shows of a cancelled task, and of the tasks of its plan that may go on now."""
    started = [run for run in runs if run.started_at is not None]
    changes: list[Change] = [transcript.cancelled(task, run, reason) for run in started[:1]]
    if not started:
        changes.append(transcript.cancelled(task, None, reason))
    changes.extend(transcript.cancelled(task, run, reason) for run in started[1:])
    if task.recurring:
        changes.append(transcript.controller(task))
    changes.extend(transcript.ending([task]))
    changes.extend(creation.arm_next(plan, list(plan.tasks.all()), now=now))
    return changes
