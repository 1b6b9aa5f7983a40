"""A past range is made up for, slot by slot, behind what is due now."""

from datetime import UTC, datetime, timedelta

import pytest

from tasks.errors import AlreadyFinished, InvalidInput, WrongMoment
from tasks.models import Task, TaskRun
from tasks.services import TaskService
from tests.helpers.tasks import NOW, TaskMaker, claim, start, succeed

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def made_up(task: Task, begin: datetime, end: datetime, now: datetime) -> list[TaskRun]:
    return TaskService.backfill(task.pk, begin=begin, end=end, actor=None, now=now)


@pytest.fixture
def hourly(make_task: TaskMaker) -> Task:
    return make_task(schedule={"interval_minutes": 60})


def test_each_slot_of_the_range_gets_a_run_that_names_it_and_both_ends_count(hourly: Task) -> None:
    runs = made_up(hourly, NOW + HOUR, NOW + 3 * HOUR, NOW + 5 * HOUR)
    assert [run.for_slot for run in runs] == [NOW + HOUR, NOW + 2 * HOUR, NOW + 3 * HOUR]
    assert {run.trigger for run in runs} == {"backfill"}
    hourly.refresh_from_db()
    assert hourly.next_slot_at == NOW, "the schedule itself does not move"


def test_they_run_one_after_another_oldest_slot_first(hourly: Task) -> None:
    now = NOW + 5 * HOUR
    runs = made_up(hourly, NOW + HOUR, NOW + 3 * HOUR, now)
    for expected in runs:
        (lease,) = start(now=now + timedelta(seconds=1))
        assert lease.run_id == expected.pk
        assert start(now=now + timedelta(seconds=1)) == []
        succeed(lease, now=now + timedelta(seconds=2))


def test_a_tick_is_not_skipped_for_a_backfill_and_goes_before_the_rest_of_it(hourly: Task) -> None:
    claim(now=NOW)
    succeed(*start(now=NOW), now=NOW)
    made_up(hourly, NOW - 0 * HOUR, NOW + HOUR - timedelta(minutes=1), NOW + HOUR - timedelta(minutes=1))
    claim(now=NOW + HOUR)
    tick = TaskRun.objects.get(trigger="schedule", scheduled_for=NOW + HOUR)
    assert tick.status == "queued"
    (lease,) = start(now=NOW + HOUR)
    assert lease.run_id == tick.pk


@pytest.mark.parametrize(
    ("begin", "end", "says"),
    [
        (2 * HOUR, HOUR, "before the beginning"),
        (HOUR, 9 * HOUR, "future"),
        (timedelta(minutes=61), timedelta(minutes=62), "no time in this range"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused_with_what_is_wrong(
    hourly: Task, begin: timedelta, end: timedelta, says: str
) -> None:
    with pytest.raises(InvalidInput, match=says):
        made_up(hourly, NOW + begin, NOW + end, NOW + 5 * HOUR)
    assert not TaskRun.objects.exists()


def test_more_than_a_thousand_slots_are_refused(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 1})
    with pytest.raises(InvalidInput, match="more than 1000"):
        made_up(task, NOW, NOW + timedelta(minutes=1000), NOW + timedelta(days=2))
    assert len(made_up(task, NOW, NOW + timedelta(minutes=999), NOW + timedelta(days=2))) == 1000


def test_a_once_task_and_an_ended_one_have_nothing_to_make_up_for(make_task: TaskMaker, hourly: Task) -> None:
    with pytest.raises(WrongMoment, match="no schedule"):
        made_up(make_task(), NOW, NOW + HOUR, datetime(2030, 1, 1, tzinfo=UTC))
    TaskService.cancel(hourly.pk, actor=None, now=NOW)
    with pytest.raises(AlreadyFinished):
        made_up(hourly, NOW, NOW + HOUR, NOW + 2 * HOUR)
