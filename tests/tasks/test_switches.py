"""The operator's switches: while runs are held nothing new starts, in any process, and what runs goes on."""

import asyncio
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tasks.models import RunnerProcess, Switches, Task, TaskRun
from tasks.services import TaskService
from tasks.states import RunStatus
from tests.helpers.agents import Waiting
from tests.helpers.runners import short_intervals, sync, until, until_over, working_runner
from tests.helpers.tasks import MINUTE, NOW, TaskMaker, claim, run_statuses, start

pytestmark = pytest.mark.django_db


def hold(**given: Any) -> bool:
    return TaskService.hold(actor=None, now=NOW, **given)


def test_while_runs_are_held_nothing_is_claimed_and_nothing_leased(make_task: TaskMaker) -> None:
    make_task()
    claim()
    later = make_task()
    assert hold()
    assert TaskService.claim_due(now=NOW) == 0
    assert start() == []
    later.refresh_from_db()
    assert (later.status, later.next_run_at) == ("pending", NOW), "what is due stays due"
    assert TaskService.release()
    assert TaskService.claim_due(now=NOW) == 1
    assert len(start(capacity=5)) == 2


def test_a_schedule_that_was_held_goes_on_by_its_catch_up(make_task: TaskMaker) -> None:
    often = {"interval_minutes": 1, "start_at": NOW.isoformat()}
    one, none = make_task(schedule=often, catch_up="one"), make_task(schedule=often, catch_up="none")
    hold()
    later = NOW + 10 * MINUTE
    assert TaskService.claim_due(now=later) == 0 and not TaskRun.objects.exists()
    TaskService.release()
    TaskService.claim_due(now=later)
    assert run_statuses(one) == ["missed", "queued"]
    assert run_statuses(none)[0] == "missed"


def test_holding_twice_and_releasing_what_is_not_held_change_nothing(user: User) -> None:
    assert TaskService.hold(actor=user, now=NOW, reason="upgrade")
    assert not TaskService.hold(actor=None, now=NOW + MINUTE, reason="another")
    held = TaskService.held()
    assert (held.since, held.by, held.reason) == (NOW, "ann", "upgrade")
    assert TaskService.release() and not TaskService.release()
    assert TaskService.held() == TaskService.held().__class__()


def test_there_is_one_row_for_all_processes(db: None) -> None:
    hold()
    with pytest.raises(IntegrityError), transaction.atomic():
        Switches.objects.create(pk=2)


def test_a_process_that_drains_takes_nothing_and_the_others_do(make_task: TaskMaker) -> None:
    for name in ("one", "two"):
        TaskService.runner_present(name, concurrency=10, now=NOW)
    make_task()
    assert TaskService.drain("one", now=NOW) and not TaskService.drain("one", now=NOW)
    assert TaskService.claim_due(now=NOW, by="one") == 0
    assert TaskService.claim_due(now=NOW, by="two") == 1
    assert TaskService.start(worker="one", capacity=5, now=NOW) == []
    assert TaskService.undrain("one", now=NOW) and not TaskService.undrain("one", now=NOW)
    assert len(TaskService.start(worker="one", capacity=5, now=NOW)) == 1


def test_only_a_process_that_is_there_drains_and_its_name_goes_with_it() -> None:
    assert not TaskService.drain("nobody", now=NOW)
    for name in ("one", "two"):
        TaskService.runner_present(name, concurrency=10, now=NOW)
        TaskService.drain(name, now=NOW)
    TaskService.runner_gone("one", now=NOW)
    TaskService.undrain("two", now=NOW)
    assert TaskService.held().drained == frozenset()


def test_runners_that_were_killed_long_ago_are_forgotten() -> None:
    TaskService.runner_present("killed", concurrency=10, now=NOW)
    TaskService.runner_present("alive", concurrency=10, now=NOW + 2000 * MINUTE)
    TaskService.runner_present("ending", concurrency=10, now=NOW + 2000 * MINUTE)
    TaskService.runner_gone("ending", now=NOW + 2000 * MINUTE)
    assert list(RunnerProcess.objects.values_list("name", flat=True)) == ["alive"]


def test_asking_costs_one_query_by_key_and_only_where_something_is_due(make_task: TaskMaker) -> None:
    with CaptureQueriesContext(connection) as asked:
        TaskService.claim_due(now=NOW)
    assert len(asked) == 1
    make_task()
    hold()
    with CaptureQueriesContext(connection) as asked:
        TaskService.claim_due(now=NOW)
    assert len(asked) == 2


@pytest.mark.django_db(transaction=True)
async def test_a_runner_that_is_held_lets_end_what_runs_starts_nothing_and_does_not_spin(
    make_task: TaskMaker, serve_agent: Any, running_runner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = Waiting()
    await sync(serve_agent, agent)
    first: Task = await sync(make_task, now=timezone.now())
    await until(lambda: TaskRun.objects.filter(status=RunStatus.RUNNING).exists(), "it runs")
    await sync(TaskService.hold, actor=None, now=timezone.now())
    second: Task = await sync(make_task, now=timezone.now())

    turns = []
    turn = running_runner._turn

    async def counted() -> None:
        turns.append(1)
        await turn()

    monkeypatch.setattr(running_runner, "_turn", counted)
    await asyncio.sleep(0.5)
    assert len(turns) <= 8, "it looks as often as it polls"
    agent.go.set()
    await until_over(first)
    assert await sync(run_statuses, first) == ["succeeded"]
    assert await sync(run_statuses, second) == [], "it has not started"
    assert running_runner.last_turn_at is not None
    await sync(TaskService.release)
    await until_over(second)
    assert await sync(run_statuses, second) == ["succeeded"]


@pytest.mark.django_db(transaction=True)
async def test_a_runner_is_seen_while_it_is_there_and_drains_alone(
    make_task: TaskMaker, serve_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_intervals(monkeypatch)
    agent = Waiting()
    agent.go.set()
    await sync(serve_agent, agent)
    async with working_runner():
        name = await until(lambda: RunnerProcess.objects.alive(timezone.now()).values_list("name", flat=True).first())
        assert await sync(TaskService.drain, name, now=timezone.now())
        task: Task = await sync(make_task, now=timezone.now())
        await asyncio.sleep(0.3)
        assert await sync(run_statuses, task) == []
        await sync(TaskService.undrain, name, now=timezone.now())
        await until_over(task)
    assert not await sync(RunnerProcess.objects.exists)
