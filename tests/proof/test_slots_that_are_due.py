"""Which slots are due, and that each of them is in exactly one row: jitter, limits and long downtimes."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tasks.schedules import Schedule, jitter_for, next_after, slots_between
from tasks.services.ticks import CATCH_UP_MAX, Decision, Due, decide
from tasks.states import CatchUp, Overlap, RunStatus, Trigger
from tests.helpers.tasks import HOUR, MINUTE, NOW

pytestmark = pytest.mark.database_independent

DAY = timedelta(days=1)
GOING = [RunStatus.RUNNING]


def due(schedule: Schedule, slot: datetime, **fields: Any) -> Due:
    """A recurring task whose first slot that is due is `slot`."""
    wanted: dict[str, Any] = {
        "recurring": True,
        "anchor": slot,
        "overlap": Overlap.SKIP,
        "catch_up": CatchUp.ONE,
        "window": DAY,
        "run_count": 0,
        **fields,
    }
    return Due(schedule=schedule, slot=slot, **wanted)


def fates(decision: Decision) -> list[tuple[str, str, datetime, int]]:
    """Status, trigger, first slot and number of each row, in the order in which they are written."""
    return [(str(row.status), str(row.trigger), row.slot, row.slots) for row in decision.rows]


def key_with_delay(schedule: Schedule, least: timedelta, slot: datetime) -> str:
    """The name of a task that its jitter moves by at least `least` at `slot`."""
    return next(name for n in range(1000) if jitter_for(schedule, name := f"task {n}", slot) >= least)


@pytest.mark.parametrize("catch_up", CatchUp)
def test_a_run_that_jitter_moves_is_on_time_at_its_moment(catch_up: CatchUp) -> None:
    hourly = Schedule(interval_minutes=60, jitter_seconds=3000)
    key = key_with_delay(hourly, 30 * MINUTE, NOW)
    moment = NOW + jitter_for(hourly, key, NOW)
    decision = decide(due(hourly, NOW, catch_up=catch_up, key=key), moment + timedelta(seconds=1))
    assert fates(decision) == [("queued", "schedule", NOW, 1)]
    assert decision.next_slot == NOW + HOUR
    late = decide(due(hourly, NOW, catch_up=catch_up, key=key), moment + timedelta(seconds=61))
    expected = ("missed", "schedule") if catch_up == CatchUp.NONE else ("queued", "catch_up")
    assert fates(late) == [(*expected, NOW, 1)]


@pytest.mark.parametrize("catch_up", CatchUp)
def test_a_once_task_that_jitter_moves_is_on_time_at_its_moment(catch_up: CatchUp) -> None:
    once = Schedule(start_at=NOW, jitter_seconds=3000)
    key = key_with_delay(once, 30 * MINUTE, NOW)
    decision = decide(
        due(once, NOW, recurring=False, catch_up=catch_up, key=key), NOW + jitter_for(once, key, NOW) + MINUTE
    )
    assert fates(decision) == [("queued", "schedule", NOW, 1)]


def test_a_slot_whose_own_moment_has_not_come_waits_for_it() -> None:
    hourly = Schedule(interval_minutes=60, jitter_seconds=3600)
    key = key_with_delay(hourly, 30 * MINUTE, NOW + HOUR)
    now = NOW + HOUR + MINUTE
    decision = decide(due(hourly, NOW, key=key), now)
    assert [row.slot for row in decision.rows] == [NOW]
    assert decision.next_slot == NOW + HOUR
    assert decision.next_slot + jitter_for(hourly, key, NOW + HOUR) > now


@pytest.mark.parametrize("overlap", [Overlap.SKIP, Overlap.QUEUE, Overlap.CANCEL_RUNNING])
def test_max_runs_makes_no_skipped_slot_vanish(overlap: Overlap) -> None:
    thrice = Schedule(interval_minutes=60, max_runs=3)
    first = NOW - 4 * HOUR
    decision = decide(
        due(thrice, first, catch_up=CatchUp.ALL, overlap=overlap, run_count=1, active=GOING, anchor=first), NOW
    )
    assert sum(row.slots for row in decision.rows) == 5
    assert decision.next_slot == NOW + HOUR


def test_a_limit_of_runs_a_day_makes_no_slot_vanish_beside_max_runs() -> None:
    twice = Schedule(interval_minutes=60, max_runs=2)
    first = NOW - 2 * HOUR
    decision = decide(due(twice, first, catch_up=CatchUp.ALL, run_count=1, left_today=0, anchor=first), NOW)
    assert fates(decision) == [("skipped", "schedule", first, 3)]
    assert decision.next_slot == NOW + HOUR


def test_what_follows_the_last_of_max_runs_is_no_slot() -> None:
    once_more = Schedule(interval_minutes=60, max_runs=2)
    first = NOW - 2 * HOUR
    fields = {"catch_up": CatchUp.ALL, "run_count": 1, "anchor": first}
    for active, overlap in (([], Overlap.SKIP), (GOING, Overlap.QUEUE)):
        decision = decide(due(once_more, first, active=active, overlap=overlap, **fields), NOW)
        assert fates(decision) == [("queued", "catch_up", first, 1)]
        assert decision.next_slot is None


def test_the_limit_of_a_day_leaves_its_run_to_the_slot_that_takes_the_place_of_others() -> None:
    hourly = Schedule(interval_minutes=60)
    first = NOW - 2 * HOUR
    decision = decide(
        due(hourly, first, catch_up=CatchUp.ALL, overlap=Overlap.CANCEL_RUNNING, active=GOING, left_today=1), NOW
    )
    assert fates(decision) == [("skipped", "schedule", first, 2), ("queued", "schedule", NOW, 1)]
    assert decision.replaces_active
    full = decide(due(hourly, NOW, overlap=Overlap.CANCEL_RUNNING, active=GOING, left_today=0), NOW)
    assert fates(full) == [("skipped", "schedule", NOW, 1)]
    assert not full.replaces_active


def test_rows_are_in_the_order_of_their_slots() -> None:
    hourly = Schedule(interval_minutes=60)
    first = NOW - 5 * HOUR
    decision = decide(
        due(hourly, first, catch_up=CatchUp.ALL, window=3 * HOUR, overlap=Overlap.QUEUE, active=GOING), NOW
    )
    assert fates(decision) == [
        ("missed", "schedule", first, 2),
        ("queued", "catch_up", first + 2 * HOUR, 1),
        ("skipped", "schedule", first + 3 * HOUR, 3),
    ]


@pytest.mark.parametrize("catch_up", CatchUp)
@pytest.mark.parametrize("days", [3, 30, 300])
def test_the_newest_slots_are_looked_at_however_long_the_downtime_and_the_window(catch_up: CatchUp, days: int) -> None:
    minutely = Schedule(interval_minutes=1)
    first = NOW - days * DAY
    decision = decide(due(minutely, first, catch_up=catch_up, window=365 * DAY), NOW)
    assert sum(row.slots for row in decision.rows) == days * 24 * 60 + 1
    assert decision.next_slot == NOW + MINUTE
    kept = [row.slot for row in decision.rows if row.status == RunStatus.QUEUED]
    number = CATCH_UP_MAX if catch_up == CatchUp.ALL else 1
    assert kept == [NOW - n * MINUTE for n in reversed(range(number))]
    (missed,) = (row for row in decision.rows if row.status == RunStatus.MISSED)
    assert (missed.slot, missed.last_slot) == (first, kept[0] - MINUTE)


def test_slots_that_come_in_bursts_are_counted_after_a_long_downtime() -> None:
    # Two hours of minutes on the first of each month.
    bursts = Schedule(crons=("* 3,4 1 * *",))
    first = next_after(bursts, NOW - 400 * DAY, anchor=NOW)
    assert first is not None
    decision = decide(due(bursts, first, catch_up=CatchUp.ALL, window=400 * DAY, anchor=NOW), NOW)
    every = [first, *slots_between(bursts, first, NOW, anchor=NOW, limit=10_000)]
    kept = [row.slot for row in decision.rows if row.trigger == Trigger.CATCH_UP]
    assert kept == every[-CATCH_UP_MAX:]
    assert sum(row.slots for row in decision.rows) == len(every)
    assert all(a.slot < b.slot for a, b in pairwise(decision.rows))
