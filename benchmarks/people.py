"""The user, agents and tasks that benchmarks measure with. Needs `harness.prepare`."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from conversations.models import Conversation
from tasks.models import Agent, ExecutionPlan, Task
from tasks.schedules import Schedule

AGENT = "BenchAgent"


def user() -> User:
    """The one person of a benchmark."""
    return User.objects.get_or_create(username="bench")[0]


def card(url: str) -> dict[str, object]:
    """A card that says no more than how to talk to the agent at `url`."""
    return {
        "name": AGENT,
        "description": "Answers at once.",
        "url": url,
        "version": "1.0.0",
        "protocolVersion": "0.3.0",
        "preferredTransport": "JSONRPC",
        "capabilities": {"streaming": True},
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "skills": [],
    }


def agent(url: str = "http://127.0.0.1:9/", *, max_concurrency: int | None = 1_000) -> Agent:
    """The agent at `url`, by that card; without a limit of its own where None is given."""
    row, _ = Agent.objects.update_or_create(
        name=AGENT,
        defaults={"slug": AGENT, "url": url, "card": card(url), "max_concurrency": max_concurrency},
    )
    return row


def conversation() -> Conversation:
    """An empty conversation."""
    return Conversation.objects.create(user=user(), title="Benchmark")


def tasks(number: int, schedule: Schedule, *, next_run_at: datetime | None, **columns: Any) -> list[Task]:
    """`number` tasks of one plan, written in bulk; `next_run_at` is their next slot, `columns` what else differs."""
    now = timezone.now()
    where = conversation()
    plan = ExecutionPlan.objects.create(conversation=where, user=user(), orig_query="bench")
    made = []
    for place in range(number):
        task = Task(
            plan=plan,
            place=place,
            conversation=where,
            user=plan.user,
            agent_name=AGENT,
            title=f"Benchmark {place}",
            query="Say hello.",
            anchor_at=schedule.start_at or now,
            next_slot_at=next_run_at,
            next_run_at=next_run_at,
            **columns,
        )
        task.schedule = schedule
        made.append(task)
    return Task.objects.bulk_create(made, batch_size=1_000)
