"""Claiming 10,000 due tasks: seconds, batches and queries, beside claiming them one a transaction."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from benchmarks import people
from benchmarks.harness import RUNS, Row, median_of
from tasks.models import ExecutionPlan, Task, TaskRun
from tasks.schedules import Schedule
from tasks.services import TaskService
from tasks.services.claiming import BATCH

TASKS = 10_000
ONE_BY_ONE = 300
"""Tasks of the baseline: its time grows with their number alone."""
GOAL = 2.0


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that are sent inside the context."""
    sent: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield sent


def make_due(number: int) -> None:
    """`number` due tasks of an hourly schedule, and no others."""
    ExecutionPlan.objects.all().delete()
    due = timezone.now() - timedelta(seconds=5)
    people.tasks(number, Schedule(interval_minutes=60, start_at=due), next_run_at=due)


def claim(number: int, *, limit: int) -> tuple[float, list[int]]:
    """Claim `number` due tasks, `limit` a transaction: seconds, and the statements of each that found some."""
    make_due(number)
    now = timezone.now()
    queries: list[int] = []
    begun = time.perf_counter()
    while True:
        with counted() as sent:
            claimed = TaskService.claim_due(now=now, limit=limit)
        if claimed:
            queries.append(len(sent))
        if claimed < limit:
            break
    seconds = time.perf_counter() - begun
    assert TaskRun.objects.count() == number
    assert not Task.objects.due(now).exists()
    return seconds, queries


def measure(*, quick: bool) -> Iterator[Row]:
    """The rows of the table."""
    people.agent()
    runs = 2 if quick else RUNS
    claim(BATCH, limit=BATCH)
    found = [claim(TASKS, limit=BATCH) for _ in range(runs)]
    seconds = median_of(taken for taken, _ in found)
    each = median_of(claim(ONE_BY_ONE, limit=1)[0] for _ in range(runs)) / ONE_BY_ONE
    queries = found[0][1]
    few = claim(BATCH // 10, limit=BATCH // 10)[1]
    yield Row(
        what=f"claiming {TASKS:,} due tasks, {connection.vendor}",
        ours=f"{seconds:.2f} s in {len(queries)} batches",
        baseline=f"{each * TASKS:.1f} s one by one (from {ONE_BY_ONE})",
        ratio=f"{each * TASKS / seconds:.0f}×",
        goal=f"< {GOAL:g} s",
        met=seconds < GOAL,
    )
    yield Row(
        what=f"claiming: statements a batch, {connection.vendor}",
        ours=f"{max(queries)} for {BATCH}",
        baseline=f"{max(few)} for {BATCH // 10}",
        ratio=f"{max(queries) / max(few):.2f}×",
        goal="the same",
        met=max(queries) == max(few),
    )
