"""Creates plans and their tasks, and arms the first of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User

from conversations.changes import Change
from conversations.events import Event
from conversations.ids import new_id
from conversations.models import Conversation
from tasks import schedules, wakeup
from tasks.models import ExecutionPlan, Task, TaskTransition
from tasks.schedules import Schedule
from tasks.services import history, transcript
from tasks.states import OnInterrupt, Pattern, TaskStatus


@dataclass(frozen=True, kw_only=True)
class TaskDraft:
    """One task of a plan that is about to be made. `options` are columns of Task by name."""

    query: str
    agent_name: str
    title: str
    schedule: Schedule
    key: str = ""
    conversation: Conversation | None = None
    """Where it runs, if not in the plan's conversation: the task is handed off."""
    options: dict[str, Any] = field(default_factory=dict)


def create_plan(
    conversation: Conversation,
    drafts: Sequence[TaskDraft],
    *,
    user: User,
    query: str,
    now: datetime,
    thread_id: UUID | None = None,
    guidance: str = "",
) -> tuple[ExecutionPlan, list[Change]]:
    """Write a plan with its tasks and arm what may start at once; returns it with what its transcript says.

    Must run inside the caller's transaction, which also writes those changes.
    """
    plan = ExecutionPlan.objects.create(
        conversation=conversation,
        user=user,
        thread_id=thread_id or new_id(),
        orig_query=query,
        guidance_message=guidance,
        created_at=now,
    )
    return plan, add_tasks(plan, drafts, now=now)


def add_tasks(plan: ExecutionPlan, drafts: Sequence[TaskDraft], *, now: datetime) -> list[Change]:
    """Give a plan without tasks its tasks, and arm what may start at once; returns what its transcript shows."""
    tasks = [_task(plan, place, draft, now) for place, draft in enumerate(drafts)]
    Task.objects.bulk_create(tasks)
    TaskTransition.objects.bulk_create(
        TaskTransition(
            task=task,
            old_status="",
            new_status=task.status,
            reason="created",
            actor=plan.user,
            created_at=now,
        )
        for task in tasks
    )
    changes = arm_next(plan, tasks, now=now)
    history.announce(tasks)
    return changes


def _task(plan: ExecutionPlan, place: int, draft: TaskDraft, now: datetime) -> Task:
    schedule = draft.schedule
    conversation = draft.conversation or plan.conversation
    handed_off = conversation.pk != plan.conversation_id
    task = Task(
        plan=plan,
        place=place,
        key=draft.key,
        conversation=conversation,
        thread_id=new_id() if handed_off else plan.thread_id,
        user=plan.user,
        agent_name=draft.agent_name,
        title=draft.title,
        query=draft.query,
        handoff_from_super_agent=handed_off,
        anchor_at=schedule.start_at or now,
        created_at=now,
        updated_at=now,
    )
    task.schedule = schedule
    if task.pattern == Pattern.RECURRING:
        task.on_interrupt = OnInterrupt.NEXT
    for name, value in draft.options.items():
        setattr(task, name, value)
    return task


def arm_next(plan: ExecutionPlan, tasks: Sequence[Task], *, now: datetime) -> list[Change]:
    """Arm the plan's tasks that come next, in order: up to and with the first that holds up its successors.

    A recurring task holds up nobody. Returns what the transcript shows of it: the controller of a recurring task and
    the card of one that is handed off.
    """
    changes: list[Change] = []
    armed = False
    for task in sorted(tasks, key=lambda task: task.place):
        if task.status != TaskStatus.PENDING or task.next_run_at is not None:
            if _holds_up(task):
                break
            continue
        said = _arm(plan, task, now)
        if not Task.objects.filter(pk=task.pk, status=TaskStatus.PENDING, next_run_at=None).update(
            anchor_at=task.anchor_at,
            next_slot_at=task.next_slot_at,
            next_run_at=task.next_run_at,
            updated_at=now,
        ):
            # Somebody cancelled, started or armed it since it was read: it holds up the next one or not, as it is now.
            task.refresh_from_db()
            if _holds_up(task):
                break
            continue
        changes.extend(said)
        armed = True
        if not task.recurring:
            break
    if armed:
        wakeup.moved()
    return changes


def _holds_up(task: Task) -> bool:
    return not task.recurring and task.status not in (
        TaskStatus.COMPLETED,
        TaskStatus.FAILED,
        TaskStatus.CANCELLED,
    )


def _arm(plan: ExecutionPlan, task: Task, now: datetime) -> list[Change]:
    # An interval counts from the moment at which the task is armed: behind others of its plan, that is later.
    task.anchor_at = task.start_at or now
    slot = schedules.first_slot(task.schedule, now=now, anchor=task.anchor_at)
    plan_slot(task, slot)
    task.updated_at = now
    changes: list[Change] = []
    if task.handoff_from_super_agent:
        changes.append(transcript.subagent(plan, task, "start"))
        changes.append(
            transcript.thread_started(
                conversation_id=task.conversation_id,
                thread_id=task.thread_id,
                text=task.query,
                task_id=task.id,
            )
        )
    if task.recurring:
        changes.append(transcript.controller(task))
        if task.handoff_from_super_agent:
            changes.append(transcript.subagent(plan, task, "end"))
        changes.extend(transcript.passing(task, None, Event.DONE))
    return changes


def plan_slot(task: Task, slot: datetime | None) -> None:
    """Set when `task` runs next: at `slot`, moved by its jitter; None: not by time."""
    task.next_slot_at = slot
    task.next_run_at = None if slot is None else slot + schedules.jitter_for(task.schedule, str(task.id), slot)
