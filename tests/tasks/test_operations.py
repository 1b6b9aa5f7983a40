"""What a person does with a task besides editing and pausing it: run now, run again, answer."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from conversations.journal import write
from conversations.models import Conversation
from tasks.errors import NotFound, NotWaiting, WrongMoment
from tasks.models import Task, TaskRun
from tasks.schemas.inputs import TaskPatch
from tasks.services import TaskService
from tests.helpers.tasks import (
    HOUR,
    MINUTE,
    NOW,
    TaskMaker,
    ask,
    claim,
    components,
    fail,
    runs,
    start,
    started,
    statuses,
    succeed,
)

pytestmark = pytest.mark.django_db

HOURLY = {"interval_minutes": 60}


def answer(task: Task, text: str = "blue") -> None:
    with transaction.atomic():
        write(TaskService.answer(task.pk, text, actor=None, now=NOW))


# --- run now ---


def test_run_now_never_uses_up_a_slot(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 60, "max_runs": 1, "start_at": (NOW + HOUR).isoformat()})
    run = TaskService.trigger(task.pk, actor=None, now=NOW, query="just this once")
    assert (run.trigger, run.input, run.scheduled_for) == ("manual", "just this once", NOW)
    (lease,) = start()
    succeed(lease)
    task.refresh_from_db()
    assert (task.status, task.next_run_at, task.run_count) == ("running", NOW + HOUR, 0)
    assert len(claim(now=NOW + HOUR)) == 1


def test_run_now_of_a_planned_once_task_is_its_run(make_task: TaskMaker) -> None:
    task = make_task(schedule={"start_at": (NOW + HOUR).isoformat()})
    TaskService.trigger(task.pk, actor=None, now=NOW)
    succeed(start()[0])
    task.refresh_from_db()
    assert task.status == "completed"
    assert claim(now=NOW + HOUR) == []


def test_run_now_while_a_run_goes_on_waits_behind_it(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    lease = started(task)
    TaskService.trigger(task.pk, actor=None, now=NOW)
    assert start() == []
    succeed(lease)
    assert len(start()) == 1


# --- run again ---


def test_run_again_of_an_ended_once_task_moves_it_back_and_keeps_its_input(make_task: TaskMaker, user: User) -> None:
    task = make_task(query="first words")
    fail(started(task), error="no")
    run = TaskService.run_again(task.pk, actor=user, now=NOW + MINUTE)
    task.refresh_from_db()
    assert (task.status, task.completed_at, task.error_message) == ("running", None, "")
    assert (run.input, run.trigger, run.for_slot) == ("first words", "manual", NOW)
    succeed(start(now=NOW + MINUTE)[0], now=NOW + 2 * MINUTE)
    task.refresh_from_db()
    assert statuses(task)[-2:] == [("failed", "running"), ("running", "completed")]


def test_run_again_takes_an_edited_input(task: Task) -> None:
    succeed(started(task))
    assert TaskService.run_again(task.pk, actor=None, now=NOW, query="other words").input == "other words"


def test_run_again_of_a_named_run_takes_its_input(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    succeed(started(task))
    (first,) = runs(task)
    TaskService.update(task.pk, TaskPatch(query="new words"), actor=None, now=NOW)
    succeed(started(task, now=NOW + HOUR), now=NOW + HOUR)
    again = TaskService.run_again(task.pk, actor=None, now=NOW + HOUR, run_id=first.pk)
    assert again.input == "say hello"


def test_run_again_of_a_cancelled_schedule_runs_once_and_does_not_start_it_again(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    task = make_task(schedule=HOURLY)
    started(task)
    TaskService.cancel(task.pk, actor=None, now=NOW)
    TaskService.run_again(task.pk, actor=None, now=NOW)
    task.refresh_from_db()
    assert (task.status, task.next_run_at) == ("running", None)
    succeed(start()[0])
    task.refresh_from_db()
    assert (task.status, task.next_run_at) == ("cancelled", None)
    assert claim(now=NOW + 5 * HOUR) == []


def test_run_again_of_a_planned_once_task_is_its_only_run(make_task: TaskMaker) -> None:
    task = make_task(schedule={"start_at": (NOW + HOUR).isoformat()})
    TaskService.run_again(task.pk, actor=None, now=NOW)
    (lease,) = start()
    assert claim(now=NOW + HOUR) == []
    succeed(lease, now=NOW + HOUR)
    task.refresh_from_db()
    assert (task.status, len(runs(task))) == ("completed", 1)


def test_run_again_while_that_run_goes_on_is_refused(task: Task) -> None:
    started(task)
    with pytest.raises(WrongMoment, match="still goes on"):
        TaskService.run_again(task.pk, actor=None, now=NOW)


def test_run_again_of_another_tasks_run_is_not_found(make_task: TaskMaker) -> None:
    task, other = make_task(), make_task()
    succeed(started(task))
    succeed(started(other))
    with pytest.raises(NotFound):
        TaskService.run_again(task.pk, actor=None, now=NOW, run_id=runs(other)[0].pk)


def test_run_again_after_a_cancel_of_many_tells_of_the_cancel_and_goes_on(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    task = make_task(schedule=HOURLY)
    TaskService.cancel_conversation_tasks([conversation.pk], actor=None, now=NOW)
    TaskService.run_again(task.pk, actor=None, now=NOW + MINUTE)
    TaskService.tell_cancelled(now=NOW + MINUTE)
    task.refresh_from_db()
    assert task.status == "running"
    assert [c["task_status"] for c in components(conversation, "scheduled_task_controller")] == ["running"]


# --- answers ---


def test_an_answer_sends_the_parked_run_back_to_its_agent(task: Task, conversation: Conversation) -> None:
    ask(started(task))
    answer(task)
    (run,) = runs(task)
    task.refresh_from_db()
    conversation.refresh_from_db()
    assert (run.status, run.answer, run.ready_at) == ("queued", "blue", NOW)
    assert (task.status, conversation.status) == ("running", "active")
    (lease,) = start()
    assert lease.run_id == run.pk


def test_nobody_can_answer_what_nobody_asks(task: Task) -> None:
    with pytest.raises(NotWaiting):
        answer(task)
    ask(started(task))
    answer(task)
    with pytest.raises(NotWaiting, match="running"):
        answer(task)


def test_an_answer_leaves_another_question_of_the_conversation_open(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    task, other = make_task(), make_task()
    ask(started(task))
    ask(started(other))
    answer(task)
    conversation.refresh_from_db()
    assert conversation.status == "require_user_input"


def test_an_answer_in_the_runs_own_conversation_closes_its_question_there(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, conversation_mode="new")
    other = make_task()
    ask(started(task))
    ask(started(other))
    answer(task)
    (run,) = runs(task)
    assert run.conversation.status == "active"


@pytest.mark.django_db(transaction=True)
def test_of_two_answers_at_once_one_counts_and_the_other_is_told(
    make_task: TaskMaker, in_threads: Callable[..., list[Any]]
) -> None:
    task = make_task()
    ask(started(task))
    found = in_threads(2, lambda number: answer(task, f"answer {number}"))
    assert sorted(type(each) for each in found if each is not None) == [NotWaiting]
    winner = found.index(None)
    assert TaskRun.objects.get().answer == f"answer {winner}"
    assert statuses(task).count(("waiting_input", "running")) == 1


def test_retries_are_not_held_up_by_the_pause_of_another_task(make_task: TaskMaker) -> None:
    task, other = make_task(schedule=HOURLY), make_task(schedule=HOURLY)
    fail(started(task), retryable=True)
    TaskService.pause(other.pk, actor=None, now=NOW)
    later = NOW + timedelta(seconds=10)
    assert [TaskRun.objects.get(pk=lease.run_id).task for lease in start(now=later)] == [task]
