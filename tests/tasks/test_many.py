"""Acts on many tasks: as for one, in as many statements for 500 as for 5, and what stays as it was is named."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from conversations.models import Conversation
from tasks.errors import InvalidInput
from tasks.models import Agent, ExecutionPlan, Task, TaskRun, TaskTransition
from tasks.services import Many, TaskService
from tests.helpers.tasks import HOUR, NOW, TaskMaker, claim, components, fail, runs, start, started, statuses, succeed

pytestmark = pytest.mark.django_db
LATER = NOW + HOUR
Act = Callable[..., Many]


def schedules(conversation: Conversation, number: int, **columns: object) -> list[Task]:
    """Hourly schedules, by statements over sets."""
    plans = ExecutionPlan.objects.bulk_create(
        ExecutionPlan(conversation=conversation, user=conversation.user, orig_query="x") for _ in range(number)
    )
    values = {"interval_minutes": 60, "pattern": "recurring", "anchor_at": NOW, "next_slot_at": NOW, "next_run_at": NOW}
    texts = {"query": "x", "title": "x", "agent_name": "Echo"}
    return Task.objects.bulk_create(
        Task(plan=plan, conversation=conversation, user=conversation.user, **{**values, **texts, **columns})
        for plan in plans
    )


def of(tasks: list[Task]) -> "QuerySet[Task]":
    return Task.objects.filter(pk__in=[task.pk for task in tasks])


PAUSED = {"paused_at": NOW - HOUR, "paused_reason": "manual"}
ONCE = {"interval_minutes": None, "pattern": "once"}
OVER = {"status": "failed", "next_slot_at": None, "next_run_at": None, "completed_at": NOW - HOUR}


@pytest.mark.parametrize(
    ("act", "columns"),
    [
        (lambda tasks, user: TaskService.pause_many(tasks, actor=user, now=NOW, until=LATER, reason="holiday"), {}),
        (lambda tasks, user: TaskService.resume_many(tasks, actor=user, now=LATER), PAUSED),
        (lambda tasks, user: TaskService.snooze_many(tasks, actor=user, now=NOW, until=LATER), {}),
        (lambda tasks, user: TaskService.trigger_many(tasks, actor=user, now=NOW), {}),
        (lambda tasks, user: TaskService.run_again_many(tasks, actor=user, now=NOW), {**OVER, **ONCE}),
        (lambda tasks, user: TaskService.cancel_chosen(tasks, actor=user, now=NOW), {}),
    ],
    ids=["pause", "resume", "snooze", "trigger", "run_again", "cancel"],
)
def test_five_hundred_tasks_cost_as_many_statements_as_five(
    conversation: Conversation, agent: Agent, user: User, act: Act, columns: dict[str, object]
) -> None:
    def cost(number: int) -> int:
        tasks = schedules(conversation, number, **columns)
        with CaptureQueriesContext(connection) as queries:
            told = act(of(tasks), user)
        assert (told.matched, told.done, told.left_out) == (number, number, [])
        rows = TaskTransition.objects.filter(task__in=tasks)
        assert set(rows.values_list("actor__username", flat=True)) == {user.username}
        assert rows.count() == number
        return len(queries)

    cost(2)
    assert cost(500) == cost(5)


def test_once_tasks_are_snoozed_in_as_many_statements_whatever_their_number(
    conversation: Conversation, agent: Agent, user: User
) -> None:
    once = {**ONCE, "start_at": LATER, "next_run_at": LATER, "next_slot_at": LATER}

    def cost(number: int) -> int:
        tasks = schedules(conversation, number, **once)
        with CaptureQueriesContext(connection) as queries:
            assert TaskService.snooze_many(of(tasks), actor=user, now=NOW, until=NOW + 3 * HOUR).done == number
        assert set(of(tasks).values_list("next_run_at", "start_at")) == {(NOW + 3 * HOUR, NOW + 3 * HOUR)}
        return len(queries)

    cost(2)
    assert cost(500) == cost(5)


def test_more_than_a_batch_is_done_to_the_last(
    conversation: Conversation, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.services.many.BATCH", 3)
    schedules(conversation, 8)
    assert TaskService.pause_many(Task.objects.all(), actor=None, now=NOW).done == 8
    assert not Task.objects.filter(paused_at=None).exists()
    # What an act changes may be what it was chosen by.
    assert TaskService.resume_many(Task.objects.filter(paused_at__isnull=False), actor=None, now=LATER).done == 8
    assert TaskService.cancel_chosen(Task.objects.filter(status="pending"), actor=None, now=LATER).done == 8


def test_a_selection_beyond_the_bound_is_refused_and_nothing_of_it_is_done(
    conversation: Conversation, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.services.many.MOST", 2)
    schedules(conversation, 3)
    with pytest.raises(InvalidInput) as refused:
        TaskService.pause_many(Task.objects.all(), actor=None, now=NOW)
    assert list(refused.value.fields) == ["filter"]
    assert not Task.objects.filter(paused_at__isnull=False).exists()


def test_what_has_ended_is_left_out_by_name_and_reason(make_task: TaskMaker) -> None:
    ended = make_task(title="Old one")
    TaskService.cancel(ended.pk, actor=None, now=NOW)
    goes_on = make_task(schedule={"interval_minutes": 60})
    told = TaskService.pause_many(Task.objects.all(), actor=None, now=NOW)
    assert (told.matched, told.done, told.left_out_count) == (2, 1, 1)
    assert [(row.task_id, row.title, row.code) for row in told.left_out] == [(ended.pk, "Old one", "already_finished")]
    assert told.left_out[0].reason == "“Old one” is cancelled already, so it cannot be paused."
    goes_on.refresh_from_db()
    assert goes_on.paused_reason == "manual"
    again = TaskService.cancel_chosen(Task.objects.all(), actor=None, now=NOW)
    assert (again.done, [row.title for row in again.left_out]) == (1, ["Old one"])


def test_only_so_many_are_named_and_all_are_counted(conversation: Conversation, agent: Agent) -> None:
    schedules(conversation, 130, **OVER)
    told = TaskService.trigger_many(Task.objects.all(), actor=None, now=NOW)
    assert (told.done, told.left_out_count, len(told.left_out)) == (0, 130, 100)


def test_resumed_together_each_says_what_it_missed_and_goes_on_from_now(make_task: TaskMaker) -> None:
    hourly = make_task(schedule={"interval_minutes": 60})
    daily = make_task(schedule={"daily_time": "12:00", "timezone": "UTC"})
    TaskService.pause_many(Task.objects.all(), actor=None, now=NOW - HOUR)
    told = TaskService.resume_many(Task.objects.all(), actor=None, now=NOW + 150 * timedelta(minutes=1))
    assert told.done == 2
    missed = runs(hourly)
    assert [(run.status, run.slots, run.reason) for run in missed] == [("missed", 3, "The schedule was paused.")]
    assert runs(daily) == []
    hourly.refresh_from_db()
    daily.refresh_from_db()
    assert (hourly.next_run_at, daily.next_run_at) == (NOW + 3 * HOUR, NOW + 3 * HOUR)
    assert [row.code for row in TaskService.resume_many(Task.objects.all(), actor=None, now=LATER).left_out] == [
        "not_paused",
        "not_paused",
    ]


def test_of_schedules_resumed_together_those_without_time_left_are_over(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    over = make_task(schedule={"interval_minutes": 60, "end_at": (NOW + 90 * timedelta(minutes=1)).isoformat()})
    goes_on = make_task(schedule={"interval_minutes": 60})
    TaskService.pause_many(Task.objects.all(), actor=None, now=NOW)
    TaskService.resume_many(Task.objects.all(), actor=None, now=NOW + 3 * HOUR)
    over.refresh_from_db()
    goes_on.refresh_from_db()
    assert (over.status, goes_on.status) == ("completed", "pending")
    told = {shown["task_id"]: shown["task_status"] for shown in components(conversation, "scheduled_task_controller")}
    assert told == {str(over.pk): "completed", str(goes_on.pk): "pending"}


def test_run_now_of_many_moves_no_schedule_and_is_the_run_of_a_planned_once_task(make_task: TaskMaker) -> None:
    hourly = make_task(schedule={"interval_minutes": 60, "start_at": LATER.isoformat()})
    planned = make_task(schedule={"start_at": LATER.isoformat()})
    TaskService.trigger_many(Task.objects.all(), actor=None, now=NOW)
    hourly.refresh_from_db()
    planned.refresh_from_db()
    assert (hourly.next_run_at, planned.next_run_at) == (LATER, None)
    assert {run.trigger for run in TaskRun.objects.all()} == {"manual"}
    assert [statuses(task)[-1] for task in (hourly, planned)] == [("pending", "running")] * 2


def test_run_again_of_many_takes_each_ones_latest_input_and_leaves_out_what_still_runs(make_task: TaskMaker) -> None:
    failed = make_task(query="first", max_attempts=1)
    fail(started(failed))
    going = make_task()
    claim()
    start()
    told = TaskService.run_again_many(Task.objects.all(), actor=None, now=LATER)
    assert (told.done, [(row.task_id, row.code) for row in told.left_out]) == (1, [(going.pk, "still_running")])
    failed.refresh_from_db()
    assert (failed.status, failed.completed_at, failed.error_message) == ("running", None, "")
    assert [(run.input, run.status) for run in runs(failed)] == [("first", "failed"), ("first", "queued")]
    succeed(*start(now=LATER), now=LATER)
    failed.refresh_from_db()
    assert failed.status == "completed"


def test_snooze_moves_a_once_task_and_rests_a_schedule(make_task: TaskMaker, user: User) -> None:
    once = make_task(schedule={"start_at": LATER.isoformat()})
    hourly = make_task(schedule={"interval_minutes": 60})
    started_already = make_task()
    claim()
    until = NOW + 5 * HOUR
    told = TaskService.snooze_many(Task.objects.all(), actor=user, now=NOW, until=until)
    assert [(row.task_id, row.code) for row in told.left_out] == [(started_already.pk, "already_started")]
    once.refresh_from_db()
    hourly.refresh_from_db()
    assert (once.next_run_at, once.start_at, once.paused_at) == (until, until, None)
    assert (hourly.paused_until, hourly.paused_reason) == (until, "manual")
    row = once.transitions.latest("id")
    assert (row.actor, list(row.changes)) == (user, ["schedule"])
    assert TaskService.resume_due(now=until) == 1
    assert [run.task_id for run in claim(now=until)][:1] == [once.pk]


def test_a_task_behind_another_keeps_its_turn_when_it_is_snoozed(make_task: TaskMaker) -> None:
    first, second = make_task.plan([{"query": "one"}, {"query": "two"}]).tasks.order_by("place")
    TaskService.snooze(second.pk, actor=None, now=NOW, until=LATER)
    second.refresh_from_db()
    assert second.next_run_at is None
    succeed(started(first))
    second.refresh_from_db()
    assert second.next_run_at == LATER


def test_a_moment_that_is_over_is_refused_for_one_and_for_many(task: Task) -> None:
    for act in (TaskService.pause_many, TaskService.snooze_many):
        with pytest.raises(InvalidInput):
            act(Task.objects.all(), actor=None, now=NOW, until=NOW)
    with pytest.raises(InvalidInput):
        TaskService.snooze(task.pk, actor=None, now=NOW, until=NOW - HOUR)
