"""A schedule for which nothing is planned is found and put right, and so is one planned by older zone rules."""

from datetime import timedelta

import pytest

from tasks.models import Task, TaskTransition
from tasks.services import TaskService
from tests.helpers.tasks import HOUR, NOW, TaskMaker, claim, start, succeed

pytestmark = pytest.mark.django_db


@pytest.fixture
def idle(make_task: TaskMaker) -> Task:
    """An hourly schedule between two runs."""
    task = make_task(schedule={"interval_minutes": 60})
    claim(now=NOW)
    succeed(*start(now=NOW), now=NOW)
    task.refresh_from_db()
    return task


def test_a_schedule_with_nothing_planned_gets_its_next_slot_and_its_history_says_so(idle: Task) -> None:
    Task.objects.update(next_run_at=None, next_slot_at=None)
    assert TaskService.mend_unplanned(now=NOW + HOUR / 2) == 1
    idle.refresh_from_db()
    assert (idle.next_slot_at, idle.next_run_at) == (NOW + HOUR, NOW + HOUR)
    assert TaskTransition.objects.filter(task=idle).latest("id").reason == "mended: nothing was planned for it"


def test_one_that_has_no_slot_left_is_completed(idle: Task) -> None:
    Task.objects.update(next_run_at=None, next_slot_at=None, end_at=NOW + timedelta(minutes=10))
    assert TaskService.mend_unplanned(now=NOW + HOUR) == 1
    idle.refresh_from_db()
    assert idle.status == "completed"


def test_what_rests_runs_waits_for_an_event_or_is_planned_is_left_alone(idle: Task, make_task: TaskMaker) -> None:
    make_task(schedule={"interval_minutes": 60, "max_runs": 1})
    claim(now=NOW)
    start(now=NOW)  # its only run goes on, and nothing is planned behind it
    rests = make_task(schedule={"interval_minutes": 60})
    Task.objects.filter(pk=rests.pk).update(status="running", next_run_at=None, next_slot_at=None, paused_at=NOW)
    make_task(schedule={"on_event": True})
    assert TaskService.mend_unplanned(now=NOW + HOUR) == 0


def test_times_planned_by_older_zone_rules_are_planned_anew_and_due_ones_stay(make_task: TaskMaker) -> None:
    daily = make_task(schedule={"daily_time": "12:00", "timezone": "Europe/Berlin"})
    right = Task.objects.get(pk=daily.pk).next_slot_at
    assert right is not None
    Task.objects.update(next_slot_at=right + HOUR, next_run_at=right + HOUR)
    assert TaskService.replan_calendars(now=NOW) == 1
    daily.refresh_from_db()
    assert (daily.next_slot_at, daily.next_run_at) == (right, right)
    Task.objects.update(next_slot_at=NOW - HOUR, next_run_at=NOW - HOUR)
    assert TaskService.replan_calendars(now=NOW) == 0


def test_what_rests_is_planned_by_the_new_zone_rules_too(make_task: TaskMaker) -> None:
    daily = make_task(schedule={"daily_time": "12:00", "timezone": "Europe/Berlin"})
    right = Task.objects.get(pk=daily.pk).next_slot_at
    assert right is not None
    TaskService.pause(daily.pk, actor=None, now=NOW)
    Task.objects.update(next_slot_at=right + HOUR, next_run_at=right + HOUR)
    assert TaskService.replan_calendars(now=NOW) == 1
    daily.refresh_from_db()
    assert (daily.next_slot_at, daily.next_run_at) == (right, right)
