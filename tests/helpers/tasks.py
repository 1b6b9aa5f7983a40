"""Tasks as a person's request makes them, and the steps that the runner takes, one at a time."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from conversations import feed
from conversations.changes import Change
from conversations.events import Envelope
from conversations.journal import write
from conversations.models import Conversation
from tasks.models import ExecutionPlan, Task, TaskRun
from tasks.requests import submit_message, submit_tasks
from tasks.schemas.inputs import MessageIn, TaskIn
from tasks.services import Lease, TaskService

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
"""A Monday morning, for tests in which time is passed in."""
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
EVERY_MINUTE = {"interval_minutes": 1}


class TaskMaker:
    """Makes tasks in one conversation: `make_task(schedule=…, overlap=…)`. Columns of Task that no request can set
    are written afterwards.
    """

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation

    def __call__(self, *, now: datetime = NOW, **fields: Any) -> Task:
        """One task, in a plan of its own."""
        return self.plan([fields], now=now).tasks.get()

    def plan(self, tasks: Sequence[dict[str, Any]], *, now: datetime = NOW) -> ExecutionPlan:
        """A plan of several."""
        wanted = [{"query": "say hello", "agent_name": "Echo", **fields} for fields in tasks]
        inputs, columns = [], []
        for fields in wanted:
            inputs.append(TaskIn(**{name: fields[name] for name in fields if name in TaskIn.model_fields}))
            columns.append({name: fields[name] for name in fields if name not in TaskIn.model_fields})
        plan = submit_tasks(self.conversation, inputs, user=self.conversation.user, now=now)
        for task, values in zip(plan.tasks.order_by("place"), columns, strict=True):
            if values:
                Task.objects.filter(pk=task.pk).update(**values)
        return plan


def many_due(conversation: Conversation, number: int, **columns: Any) -> list[Task]:
    """Once tasks that are due, by statements over sets: plans, tasks, nothing in the transcript."""
    plans = ExecutionPlan.objects.bulk_create(
        ExecutionPlan(conversation=conversation, user=conversation.user, orig_query="x") for _ in range(number)
    )
    values = {"next_slot_at": NOW, "next_run_at": NOW, "query": "x", "title": "x", "agent_name": "Echo", **columns}
    return Task.objects.bulk_create(
        Task(plan=plan, conversation=conversation, user=conversation.user, **values) for plan in plans
    )


def claim(*, now: datetime = NOW) -> list[TaskRun]:
    """Claim all that is due; returns the runs that this made, oldest first."""
    before = set(TaskRun.objects.values_list("pk", flat=True))
    TaskService.claim_due(now=now)
    return list(TaskRun.objects.exclude(pk__in=before).order_by("id"))


def start(*, now: datetime = NOW, worker: str = "worker-1", capacity: int = 100) -> list[Lease]:
    """Lease what is ready, as a worker does."""
    return TaskService.start(worker=worker, capacity=capacity, now=now)


def started(task: Task, *, now: datetime = NOW) -> Lease:
    """Claim and lease what is ready; returns the lease of the latest run of `task` that goes on."""
    TaskService.claim_due(now=now)
    start(now=now)
    run = task.runs.filter(status="running").latest("id")
    return Lease(run_id=run.pk, token=run.token)


def settle(function: Any, lease: Lease, **arguments: Any) -> list[Change]:
    """Do what the journal does with the end of a run: gate, function and items in one transaction."""
    with transaction.atomic():
        assert TaskService.gate({lease}, {lease}) == {lease}
        changes: list[Change] = function(lease, **arguments)
        write(changes)
        return changes


def succeed(lease: Lease, *, result: str = "done", now: datetime = NOW) -> None:
    """End a run well."""
    settle(TaskService.complete, lease, result=result, now=now)


def fail(lease: Lease, *, error: str = "it broke", retryable: bool = False, now: datetime = NOW) -> None:
    """End a run badly."""
    settle(TaskService.fail, lease, error=error, retryable=retryable, now=now)


def ask(lease: Lease, *, question: str = "Which one?", now: datetime = NOW) -> None:
    """Park a run with a question."""
    settle(TaskService.wait_for_input, lease, question=question, now=now)


def say(conversation: Conversation, text: str, *, now: datetime | None = None, **fields: Any) -> ExecutionPlan:
    """What happens when its person sends a message (now, unless a moment is given)."""
    conversation.refresh_from_db()
    message = MessageIn(text=text, **fields)
    return submit_message(conversation, message, user=conversation.user, now=now or timezone.now())


def history(conversation: Conversation) -> list[Envelope]:
    """The whole transcript, oldest first."""
    return feed.page_before(conversation.pk, None, 10_000)


def events(conversation: Conversation) -> list[str]:
    """The names of its events."""
    return [envelope["event"] for envelope in history(conversation)]


def contents(conversation: Conversation, event: str) -> list[str]:
    """The texts of its items of one event."""
    return [
        str((envelope["data"]["payload"] or {}).get("content"))
        for envelope in history(conversation)
        if envelope["event"] == event
    ]


def components(conversation: Conversation, kind: str) -> list[dict[str, Any]]:
    """The contents of its components of one type, read."""
    return [
        json.loads(payload["content"])
        for envelope in history(conversation)
        if (payload := envelope["data"]["payload"] or {}).get("component_type") == kind
    ]


def statuses(task: Task) -> list[tuple[str, str]]:
    """The transitions of a task that changed its status, in order."""
    rows = task.transitions.order_by("id").values_list("old_status", "new_status")
    return [(old, new) for old, new in rows if old != new]


def runs(task: Task) -> list[TaskRun]:
    """The runs of a task in the order of their making."""
    return list(task.runs.order_by("id"))


def run_statuses(task: Task) -> list[str]:
    """Their statuses."""
    return [run.status for run in runs(task)]


def person(name: str) -> User:
    """A new person."""
    return User.objects.create_user(name)
