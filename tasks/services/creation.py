"""Creates plans and their tasks, and arms the first of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User

from conversations import faults
from conversations.changes import Change
from conversations.events import Event
from conversations.ids import new_id
from conversations.models import Conversation
from tasks import language, schedules, wakeup
from tasks.errors import IllegalTransition
from tasks.models import ExecutionPlan, Task, TaskFile, TaskTransition
from tasks.schedules import Schedule
from tasks.schemas.files import FileIn
from tasks.services import history, order, stopping, transcript
from tasks.states import TASK_ENDED, OnInterrupt, Pattern, TaskStatus


@dataclass(frozen=True, kw_only=True)
class TaskDraft:
    """One task of a plan that is about to be made. `options` are columns of Task by name."""

    query: str
    agent_name: str
    title: str
    schedule: Schedule
    key: str = ""
    depends_on: Sequence[str] | None = None
    """Keys of tasks that must have ended before; None: it says nothing, and the plan may go in order."""
    conversation: Conversation | None = None
    """Where it runs, if not in the plan's conversation: the task is handed off."""
    options: dict[str, Any] = field(default_factory=dict)
    files: Sequence[FileIn] = ()


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
    _keep_files(tasks, drafts)
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


def _keep_files(tasks: Sequence[Task], drafts: Sequence[TaskDraft]) -> None:
    kept = [
        TaskFile(task=task, name=file.name, media_type=file.media_type, content=file.content)
        for task, draft in zip(tasks, drafts, strict=True)
        for file in draft.files
    ]
    if kept:
        TaskFile.objects.bulk_create(kept)


def _task(plan: ExecutionPlan, place: int, draft: TaskDraft, now: datetime) -> Task:
    schedule = draft.schedule
    conversation = draft.conversation or plan.conversation
    handed_off = conversation.pk != plan.conversation_id
    task = Task(
        plan=plan,
        place=place,
        key=draft.key,
        depends_on=None if draft.depends_on is None else list(draft.depends_on),
        conversation=conversation,
        thread_id=new_id() if handed_off else plan.thread_id,
        user=plan.user,
        agent_name=draft.agent_name,
        title=draft.title,
        query=draft.query,
        file_count=len(draft.files),
        handoff_from_super_agent=handed_off,
        language=language.current(),
        behind=True,
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


def arm_after(tasks: Sequence[Task], *, now: datetime) -> list[Change]:
    """Arm what comes after `tasks`, which have ended, in their plans (`arm_next`); most plans have nothing more."""
    if not tasks:
        return []
    unarmed = Task.objects.unfinished().filter(plan__in={task.plan_id for task in tasks}, behind=True)
    plans = set(unarmed.order_by().values_list("plan_id", flat=True))
    changes: list[Change] = []
    if plans:
        for plan in ExecutionPlan.objects.filter(pk__in=plans).prefetch_related("tasks").order_by("id"):
            changes.extend(arm_next(plan, list(plan.tasks.all()), now=now))
    return changes


def arm_next(plan: ExecutionPlan, tasks: Sequence[Task], *, now: datetime) -> list[Change]:
    """Arm those of the plan's tasks whose turn has come (`order`), and cancel those that a failure stops.

    Returns what the transcript shows of it: the controller of a recurring task, the card of one that is handed off, and
    that a task was stopped.
    """
    if order.is_graph(tasks):
        tasks = _as_they_are(plan)
    changes: list[Change] = []
    armed = False
    for task in sorted(tasks, key=lambda task: task.place):
        if task.status in TASK_ENDED or not task.behind:
            continue
        if (cause := order.stopped_by(task, tasks)) is not None:
            changes.extend(_stop(task, cause, now))
            continue
        if not order.may_start(task, tasks):
            continue
        said = _arm(plan, task, now)
        if (
            not Task.objects.unfinished()
            .filter(pk=task.pk, behind=True)
            .update(
                behind=False,
                anchor_at=task.anchor_at,
                next_slot_at=task.next_slot_at,
                next_run_at=task.next_run_at,
                updated_at=now,
            )
        ):
            # Somebody cancelled, started or armed it since it was read: it holds up the next one or not, as it is now.
            task.refresh_from_db()
            continue
        faults.reached("plan.armed")
        task.behind = False
        changes.extend(said)
        if task.next_run_at is None and not task.on_event and not task.runs.active().exists():
            # It stood behind others of its plan until its end had passed.
            history.move(task, TaskStatus.COMPLETED, now=now, reason="The schedule has no time left.")
            changes.append(transcript.controller(task))
        armed = True
    if armed:
        wakeup.moved()
    return changes


def _as_they_are(plan: ExecutionPlan) -> list[Task]:
    """The plan's tasks as the latest commit left them, with the plan's row locked.

    Two of a graph's tasks may end in two processes at the same moment: without the lock each would find the other one
    still going, and nobody would start what comes after both. (Locks go tasks, runs, plans, conversations.)
    """
    ExecutionPlan.objects.select_for_update(of=("self",)).filter(pk=plan.pk).first()
    tasks = list(Task.objects.filter(plan=plan).order_by("place"))
    for task in tasks:
        task.plan = plan
    return tasks


def _stop(task: Task, cause: Task, now: datetime) -> list[Change]:
    """Cancel a task whose turn never came, because `cause` before it failed, with what was run of it by hand.

    Whoever changed it meanwhile was first.
    """
    why = (
        f"“{cause.title}” {'failed' if cause.status == TaskStatus.FAILED else 'was cancelled'}, and stops what follows."
    )
    try:
        history.move(task, TaskStatus.CANCELLED, now=now, reason=why)
    except IllegalTransition:
        task.refresh_from_db()
        return []
    stopped = stopping.stop_runs([task.pk], now=now, reason=why)
    changes = [*transcript.cut(stopped), transcript.cancelled(task, None, why)]
    if task.recurring:
        changes.append(transcript.controller(task))
    return [*changes, *transcript.ending([task])]


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
    task.next_run_at = slot
    if slot is not None and task.jitter_seconds:
        task.next_run_at = slot + schedules.jitter_for(task.schedule, str(task.id), slot)
