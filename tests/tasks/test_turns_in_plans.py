"""What waits for its turn in its plan, and schedules that ended: what is done by hand to them changes neither."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from tasks.errors import AlreadyFinished
from tasks.models import Task
from tasks.schemas.inputs import TaskPatch
from tasks.services import TaskService
from tests.helpers.tasks import HOUR, MINUTE, NOW, TaskMaker, claim, fail, run_statuses, runs, start, statuses, succeed

pytestmark = pytest.mark.django_db

HOURLY = {"interval_minutes": 60}
ON_EVENT = {"on_event": True}


def fresh(task: Task) -> Task:
    return Task.objects.get(pk=task.pk)


def behind(make_task: TaskMaker, **second: Any) -> tuple[Task, Task]:
    """A once task that is due, and a task behind it."""
    plan = make_task.plan([{"query": "first"}, {"query": "second", **second}], now=NOW)
    first, last = plan.tasks.order_by("place")
    return first, last


def go_through(now: Any = NOW) -> None:
    """Claim, start and end what is due."""
    claim(now=now)
    for lease in start(now=now):
        succeed(lease, now=now)


def pauses(task: Task, user: User) -> None:
    TaskService.pause(task.pk, actor=user, now=NOW)
    TaskService.resume(task.pk, actor=user, now=NOW + MINUTE)


def rests_with_its_owner(task: Task, user: User) -> None:
    TaskService.rest_for_owner(user.pk, now=NOW)
    TaskService.resume_for_owners([user.pk], now=NOW + MINUTE)


def runs_now(task: Task, user: User) -> None:
    TaskService.trigger(task.pk, actor=user, now=NOW)


def backfills(task: Task, user: User) -> None:
    TaskService.backfill(task.pk, begin=NOW - 2 * HOUR, end=NOW, actor=user, now=NOW)


@pytest.mark.parametrize("act", [pauses, rests_with_its_owner, runs_now, backfills])
def test_a_schedule_that_waits_for_its_turn_still_has_it_after(make_task: TaskMaker, user: User, act: Any) -> None:
    first, schedule = behind(make_task, schedule=HOURLY)
    claim()
    (lease, *_) = start()
    act(schedule, user)
    for other in start(now=NOW + MINUTE):
        succeed(other, now=NOW + MINUTE)
    assert fresh(schedule).status in ("pending", "running")
    assert fresh(schedule).next_run_at is None
    assert TaskService.mend_unplanned(now=NOW + MINUTE) == 0
    turn = NOW + 10 * MINUTE
    succeed(lease, now=turn)
    assert fresh(first).status == "completed"
    assert fresh(schedule).next_run_at == turn
    go_through(turn)
    assert fresh(schedule).next_run_at == turn + HOUR


def test_what_was_run_by_hand_before_its_turn_is_cancelled_with_it_where_a_failure_stops_what_follows(
    make_task: TaskMaker, user: User
) -> None:
    first, schedule = behind(make_task, schedule=HOURLY)
    Task.objects.filter(pk=first.pk).update(on_failure="stop", max_attempts=1)
    claim()
    (lease,) = start()
    runs_now(schedule, user)
    fail(lease)
    assert fresh(schedule).status == "cancelled"
    assert run_statuses(schedule) == ["cancelled"]


@pytest.mark.parametrize("schedule", [HOURLY, {"daily_time": "08:00"}, {"cron": "0 9 * * *"}])
def test_what_waited_for_events_is_planned_once_it_has_times(make_task: TaskMaker, schedule: dict[str, Any]) -> None:
    task = make_task(schedule=ON_EVENT)
    TaskService.update(task.pk, TaskPatch(schedule=schedule), actor=None, now=NOW)
    assert fresh(task).next_run_at is not None


def test_what_had_times_waits_for_events_and_has_times_again(make_task: TaskMaker) -> None:
    task = make_task(schedule={"daily_time": "08:00"})
    TaskService.update(task.pk, TaskPatch(schedule=ON_EVENT), actor=None, now=NOW)
    assert fresh(task).next_run_at is None
    TaskService.update(task.pk, TaskPatch(schedule={"daily_time": "09:00"}), actor=None, now=NOW)
    assert fresh(task).next_run_at is not None


def test_a_schedule_that_never_ran_and_has_nothing_planned_is_mended_too(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    Task.objects.filter(pk=task.pk).update(next_run_at=None, next_slot_at=None)
    assert TaskService.mend_unplanned(now=NOW) == 1
    assert fresh(task).next_run_at is not None


def test_run_again_of_a_cancelled_task_of_events_does_not_let_it_hear_them_again(
    make_task: TaskMaker, user: User
) -> None:
    task = make_task(schedule=ON_EVENT)
    TaskService.cancel(task.pk, actor=user, now=NOW)
    TaskService.run_again(task.pk, actor=user, now=NOW + MINUTE)
    assert fresh(task).status == "running"
    assert not fresh(task).listens(NOW + MINUTE)
    (lease,) = start(now=NOW + MINUTE)
    succeed(lease, now=NOW + MINUTE)
    assert fresh(task).status == "cancelled"
    assert statuses(task)[-1] == ("running", "cancelled")
    assert len(runs(task)) == 1


def test_an_ended_schedule_cannot_be_changed_while_a_run_again_of_it_goes_on(make_task: TaskMaker, user: User) -> None:
    task = make_task(schedule=HOURLY)
    TaskService.cancel(task.pk, actor=user, now=NOW)
    TaskService.run_again(task.pk, actor=user, now=NOW + MINUTE)
    with pytest.raises(AlreadyFinished, match="cancelled already"):
        TaskService.update(task.pk, TaskPatch(schedule={"interval_minutes": 5}), actor=user, now=NOW + MINUTE)
    with pytest.raises(AlreadyFinished, match="cancelled already"):
        TaskService.pause(task.pk, actor=user, now=NOW + MINUTE + timedelta(seconds=1))
    assert fresh(task).next_run_at is None
