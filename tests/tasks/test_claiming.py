"""Claims: due tasks become runs, in batches, once, by priority and age."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conversations.models import Conversation
from tasks.models import Agent, Task, TaskRun, TaskTransition
from tasks.services import TaskService
from tests.helpers.tasks import (
    HOUR,
    MINUTE,
    NOW,
    TaskMaker,
    ask,
    claim,
    components,
    contents,
    events,
    many_due,
    run_statuses,
    runs,
    start,
    started,
    statuses,
    succeed,
)

pytestmark = pytest.mark.django_db


def test_a_due_once_task_gets_its_run_and_is_running(task: Task) -> None:
    (run,) = claim()
    assert (run.status, run.trigger, run.scheduled_for, run.attempt) == ("queued", "schedule", NOW, 1)
    assert (run.input, run.agent_name, run.priority) == ("say hello", "Echo", 5)
    task.refresh_from_db()
    assert (task.status, task.next_run_at, task.run_count, task.started_at) == ("running", None, 1, NOW)
    assert statuses(task) == [("", "pending"), ("pending", "running")]
    assert claim() == []


def test_nothing_is_claimed_before_its_moment(make_task: TaskMaker) -> None:
    task = make_task(schedule={"start_at": (NOW + HOUR).isoformat()})
    assert claim(now=NOW + HOUR - MINUTE) == []
    assert len(claim(now=NOW + HOUR)) == 1
    assert run_statuses(task) == ["queued"]


def test_a_recurring_task_runs_at_each_slot_and_stays_running_between(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 10})
    for n in range(3):
        now = NOW + n * 10 * MINUTE
        succeed(started(task, now=now), now=now + MINUTE)
        task.refresh_from_db()
        assert (task.status, task.next_run_at) == ("running", now + 10 * MINUTE)
    assert [run.scheduled_for for run in runs(task)] == [NOW + n * 10 * MINUTE for n in range(3)]
    assert statuses(task) == [("", "pending"), ("pending", "running")]


def test_a_late_claim_does_not_shift_the_slots(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 10})
    claim(now=NOW + timedelta(seconds=40))
    task.refresh_from_db()
    assert task.next_run_at == NOW + 10 * MINUTE


def test_higher_priority_is_claimed_first_then_the_older(make_task: TaskMaker) -> None:
    later = make_task(query="later", now=NOW + MINUTE)
    low = make_task(query="low", priority=1)
    high = make_task(query="high", priority=9, now=NOW + 2 * MINUTE)
    first = make_task(query="first")
    order = []
    for _ in range(4):
        TaskService.claim_due(now=NOW + HOUR, limit=1)
        order.append(TaskRun.objects.latest("id").task)
    assert order == [high, first, later, low]


def test_a_claim_takes_at_most_a_batch_and_says_how_many(conversation: Conversation, agent: Agent) -> None:
    many_due(conversation, 7)
    assert [TaskService.claim_due(now=NOW, limit=3) for _ in range(4)] == [3, 3, 1, 0]


def _queries(function: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as captured:
        function()
    return len(captured)


def test_the_queries_of_a_claim_do_not_grow_with_the_tasks(conversation: Conversation, agent: Agent) -> None:
    counts = []
    for number in (10, 300):
        many_due(conversation, number, pattern="recurring", interval_minutes=5, anchor_at=NOW)
        counts.append(_queries(lambda: TaskService.claim_due(now=NOW)))
        assert TaskRun.objects.count() == number
        TaskRun.objects.all().delete()
        Task.objects.all().delete()
    # Django gives SQLite at most 999 values a statement, so bulk inserts come in several there.
    values = len(TaskRun._meta.concrete_fields) + len(TaskTransition._meta.concrete_fields)
    parts = 0 if connection.vendor == "postgresql" else 300 * values // 999 + 2
    assert counts[1] - counts[0] <= parts


@pytest.mark.parametrize("kind", [{}, {"pattern": "recurring", "interval_minutes": 60, "anchor_at": NOW}])
def test_many_tasks_whose_last_moment_was_missed_end_in_statements_that_do_not_grow_with_them(
    conversation: Conversation, agent: Agent, kind: dict[str, Any]
) -> None:
    late, columns = NOW + 3 * HOUR, {**kind, "catch_up": "none", "end_at": NOW + HOUR if kind else None}
    counts = []
    for number in (3, 30):
        tasks = many_due(conversation, number, **columns)
        counts.append(_queries(lambda: TaskService.claim_due(now=late)))
        found = Task.objects.filter(pk__in=[task.pk for task in tasks])
        status, why = ("completed", "") if kind else ("failed", "Its moment passed while nothing could run it.")
        assert set(found.values_list("status", "error_message", "completed_at")) == {(status, why, late)}
        assert TaskTransition.objects.filter(task__in=tasks, new_status=status).count() == number
        said = [item for item in events(conversation) if item == ("component_generator" if kind else "task_failed")]
        assert len(said) == sum((3, 30)[: len(counts)])
        Task.objects.all().delete()
    # Django gives SQLite at most 999 values a statement: the items come in several there.
    assert counts[1] - counts[0] <= (0 if connection.vendor == "postgresql" else 1)


def test_a_clock_that_was_set_back_doubles_nothing(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 10})
    claim(now=NOW + 10 * MINUTE)
    # An edit plans from the clock that went wrong: the slots up to then are planned again.
    Task.objects.filter(pk=task.pk).update(next_slot_at=NOW + 10 * MINUTE, next_run_at=NOW + 10 * MINUTE)
    before = run_statuses(task)
    claim(now=NOW + 10 * MINUTE)
    assert run_statuses(task) == before
    slots = [run.scheduled_for for run in runs(task)]
    assert len(slots) == len(set(slots))


def test_a_slot_that_another_runner_took_leaves_no_conversation_and_no_count(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 10}, conversation_mode="new")
    claim()
    Task.objects.filter(pk=task.pk).update(next_slot_at=NOW, next_run_at=NOW, overlap="parallel")
    conversations = Conversation.objects.count()
    claim()
    task.refresh_from_db()
    assert (task.run_count, Conversation.objects.count()) == (1, conversations)


def test_a_tick_while_a_run_goes_on_is_skipped_and_says_so(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 10})
    started(task)
    (skipped,) = claim(now=NOW + 10 * MINUTE)
    assert (skipped.status, skipped.slots, skipped.reason) == ("skipped", 1, "The run before it was still going.")
    assert skipped.finished_at == NOW + 10 * MINUTE


def test_a_queued_overlap_runs_behind_the_one_that_goes_on(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 10}, overlap="queue")
    lease = started(task)
    claim(now=NOW + 10 * MINUTE)
    assert start(now=NOW + 10 * MINUTE) == []
    succeed(lease, now=NOW + 11 * MINUTE)
    assert len(start(now=NOW + 11 * MINUTE)) == 1


def test_a_parallel_overlap_runs_beside_it(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 10}, overlap="parallel")
    started(task)
    claim(now=NOW + 10 * MINUTE)
    assert len(start(now=NOW + 10 * MINUTE)) == 1
    assert run_statuses(task) == ["running", "running"]


def test_cancel_running_stops_the_one_that_goes_on_and_says_so(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    task = make_task(schedule={"interval_minutes": 10}, overlap="cancel_running")
    started(task)
    claim(now=NOW + 10 * MINUTE)
    assert run_statuses(task) == ["cancelled", "queued"]
    assert contents(conversation, "task_cancelled") == ["A newer slot took its place."]
    task.refresh_from_db()
    assert task.status == "running"


def test_cancel_running_frees_a_task_that_waits_for_an_answer(make_task: TaskMaker, conversation: Conversation) -> None:
    task = make_task(schedule={"interval_minutes": 10}, overlap="cancel_running")
    ask(started(task))
    claim(now=NOW + 10 * MINUTE)
    assert run_statuses(task) == ["cancelled", "queued"]
    task.refresh_from_db()
    conversation.refresh_from_db()
    assert (task.status, conversation.status) == ("running", "active")


def test_ticks_while_a_run_waits_for_an_answer_are_skipped_and_say_so(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 10})
    ask(started(task))
    (skipped,) = claim(now=NOW + 10 * MINUTE)
    assert (skipped.status, skipped.reason) == ("skipped", "The run before it waits for an answer.")
    task.refresh_from_db()
    assert (task.status, task.next_run_at) == ("waiting_input", NOW + 20 * MINUTE)


def test_neighbouring_skipped_slots_share_a_row(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 10})
    lease = started(task)
    for n in (1, 2, 3):
        claim(now=NOW + n * 10 * MINUTE)
    _, skipped = runs(task)
    assert (skipped.status, skipped.slots) == ("skipped", 3)
    assert (skipped.scheduled_for, skipped.last_slot) == (NOW + 10 * MINUTE, NOW + 30 * MINUTE)
    assert skipped.finished_at == NOW + 30 * MINUTE
    succeed(lease, now=NOW + 35 * MINUTE)
    started(task, now=NOW + 40 * MINUTE)
    claim(now=NOW + 50 * MINUTE)
    assert [(run.status, run.slots) for run in runs(task)] == [
        ("succeeded", 1),
        ("skipped", 3),
        ("running", 1),
        ("skipped", 1),
    ]


def test_the_last_of_max_runs_completes_the_schedule(make_task: TaskMaker, conversation: Conversation) -> None:
    task = make_task(schedule={"interval_minutes": 10, "max_runs": 2})
    for n in range(2):
        succeed(started(task, now=NOW + n * 10 * MINUTE), now=NOW + n * 10 * MINUTE)
    task.refresh_from_db()
    assert (task.status, task.next_run_at) == ("completed", None)
    assert [c["task_status"] for c in components(conversation, "scheduled_task_controller")] == ["completed"]
    assert claim(now=NOW + HOUR) == []


def test_a_schedule_ends_with_its_last_slot_before_end_at(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 10, "end_at": (NOW + 15 * MINUTE).isoformat()})
    succeed(started(task))
    succeed(started(task, now=NOW + 10 * MINUTE), now=NOW + 10 * MINUTE)
    task.refresh_from_db()
    assert task.status == "completed"


def test_a_schedule_whose_last_slots_passed_unseen_ends_without_a_run(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    task = make_task(schedule={"interval_minutes": 10, "end_at": (NOW + 15 * MINUTE).isoformat()}, catch_up="none")
    claim(now=NOW + HOUR)
    task.refresh_from_db()
    assert (run_statuses(task), task.status) == (["missed"], "completed")
    assert [c["task_status"] for c in components(conversation, "scheduled_task_controller")] == ["completed"]


def test_a_once_task_whose_moment_passed_long_ago_has_failed_and_says_why(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    task = make_task()
    claim(now=NOW + 25 * HOUR)
    task.refresh_from_db()
    assert (run_statuses(task), task.status) == (["missed"], "failed")
    assert task.error_message == "Its moment passed while nothing could run it."
    assert contents(conversation, "task_failed") == [task.error_message]


def test_max_runs_per_day_counts_from_midnight_in_the_tasks_zone(make_task: TaskMaker) -> None:
    # 09:00 UTC is 23:00 in Honolulu: its day ends an hour later.
    task = make_task(schedule={"interval_minutes": 30, "timezone": "Pacific/Honolulu"}, max_runs_per_day=1)
    succeed(started(task))
    claim(now=NOW + 30 * MINUTE)
    assert run_statuses(task) == ["succeeded", "skipped"]
    TaskService.resume_due(now=NOW + 60 * MINUTE)
    claim(now=NOW + 60 * MINUTE)
    assert run_statuses(task) == ["succeeded", "skipped", "queued"]


@pytest.mark.parametrize("gone", ["disabled", "removed"])
def test_a_gone_agent_pauses_its_tasks_with_that_reason_and_they_go_on_when_it_is_back(
    make_task: TaskMaker, agent: Agent, gone: str
) -> None:
    task = make_task(schedule={"interval_minutes": 10})
    once = make_task(query="once")
    if gone == "disabled":
        Agent.objects.update(enabled=False)
    else:
        Agent.objects.all().delete()
    assert claim() == []
    for each in (task, once):
        each.refresh_from_db()
        assert (each.paused_reason, each.paused_at, each.status) == ("agent_gone", NOW, "pending")
        assert each.transitions.latest("id").reason == "The agent Echo is disabled or was removed."
    assert TaskService.agents_back() == []
    Agent.objects.update_or_create(name="Echo", defaults={"slug": "Echo", "url": agent.url, "enabled": True})
    assert TaskService.agents_back() == ["Echo"]
    assert TaskService.resume_for_agents(["Echo"], now=NOW + 35 * MINUTE) == 2
    claim(now=NOW + 35 * MINUTE)
    # By its catch-up: one run stands for the slots that passed.
    assert run_statuses(task) == ["missed", "queued"]
    assert run_statuses(once) == ["queued"]


def test_a_paused_task_is_not_claimed(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 10})
    TaskService.pause(task.pk, actor=None, now=NOW)
    assert claim(now=NOW + HOUR) == []


def test_each_run_has_a_conversation_of_its_own_where_the_owner_chose_so(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    make_task(
        title="Morning news",
        schedule={"interval_minutes": 1440, "timezone": "Europe/Berlin"},
        conversation_mode="new",
    )
    (first,) = claim()
    (second,) = claim(now=NOW + 24 * HOUR)
    assert first.conversation_id != conversation.pk
    assert first.conversation.user == conversation.user
    assert first.conversation.title == "Morning news · 02 Nov 2026, 10:00"
    assert second.status == "skipped"
    assert second.conversation_id == conversation.pk


def test_jitter_moves_the_run_and_not_the_slot(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 60, "jitter_seconds": 600})
    assert task.next_slot_at == NOW
    assert task.next_run_at is not None
    assert NOW <= task.next_run_at <= NOW + 10 * MINUTE
    claim(now=NOW + 10 * MINUTE)
    (run,) = runs(task)
    assert run.scheduled_for == NOW


def test_the_claim_of_a_first_run_says_nothing_in_the_transcript(task: Task, conversation: Conversation) -> None:
    before = events(conversation)
    claim()
    assert events(conversation) == before == ["thread_started"]
