"""Limits of a schedule: runs, tokens and cost a day and a month; the pause when one is reached; no slot vanishes."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from conversations.ids import new_id
from conversations.models import Conversation
from tasks.budgets import MOST, Spent
from tasks.models import Outgoing, Task, TaskRun, Webhook
from tasks.schemas.inputs import TaskPatch
from tasks.services import TaskService, events, limits
from tasks.services.outcomes import used
from tests.helpers.tasks import (
    HOUR,
    MINUTE,
    NOW,
    TaskMaker,
    claim,
    contents,
    fail,
    run_statuses,
    runs,
    settle,
    start,
    started,
    succeed,
)

pytestmark = pytest.mark.django_db

HOURLY = {"interval_minutes": 60, "timezone": "UTC"}
DAY = timedelta(days=1)
MIDNIGHT = NOW.replace(hour=0) + DAY
LIMIT_OF_DAY = "The limit of runs a day was reached."


def run_with(task: Task, *, now: datetime, **usage: Any) -> None:
    """A run that is claimed, says what it used, and succeeds."""
    lease = started(task, now=now)
    settle(used, lease, usage=usage)
    succeed(lease, now=now + MINUTE)


def rows(task: Task) -> list[tuple[str, int, str]]:
    """Status, number of slots and reason of each of its rows."""
    return [(run.status, run.slots, run.reason) for run in runs(task)]


def slots_with_a_row(task: Task) -> int:
    return sum(run.slots for run in runs(task) if run.trigger in ("schedule", "catch_up") and run.attempt == 1)


# --- what was used ---


def test_usage_adds_up_by_day_and_month_in_the_zone_of_the_task(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 60, "timezone": "Pacific/Honolulu"}, budget={"cost_per_month": 99})
    # 09:00 UTC on 2 November is 23:00 on the 1st in Honolulu; its day ends at 10:00 UTC.
    run_with(task, now=NOW, input_tokens=10, output_tokens=5, cost=0.5)
    run_with(task, now=NOW + HOUR, input_tokens=100, cost=0.25)
    task.refresh_from_db()
    assert limits.spent([task], NOW + 30 * MINUTE)[task.pk] == (
        Spent(tokens=115, cost=0.75),
        Spent(tokens=115, cost=0.75),
    )
    day, month = limits.spent([task], NOW + 2 * HOUR)[task.pk]
    assert (day, month) == (Spent(tokens=100, cost=0.25), Spent(tokens=115, cost=0.75))
    assert limits.spent([task], NOW + 40 * DAY) == {}


def test_what_a_run_said_before_its_worker_changed_is_kept(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    lease = started(task)
    settle(used, lease, usage={"input_tokens": 10, "cost": 0.5})
    settle(used, lease, usage={"output_tokens": 7, "cost": 0.75})
    settle(used, lease, usage={})
    assert TaskRun.objects.get(pk=lease.run_id).usage == {"input_tokens": 10, "output_tokens": 7, "cost": 0.75}


def test_every_attempt_counts_also_those_that_failed(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, budget={"tokens_per_day": 1000})
    for attempt in range(3):
        lease = started(task, now=NOW + attempt * MINUTE)
        settle(used, lease, usage={"input_tokens": 10})
        fail(lease, retryable=True, now=NOW + attempt * MINUTE)
    assert limits.spent([task], NOW + HOUR / 2)[task.pk][0] == Spent(tokens=30)


def test_the_largest_figures_of_a_hostile_agent_do_not_stop_the_claim_of_anybody(make_task: TaskMaker) -> None:
    task, other = make_task(schedule=HOURLY, budget={"cost_per_month": 1.0}), make_task(schedule=HOURLY)
    lease = started(task)
    settle(used, lease, usage={"input_tokens": MOST, "output_tokens": MOST})
    succeed(lease)
    first = TaskRun.objects.get(pk=lease.run_id)
    columns = {field.attname: getattr(first, field.attname) for field in TaskRun._meta.concrete_fields}
    moments = [NOW - timedelta(seconds=number + 1) for number in range(5000)]
    TaskRun.objects.bulk_create(TaskRun(**{**columns, "id": new_id(), "scheduled_for": moment}) for moment in moments)
    assert limits.spent([task], NOW + HOUR / 2)[task.pk][1].tokens == 5001 * 2 * MOST
    claim(now=NOW + HOUR)
    assert task.runs.filter(scheduled_for=NOW + HOUR, status="queued").exists()
    assert other.runs.filter(scheduled_for=NOW + HOUR).exists()


# --- a budget ---


def test_a_budget_that_is_reached_skips_the_slot_pauses_and_tells_its_owner_once(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    conversation.user.email = "ann@example.org"
    conversation.user.save()
    Webhook.objects.create(user=conversation.user, url="https://8.8.8.8/", events=["task_paused"])
    task = make_task(schedule=HOURLY, title="News", budget={"tokens_per_day": 100})
    run_with(task, now=NOW, input_tokens=60)
    run_with(task, now=NOW + HOUR, input_tokens=60)
    for hour in range(2, 6):
        claim(now=NOW + hour * HOUR)
    task.refresh_from_db()
    why = "The budget of 100 tokens a day was reached."
    assert (task.paused_reason, task.paused_until) == ("budget", MIDNIGHT)
    assert task.paused_note == f"{why} It goes on at 2026-11-03 00:00 (UTC)."
    assert rows(task) == [("succeeded", 1, ""), ("succeeded", 1, ""), ("skipped", 1, why)]
    assert contents(conversation, "message") == [f"“News” was paused: {task.paused_note}"]
    told = [(row.event, row.webhook_id is not None) for row in Outgoing.objects.order_by("id")]
    assert sorted(told) == [("task_paused", False), ("task_paused", True)]


def test_it_goes_on_by_itself_the_next_day_and_every_slot_between_is_in_a_row(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, budget={"tokens_per_day": 1})
    run_with(task, now=NOW, input_tokens=1)
    claim(now=NOW + HOUR)
    TaskService.resume_due(now=MIDNIGHT - MINUTE)
    task.refresh_from_db()
    assert task.paused_at is not None
    TaskService.resume_due(now=MIDNIGHT)
    claim(now=MIDNIGHT)
    task.refresh_from_db()
    assert (task.paused_at, task.paused_reason) == (None, "")
    # 09:00 ran; 10:00 to 23:00 are skipped, in one row; 00:00 runs.
    why = "The budget of 1 tokens a day was reached."
    assert rows(task) == [("succeeded", 1, ""), ("skipped", 14, why), ("queued", 1, "")]


def test_a_budget_of_a_month_goes_on_with_the_next_month(make_task: TaskMaker) -> None:
    task = make_task(schedule={"daily_time": "09:00", "timezone": "UTC"}, budget={"cost_per_month": 0.5})
    run_with(task, now=NOW, cost=0.5)
    claim(now=NOW + DAY)
    task.refresh_from_db()
    first = datetime.fromisoformat("2026-12-01T00:00Z")
    assert task.paused_until == first
    TaskService.resume_due(now=first)
    claim(now=first + 9 * HOUR)
    assert [(status, slots) for status, slots, _ in rows(task)] == [("succeeded", 1), ("skipped", 28), ("queued", 1)]


def test_resumed_by_hand_the_limit_still_holds_and_each_slot_keeps_its_row(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, budget={"tokens_per_day": 1})
    run_with(task, now=NOW, input_tokens=1)
    claim(now=NOW + HOUR)
    resumed = TaskService.resume(task.pk, actor=None, now=NOW + 3.5 * HOUR)
    assert (resumed.paused_at, resumed.next_run_at) == (None, NOW + 4 * HOUR)
    claim(now=NOW + 4 * HOUR)
    task.refresh_from_db()
    assert task.paused_reason == "budget"
    assert slots_with_a_row(task) == 5
    assert {status for status, _, _ in rows(task)} == {"succeeded", "skipped"}


@pytest.mark.parametrize("patch", [{"budget": {"tokens_per_day": 1000}}, {"budget": None}])
def test_raising_or_removing_the_limit_lets_it_go_on(make_task: TaskMaker, patch: dict[str, Any]) -> None:
    task = make_task(schedule=HOURLY, budget={"tokens_per_day": 1})
    run_with(task, now=NOW, input_tokens=1)
    claim(now=NOW + HOUR)
    changed = TaskService.update(task.pk, TaskPatch(**patch), actor=None, now=NOW + 2.5 * HOUR)
    assert (changed.paused_at, changed.paused_reason) == (None, "")
    claim(now=NOW + 3 * HOUR)
    assert run_statuses(task) == ["succeeded", "skipped", "queued"]
    assert slots_with_a_row(task) == 4


def test_another_edit_does_not_lift_the_limit(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, budget={"tokens_per_day": 1})
    run_with(task, now=NOW, input_tokens=1)
    claim(now=NOW + HOUR)
    assert TaskService.update(task.pk, TaskPatch(priority=9), actor=None, now=NOW + 2 * HOUR).paused_reason == "budget"


def test_run_now_works_while_a_budget_rests_it(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, budget={"tokens_per_day": 1})
    run_with(task, now=NOW, input_tokens=1)
    claim(now=NOW + HOUR)
    run = TaskService.trigger(task.pk, actor=None, now=NOW + 2 * HOUR)
    assert [lease.run_id for lease in start(now=NOW + 2 * HOUR)] == [run.pk]


def test_an_event_that_comes_when_a_budget_is_reached_is_a_row_that_says_so(make_task: TaskMaker) -> None:
    task = make_task(schedule={"on_event": True, "timezone": "UTC"}, budget={"tokens_per_day": 1})
    arrival = events.start_by_event(task, {}, now=NOW)
    assert arrival.run is not None
    (lease,) = start()
    settle(used, lease, usage={"input_tokens": 1})
    succeed(lease)
    for minute in (1, 2, 3):
        task.refresh_from_db()
        arrival = events.start_by_event(task, {}, now=NOW + minute * MINUTE)
        assert (arrival.outcome, arrival.reason) == ("skipped", "The budget of 1 tokens a day was reached.")
    assert [(status, slots) for status, slots, _ in rows(task)] == [("succeeded", 1), ("skipped", 3)]


def test_an_agent_that_reports_nothing_never_reaches_a_budget(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, budget={"tokens_per_day": 1, "cost_per_month": 0.01})
    for hour in range(4):
        run_with(task, now=NOW + hour * HOUR)
    assert run_statuses(task) == ["succeeded"] * 4


# --- runs a day ---


def test_runs_a_day_pause_until_midnight_and_tell_in_the_conversation_without_a_mail(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    conversation.user.email = "ann@example.org"
    conversation.user.save()
    task = make_task(schedule=HOURLY, max_runs_per_day=2)
    for hour in range(5):
        claim(now=NOW + hour * HOUR)
        for lease in start(now=NOW + hour * HOUR):
            succeed(lease, now=NOW + hour * HOUR)
    task.refresh_from_db()
    assert (task.paused_reason, task.paused_until) == ("budget", MIDNIGHT)
    assert len(contents(conversation, "message")) == 1
    assert not Outgoing.objects.exists()
    TaskService.resume_due(now=MIDNIGHT)
    claim(now=MIDNIGHT)
    assert rows(task) == [
        ("succeeded", 1, ""),
        ("succeeded", 1, ""),
        ("skipped", 13, LIMIT_OF_DAY),
        ("queued", 1, ""),
    ]


def test_what_is_run_by_hand_again_or_made_up_for_uses_up_none_of_the_day(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, max_runs_per_day=2)
    succeed(started(task), now=NOW)
    TaskService.trigger(task.pk, actor=None, now=NOW + MINUTE)
    succeed(started(task, now=NOW + MINUTE), now=NOW + 2 * MINUTE)
    TaskService.run_again(task.pk, actor=None, now=NOW + 3 * MINUTE)
    succeed(started(task, now=NOW + 3 * MINUTE), now=NOW + 4 * MINUTE)
    TaskService.backfill(task.pk, begin=NOW, end=NOW + MINUTE, actor=None, now=NOW + 5 * MINUTE)
    succeed(started(task, now=NOW + 5 * MINUTE), now=NOW + 6 * MINUTE)
    claim(now=NOW + HOUR)
    assert [(run.trigger, run.status) for run in runs(task)][-1] == ("schedule", "queued")


def test_retries_use_up_none_of_the_day(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, max_runs_per_day=2)
    fail(started(task), retryable=True)
    succeed(started(task, now=NOW + MINUTE), now=NOW + MINUTE)
    claim(now=NOW + HOUR)
    assert run_statuses(task) == ["failed", "succeeded", "queued"]


def test_a_skipped_slot_uses_up_none_of_the_day(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, max_runs_per_day=2)
    lease = started(task)
    claim(now=NOW + HOUR)  # the run before still goes
    succeed(lease, now=NOW + 1.5 * HOUR)
    claim(now=NOW + 2 * HOUR)
    assert run_statuses(task) == ["succeeded", "skipped", "queued"]


def test_catch_up_of_all_runs_what_there_is_room_for_and_records_the_rest(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, catch_up="all", max_runs_per_day=2)
    claim(now=NOW + 4.5 * HOUR)
    assert rows(task) == [("queued", 1, ""), ("queued", 1, ""), ("skipped", 3, LIMIT_OF_DAY)]
    # What was given before goes on in the pause.
    (lease,) = start(now=NOW + 4.5 * HOUR)
    succeed(lease, now=NOW + 4.6 * HOUR)
    assert len(start(now=NOW + 4.7 * HOUR)) == 1


def test_parallel_runs_are_counted_too(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, overlap="parallel", max_runs_per_day=2)
    for hour in range(4):
        claim(now=NOW + hour * HOUR)
        start(now=NOW + hour * HOUR)
    assert run_statuses(task) == ["running", "running", "skipped"]


def test_a_queued_overlap_is_counted_too(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, overlap="queue", max_runs_per_day=2)
    started(task)
    for hour in range(1, 4):
        claim(now=NOW + hour * HOUR)
    # 11:00 had no place in the queue, whatever the limit; 12:00 as well.
    assert [run.status for run in runs(task)] == ["running", "queued", "skipped"]
    assert slots_with_a_row(task) == 4


def test_where_the_limit_leaves_no_room_nothing_is_stopped_for_it(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, overlap="cancel_running", max_runs_per_day=1)
    started(task)
    claim(now=NOW + HOUR)
    assert run_statuses(task) == ["running", "skipped"]


def test_events_and_slots_share_the_runs_of_a_day(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, max_runs_per_day=2)
    succeed(started(task))
    task.refresh_from_db()
    assert events.start_by_event(task, {}, now=NOW + MINUTE).outcome == "started"
    succeed(started(task, now=NOW + MINUTE), now=NOW + 2 * MINUTE)
    claim(now=NOW + HOUR)
    assert run_statuses(task) == ["succeeded", "succeeded", "skipped"]


def test_the_day_that_daylight_saving_makes_longer_is_one_day(make_task: TaskMaker) -> None:
    # 31 October 2027 in Berlin has 25 hours.
    begin = datetime.fromisoformat("2027-10-30T22:00Z")
    task = make_task(schedule={"interval_minutes": 60, "timezone": "Europe/Berlin"}, max_runs_per_day=1, now=begin)
    succeed(started(task, now=begin), now=begin)
    claim(now=begin + HOUR)
    task.refresh_from_db()
    assert task.paused_until == begin + 25 * HOUR


@pytest.mark.parametrize("overlap", ["skip", "queue", "cancel_running", "parallel"])
@pytest.mark.parametrize("catch_up", ["one", "none", "all"])
def test_no_slot_vanishes_whatever_the_limit_the_overlap_and_the_catch_up(
    make_task: TaskMaker, overlap: str, catch_up: str
) -> None:
    task = make_task(schedule=HOURLY, overlap=overlap, catch_up=catch_up, max_runs_per_day=3)
    for hour in (0, 1, 2, 6, 7, 15, 16, 20, 40, 41, 42):  # with downtimes between
        now = NOW + hour * HOUR
        TaskService.resume_due(now=now)
        claim(now=now)
        for lease in start(now=now):
            succeed(lease, now=now + 10 * MINUTE)
    TaskService.resume(task.pk, actor=None, now=NOW + 42.5 * HOUR)
    assert slots_with_a_row(task) == 43
    by_day: dict[Any, int] = {}
    for run in runs(task):
        if run.status not in ("skipped", "missed"):
            by_day[run.created_at.date()] = by_day.get(run.created_at.date(), 0) + 1
    assert max(by_day.values()) <= 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(3))
def test_two_runners_at_once_do_not_exceed_the_runs_of_a_day(
    make_task: TaskMaker, in_threads: Callable[..., list[Any]], attempt: int
) -> None:
    tasks = [
        make_task(schedule={"interval_minutes": 1, "timezone": "UTC"}, overlap="parallel", max_runs_per_day=2)
        for _ in range(4)
    ]
    for minute in range(4):
        found = in_threads(3, lambda _, minute=minute: TaskService.claim_due(now=NOW + minute * MINUTE))
        assert not [error for error in found if isinstance(error, Exception)]
    for task in tasks:
        assert sorted(run_statuses(task)) == ["queued", "queued", "skipped"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(3))
def test_events_and_a_runner_at_once_do_not_exceed_the_runs_of_a_day(
    make_task: TaskMaker, in_threads: Callable[..., list[Any]], attempt: int
) -> None:
    task = make_task(schedule=HOURLY, overlap="parallel", max_runs_per_day=2)

    def act(number: int) -> None:
        if number == 0:
            TaskService.claim_due(now=NOW)
        else:
            with transaction.atomic():
                events.start_by_event(TaskService.locked(task.pk), {}, now=NOW + number * timedelta(seconds=1))

    assert in_threads(4, act) == [None] * 4
    TaskService.claim_due(now=NOW)
    assert task.runs.filter(status="queued").count() == 2


def test_the_queries_of_a_claim_do_not_grow_with_the_limits(
    make_task: TaskMaker, django_assert_max_num_queries: Any
) -> None:
    for _ in range(20):
        make_task(schedule=HOURLY, max_runs_per_day=5, budget={"tokens_per_day": 10, "cost_per_month": 1.0})
    with django_assert_max_num_queries(16):
        TaskService.claim_due(now=NOW)
