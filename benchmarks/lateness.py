"""How late a due task starts, beside APScheduler alone firing a no-op at the same moments on the same machine.

A task has started when its agent, a process of its own, has the message: claim, lease and HTTP are in it.
"""

import asyncio
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from benchmarks import people
from benchmarks.agent import AgentProcess
from benchmarks.alone import AloneProcess
from benchmarks.harness import RUNS, Row, median_of, milliseconds, percentile
from conversations.journal import journal
from tasks.models import Task
from tasks.runner import Runner
from tasks.schedules import Schedule

TASKS = 60
SPREAD = 15.0
"""Seconds over which their moments are spread."""
LEAD = 3.0
"""Seconds between the planning and the first moment."""
ALLOWANCE = 0.025
"""Seconds by which our p99 may be above APScheduler's."""


def plan(moments: list[float], label: str) -> None:
    """One once task for each moment; its text names it."""
    for number, moment in enumerate(moments):
        start = datetime.fromtimestamp(moment, UTC)
        made = people.tasks(1, Schedule(start_at=start), next_run_at=start)
        Task.objects.filter(pk=made[0].pk).update(query=f"{label} {number}")


async def once(agent: AgentProcess, label: str) -> tuple[list[float], list[float]]:
    """Seconds by which our starts and APScheduler's were late, in one run."""
    first = time.time() + LEAD
    dice = random.Random(label)
    moments = sorted(first + dice.random() * SPREAD for _ in range(TASKS))
    alone = AloneProcess(moments)
    await asyncio.to_thread(plan, moments, label)
    runner = Runner()
    await runner.start()
    try:
        await asyncio.sleep(moments[-1] - time.time() + 1)
    finally:
        await runner.drain(5)
        await journal.close()
    ours = [agent.wait_for(f"{label} {number}") - moment for number, moment in enumerate(moments)]
    return ours, await asyncio.to_thread(alone.late)


def measure(*, quick: bool) -> Iterator[Row]:
    """The rows of the table."""
    with AgentProcess() as agent:
        people.agent(agent.url)
        asyncio.run(once(agent, "warm"))
        found = [asyncio.run(once(agent, f"run {number}")) for number in range(1 if quick else RUNS)]
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        ours = median_of(percentile(late, share) for late, _ in found)
        alone = median_of(percentile(late, share) for _, late in found)
        decides = name == "p99"
        yield Row(
            what=f"start lateness of {TASKS} due tasks, {name} (the agent has the message)",
            ours=milliseconds(ours),
            baseline=f"{milliseconds(alone)} APScheduler alone",
            ratio=f"+{milliseconds(ours - alone)}",
            goal=f"≤ +{milliseconds(ALLOWANCE)}" if decides else "",
            met=ours <= alone + ALLOWANCE if decides else None,
        )
