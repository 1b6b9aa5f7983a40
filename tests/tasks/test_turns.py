"""Whose turn it is: priority, age and fair shares among people."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from conversations.models import Conversation
from tasks.models import Agent, Task, TaskRun
from tests.helpers.tasks import NOW, TaskMaker, start

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def roomy_agent(task: Task) -> None:
    """No agent's limit speaks here."""
    Agent.objects.update(max_concurrency=1000)


def ready(tasks: list[Task], **fields: Any) -> None:
    """One ready run of each task."""
    TaskRun.objects.bulk_create(
        TaskRun(
            task=task,
            user=task.user,
            conversation=task.conversation,
            trigger="manual",
            status="queued",
            agent_name=task.agent_name,
            scheduled_for=NOW,
            input=task.query,
            **{"ready_at": NOW, **fields},
        )
        for task in tasks
    )


def taken(capacity: int, now: Any = NOW) -> list[str]:
    """What is taken next, in order, by its text."""
    leases = start(capacity=capacity, now=now)
    return [TaskRun.objects.get(pk=lease.run_id).input for lease in leases]


def test_ten_thousand_due_runs_of_one_person_do_not_hold_up_anothers_one(
    make_task: TaskMaker, other_user: User
) -> None:
    ready([make_task(query="many") for _ in range(40)])
    theirs = Conversation.objects.create(user=other_user)
    ready([TaskMaker(theirs)(query="one")], ready_at=NOW + MINUTE)
    assert "one" in taken(10, NOW + MINUTE)


def test_a_low_priority_that_has_waited_goes_before_a_high_one_that_has_just_come(make_task: TaskMaker) -> None:
    ready([make_task(query="low")], priority=0, ready_at=NOW)
    ready([make_task(query="high")], priority=9, ready_at=NOW + 8 * MINUTE)
    assert taken(1, NOW + 8 * MINUTE) == ["high"]
    ready([make_task(query="later")], priority=9, ready_at=NOW + 10 * MINUTE)
    assert taken(1, NOW + 10 * MINUTE) == ["low"]


def test_what_somebody_has_going_counts_in_each_of_their_queues(make_task: TaskMaker, other_user: User) -> None:
    ready([make_task(query="urgent") for _ in range(6)], priority=6)
    ready([make_task(query="usual")], priority=5)
    theirs = Conversation.objects.create(user=other_user)
    ready([TaskMaker(theirs)(query="one")], priority=5, ready_at=NOW + timedelta(seconds=5))
    assert taken(8, NOW + MINUTE) == ["urgent"] * 6 + ["one", "usual"]


def test_a_person_gets_no_more_at_once_than_their_limit(make_task: TaskMaker, settings: Any) -> None:
    settings.USER_RUN_CONCURRENCY = 3
    ready([make_task(query="x") for _ in range(8)])
    assert len(taken(10)) == 3
    assert taken(10) == []


def test_the_queries_do_not_grow_with_what_waits(make_task: TaskMaker, django_assert_max_num_queries: Any) -> None:
    ready([make_task(query="x") for _ in range(150)])
    with django_assert_max_num_queries(20):
        assert len(start(capacity=100)) == 100
