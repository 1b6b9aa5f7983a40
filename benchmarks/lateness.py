"""How late a due task starts, beside APScheduler alone firing a no-op at the same moments on the same machine.

A task has started when its exchange begins: claim, lease and the reading of the run, a transaction each, come before,
and nothing begins before its moment. Beside it, when its agent (a process of its own) has the message: the commit
"sent" and HTTP come on top.
"""

import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from benchmarks import people
from benchmarks.agent import AgentProcess
from benchmarks.alone import AloneProcess
from benchmarks.harness import RUNS, Row, median_of, milliseconds, percentile
from conversations.journal import journal
from tasks.agents.connection import Connection
from tasks.execution import connecting, run
from tasks.execution.context import RunContext
from tasks.models import Task, TaskRun
from tasks.runner import Runner
from tasks.schedules import Schedule
from tasks.services import Lease

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


@dataclass(frozen=True, kw_only=True)
class Late:
    """Seconds by which things were late in one run."""

    started: list[float]
    reached: list[float]
    alone: list[float]


def watch_starts() -> dict[UUID, float]:
    """By run, the moment at which its exchange began: what comes first of it is its agent's connection."""
    begun: dict[UUID, float] = {}
    connected = connecting.connected

    async def timed(found: RunContext, lease: Lease, **given: Any) -> Connection:
        begun[lease.run_id] = time.time()
        return await connected(found, lease, **given)

    vars(run)["connected"] = timed
    return begun


async def once(agent: AgentProcess, begun: dict[UUID, float], label: str) -> Late:
    """One run."""
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
    runs = TaskRun.objects.filter(task__query__startswith=f"{label} ").values_list("pk", "scheduled_for")
    started = [begun[pk] - slot.timestamp() async for pk, slot in runs]
    assert len(started) == TASKS
    assert min(started) >= 0
    return Late(
        started=started,
        reached=[agent.wait_for(f"{label} {number}") - moment for number, moment in enumerate(moments)],
        alone=await asyncio.to_thread(alone.late),
    )


def measure(*, quick: bool) -> Iterator[Row]:
    """The rows of the table."""
    begun = watch_starts()
    with AgentProcess() as agent:
        people.agent(agent.url)
        asyncio.run(once(agent, begun, "warm"))
        found = [asyncio.run(once(agent, begun, f"run {number}")) for number in range(1 if quick else RUNS)]
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        started = median_of(percentile(late.started, share) for late in found)
        reached = median_of(percentile(late.reached, share) for late in found)
        alone = median_of(percentile(late.alone, share) for late in found)
        decides = name == "p99"
        yield Row(
            what=f"start lateness of {TASKS} due tasks, {name}",
            ours=f"{milliseconds(started)} (agent has the message: {milliseconds(reached)})",
            baseline=f"{milliseconds(alone)} APScheduler alone",
            ratio=f"+{milliseconds(started - alone)}",
            goal=f"≤ +{milliseconds(ALLOWANCE)}" if decides else "",
            met=started <= alone + ALLOWANCE if decides else None,
        )
