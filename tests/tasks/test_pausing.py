"""What a pause of a schedule does, and how it ends."""

import pytest
from django.contrib.auth.models import User

from conversations.models import Conversation
from tasks.errors import InvalidInput
from tasks.services import TaskService
from tests.helpers.tasks import (
    HOUR,
    MINUTE,
    NOW,
    TaskMaker,
    claim,
    components,
    started,
    succeed,
)

pytestmark = pytest.mark.django_db

HOURLY = {"interval_minutes": 60}


def test_a_pause_rests_the_schedule_and_says_who_and_why(make_task: TaskMaker, user: User) -> None:
    task = make_task(schedule=HOURLY)
    TaskService.pause(task.pk, actor=user, now=NOW, reason="holidays")
    task.refresh_from_db()
    assert (task.paused_at, task.paused_reason, task.paused_note) == (NOW, "manual", "holidays")
    row = task.transitions.latest("id")
    assert (row.reason, row.actor) == ("paused: holidays", user)
    assert claim(now=NOW + HOUR) == []


def test_resuming_plans_from_now_and_catches_nothing_up(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    succeed(started(task))
    TaskService.pause(task.pk, actor=None, now=NOW + MINUTE)
    TaskService.resume(task.pk, actor=None, now=NOW + 5 * HOUR + MINUTE)
    task.refresh_from_db()
    assert (task.paused_at, task.paused_reason, task.next_run_at) == (None, "", NOW + 6 * HOUR)
    assert claim(now=NOW + 5 * HOUR + MINUTE) == []


def test_resuming_what_is_not_paused_changes_nothing(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    before = task.transitions.count()
    TaskService.resume(task.pk, actor=None, now=NOW + HOUR)
    task.refresh_from_db()
    assert (task.next_run_at, task.transitions.count()) == (NOW, before)


def test_a_pause_until_a_moment_ends_by_itself(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    TaskService.pause(task.pk, actor=None, now=NOW, until=NOW + 90 * MINUTE)
    assert TaskService.resume_due(now=NOW + HOUR) == 0
    assert TaskService.resume_due(now=NOW + 90 * MINUTE) == 1
    task.refresh_from_db()
    assert (task.paused_at, task.paused_until, task.next_run_at) == (None, None, NOW + 2 * HOUR)


def test_a_pause_until_the_past_is_refused(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    with pytest.raises(InvalidInput) as refused:
        TaskService.pause(task.pk, actor=None, now=NOW, until=NOW)
    assert list(refused.value.fields) == ["until"]


def test_a_cancelled_task_is_not_resumed_by_the_end_of_its_pause(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    TaskService.pause(task.pk, actor=None, now=NOW, until=NOW + HOUR)
    TaskService.cancel(task.pk, actor=None, now=NOW)
    assert TaskService.resume_due(now=NOW + HOUR) == 0
    task.refresh_from_db()
    assert (task.status, task.next_run_at, task.paused_until) == ("cancelled", None, None)


def test_a_schedule_whose_time_ran_out_in_the_pause_is_over_when_it_is_resumed(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    task = make_task(schedule={"interval_minutes": 60, "end_at": (NOW + 90 * MINUTE).isoformat()})
    succeed(started(task))
    TaskService.pause(task.pk, actor=None, now=NOW + MINUTE)
    TaskService.resume(task.pk, actor=None, now=NOW + 5 * HOUR)
    task.refresh_from_db()
    assert task.status == "completed"
    assert [c["task_status"] for c in components(conversation, "scheduled_task_controller")] == ["completed"]


def test_the_next_task_of_the_plan_goes_on_when_a_resumed_schedule_is_over(make_task: TaskMaker) -> None:
    plan = make_task.plan([{"query": "one"}, {"query": "two"}])
    first, second = plan.tasks.order_by("place")
    TaskService.pause(first.pk, actor=None, now=NOW)
    TaskService.resume(first.pk, actor=None, now=NOW + HOUR)
    succeed(started(first, now=NOW + HOUR), now=NOW + HOUR)
    second.refresh_from_db()
    assert second.next_run_at == NOW + HOUR
