"""What sleeping schedules cost: CPU seconds of a running runner with 100,000 tasks that wait, less those with none.

The baseline is the replaced system's way on the same machine: a coroutine a schedule that reads its row ten times a
second. Prints the plans of the wake-up's queries, which must read index entries and no table.
"""

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from channels.db import database_sync_to_async
from django.db import connection
from django.utils import timezone

from benchmarks import people
from benchmarks.harness import Row
from conversations.journal import journal
from tasks.models import Task
from tasks.runner import Runner, clock
from tasks.schedules import Schedule

TASKS, QUICK_TASKS = 100_000, 20_000
SECONDS, QUICK_SECONDS = 20.0, 6.0
POLLERS = 100
"""Schedules of the baseline; a hundred kept one core busy in the replaced system."""
POLL_SECONDS = 5.0
GOAL = 0.01
"""Of one core, beyond what a runner without tasks takes: the noise of such a measurement."""
INDEXES = ("task_due", "run_ready", "task_paused_until", "task_untold")
"""Those that hold only what may become due, in the order of the wake-up's queries: none grows with what is over."""


async def run_idle(seconds: float) -> float:
    """CPU seconds of this process while a runner idles for so long."""
    runner = Runner()
    await runner.start()
    await asyncio.sleep(1)
    begun = time.process_time()
    await asyncio.sleep(seconds)
    used = time.process_time() - begun
    await runner.drain(1)
    await journal.close()
    return used


async def poll(ids: list[Any]) -> float:
    """CPU seconds a second of the baseline."""

    async def watch(task_id: Any) -> None:
        while True:
            await database_sync_to_async(Task.objects.get, thread_sensitive=False)(pk=task_id)
            await asyncio.sleep(0.1)

    watchers = [asyncio.create_task(watch(task_id)) for task_id in ids]
    await asyncio.sleep(1)
    begun = time.process_time()
    await asyncio.sleep(POLL_SECONDS)
    used = time.process_time() - begun
    for watcher in watchers:
        watcher.cancel()
    await asyncio.gather(*watchers, return_exceptions=True)
    return used / POLL_SECONDS


def sleeping(number: int) -> None:
    """`number` daily tasks whose next runs lie between an hour and a day ahead."""
    now = timezone.now()
    for part in range(20):
        moment = now + timedelta(hours=1, minutes=60 * part)
        people.tasks(number // 20, Schedule(interval_minutes=1440, start_at=moment), next_run_at=moment)


def plans() -> list[str]:
    """How the database answers the wake-up's own queries."""
    sent: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        clock._earliest()  # The queries themselves, not a copy of them.
    found = []
    word = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    with connection.cursor() as cursor:
        for sql, params in sent:
            cursor.execute(f"{word} {sql}", params)
            found.append(" / ".join(str(row[-1]) for row in cursor.fetchall()))
    return found


def measure(*, quick: bool) -> Iterator[Row]:
    """The rows of the table."""
    people.agent()
    tasks, seconds = (QUICK_TASKS, QUICK_SECONDS) if quick else (TASKS, SECONDS)
    asyncio.run(run_idle(1.0))
    none = asyncio.run(run_idle(seconds))
    sleeping(tasks)
    many = asyncio.run(run_idle(seconds))
    used = (many - none) / seconds
    polled = asyncio.run(poll(list(Task.objects.values_list("pk", flat=True)[:POLLERS])))
    found = plans()
    for plan in found:
        print(f"wake-up: {plan}")
    yield Row(
        what=f"{tasks:,} sleeping tasks: CPU of the runner beyond that with none",
        ours=f"{100 * used:.2f} % of a core (with none {100 * none / seconds:.2f} %)",
        baseline=f"{100 * polled:.0f} % for {POLLERS} that poll",
        goal=f"≤ {100 * GOAL:g} %",
        met=used <= GOAL,
    )
    served = [index in plan for index, plan in zip(INDEXES, found, strict=True)]
    yield Row(
        what="wake-up: queries served by their partial index",
        ours=f"{sum(served)} of {len(served)}",
        goal="all",
        met=all(served),
    )
