"""Runs that succeed in one commit: as one after the other would, in statements that do not grow with their number."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from conversations import journal
from conversations.models import Conversation
from tasks.models import Agent, Task, TaskRun, TaskTransition
from tasks.services import Success, TaskService
from tests.helpers.tasks import MINUTE, NOW, TaskMaker, claim, many_due, run_statuses, start, statuses

pytestmark = pytest.mark.django_db


def succeed_all(results: dict[str, str] | None = None) -> int:
    """Lease all that is ready and let it succeed in one commit; returns the number of statements."""
    leases = start(capacity=1_000)
    titles = dict(TaskRun.objects.values_list("pk", "task__title"))
    with CaptureQueriesContext(connection) as captured, transaction.atomic():
        successes = [Success(lease=lease, result=(results or {}).get(titles[lease.run_id], "done")) for lease in leases]
        journal.write(TaskService.complete_many(successes, now=NOW + MINUTE))
    return len(captured)


@pytest.mark.parametrize("kind", [{}, {"pattern": "recurring", "interval_minutes": 60, "anchor_at": NOW}])
def test_the_statements_do_not_grow_with_the_runs(
    conversation: Conversation, agent: Agent, kind: dict[str, object]
) -> None:
    counts = []
    for number in (3, 20):
        many_due(conversation, number, **kind)
        claim()
        counts.append(succeed_all())
        assert TaskRun.objects.filter(status="succeeded", result="done").count() == number
        ended = TaskTransition.objects.filter(new_status="completed").count()
        assert ended == (0 if kind else number)
        Task.objects.all().delete()
    # Django gives SQLite at most 999 values a statement: the results' items come in several there.
    assert counts[1] - counts[0] <= (0 if connection.vendor == "postgresql" else 20 * 15 // 999 + 1)


def test_each_run_keeps_its_own_result_and_its_task_its_own_history(make_task: TaskMaker) -> None:
    tasks = [make_task(title=f"task {number}") for number in range(3)]
    claim()
    succeed_all({"task 0": "zero", "task 1": " ", "task 2": "two"})
    found = [TaskRun.objects.get(task=task) for task in tasks]
    assert [(run.result, run.no_output, run.finished_at) for run in found] == [
        ("zero", False, NOW + MINUTE),
        (" ", True, NOW + MINUTE),
        ("two", False, NOW + MINUTE),
    ]
    for task, run in zip(tasks, found, strict=True):
        task.refresh_from_db()
        assert (task.status, task.completed_at, task.next_run_at) == ("completed", NOW + MINUTE, None)
        assert statuses(task) == [("", "pending"), ("pending", "running"), ("running", "completed")]
        assert task.transitions.get(new_status="completed").run_id == run.pk


def test_two_runs_of_one_task_end_it_once_with_the_later(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 10, "end_at": (NOW + 10 * MINUTE).isoformat()}, overlap="parallel")
    claim()
    claim(now=NOW + 10 * MINUTE)
    leases = start(now=NOW + 10 * MINUTE)
    assert len(leases) == 2
    with transaction.atomic():
        TaskService.complete_many([Success(lease=lease, result="done") for lease in leases], now=NOW + 11 * MINUTE)
    task.refresh_from_db()
    assert (run_statuses(task), task.status) == (["succeeded", "succeeded"], "completed")
    assert [new for _, new in statuses(task)] == ["pending", "running", "completed"]
    assert task.transitions.get(new_status="completed").run_id == leases[1].run_id


def test_the_next_of_each_plan_is_armed(make_task: TaskMaker) -> None:
    plans = [make_task.plan([{"query": "first"}, {"query": "second"}]) for _ in range(3)]
    claim()
    succeed_all()
    for plan in plans:
        first, second = plan.tasks.order_by("place")
        assert (first.status, second.status, second.next_run_at) == ("completed", "pending", NOW + MINUTE)


def test_a_lease_that_does_not_hold_writes_nothing_of_all(make_task: TaskMaker) -> None:
    one, other = make_task(), make_task()
    claim()
    first, second = start()
    TaskRun.objects.filter(pk=second.run_id).update(token=second.token + 1)
    with pytest.raises(TaskRun.DoesNotExist), transaction.atomic():
        TaskService.complete_many([Success(lease=lease, result="done") for lease in (first, second)], now=NOW)
    assert run_statuses(one) == run_statuses(other) == ["running"]
