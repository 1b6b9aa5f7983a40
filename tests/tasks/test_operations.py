"""What a person does with a task: edit, pause, resume, run now, run again, answer."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from conversations.journal import write
from conversations.models import Conversation
from tasks.errors import AlreadyFinished, InvalidInput, NotFound, NotWaiting, WrongMoment
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
    run_statuses,
    runs,
    start,
    started,
    statuses,
    succeed,
)

pytestmark = pytest.mark.django_db

HOURLY = {"interval_minutes": 60}


def edit(task: Task, *, now: Any = NOW, actor: User | None = None, **fields: Any) -> Task:
    return TaskService.update(task.pk, TaskPatch(**fields), actor=actor, now=now)


def answer(task: Task, text: str = "blue") -> None:
    with transaction.atomic():
        write(TaskService.answer(task.pk, text, actor=None, now=NOW))


# --- edit ---


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
        lambda: edit(task, title="x"),
        lambda: TaskService.pause(task.pk, actor=None, now=NOW),
        lambda: TaskService.resume(task.pk, actor=None, now=NOW),
        lambda: TaskService.trigger(task.pk, actor=None, now=NOW),
    ):
        with pytest.raises(AlreadyFinished, match="cancelled"):
            act()


# --- pause and resume ---


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
    edit(task, query="new words")
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


def test_retries_are_not_held_up_by_the_pause_of_another_task(make_task: TaskMaker) -> None:
    task, other = make_task(schedule=HOURLY), make_task(schedule=HOURLY)
    fail(started(task), retryable=True)
    TaskService.pause(other.pk, actor=None, now=NOW)
    later = NOW + timedelta(seconds=10)
    assert [TaskRun.objects.get(pk=lease.run_id).task for lease in start(now=later)] == [task]
