"""A plan: its tasks in order, what its transcript says as they go, and what it adds up to."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from conversations.models import Conversation
from tasks.errors import InvalidInput
from tasks.models import ExecutionPlan, Task
from tasks.requests import submit_tasks
from tasks.schemas.inputs import TaskIn
from tasks.services import TaskService
from tests.helpers.tasks import (
    HOUR,
    MINUTE,
    NOW,
    TaskMaker,
    ask,
    claim,
    components,
    events,
    fail,
    runs,
    started,
    succeed,
)

pytestmark = pytest.mark.django_db

HOURLY = {"interval_minutes": 60}


def tasks_of(plan: ExecutionPlan) -> list[Task]:
    return list(plan.tasks.order_by("place"))


def armed(plan: ExecutionPlan) -> list[bool]:
    """Which of its tasks have a moment at which they run."""
    return [task.next_run_at is not None for task in tasks_of(plan)]


def status(plan: ExecutionPlan) -> str:
    return str(ExecutionPlan.objects.get(pk=plan.pk).status)


def test_once_tasks_run_one_after_the_other(make_task: TaskMaker) -> None:
    plan = make_task.plan([{"query": "one"}, {"query": "two"}, {"query": "three"}])
    assert armed(plan) == [True, False, False]
    first, second, third = tasks_of(plan)
    succeed(started(first), now=NOW + MINUTE)
    assert armed(plan) == [False, True, False]
    second.refresh_from_db()
    assert second.next_run_at == NOW + MINUTE
    succeed(started(second, now=NOW + MINUTE), now=NOW + 2 * MINUTE)
    succeed(started(third, now=NOW + 2 * MINUTE), now=NOW + 3 * MINUTE)
    assert status(plan) == "completed"


def test_a_failed_task_does_not_stop_the_next(make_task: TaskMaker) -> None:
    plan = make_task.plan([{"query": "one"}, {"query": "two"}])
    first, second = tasks_of(plan)
    fail(started(first))
    succeed(started(second))
    assert [task.status for task in tasks_of(plan)] == ["failed", "completed"]
    assert status(plan) == "failed"


def test_a_recurring_task_does_not_hold_up_the_next(make_task: TaskMaker) -> None:
    plan = make_task.plan([{"schedule": HOURLY}, {"schedule": HOURLY}, {"query": "once"}, {"query": "behind"}])
    assert armed(plan) == [True, True, True, False]


def test_a_recurring_task_behind_a_once_task_counts_from_its_turn(make_task: TaskMaker) -> None:
    plan = make_task.plan([{"query": "once"}, {"schedule": HOURLY}])
    first, second = tasks_of(plan)
    succeed(started(first), now=NOW + 7 * MINUTE)
    second.refresh_from_db()
    assert (second.next_run_at, second.anchor_at) == (NOW + 7 * MINUTE, NOW + 7 * MINUTE)


def test_a_waiting_task_holds_up_the_next(make_task: TaskMaker) -> None:
    plan = make_task.plan([{"query": "one"}, {"query": "two"}])
    first, _ = tasks_of(plan)
    ask(started(first))
    assert armed(plan) == [False, False]
    assert status(plan) == "waiting_input"


def test_the_next_is_armed_only_after_the_last_attempt(make_task: TaskMaker) -> None:
    plan = make_task.plan([{"query": "one"}, {"query": "two"}])
    first, _ = tasks_of(plan)
    fail(started(first), retryable=True)
    assert armed(plan) == [False, False]


def test_what_a_plan_adds_up_to(make_task: TaskMaker) -> None:
    plan = make_task.plan([{"query": "one"}, {"query": "two"}])
    first, second = tasks_of(plan)
    assert status(plan) == "pending"
    lease = started(first)
    assert status(plan) == "running"
    succeed(lease)
    assert status(plan) == "running"
    TaskService.cancel(second.pk, actor=None, now=NOW)
    assert status(plan) == "completed"
    cancelled = make_task.plan([{"query": "one"}])
    TaskService.cancel_plan(cancelled.pk, actor=None, now=NOW)
    assert status(cancelled) == "cancelled"
    plan.question = "Which?"
    assert plan.status == "waiting_input"


def test_a_recurring_task_stands_in_the_conversation_with_its_controller(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    task = make_task(schedule=HOURLY, title="News")
    assert components(conversation, "scheduled_task_controller") == [
        {"task_id": str(task.pk), "task_title": "News", "task_status": "pending"}
    ]
    assert events(conversation) == ["thread_started", "component_generator"]


def test_a_task_in_another_conversation_is_handed_off(
    make_task: TaskMaker, conversation: Conversation, user: User
) -> None:
    there = Conversation.objects.create(user=user)
    task = make_task(conversation_id=str(there.pk), query="look")
    assert task.handoff_from_super_agent is True
    assert components(conversation, "subagent_conversation") == [
        {"conversation_id": str(there.pk), "agent_name": "Echo", "phase": "start"}
    ]
    assert events(there) == ["thread_started"]
    succeed(started(task))
    assert [card["phase"] for card in components(conversation, "subagent_conversation")] == ["end"]
    assert events(conversation) == ["thread_started", "component_generator"]


def test_a_handed_off_task_behind_another_shows_its_card_when_its_turn_comes(
    make_task: TaskMaker, conversation: Conversation, user: User
) -> None:
    there = Conversation.objects.create(user=user)
    plan = make_task.plan([{"query": "one"}, {"query": "two", "conversation_id": str(there.pk)}])
    assert components(conversation, "subagent_conversation") == []
    succeed(started(tasks_of(plan)[0]))
    assert [card["phase"] for card in components(conversation, "subagent_conversation")] == ["start"]


def test_a_recurring_task_that_is_handed_off_closes_its_card_at_once(
    make_task: TaskMaker, conversation: Conversation, user: User
) -> None:
    there = Conversation.objects.create(user=user)
    make_task(conversation_id=str(there.pk), schedule=HOURLY)
    assert [card["phase"] for card in components(conversation, "subagent_conversation")] == ["end"]
    assert len(components(there, "scheduled_task_controller")) == 1


def test_wrong_tasks_of_a_plan_are_named_with_their_number_and_nothing_is_made(
    conversation: Conversation, user: User, agent: Any
) -> None:
    wanted = [
        TaskIn(query="fine", agent_name="Echo"),
        TaskIn(query="x", agent_name="Nobody"),
        TaskIn(query="x", agent_name="Echo", schedule={"interval_minutes": 0}),
    ]
    for tasks, field in (
        (wanted[:2], "tasks.1.agent_name"),
        ([wanted[0], wanted[2]], "tasks.1.schedule.interval_minutes"),
    ):
        with pytest.raises(InvalidInput) as refused:
            submit_tasks(conversation, tasks, user=user, now=NOW)
        assert list(refused.value.fields) == [field]
    assert not Task.objects.exists()
    assert events(conversation) == []


def test_a_key_is_once_in_its_plan(conversation: Conversation, user: User, agent: Any, make_task: TaskMaker) -> None:
    twice = [TaskIn(query="x", agent_name="Echo", key="k")] * 2
    with pytest.raises(InvalidInput) as refused:
        submit_tasks(conversation, twice, user=user, now=NOW)
    assert "tasks.1.key" in refused.value.fields
    plan = make_task.plan([{"key": "k"}, {"key": "l"}])
    with pytest.raises(IntegrityError), transaction.atomic():
        plan.tasks.update(key="k")


def test_a_plan_of_a_hundred_tasks_is_made_with_few_statements(
    make_task: TaskMaker, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    # On SQLite a statement holds some twenty rows of so many columns; the history is a row a task.
    with django_assert_max_num_queries(140):
        plan = make_task.plan([{"query": str(n)} for n in range(100)])
    assert [task.query for task in tasks_of(plan)] == [str(n) for n in range(100)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(5))
def test_of_a_success_and_the_cancel_of_the_next_task_at_once_both_happen(
    make_task: TaskMaker, in_threads: Callable[..., list[Any]], attempt: int
) -> None:
    plan = make_task.plan([{"query": "one"}, {"query": "two"}, {"query": "three"}])
    first, second, third = tasks_of(plan)
    lease = started(first)

    def act(number: int) -> None:
        if number == 0:
            succeed(lease)
        else:
            TaskService.cancel(second.pk, actor=None, now=NOW)

    assert in_threads(2, act) == [None, None]
    assert [task.status for task in tasks_of(plan)] == ["completed", "cancelled", "pending"]
    third.refresh_from_db()
    assert third.next_run_at is not None


def test_an_unarmed_task_is_never_due(make_task: TaskMaker) -> None:
    plan = make_task.plan([{"query": "one"}, {"query": "two"}])
    claim()
    assert [len(runs(task)) for task in tasks_of(plan)] == [1, 0]


def test_a_schedule_whose_end_passed_behind_others_is_over_and_not_pending_for_ever(make_task: TaskMaker) -> None:
    ends = (NOW + HOUR).isoformat()
    plan = make_task.plan([{}, {"schedule": {"interval_minutes": 5, "end_at": ends}}])
    first, late = plan.tasks.order_by("place")
    succeed(started(first), now=NOW + 2 * HOUR)
    late.refresh_from_db()
    assert (late.status, late.next_run_at) == ("completed", None)
