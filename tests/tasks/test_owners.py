"""Tasks of a person whose account is not active rest, whoever finds it out, and go on when it is again."""

import pytest
from django.contrib.auth.models import User

from conversations.models import Conversation
from tasks.models import Task, TaskRun
from tasks.services import TaskService, resting
from tests.helpers.tasks import HOUR, MINUTE, NOW, TaskMaker, claim, many_due, run_statuses, start, started, succeed

EVERY_HOUR = {"interval_minutes": 60}


def away(user: User, active: bool = False) -> None:
    User.objects.filter(pk=user.pk).update(is_active=active)


def test_what_is_unfinished_rests_and_what_has_ended_or_rests_already_stays(make_task: TaskMaker, user: User) -> None:
    going, paused, over = make_task(schedule=EVERY_HOUR), make_task(schedule=EVERY_HOUR), make_task()
    TaskService.pause(paused.pk, actor=user, now=NOW, reason="holiday")
    TaskService.cancel(over.pk, actor=user, now=NOW)
    away(user)
    assert TaskService.rest_for_owner(user.pk, now=NOW) == 1
    found = {task.pk: task.paused_reason for task in Task.objects.all()}
    assert found == {going.pk: "owner_inactive", paused.pk: "manual", over.pk: ""}
    assert going.transitions.latest("id").reason == "Its owner's account is not active."
    assert claim(now=NOW + 3 * HOUR) == []


def test_any_number_rests_and_goes_on_in_batches(
    conversation: Conversation, agent: object, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resting, "BATCH", 3)
    many_due(conversation, 8)
    away(user)
    assert TaskService.rest_for_owner(user.pk, now=NOW) == 8
    assert TaskService.owners_back() == []
    assert TaskService.resume_for_owners([user.pk], now=NOW) == 0, "they are not back"
    away(user, active=True)
    assert TaskService.owners_back() == [user.pk]
    assert [TaskService.resume_for_owners([user.pk], now=NOW) for _ in range(4)] == [3, 3, 2, 0]
    assert TaskService.owners_back() == []
    assert len(claim()) == 8


def test_they_go_on_by_their_catch_up(make_task: TaskMaker, user: User) -> None:
    one, none = (make_task(schedule=EVERY_HOUR, catch_up=policy) for policy in ("one", "none"))
    for task in (one, none):
        succeed(started(task))
    away(user)
    TaskService.rest_for_owner(user.pk, now=NOW + MINUTE)
    later = NOW + 3 * HOUR + 30 * MINUTE
    away(user, active=True)
    TaskService.resume_for_owners([user.pk], now=later)
    claim(now=later)
    assert "queued" in run_statuses(one) and "queued" not in run_statuses(none)
    assert "missed" in run_statuses(none)


def test_a_claim_rests_what_nobody_has_rested_and_takes_the_others(
    make_task: TaskMaker, user: User, other_user: User
) -> None:
    mine = make_task(schedule=EVERY_HOUR)
    theirs = TaskMaker(Conversation.objects.create(user=other_user))()
    away(user)
    assert [run.task_id for run in claim()] == [theirs.pk]
    mine.refresh_from_db()
    assert (mine.paused_reason, run_statuses(mine)) == ("owner_inactive", [])


def test_what_is_queued_waits_also_what_was_started_by_hand(make_task: TaskMaker, user: User) -> None:
    task, by_hand = make_task(), make_task(schedule={"interval_minutes": 60, "start_at": "2027-01-01T00:00:00Z"})
    claim()
    TaskService.trigger(by_hand.pk, actor=user, now=NOW)
    away(user)
    TaskService.rest_for_owner(user.pk, now=NOW)
    assert start() == []
    away(user, active=True)
    TaskService.resume_for_owners([user.pk], now=NOW)
    assert len(start()) == 2
    assert TaskRun.objects.filter(status="running").count() == 2
    assert run_statuses(task) == ["running"]


def test_what_runs_goes_on_and_ends(make_task: TaskMaker, user: User) -> None:
    task = make_task(schedule=EVERY_HOUR)
    lease = started(task)
    away(user)
    TaskService.rest_for_owner(user.pk, now=NOW)
    succeed(lease)
    task.refresh_from_db()
    assert (run_statuses(task), task.status, task.paused_reason) == (["succeeded"], "running", "owner_inactive")
