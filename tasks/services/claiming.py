"""Claims: due tasks become runs, and their next slot is planned, in one transaction that any number of runners may try."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Count

from conversations import journal
from conversations.changes import Change
from conversations.models import Conversation
from tasks import wakeup
from tasks.models import Agent, Task, TaskRun, TaskTransition
from tasks.services import cancelling, creation, history, transcript
from tasks.services.rows import write_columns
from tasks.services.ticks import Decision, Due, decide
from tasks.states import RUN_ACTIVE, CatchUp, Overlap, PausedReason, RunStatus, TaskStatus

BATCH = 500
"""Tasks claimed in one transaction: about 100 ms of SQLite's writer."""


def claim_due(*, now: datetime, limit: int = BATCH) -> int:
    """Claim up to `limit` due tasks; returns how many it were (fewer than `limit`: nothing more is due).

    1. Lock the due tasks, higher priority first, then older; those that another runner has locked are passed over.
    2. Read what the decisions need, in one query each: active runs, today's runs, agents.
    3. Decide for each task (`ticks.decide`, pure) and write all runs, all tasks and the history in bulk.
    4. End what has no slot left, and tell the workers.

    The queries do not grow with the number of tasks. The loser of a race finds the tasks moved on or locked, or, where
    a clock was set back, the slot taken by the unique `run_slot_once`: it writes nothing.
    """
    with transaction.atomic():
        tasks = list(
            Task.objects.due(now)
            .select_for_update(skip_locked=True, of=("self",))
            .order_by("-priority", "next_run_at", "id")[:limit]
        )
        if not tasks:
            return 0
        going, gone = _by_agent(tasks)
        if gone:
            _pause_for_agents(gone, now)
        if going:
            _claim(going, now)
        wakeup.moved()
        return len(tasks)


def _by_agent(tasks: Sequence[Task]) -> tuple[list[Task], list[Task]]:
    """Those whose agent may be given work, and those whose agent was removed or disabled."""
    names = {task.agent_name for task in tasks}
    enabled = set(Agent.objects.enabled().filter(name__in=names).values_list("name", flat=True))
    going = [task for task in tasks if task.agent_name in enabled]
    return going, [task for task in tasks if task.agent_name not in enabled]


def _pause_for_agents(tasks: Sequence[Task], now: datetime) -> None:
    """Rest the tasks of agents that are gone; `services.operations.resume_for_agents` wakes them."""
    for task in tasks:
        task.paused_at = now
        task.paused_reason = PausedReason.AGENT_GONE
        task.paused_note = f"The agent {task.agent_name} is disabled or was removed."
        task.updated_at = now
    write_columns(tasks, ["paused_at", "paused_reason", "paused_note", "updated_at"])
    TaskTransition.objects.bulk_create(
        TaskTransition(
            task=task, old_status=task.status, new_status=task.status, reason=task.paused_note, created_at=now
        )
        for task in tasks
    )
    history.announce(tasks)


def _claim(tasks: Sequence[Task], now: datetime) -> None:
    active: dict[UUID, list[TaskRun]] = defaultdict(list)
    for run in (
        TaskRun.objects.active().filter(task__in=tasks).only("id", "task_id", "status", "remote_task_id")
    ):
        active[run.task_id].append(run)
    today = _runs_today(tasks, now)
    runs: list[TaskRun] = []
    replaced: list[TaskRun] = []
    transitions: list[TaskTransition] = []
    ended: list[Task] = []
    conversations: list[Conversation] = []
    for task in tasks:
        decision = decide(_due(task, active[task.pk], today.get(task.pk)), now)
        if decision.replaces_active:
            replaced.extend(active[task.pk])
        made = _runs(task, decision, now, conversations)
        runs.extend(made)
        if _move_on(task, decision, made, now, transitions) and not active[task.pk]:
            ended.append(task)
    Conversation.objects.bulk_create(conversations)
    TaskRun.objects.bulk_create(runs, ignore_conflicts=True)
    write_columns(tasks, ["status", "next_slot_at", "next_run_at", "run_count", "started_at", "updated_at"])
    TaskTransition.objects.bulk_create(transitions)
    if replaced:
        _replace(replaced, now)
    for task in ended:
        _end_without_run(task, now)
    history.announce(tasks, runs)


def _due(task: Task, active: Sequence[TaskRun], today: int | None) -> Due:
    left = None
    if task.max_runs_per_day is not None:
        left = max(0, task.max_runs_per_day - (today or 0))
    return Due(
        schedule=task.schedule,
        recurring=task.recurring,
        anchor=task.anchor_at,
        slot=task.next_slot_at or task.next_run_at or task.created_at,
        overlap=Overlap(task.overlap),
        catch_up=CatchUp(task.catch_up),
        window=timedelta(minutes=task.catch_up_window_minutes),
        run_count=task.run_count,
        active=[RunStatus(run.status) for run in active],
        left_today=left,
    )


def _runs(task: Task, decision: Decision, now: datetime, conversations: list[Conversation]) -> list[TaskRun]:
    """The rows of one task, with a conversation of its own for each run where the owner chose so."""
    runs: list[TaskRun] = []
    for row in decision.rows:
        conversation_id = task.conversation_id
        if row.status == RunStatus.QUEUED and task.conversation_mode == "new":
            local = row.slot.astimezone(ZoneInfo(task.timezone))
            conversation = Conversation(
                user_id=task.user_id,
                title=f"{task.title[:170]} · {local:%d %b %Y, %H:%M}",
                agent_name=task.agent_name,
                created_at=now,
                updated_at=now,
            )
            conversations.append(conversation)
            conversation_id = conversation.pk
        runs.append(
            TaskRun(
                task=task,
                conversation_id=conversation_id,
                trigger=row.trigger,
                scheduled_for=row.slot,
                status=row.status,
                slots=row.slots,
                last_slot=row.last_slot,
                reason=row.reason,
                priority=task.priority,
                agent_name=task.agent_name,
                ready_at=now,
                input=task.query if row.status == RunStatus.QUEUED else "",
                created_at=now,
                finished_at=None if row.status == RunStatus.QUEUED else now,
            )
        )
    return runs


def _move_on(
    task: Task, decision: Decision, made: Sequence[TaskRun], now: datetime, transitions: list[TaskTransition]
) -> bool:
    """Plan the next slot and count the runs; returns whether nothing is left to be planned."""
    queued = [run for run in made if run.status == RunStatus.QUEUED]
    creation.plan_slot(task, decision.next_slot)
    task.run_count += len(queued)
    task.updated_at = now
    if queued and task.status == TaskStatus.PENDING:
        task.status = TaskStatus.RUNNING
        task.started_at = now
        transitions.append(
            TaskTransition(
                task=task,
                old_status=TaskStatus.PENDING,
                new_status=TaskStatus.RUNNING,
                reason="first run claimed",
                created_at=now,
            )
        )
    return decision.next_slot is None and not queued


def _runs_today(tasks: Sequence[Task], now: datetime) -> dict[UUID, int]:
    """How many runs each task with `max_runs_per_day` was given since midnight in its zone."""
    limited = [task for task in tasks if task.max_runs_per_day is not None]
    if not limited:
        return {}
    counts: dict[UUID, int] = {}
    by_midnight: dict[datetime, list[UUID]] = defaultdict(list)
    for task in limited:
        midnight = now.astimezone(ZoneInfo(task.timezone)).replace(hour=0, minute=0, second=0, microsecond=0)
        by_midnight[midnight].append(task.pk)
    for midnight, ids in by_midnight.items():
        rows = (
            TaskRun.objects.filter(task__in=ids, created_at__gte=midnight, attempt=1)
            .exclude(status__in=[RunStatus.SKIPPED, RunStatus.MISSED])
            .values("task")
            .annotate(number=Count("pk"))
        )
        counts.update({row["task"]: row["number"] for row in rows})
    return counts


def _replace(runs: Sequence[TaskRun], now: datetime) -> None:
    """`overlap: cancel_running`: the runs that still go make room for the new slot."""
    locked = list(
        TaskRun.objects.select_for_update(of=("self",))
        .filter(pk__in=[run.pk for run in runs], status__in=RUN_ACTIVE)
        .select_related("task")
        .order_by("id")
    )
    stopped = cancelling.end_runs(locked, now=now, reason="A newer slot took its place.")
    changes: list[Change] = [
        transcript.cancelled(run.task, run, run.reason) for run in stopped if run.started_at is not None
    ]
    journal.write(changes)


def _end_without_run(task: Task, now: datetime) -> None:
    """A task whose last slots passed without a run: a once task has failed, a schedule is over."""
    if task.recurring:
        history.move(task, TaskStatus.COMPLETED, now=now, reason="The schedule has no time left.")
        changes: list[Change] = [transcript.controller(task)]
    else:
        why = "Its moment passed while nothing could run it."
        history.move(task, TaskStatus.FAILED, now=now, reason=why, error_message=why)
        changes = [transcript.failed(task, None, why)]
    changes.extend(transcript.ending([task]))
    changes.extend(creation.arm_next(task.plan, list(task.plan.tasks.all()), now=now))
    journal.write(changes)
