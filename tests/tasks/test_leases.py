"""Leases: who may carry out which run, how many at once, and what becomes of a worker that lost its own."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from conversations.models import Conversation
from tasks.models import Agent, Task, TaskRun
from tasks.services import Lease, TaskService
from tasks.services.leases import _take
from tests.helpers.tasks import (
    HOUR,
    MINUTE,
    NOW,
    TaskMaker,
    claim,
    fail,
    many_due,
    run_statuses,
    start,
    started,
    succeed,
)

pytestmark = pytest.mark.django_db


def queued(task: Task, number: int, **fields: Any) -> list[TaskRun]:
    """Runs of `task` that are ready, oldest first."""
    values = {
        "user_id": task.user_id,
        "trigger": "manual",
        "status": "queued",
        "agent_name": task.agent_name,
        "ready_at": NOW,
        **fields,
    }
    return TaskRun.objects.bulk_create(
        TaskRun(
            task=task,
            user=task.user,
            conversation=task.conversation,
            scheduled_for=NOW + timedelta(seconds=n),
            input="x",
            **values,
        )
        for n in range(number)
    )


def names(leases: list[Lease]) -> list[str]:
    """The texts of the leased runs, in the order in which they were taken."""
    return [TaskRun.objects.get(pk=lease.run_id).input for lease in leases]


def test_a_lease_makes_the_run_running_and_names_its_worker(task: Task) -> None:
    claim()
    (lease,) = start(worker="here", now=NOW)
    run = TaskRun.objects.get()
    assert (run.status, run.worker, run.token, run.heartbeat_at, run.started_at) == ("running", "here", 1, NOW, NOW)
    assert lease == Lease(run_id=run.pk, token=1)
    assert start() == []


def test_higher_priority_goes_first_then_the_older(make_task: TaskMaker) -> None:
    make_task(query="second")
    make_task(query="third", now=NOW + MINUTE)
    make_task(query="first", priority=9, now=NOW + 2 * MINUTE)
    for minute in range(3):
        claim(now=NOW + minute * MINUTE)
    taken = [name for _ in range(3) for name in names(start(now=NOW + HOUR, capacity=1))]
    assert taken == ["first", "second", "third"]


def test_an_agent_has_at_most_as_many_runs_at_once_as_it_may(make_task: TaskMaker, agent: Agent) -> None:
    Agent.objects.update(max_concurrency=2)
    tasks = [make_task() for _ in range(5)]
    claim()
    leases = start()
    assert len(leases) == 2
    assert start() == []
    succeed(leases[0])
    assert len(start()) == 1
    assert TaskRun.objects.filter(status="running").count() == 2
    assert len(tasks) == 5


def test_a_busy_agent_does_not_hold_up_the_others(
    make_task: TaskMaker, agent: Agent, conversation: Conversation
) -> None:
    Agent.objects.update(max_concurrency=2)
    Agent.objects.create(name="Other", slug="Other", url="http://127.0.0.1:9/")
    for each in many_due(conversation, 120, priority=9):
        queued(each, 1, priority=9)
    task = make_task(query="of the other", agent_name="Other")
    queued(task, 1)
    leases = start(capacity=10)
    agents = [TaskRun.objects.get(pk=lease.run_id).agent_name for lease in leases]
    assert agents == ["Echo", "Echo", "Other"]


def test_a_task_with_many_runs_does_not_hold_up_the_others(make_task: TaskMaker) -> None:
    many = make_task(query="many")
    Task.objects.filter(pk=many.pk).update(next_run_at=None, next_slot_at=None)
    queued(many, 200)
    other = make_task(query="other")
    Task.objects.filter(pk=other.pk).update(next_run_at=None, next_slot_at=None)
    queued(other, 1, ready_at=NOW + MINUTE)
    leases = start(capacity=10, now=NOW + HOUR)
    assert {TaskRun.objects.get(pk=lease.run_id).task for lease in leases} == {many, other}
    assert len(leases) == 2


def test_one_run_a_task_at_once_unless_it_is_parallel(make_task: TaskMaker) -> None:
    one, parallel = make_task(), make_task(overlap="parallel")
    queued(one, 3)
    queued(parallel, 3)
    start()
    assert sorted(run_statuses(one)) == ["queued", "queued", "running"]
    assert run_statuses(parallel) == ["running"] * 3


def test_a_run_is_not_taken_before_its_moment(task: Task) -> None:
    claim()
    TaskRun.objects.update(ready_at=NOW + MINUTE)
    assert start(now=NOW) == []
    assert len(start(now=NOW + MINUTE)) == 1


def test_a_queued_run_of_a_paused_schedule_waits_until_it_goes_on(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 10})
    claim()
    TaskService.pause(task.pk, actor=None, now=NOW)
    assert start(now=NOW + MINUTE) == []
    TaskService.resume(task.pk, actor=None, now=NOW + MINUTE)
    assert len(start(now=NOW + MINUTE)) == 1


def test_a_retry_of_a_paused_schedule_waits_too(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 10})
    fail(started(task), retryable=True)
    TaskService.pause(task.pk, actor=None, now=NOW)
    assert start(now=NOW + 5 * MINUTE) == []
    TaskService.resume(task.pk, actor=None, now=NOW + 5 * MINUTE)
    assert len(start(now=NOW + 5 * MINUTE)) == 1


def test_run_now_and_its_retries_work_while_the_schedule_is_paused(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 10})
    TaskService.pause(task.pk, actor=None, now=NOW)
    TaskService.trigger(task.pk, actor=None, now=NOW)
    (lease,) = start(now=NOW)
    fail(lease, retryable=True)
    assert len(start(now=NOW + 5 * MINUTE)) == 1


def test_runs_of_an_agent_that_was_disabled_meanwhile_wait_for_it(make_task: TaskMaker, agent: Agent) -> None:
    task = make_task()
    claim()
    Agent.objects.update(enabled=False)
    assert start() == []
    task.refresh_from_db()
    assert (run_statuses(task), task.paused_reason) == (["queued"], "agent_gone")
    Agent.objects.update(enabled=True)
    assert TaskService.agents_back() == ["Echo"]
    TaskService.resume_for_agents(["Echo"], now=NOW)
    assert len(start()) == 1


def test_the_loser_of_a_race_gets_fewer(task: Task) -> None:
    claim()
    run = TaskRun.objects.select_related("task").get()
    TaskRun.objects.update(token=1)
    assert _take([run], "late", NOW) == []


def test_a_heartbeat_renews_the_runs_that_go_on_here_and_no_others(make_task: TaskMaker) -> None:
    tasks = [make_task() for _ in range(3)]
    claim()
    leases = start(worker="here")
    later = NOW + MINUTE
    assert TaskService.beat(leases[:2], worker="here", now=later) == 2
    beats = dict(TaskRun.objects.values_list("pk", "heartbeat_at"))
    assert [beats[lease.run_id] for lease in leases] == [later, later, NOW]
    assert len(tasks) == 3
    assert TaskService.beat(leases, worker="somebody else", now=later) == 0


def test_a_lease_that_somebody_else_took_is_lost(task: Task) -> None:
    lease = started(task)
    assert TaskService.lost([lease]) == []
    TaskRun.objects.update(token=2)
    assert TaskService.lost([lease]) == [lease]
    assert TaskService.gate({lease}, {lease}) == set()


def test_a_lease_of_a_run_that_was_cancelled_is_lost(task: Task) -> None:
    lease = started(task)
    TaskService.cancel(task.pk, actor=None, now=NOW)
    assert TaskService.lost([lease]) == [lease]
    assert TaskService.gate({lease}, set()) == set()


def test_the_gate_lets_through_what_is_held_and_ignores_what_is_no_lease(task: Task) -> None:
    lease = started(task)
    gone = Lease(run_id=task.pk, token=1)
    assert TaskService.gate({lease, gone, "something else"}, {lease}) == {lease}


def test_a_run_that_is_handed_back_is_taken_by_another_with_a_new_token(task: Task) -> None:
    lease = started(task)
    assert TaskService.hand_back([lease], now=NOW) == 1
    assert TaskService.hand_back([lease], now=NOW) == 0
    (again,) = start(worker="other")
    assert (again.run_id, again.token) == (lease.run_id, 2)
    assert TaskRun.objects.get().started_at == NOW
    # The worker before says it late: the run is not its any more.
    assert TaskService.hand_back([lease], now=NOW) == 0
    assert TaskRun.objects.get().worker == "other"


def test_the_queries_of_leasing_grow_with_the_leases_only(conversation: Conversation, agent: Agent) -> None:
    Agent.objects.update(max_concurrency=1000)
    counts = []
    for number in (10, 200):
        for each in many_due(conversation, number):
            queued(each, 1)
        with CaptureQueriesContext(connection) as queries:
            assert len(start(capacity=5)) == 5
        counts.append(len(queries))
        TaskRun.objects.all().delete()
    assert counts[0] == counts[1]


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_take_runs_at_once_keep_to_the_limits(
    make_task: TaskMaker, agent: Agent, in_threads: Callable[..., list[Any]]
) -> None:
    Agent.objects.update(max_concurrency=3)
    task = make_task()
    queued(task, 30)
    for _ in range(10):
        queued(make_task(), 1)
    found = in_threads(4, lambda number: start(worker=f"worker-{number}", capacity=10))
    leases = [lease for taken in found for lease in taken]
    assert len(leases) == len({lease.run_id for lease in leases}) == 3
    assert task.runs.filter(status="running").count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_gate_holds_up_a_cancel_until_the_commit(task: Task) -> None:
    lease = started(task)
    order: list[str] = []
    cancelled = threading.Event()

    def cancel() -> None:
        TaskService.cancel(task.pk, actor=None, now=NOW)
        order.append("cancelled")
        connection.close()
        cancelled.set()

    thread = threading.Thread(target=cancel)
    with transaction.atomic():
        assert TaskService.gate({lease}, {lease}) == {lease}
        thread.start()
        assert not cancelled.wait(0.2)
        order.append("committed")
    thread.join(10)
    assert order == ["committed", "cancelled"]
