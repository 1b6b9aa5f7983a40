"""Two runners side by side, as real processes on one database: no tick is lost, and none is run twice."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import Conversation, ItemTail
from tasks.models import Agent, Task, TaskRun
from tests.helpers.agents import Echo
from tests.helpers.processes import runners
from tests.helpers.tasks import TaskMaker, components, contents, history

pytestmark = pytest.mark.django_db(transaction=True)

ONCE, RECURRING, SLOTS = 40, 10, 4
"""Tasks of either kind, and the slots of each recurring one that have passed already when the runners look."""


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def over(expected: int) -> bool:
    done = TaskRun.objects.exclude(status__in=["queued", "running"]).count()
    return done >= expected and not TaskRun.objects.active().exists()


def scheduled(make_task: TaskMaker, number: int) -> list[Task]:
    """Tasks of every ten minutes, with the last slots missed and all to be caught up."""
    first = timezone.now() - timedelta(minutes=10 * (SLOTS - 1), seconds=30)
    tasks = [
        make_task(
            query=f"recurring {n}",
            now=timezone.now(),
            schedule={"interval_minutes": 10, "start_at": (timezone.now() + timedelta(hours=1)).isoformat()},
            catch_up="all",
        )
        for n in range(number)
    ]
    Task.objects.filter(pk__in=[task.pk for task in tasks]).update(
        start_at=first, anchor_at=first, next_slot_at=first, next_run_at=first
    )
    return tasks


def test_every_tick_runs_once_whoever_takes_it(
    make_task: TaskMaker, serve_agent: Callable[..., Agent], conversation: Conversation
) -> None:
    echo = Echo()
    serve_agent(echo, max_concurrency=8)
    # Neither can have all of it.
    with runners(2, RUN_CONCURRENCY="4") as processes:
        recurring = scheduled(make_task, RECURRING)
        for n in range(ONCE):
            make_task(query=f"once {n}", now=timezone.now(), priority=n % 10)
        expected = ONCE + RECURRING * SLOTS
        wait_for(lambda: over(expected), "not all of it ran")
        assert [process.stop() for process in processes] == [0, 0]

    runs = TaskRun.objects.all()
    assert Counter(runs.values_list("status", flat=True)) == {"succeeded": expected}
    assert len(set(runs.values_list("worker", flat=True))) == 2
    slots = list(runs.values_list("task", "scheduled_for"))
    assert len(slots) == len(set(slots))
    assert Counter(echo.received) == Counter(run.input for run in runs)
    assert {task.runs.count() for task in recurring} == {SLOTS}
    answers = Counter(contents(conversation, "message_chunk"))
    assert answers == Counter(f"You said: once {n}" for n in range(ONCE))
    assert len(components(conversation, "scheduled_task_result")) == RECURRING * SLOTS
    assert ItemTail.objects.count() == 0
    seqs = [envelope["seq"] for envelope in history(conversation)]
    conversation.refresh_from_db()
    assert len(seqs) == len(set(seqs))
    assert max(seq for seq in seqs if seq) <= conversation.last_seq


def test_an_agents_limit_holds_over_both(make_task: TaskMaker, serve_agent: Callable[..., Agent]) -> None:
    echo = Echo()
    at_once: list[int] = []
    serve_agent(echo, max_concurrency=2)
    with runners(2, RUN_CONCURRENCY="4"):
        tasks = [make_task(query=str(n), now=timezone.now()) for n in range(20)]

        def watched() -> bool:
            at_once.append(TaskRun.objects.filter(status="running").count())
            return over(len(tasks))

        wait_for(watched, "not all of it ran")
    assert max(at_once) <= 2
    assert sorted(echo.received, key=int) == [str(n) for n in range(20)]
