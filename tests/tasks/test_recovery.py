"""What becomes of runs whose worker died, of deadlines, of cancels that no agent heard, and of what is old."""

import os
import socket
from datetime import timedelta
from typing import Any

import pytest

from tasks.execution import recovery
from tasks.execution.recovery import STALE_AFTER
from tasks.models import Agent, Task, TaskRun
from tasks.services import Known, Lease, TaskService
from tests.helpers.tasks import (
    HOUR,
    NOW,
    TaskMaker,
    ask,
    run_statuses,
    runs,
    start,
    started,
)

pytestmark = pytest.mark.django_db

HOURLY = {"interval_minutes": 60}
LATER = NOW + STALE_AFTER + timedelta(seconds=1)


def known(lease: Lease) -> None:
    TaskService.sent([lease], now=NOW)
    TaskService.known_at_agent([Known(lease=lease, remote_task_id="remote-1", remote_context_id="context-1", at=NOW)])


def test_a_run_that_was_never_sent_goes_back_to_the_queue(task: Task) -> None:
    lease = started(task)
    assert recovery.take_up_stale(now=LATER) == 1
    (run,) = runs(task)
    assert (run.status, run.worker, run.heartbeat_at) == ("queued", "", None)
    assert TaskService.gate({lease}, set()) == set()
    assert len(start(now=LATER)) == 1


def test_a_run_that_its_agent_knows_goes_back_to_be_joined_again(task: Task) -> None:
    known(started(task))
    assert recovery.take_up_stale(now=LATER) == 1
    (run,) = runs(task)
    assert (run.status, run.remote_task_id, run.sent_at) == ("queued", "remote-1", NOW)


def test_a_run_that_was_sent_and_is_not_known_goes_back_to_be_asked_for(task: Task) -> None:
    TaskService.sent([started(task)], now=NOW)
    assert recovery.take_up_stale(now=LATER) == 1
    (run,) = runs(task)
    assert (run.status, run.remote_task_id, run.sent_at) == ("queued", "", NOW)


def test_a_worker_that_shows_that_it_lives_while_its_run_is_being_taken_up_keeps_it(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = started(task)

    def beats(point: str) -> None:
        if point == "recovery.before":
            TaskService.beat([lease], worker="worker-1", now=LATER)

    monkeypatch.setattr(recovery.faults, "reached", beats)
    assert recovery.take_up_stale(now=LATER) == 0
    assert run_statuses(task) == ["running"]


def test_a_run_that_another_house_took_up_meanwhile_is_not_taken_from_its_new_worker(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = started(task)

    def another(point: str) -> None:
        if point == "recovery.before":
            TaskService.hand_back([lease], now=LATER)
            assert len(start(now=LATER, worker="worker-2")) == 1

    monkeypatch.setattr(recovery.faults, "reached", another)
    assert recovery.take_up_stale(now=LATER) == 0
    (run,) = runs(task)
    assert (run.status, run.worker) == ("running", "worker-2")


def test_a_worker_that_shows_its_heart_beat_keeps_its_runs(task: Task) -> None:
    lease = started(task)
    TaskService.beat([lease], worker="worker-1", now=LATER)
    assert recovery.take_up_stale(now=LATER) == 0
    assert run_statuses(task) == ["running"]


def test_a_process_of_this_host_that_is_gone_is_known_to_be_dead_at_once(task: Task) -> None:
    started(task)
    gone = _a_number_of_no_process()
    TaskRun.objects.update(worker=f"{socket.gethostname()}:{gone}:x")
    assert recovery.take_up_stale(now=NOW) == 1


def _a_number_of_no_process() -> int:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return child


def test_a_process_of_this_host_that_lives_and_one_of_another_are_told_by_their_heart_beat(task: Task) -> None:
    started(task)
    for worker in (recovery.worker_name(), "other-host:1:x"):
        TaskRun.objects.update(worker=worker)
        assert recovery.take_up_stale(now=NOW) == 0


def test_a_parked_run_needs_no_worker(task: Task) -> None:
    ask(started(task))
    assert recovery.take_up_stale(now=NOW + 100 * HOUR) == 0
    assert run_statuses(task) == ["waiting_input"]


def test_taking_up_twice_takes_up_once(make_task: TaskMaker) -> None:
    for _ in range(3):
        started(make_task())
    assert recovery.take_up_stale(now=LATER) == 3
    assert recovery.take_up_stale(now=LATER) == 0


def test_leases_of_a_worker_that_leaves_are_released_unless_somebody_else_holds_them(make_task: TaskMaker) -> None:
    mine, taken = make_task(), make_task()
    leases = [started(mine), started(taken)]
    TaskRun.objects.filter(task=taken).update(token=5)
    recovery.release_leases(leases, now=NOW)
    assert (run_statuses(mine), run_statuses(taken)) == (["queued"], ["running"])


def test_deadlines_are_kept_in_every_state(make_task: TaskMaker) -> None:
    deadline = {"deadline_at": (NOW + HOUR).isoformat()}
    waiting, running, pending = make_task(**deadline), make_task(**deadline), make_task(**deadline)
    Task.objects.filter(pk=pending.pk).update(next_run_at=NOW + 5 * HOUR, next_slot_at=NOW + 5 * HOUR)
    fine = make_task(deadline_at=(NOW + 2 * HOUR).isoformat())
    ask(started(waiting))
    started(running)
    assert recovery.miss_deadlines(now=NOW + HOUR - timedelta(seconds=1)) == 0
    assert recovery.miss_deadlines(now=NOW + HOUR) == 3
    found = [Task.objects.get(pk=task.pk).status for task in (waiting, running, pending, fine)]
    assert found == ["failed", "failed", "failed", "running"]
    assert recovery.miss_deadlines(now=NOW + HOUR) == 0


def test_a_cancel_that_no_worker_can_tell_is_due_and_one_that_a_worker_may_still_tell_waits(task: Task) -> None:
    known(started(task))
    TaskService.cancel(task.pk, actor=None, now=NOW)
    assert recovery.due_cancels(now=NOW) == []
    (due,) = recovery.due_cancels(now=NOW + timedelta(seconds=11))
    assert (due.remote_task_id, due.agent.name) == ("remote-1", "Echo")
    assert recovery.due_cancels(now=NOW + 2 * HOUR) == []


def test_a_cancel_at_an_agent_that_is_gone_waits_for_nobody(task: Task) -> None:
    known(started(task))
    TaskService.cancel(task.pk, actor=None, now=NOW)
    Agent.objects.all().delete()
    assert recovery.due_cancels(now=NOW + timedelta(seconds=11)) == []


@pytest.mark.django_db(transaction=True)
def test_two_houses_that_take_up_the_same_run_take_it_up_once(make_task: TaskMaker, in_threads: Any) -> None:
    tasks = [make_task() for _ in range(5)]
    for task in tasks:
        TaskService.sent([started(task)], now=NOW)
    found = in_threads(3, lambda _: recovery.take_up_stale(now=LATER))
    assert sum(found) == 5
    assert [run_statuses(task) for task in tasks] == [["queued"]] * 5
    assert TaskRun.objects.count() == 5
