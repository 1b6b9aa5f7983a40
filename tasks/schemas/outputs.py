"""What goes out: plans, tasks and runs, key by key as the contract lists them.

The typed dictionaries are what the OpenAPI description shows; the functions beside them build them. Nothing here asks
the database a question of its own where the caller has annotated `phase` and selected what is related.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from typing_extensions import TypedDict  # pydantic reads no other before Python 3.12

from conversations.models import Conversation
from conversations.schemas import Id, Moment, conversation_out, moment, moment_or_none
from tasks import schedules
from tasks.models import ExecutionPlan, Task, TaskRun, TaskTransition

__all__ = [
    "conversation_out",
    "conversations_by_id",
    "plan_out",
    "run_out",
    "runs_by_id",
    "schedule_out",
    "task_out",
    "tasks_by_id",
    "transition_out",
]


class ScheduleOut(TypedDict, total=False):
    """When a task runs; keys that were not set are left out."""

    interval_minutes: int
    daily_time: str | list[str]
    cron: str | list[str]
    on_event: bool
    timezone: str
    start_at: Moment
    end_at: Moment
    max_runs: int
    jitter_seconds: int
    exclude: list[str]


class BudgetOut(TypedDict, total=False):
    """What a schedule may use; limits that were not set are left out."""

    tokens_per_day: int
    tokens_per_month: int
    cost_per_day: float
    cost_per_month: float


class UsageOut(TypedDict, total=False):
    """What a run used, as far as its agent says."""

    input_tokens: int
    output_tokens: int
    cost: float
    currency: str


class TaskOut(TypedDict):
    """A task."""

    id: Id
    key: str | None
    conversation_id: Id
    plan_id: Id
    thread_id: Id
    agent_name: str
    title: str
    query: str
    pattern: str
    status: str
    phase: str
    schedule: ScheduleOut | None
    overlap: str
    catch_up: str
    catch_up_window_minutes: int
    on_interrupt: str
    priority: int
    max_attempts: int
    timeout_seconds: int
    deadline_at: Moment | None
    conversation_mode: str
    only_changes: bool
    notify: str
    max_runs_per_day: int | None
    budget: BudgetOut | None
    retention_days: int | None
    depends_on: list[str]
    on_failure: str
    next_run_at: Moment | None
    paused_at: Moment | None
    paused_until: Moment | None
    paused_reason: str | None
    paused_note: str | None
    error_message: str | None
    created_at: Moment
    started_at: Moment | None
    completed_at: Moment | None
    updated_at: Moment


class TaskPage(TypedDict):
    """One page of tasks, newest first."""

    items: list[TaskOut]
    next_cursor: str | None


class PlanOut(TypedDict):
    """A plan and its tasks, in order."""

    id: Id
    conversation_id: Id
    query: str
    guidance_message: str | None
    status: str
    created_at: Moment
    tasks: list[TaskOut]


class PlanPage(TypedDict):
    """One page of plans, newest first."""

    items: list[PlanOut]
    next_cursor: str | None


class RunOut(TypedDict):
    """A run, or the record of why a slot did not run."""

    id: Id
    task_id: Id
    conversation_id: Id
    trigger: str
    scheduled_for: Moment
    for_slot: Moment | None
    attempt: int
    status: str
    slots: int
    reason: str | None
    started_at: Moment | None
    finished_at: Moment | None
    remote_task_id: str | None
    input: str
    result: str | None
    no_output: bool
    unchanged: bool
    usage: UsageOut | None
    error: str | None


class RunPage(TypedDict):
    """One page of runs, newest first."""

    items: list[RunOut]
    next_cursor: str | None


class TransitionOut(TypedDict):
    """One change of a task: old and new status (equal for an edit), why, and by whom."""

    id: Id
    task_id: Id
    run_id: Id | None
    old_status: str | None
    new_status: str
    reason: str | None
    changes: dict[str, Any]
    actor: str | None
    created_at: Moment


class TransitionPage(TypedDict):
    """One page of a task's history, newest first."""

    items: list[TransitionOut]
    next_cursor: str | None


class CancelledOut(TypedDict):
    """What a cancel did; the items are those that changed with it."""

    task_id: Id
    success: bool
    updated_component_ids: list[Id]


class CountOut(TypedDict):
    """How many tasks were cancelled."""

    cancelled: int


class LeftOutOut(TypedDict):
    """A task that was left as it was, with the error's code and why."""

    task_id: Id
    title: str
    code: str
    reason: str


class BulkOut(TypedDict):
    """What became of an act on many: `done` of `matched`; of those left out the first hundred are named."""

    action: str
    matched: int
    done: int
    left_out_count: int
    left_out: list[LeftOutOut]


class NoteOut(TypedDict, total=False):
    """A sentence beside a preview's times, and the time that it is about."""

    time: Moment
    text: str


class PreviewOut(TypedDict):
    """The next times of a schedule, in its own zone, and in words."""

    times: list[Moment]
    summary: str
    notes: list[NoteOut]


class TextOut(TypedDict):
    """A text as an agent would get it, and the names of the values that it asked for."""

    text: str
    names: list[str]


def schedule_out(task: Task) -> ScheduleOut | None:
    """The task's schedule; None for one that runs once, at once."""
    if not task.recurring and task.start_at is None:
        return None
    return schedules.to_dict(task.schedule)  # type: ignore[return-value]


def task_out(task: Task) -> TaskOut:
    """A task as the API shows it. Uses the annotation `phase` (`with_phase()`); without it, asks for it."""
    phase = getattr(task, "phase", None)
    if phase is None:
        phase = getattr(Task.objects.with_phase().get(pk=task.pk), "phase")  # noqa: B009 (an annotation)
    return {
        "id": str(task.id),
        "key": task.key or None,
        "conversation_id": str(task.conversation_id),
        "plan_id": str(task.plan_id),
        "thread_id": str(task.thread_id),
        "agent_name": task.agent_name,
        "title": task.title,
        "query": task.query,
        "pattern": str(task.pattern),
        "status": str(task.status),
        "phase": str(phase),
        "schedule": schedule_out(task),
        "overlap": str(task.overlap),
        "catch_up": str(task.catch_up),
        "catch_up_window_minutes": task.catch_up_window_minutes,
        "on_interrupt": str(task.on_interrupt),
        "priority": task.priority,
        "max_attempts": task.max_attempts,
        "timeout_seconds": task.timeout_seconds,
        "deadline_at": moment_or_none(task.deadline_at),
        "conversation_mode": task.conversation_mode,
        "only_changes": task.only_changes,
        "notify": str(task.notify),
        "max_runs_per_day": task.max_runs_per_day,
        "budget": task.budget,
        "retention_days": task.retention_days,
        "depends_on": task.depends_on or [],
        "on_failure": str(task.on_failure),
        "next_run_at": moment_or_none(task.next_run_at),
        "paused_at": moment_or_none(task.paused_at),
        "paused_until": moment_or_none(task.paused_until),
        "paused_reason": str(task.paused_reason) or None,
        "paused_note": task.paused_note or None,
        "error_message": task.error_message or None,
        "created_at": moment(task.created_at),
        "started_at": moment_or_none(task.started_at),
        "completed_at": moment_or_none(task.completed_at),
        "updated_at": moment(task.updated_at),
    }


def plan_out(plan: ExecutionPlan) -> PlanOut:
    """A plan as the API shows it (prefetch `tasks`, annotated with their phase and in order)."""
    return {
        "id": str(plan.id),
        "conversation_id": str(plan.conversation_id),
        "query": plan.orig_query,
        "guidance_message": plan.guidance_message or None,
        "status": str(plan.status),
        "created_at": moment(plan.created_at),
        "tasks": [task_out(task) for task in plan.tasks.all()],
    }


def run_out(run: TaskRun) -> RunOut:
    """A run as the API shows it."""
    return {
        "id": str(run.id),
        "task_id": str(run.task_id),
        "conversation_id": str(run.conversation_id),
        "trigger": str(run.trigger),
        "scheduled_for": moment(run.scheduled_for),
        "for_slot": moment_or_none(run.for_slot),
        "attempt": run.attempt,
        "status": str(run.status),
        "slots": run.slots,
        "reason": run.reason or None,
        "started_at": moment_or_none(run.started_at),
        "finished_at": moment_or_none(run.finished_at),
        "remote_task_id": run.remote_task_id or None,
        "input": run.input,
        "result": run.result or None,
        "no_output": run.no_output,
        "unchanged": run.unchanged,
        "usage": run.usage,
        "error": run.error or None,
    }


def transition_out(transition: TaskTransition) -> TransitionOut:
    """One line of a task's history (select `actor` with it)."""
    return {
        "id": str(transition.id),
        "task_id": str(transition.task_id),
        "run_id": str(transition.run_id) if transition.run_id else None,
        "old_status": transition.old_status or None,
        "new_status": transition.new_status,
        "reason": transition.reason or None,
        "changes": transition.changes,
        "actor": transition.actor.get_username() if transition.actor else None,
        "created_at": moment(transition.created_at),
    }


def conversations_by_id(ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """The conversations of `ids` that still exist, for the activity socket."""
    return [dict(conversation_out(row)) for row in Conversation.objects.filter(pk__in=ids)]


def tasks_by_id(ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """The tasks of `ids` that still exist, for the activity socket."""
    return [dict(task_out(row)) for row in Task.objects.with_phase().filter(pk__in=ids)]


def runs_by_id(ids: Iterable[UUID]) -> list[dict[str, Any]]:
    """The runs of `ids` that still exist, for the activity socket."""
    return [dict(run_out(row)) for row in TaskRun.objects.filter(pk__in=list(ids))]
