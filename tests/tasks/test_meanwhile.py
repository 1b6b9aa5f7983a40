"""What a message does while a run of its conversation goes on: beside it, after it, or in its place."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from conversations.models import Conversation
from tasks.models import Agent, Task, TaskRun
from tasks.requests import submit_message
from tasks.schemas.inputs import MessageIn
from tests.helpers.tasks import HOUR, MINUTE, NOW, TaskMaker, ask, claim, start, started, succeed

pytestmark = pytest.mark.django_db


def say(conversation: Conversation, meanwhile: str = "beside", **fields: Any) -> Task:
    """A message with that choice; its one task."""
    message = MessageIn(text="say it", agent_name="Echo", meanwhile=meanwhile, **fields)  # type: ignore[arg-type]
    plan = submit_message(conversation, message, user=conversation.user, now=NOW + MINUTE)
    claim(now=NOW + MINUTE)
    task: Task = plan.tasks.get()
    return task


def taken(now: Any = NOW + MINUTE) -> list[str]:
    return [str(TaskRun.objects.get(pk=lease.run_id).task_id) for lease in start(now=now)]


def test_a_message_runs_beside_what_goes_on_unless_it_says_otherwise(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    started(make_task())
    assert taken() == []
    assert say(conversation).in_line is False
    assert len(taken()) == 1


def test_a_message_that_waits_starts_when_what_was_asked_before_has_ended(
    make_task: TaskMaker, conversation: Conversation, user: User, agent: Agent
) -> None:
    lease = started(make_task())
    task = say(conversation, "wait")
    assert taken() == []
    assert Task.objects.with_phase().get(pk=task.pk).phase == "queued"  # type: ignore[attr-defined]
    other = Conversation.objects.create(user=user)
    elsewhere = TaskMaker(other)(now=NOW + MINUTE)
    claim(now=NOW + MINUTE)
    assert taken() == [str(elsewhere.pk)]
    succeed(lease, now=NOW + MINUTE)
    assert taken() == [str(task.pk)]


def test_messages_that_wait_go_one_after_the_other(make_task: TaskMaker, conversation: Conversation) -> None:
    lease = started(make_task())
    first, second = say(conversation, "wait"), say(conversation, "wait")
    succeed(lease, now=NOW + MINUTE)
    (one,) = start(now=NOW + MINUTE)
    assert TaskRun.objects.get(pk=one.run_id).task_id == first.pk
    assert taken() == []
    succeed(one, now=NOW + MINUTE)
    assert taken() == [str(second.pk)]


def test_a_message_does_not_wait_for_what_waits_for_a_person(make_task: TaskMaker, conversation: Conversation) -> None:
    ask(started(make_task()))
    task = say(conversation, "wait", new_plan=True)
    assert taken() == [str(task.pk)]


def test_a_message_in_the_place_of_what_runs_cancels_it_and_lets_schedules_go_on(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    once, schedule = make_task(), make_task(schedule={"interval_minutes": 60})
    planned = make_task(schedule={"start_at": (NOW + HOUR).isoformat()})
    claim()
    start()
    task = say(conversation, "interrupt")
    assert Task.objects.get(pk=once.pk).status == "cancelled"
    assert [str(run.status) for run in schedule.runs.all()] == ["cancelled"]
    assert Task.objects.get(pk=schedule.pk).next_run_at == NOW + HOUR
    assert Task.objects.get(pk=planned.pk).status == "pending"
    assert taken() == [str(task.pk)]
    said = [item.payload["content"] for item in conversation.items.filter(event="task_cancelled")]
    assert said == ["A newer message took its place."] * 2
