"""What an edit of a task does, and what may be edited when."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from conversations.models import Conversation
from tasks.errors import AlreadyFinished, InvalidInput, WrongMoment
from tasks.models import Task, TaskRun
from tasks.schemas.inputs import TaskPatch
from tasks.services import TaskService
from tests.helpers.tasks import (
    HOUR,
    MINUTE,
    NOW,
    TaskMaker,
    claim,
    components,
    run_statuses,
    started,
    succeed,
)

pytestmark = pytest.mark.django_db

HOURLY = {"interval_minutes": 60}


def edit(task: Task, *, now: Any = NOW, actor: User | None = None, **fields: Any) -> Task:
    return TaskService.update(task.pk, TaskPatch(**fields), actor=actor, now=now)


def test_an_edit_is_in_the_history_with_old_and_new(make_task: TaskMaker, user: User) -> None:
    task = make_task(schedule=HOURLY, title="Old")
    edit(task, title="New", priority=9, actor=user)
    row = task.transitions.latest("id")
    assert row.changes == {"title": {"old": "Old", "new": "New"}, "priority": {"old": 5, "new": 9}}
    assert (row.actor, row.old_status, row.new_status) == (user, "pending", "pending")


def test_an_edit_that_changes_nothing_leaves_no_trace(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    before = task.transitions.count()
    edit(task, priority=5, schedule=HOURLY)
    task.refresh_from_db()
    assert (task.transitions.count(), task.updated_at) == (before, NOW)


def test_an_edited_schedule_plans_from_now_and_never_fires_at_once(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    succeed(started(task))
    edit(task, schedule={"interval_minutes": 10}, now=NOW + 35 * MINUTE)
    task.refresh_from_db()
    assert task.next_run_at == NOW + 40 * MINUTE
    assert claim(now=NOW + 35 * MINUTE) == []


def test_an_edited_schedule_never_fires_its_old_version(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    succeed(started(task))
    edit(task, schedule={"interval_minutes": 180}, now=NOW + 30 * MINUTE)
    assert claim(now=NOW + 2 * HOUR) == []
    assert len(claim(now=NOW + 3 * HOUR)) == 1


def test_an_edit_that_names_no_zone_keeps_it(make_task: TaskMaker) -> None:
    task = make_task(schedule={"daily_time": "09:00", "timezone": "Asia/Tokyo"})
    edit(task, schedule={"daily_time": "10:00"})
    task.refresh_from_db()
    assert task.timezone == "Asia/Tokyo"
    assert task.next_run_at is not None
    assert task.next_run_at.hour == 1


@pytest.mark.parametrize(
    ("schedule", "field"),
    [
        ({"interval_minutes": 0}, "schedule.interval_minutes"),
        ({"daily_time": "25:00"}, "schedule.daily_time"),
        ({"cron": "61 * * * *"}, "schedule.cron"),
        ({"timezone": "Mars/Olympus"}, "schedule.timezone"),
        (None, "schedule"),
    ],
)
def test_a_wrong_schedule_names_its_field_and_changes_nothing(make_task: TaskMaker, schedule: Any, field: str) -> None:
    task = make_task(schedule=HOURLY)
    with pytest.raises(InvalidInput) as refused:
        edit(task, schedule=schedule, title="New")
    assert list(refused.value.fields) == [field]
    task.refresh_from_db()
    assert (task.interval_minutes, task.title) == (60, "say hello")


def test_a_title_shows_in_the_controller(make_task: TaskMaker, conversation: Conversation) -> None:
    task = make_task(schedule=HOURLY)
    edit(task, title="Renamed")
    assert [c["task_title"] for c in components(conversation, "scheduled_task_controller")] == ["Renamed"]


def test_a_new_priority_moves_queued_runs_too(make_task: TaskMaker) -> None:
    task = make_task()
    claim()
    edit(task, priority=9)
    assert TaskRun.objects.get().priority == 9


def test_a_once_task_that_started_keeps_its_text(task: Task) -> None:
    started(task)
    with pytest.raises(WrongMoment):
        edit(task, query="something else")


def test_a_once_task_can_be_moved_before_it_starts(make_task: TaskMaker) -> None:
    task = make_task(schedule={"start_at": (NOW + HOUR).isoformat()})
    edit(task, schedule={"start_at": (NOW + 2 * HOUR).isoformat()})
    assert claim(now=NOW + HOUR) == []
    assert len(claim(now=NOW + 2 * HOUR)) == 1


def test_an_edit_of_a_task_behind_another_does_not_start_it(make_task: TaskMaker) -> None:
    plan = make_task.plan([{"query": "one"}, {"query": "two"}])
    second = plan.tasks.get(place=1)
    edit(second, query="changed", schedule={"start_at": (NOW + HOUR).isoformat()})
    second.refresh_from_db()
    assert (second.query, second.next_run_at) == ("changed", None)


def test_what_ended_cannot_be_changed_paused_resumed_or_run_now(task: Task) -> None:
    TaskService.cancel(task.pk, actor=None, now=NOW)
    for act in (
        lambda: edit(task, priority=9),
        lambda: TaskService.pause(task.pk, actor=None, now=NOW),
        lambda: TaskService.resume(task.pk, actor=None, now=NOW),
        lambda: TaskService.trigger(task.pk, actor=None, now=NOW),
    ):
        with pytest.raises(AlreadyFinished, match="cancelled"):
            act()


@pytest.mark.django_db(transaction=True)
def test_of_an_edit_and_a_claim_at_once_both_count(make_task: TaskMaker, in_threads: Callable[..., list[Any]]) -> None:
    task = make_task(schedule=HOURLY)

    def act(number: int) -> None:
        if number:
            TaskService.claim_due(now=NOW)
        else:
            edit(task, title="New")

    assert in_threads(2, act) == [None, None]
    TaskService.claim_due(now=NOW)
    task.refresh_from_db()
    assert (task.title, task.status, task.next_run_at, run_statuses(task)) == (
        "New",
        "running",
        NOW + HOUR,
        ["queued"],
    )


@pytest.mark.parametrize("schedule", [None, HOURLY])
def test_an_ended_task_can_be_renamed_and_kept_longer(make_task: TaskMaker, schedule: Any) -> None:
    task = make_task(schedule=schedule)
    TaskService.cancel(task.pk, actor=None, now=NOW)
    edit(task, title="A better name", retention_days=0)
    task.refresh_from_db()
    assert (task.title, task.retention_days, task.status) == ("A better name", 0, "cancelled")
    assert task.transitions.latest("id").changes is not None
    assert claim(now=NOW + 2 * HOUR) == []
    for fields in ({"query": "other"}, {"schedule": HOURLY}, {"title": "x", "priority": 9}):
        with pytest.raises(AlreadyFinished):
            edit(task, **fields)
