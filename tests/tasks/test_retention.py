"""Old runs go with their items, each task's by its own time, in small batches, and never what is still needed."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from conversations.models import Conversation, ConversationItem
from tasks.models import Task, TaskHook, TaskRun
from tasks.runner import clock
from tasks.schemas.inputs import TaskPatch
from tasks.services import TaskService, retention, texts
from tests.helpers.runners import sync
from tests.helpers.tasks import (
    HOUR,
    MINUTE,
    NOW,
    TaskMaker,
    ask,
    claim,
    fail,
    history,
    run_statuses,
    runs,
    started,
    succeed,
)

pytestmark = pytest.mark.django_db

HOURLY = {"interval_minutes": 60}
DAY = timedelta(days=1)
LATER = NOW + 400 * DAY


def hours_of(task: Task, *results: str, beside: Sequence[Task] = ()) -> None:
    """Runs in the hours from NOW on, of `task` and those `beside`, that say `results`; an empty word for a failure."""
    for hour, result in enumerate(results):
        now = NOW + hour * HOUR
        for lease in [started(one, now=now) for one in (task, *beside)]:
            if result:
                succeed(lease, result=result, now=now)
            else:
                fail(lease, now=now)


def retain(*, days: int = 90, now: Any = LATER) -> int:
    """Everything that one pass of the runner deletes; returns how many runs."""
    total, place = 0, None
    while days:
        deleted, place = retention.forget_old_runs(now=now, days=days, after=place)
        total += deleted
        if place is None:
            break
    at = None
    while True:
        deleted, at = retention.forget_where_asked(now=now, after=at)
        total += deleted
        if at is None:
            return total


def results(task: Task) -> list[str]:
    return [run.result for run in runs(task)]


def test_old_runs_of_recurring_tasks_go_with_their_items_and_leave_gaps(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    task, once = make_task(schedule=HOURLY), make_task()
    succeed(started(once))
    hours_of(task, "a", "", "c", "d")
    conversation.refresh_from_db()
    before, last = [e["seq"] for e in history(conversation)], conversation.last_seq
    assert retain(now=NOW + 90 * DAY + 2.5 * HOUR) == 3
    assert retain(now=NOW + 90 * DAY + 2.5 * HOUR) == 0
    conversation.refresh_from_db()
    assert conversation.last_seq == last
    assert {e["seq"] for e in history(conversation)} < set(before)
    assert run_statuses(once) == ["succeeded"]
    assert results(task) == ["d"]
    kept = ConversationItem.objects.filter(task_id=task.pk).values_list("event", flat=True)
    assert sorted(kept) == ["component_generator", "component_generator"]  # its controller, and the last result


def test_a_task_may_have_a_time_of_its_own_and_zero_keeps_all(make_task: TaskMaker) -> None:
    short, long, ever, usual = (
        make_task(schedule=HOURLY, retention_days=days, title=str(days)) for days in (1, 100, 0, None)
    )
    hours_of(short, "a", "b", "c", beside=[long, ever, usual])
    retain(now=NOW + 50 * DAY)
    assert [len(runs(task)) for task in (short, long, ever, usual)] == [1, 3, 3, 3]
    retain(now=NOW + 95 * DAY)
    assert [len(runs(task)) for task in (short, long, ever, usual)] == [1, 3, 3, 1]
    retain(now=NOW + 200 * DAY)
    assert [len(runs(task)) for task in (short, long, ever, usual)] == [1, 1, 3, 1]


def test_where_the_operator_keeps_all_a_task_may_still_ask_for_less(make_task: TaskMaker) -> None:
    short, usual = make_task(schedule=HOURLY, retention_days=1), make_task(schedule=HOURLY)
    hours_of(short, "a", "b", beside=[usual])
    assert retain(days=0) == 1
    assert [len(runs(task)) for task in (short, usual)] == [1, 2]


def test_once_tasks_keep_their_run_unless_they_ask(make_task: TaskMaker, conversation: Conversation) -> None:
    kept, asked = make_task(query="kept"), make_task(query="asked", retention_days=30)
    succeed(started(kept))
    succeed(started(asked))
    assert retain(days=1) == 1
    assert [run_statuses(task) for task in (kept, asked)] == [["succeeded"], []]
    assert not ConversationItem.objects.filter(task_id=asked.pk, run_id__isnull=False).exists()
    # What its person wrote, and the task itself, stay.
    asked.refresh_from_db()
    assert asked.status == "completed"
    assert history(conversation)


def test_what_has_not_ended_is_never_old(make_task: TaskMaker) -> None:
    asks, goes, waits = (make_task(schedule=HOURLY, retention_days=1) for _ in range(3))
    ask(started(asks))
    started(goes)
    TaskService.claim_due(now=NOW)
    TaskService.trigger(waits.pk, actor=None, now=NOW)
    assert retain(days=1) == 0
    assert TaskRun.objects.filter(finished_at=None).count() == 4


def test_the_latest_run_and_the_result_that_the_page_shows_stay(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, max_attempts=1)
    hours_of(task, "a", "b", "", "")
    retain()
    assert [(run.status, run.result) for run in runs(task)] == [("succeeded", "b"), ("failed", "")]


@pytest.mark.parametrize(
    ("fields", "given", "kept"),
    [
        # The newest that brought something, the newest that ended well, which the page shows, and the latest.
        ({"only_changes": True}, "news", ["news", texts.NO_CHANGE, ""]),
        ({"query": "{{ previous.result }}"}, texts.NO_CHANGE, [texts.NO_CHANGE, ""]),
    ],
)
def test_what_the_next_run_is_given_stays(
    make_task: TaskMaker, fields: dict[str, Any], given: str, kept: list[str]
) -> None:
    task = make_task(schedule=HOURLY, max_attempts=1, **fields)
    hours_of(task, "old", "news", texts.NO_CHANGE, texts.NO_CHANGE, "")
    retain()
    assert results(task) == kept
    task.refresh_from_db()
    (run,) = claim(now=task.next_run_at)
    assert given in texts.written(task, run)


def test_a_result_that_a_later_task_of_the_plan_may_be_given_stays_until_that_has_ended(make_task: TaskMaker) -> None:
    plan = make_task.plan(
        [{"key": "a", "query": "look", "retention_days": 1}, {"query": "{{ tasks.a.result }}", "retention_days": 1}]
    )
    first, second = plan.tasks.order_by("place")
    succeed(started(first), result="found")
    ask(started(second))
    assert retain() == 0
    TaskService.answer(second.pk, "go on", actor=None, now=NOW)
    succeed(started(second))
    assert retain() == 2


def test_records_of_slots_that_did_not_run_go_too(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    lease = started(task)
    claim(now=NOW + HOUR)
    succeed(lease, now=NOW + 1.5 * HOUR)
    succeed(started(task, now=NOW + 2 * HOUR), result="last", now=NOW + 2 * HOUR)
    assert run_statuses(task) == ["succeeded", "skipped", "succeeded"]
    assert retain() == 2
    assert results(task) == ["last"]


def test_what_points_at_a_run_points_at_nothing_then(make_task: TaskMaker) -> None:
    task = make_task(schedule={"on_event": True})
    hook = TaskHook.objects.create(task=task)
    first, second = (TaskService.trigger(task.pk, actor=None, now=NOW) for _ in range(2))
    delivery = hook.deliveries.create(key="1", run=first, outcome="started")
    for run in (first, second):
        TaskRun.objects.filter(pk=run.pk).update(status="succeeded", finished_at=NOW, result="x")
    assert retain() == 1
    delivery.refresh_from_db()
    assert (delivery.run_id, delivery.outcome) == (None, "started")
    assert task.transitions.filter(run=second).exists()


def test_a_conversation_of_its_own_goes_with_its_run_unless_something_else_was_asked_there(
    make_task: TaskMaker, user: User
) -> None:
    task = make_task(schedule=HOURLY, conversation_mode="new")
    hours_of(task, "a", "b", "c")
    first, second, third = (run.conversation for run in runs(task))
    TaskMaker(second)(query="and this?")
    assert retain() == 2
    left = set(Conversation.objects.filter(user=user).values_list("pk", flat=True))
    assert left == {task.conversation_id, second.pk, third.pk}
    assert first.pk not in left


def test_its_time_is_written_and_taken_away_like_any_field(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, retention_days=7)
    assert task.retention_days == 7
    assert TaskService.update(task.pk, TaskPatch(retention_days=0), actor=None, now=NOW).retention_days == 0
    assert TaskService.update(task.pk, TaskPatch(retention_days=None), actor=None, now=NOW).retention_days is None
    assert task.transitions.latest("id").changes == {"retention_days": {"old": 0, "new": None}}


def test_small_batches_come_to_the_end_past_what_stays(make_task: TaskMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(retention, "WINDOW", 3)
    monkeypatch.setattr(retention, "ITEMS", 1)
    for _ in range(4):
        succeed(started(make_task()))
    tasks = [make_task(schedule=HOURLY), make_task(schedule=HOURLY, retention_days=5)]
    hours_of(tasks[0], *(str(number) for number in range(6)), beside=tasks[1:])
    batch = retention.forget_old_runs(now=LATER, days=90)
    assert batch[0] <= 2
    retain()
    assert [results(task) for task in tasks] == [["5"], ["5"]]
    assert TaskRun.objects.filter(task__pattern="once").count() == 4


@pytest.mark.parametrize("number", [3, 30])
def test_a_batch_costs_as_many_queries_for_thirty_runs_as_for_three(
    make_task: TaskMaker, django_assert_num_queries: Any, number: int
) -> None:
    task, *others = (make_task(schedule=HOURLY) for _ in range(3))
    hours_of(task, *(str(n) for n in range(number // 3 + 1)), beside=others)
    # The window; what is needed, and the runs; the items, with their tails and their words for the search; the runs,
    # with what points at them; and what begins and ends the transactions.
    with django_assert_num_queries(18):
        deleted, _ = retention.forget_old_runs(now=LATER, days=90)
    assert deleted == number


def test_a_look_at_nothing_old_costs_one_query(make_task: TaskMaker, django_assert_num_queries: Any) -> None:
    hours_of(make_task(schedule=HOURLY), "a", "b")
    with django_assert_num_queries(1):
        assert retention.forget_old_runs(now=NOW + DAY, days=90) == (0, None)
    with django_assert_num_queries(1):
        assert retention.forget_where_asked(now=LATER) == (0, None)


@pytest.mark.django_db(transaction=True)
async def test_the_runner_deletes_what_is_old_by_the_sites_time_and_by_the_tasks(
    make_task: TaskMaker, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RETENTION_DAYS = 3
    monkeypatch.setattr(clock, "RETENTION_PAUSE", 0)
    begin = timezone.now() - 5 * DAY

    def prepare() -> list[Task]:
        tasks = [make_task(schedule=HOURLY, retention_days=days) for days in (None, 1, 30)]
        for task in tasks:
            made = [TaskService.trigger(task.pk, actor=None, now=begin) for _ in range(3)]
            task.runs.filter(pk__in=[run.pk for run in made]).update(status="failed", finished_at=begin)
        return tasks

    tasks = await sync(prepare)
    runner = clock.Runner()
    await runner._retain()
    await runner.drain(1.0)
    assert await sync(lambda: [task.runs.count() for task in tasks]) == [1, 1, 3]


def test_who_died_between_items_and_runs_finds_the_runs_again(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    hours_of(task, "a", "b", "c")
    ConversationItem.objects.filter(run_id=runs(task)[0].pk).delete()
    assert retain() == 2


def test_the_run_that_ended_last_by_the_clock_decides_nothing_but_age(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    hours_of(task, "a", "b", "c")
    assert retain(days=1, now=NOW + DAY + HOUR + MINUTE) == 2
    assert retain(days=1, now=NOW + DAY + 3 * HOUR) == 0
