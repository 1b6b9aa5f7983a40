"""100 tasks due every minute for five minutes on an agent that answers at once: every slot of every task runs.

The closest peer, Agno's AgentOS 3.1.10 at its defaults, was measured on the same work: fewer than half of the slots
ran, 13 to 133 s late. Here it is the runner and the agent's limit of 20 runs at once, both at their defaults.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils import timezone

from benchmarks import people
from benchmarks.agent import AgentProcess
from benchmarks.harness import Row, milliseconds, percentile
from conversations.journal import journal
from tasks.models import Task, TaskRun
from tasks.runner import Runner
from tasks.schedules import Schedule
from tasks.states import RunStatus

TASKS = 100
MINUTES, QUICK_MINUTES = 5, 1
AGNO = "Agno 3.1.10: < half of the slots, 13 to 133 s late"


async def run_until(end: datetime) -> None:
    """A runner in this process until `end`, and until what it began has ended."""
    runner = Runner()
    await runner.start()
    await asyncio.sleep((end - timezone.now()).total_seconds())
    await runner.drain(10)
    await journal.close()


def measure(*, quick: bool) -> Iterator[Row]:
    """The rows of the table."""
    minutes = QUICK_MINUTES if quick else MINUTES
    with AgentProcess() as agent:
        people.agent(agent.url, max_concurrency=None)
        first = timezone.now() + timedelta(seconds=5)
        made = people.tasks(TASKS, Schedule(interval_minutes=1, start_at=first), next_run_at=first)
        for number, task in enumerate(made):
            task.query = f"task {number}"
        Task.objects.bulk_update(made, ["query"])
        asyncio.run(run_until(first + timedelta(minutes=minutes) - timedelta(seconds=5)))
        slots = [first + timedelta(minutes=number) for number in range(minutes)]
        late = [
            at - slot.timestamp()
            for number in range(TASKS)
            for slot, at in zip(slots, sorted(agent.reached.get(f"task {number}", [])), strict=False)
        ]
    runs = TaskRun.objects.filter(scheduled_for__in=slots)
    fates = Counter(runs.values_list("status", flat=True))
    ran = fates[RunStatus.SUCCEEDED]
    every = TaskRun.objects.count() == ran == TASKS * minutes == len(late)
    yield Row(
        what=f"{TASKS} tasks every minute for {minutes} min: slots that ran",
        ours=f"{ran} of {TASKS * minutes}",
        baseline=AGNO,
        goal="all, once each",
        met=every,
    )
    yield Row(
        what=f"{TASKS} tasks every minute: start lateness (the agent has the message)",
        ours=f"p50 {milliseconds(percentile(late, 0.5))}, p99 {milliseconds(percentile(late, 0.99))}",
        baseline=AGNO,
    )
