"""Two and five runners as processes of their own, whose clocks differ: the same ticks as one would make, once each."""

import os
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection

from conversations.models import Conversation
from tasks.models import Agent, Task, TaskRun
from tests.helpers.processes import ROOT, database_url
from tests.helpers.tasks import MINUTE, NOW, TaskMaker

pytestmark = pytest.mark.django_db(transaction=True)

TASKS, SLOTS, SPEED = 24, 5, 60
STARTUP = 0.5
"""Real seconds between the last runner's being ready and their first look, which they take together."""


def made(make_task: TaskMaker) -> list[Task]:
    """Tasks of every minute, each from another second on, each with so many slots."""
    tasks = []
    for n in range(TASKS):
        start = NOW + timedelta(seconds=2 * n)
        schedule = {
            "interval_minutes": 1,
            "start_at": start.isoformat(),
            "end_at": (start + (SLOTS - 1) * MINUTE).isoformat(),
        }
        overlap = ("parallel", "skip", "queue")[n % 3]
        tasks.append(make_task(schedule=schedule, overlap=overlap, catch_up="all", query=f"task {n}"))
    return tasks


def live(skews: list[float]) -> list[str]:
    """Let a runner for each of `skews` work until nothing is left; returns the runs that they started."""
    base = (NOW - MINUTE).isoformat()
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.proof.skewed_runner", f"runner-{n}", str(skew), base, str(SPEED)],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": database_url(), "LOG_LEVEL": "WARNING"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n, skew in enumerate(skews)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    begin = time.time() + STARTUP
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(f"{begin}\n")
        process.stdin.flush()
    started: list[str] = []
    for process in processes:
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
        started += said.split()
    return started


@pytest.mark.parametrize(
    "skews",
    [
        pytest.param([-2.0, 2.0], id="two"),
        pytest.param([-2.0, -0.7, 0.0, 1.1, 2.0], id="five"),
        # Two real seconds, of which the quick clocks make two minutes.
        pytest.param([-120.0, -30.0, 0.0, 55.0, 120.0], id="five-far-apart"),
    ],
)
def test_runners_whose_clocks_differ_make_the_same_ticks_once_each(
    make_task: TaskMaker, conversation: Conversation, agent: Agent, skews: list[float]
) -> None:
    if connection.vendor == "sqlite" and len(skews) > 2:
        pytest.skip("several machines share a PostgreSQL server, not a file")
    tasks = made(make_task)
    started = live(skews)
    assert len(started) == len(set(started)), "a run was started twice"
    ran = {str(pk) for pk in TaskRun.objects.filter(status="succeeded").values_list("pk", flat=True)}
    assert ran == set(started)
    for task in tasks:
        task.refresh_from_db()
        assert task.start_at is not None
        slots = [task.start_at + n * MINUTE for n in range(SLOTS)]
        taken: Counter[int] = Counter()
        for run in task.runs.all():
            last = run.last_slot or run.scheduled_for
            inside = [n for n, slot in enumerate(slots) if run.scheduled_for <= slot <= last]
            assert len(inside) == run.slots
            taken.update(inside)
        assert taken == Counter(range(SLOTS)), f"{task.query}: each slot is in one row"
        assert task.status == "completed"
        if task.overlap == "parallel":
            assert [run.status for run in task.runs.all()] == ["succeeded"] * SLOTS
    workers = set(TaskRun.objects.exclude(worker="").values_list("worker", flat=True))
    assert len(workers) > 1 or max(skews) > 2, "one of them did all the work"
