"""Properties of the decision about due slots, whatever the schedule, its policies and the downtime."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.schedules import Schedule, jitter_for, next_after, slots_between
from tasks.services.ticks import CATCH_UP_MAX, ON_TIME, Decision, Due, decide
from tasks.states import CatchUp, Overlap, RunStatus, Trigger
from tests.helpers.tasks import NOW

pytestmark = pytest.mark.database_independent

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe")
KINDS = st.one_of(
    st.integers(1, 3000).map(lambda minutes: {"interval_minutes": minutes}),
    st.lists(st.times().map(lambda t: t.replace(second=0, microsecond=0)), min_size=1, max_size=3, unique=True).map(
        lambda times: {"daily_times": tuple(sorted(times))}
    ),
    st.sampled_from(["*/5 * * * *", "0 9 * * 1-5", "30 2 * * *", "*/20 2,3 * * *", "0 0 1 * *", "* 4 * * 0"]).map(
        lambda text: {"crons": (text,)}
    ),
)
LATENESS = st.one_of(
    st.integers(0, 90).map(lambda n: timedelta(seconds=n)),
    st.integers(0, 3000).map(lambda n: timedelta(minutes=n)),
    st.integers(0, 40).map(lambda n: timedelta(days=n)),
)
ACTIVE = st.lists(st.sampled_from([RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.WAITING_INPUT]), max_size=3)


@st.composite
def dues(draw: st.DrawFn) -> Due:
    """A recurring task of which something is due at NOW + its lateness."""
    jitter = draw(st.sampled_from([0, 0, 30, 59]))
    schedule = Schedule(
        **draw(KINDS),
        timezone=draw(st.sampled_from(ZONES)),
        jitter_seconds=jitter,
        max_runs=draw(st.none() | st.integers(1, 6)),
        end_at=draw(st.none() | st.integers(0, 60).map(lambda days: NOW + timedelta(days=days))),
        exclude=tuple(draw(st.lists(st.sampled_from(["SAT", "SUN", "2026-11-03"]), max_size=2, unique=True))),
    )
    anchor = NOW - timedelta(minutes=draw(st.integers(0, 5000)))
    slot = next_after(schedule, NOW - timedelta(days=1), anchor=anchor) or NOW
    return Due(
        schedule=schedule,
        recurring=True,
        anchor=anchor,
        slot=slot,
        overlap=draw(st.sampled_from(Overlap)),
        catch_up=draw(st.sampled_from(CatchUp)),
        window=timedelta(minutes=draw(st.sampled_from([1, 30, 1440, 10_080, 525_600]))),
        run_count=draw(st.integers(0, 5)) if schedule.max_runs is None else draw(st.integers(0, schedule.max_runs - 1)),
        key="a task",
        active=draw(ACTIVE),
        left_today=draw(st.none() | st.integers(0, 4)),
    )


def moment(due: Due, slot: datetime) -> datetime:
    return slot + jitter_for(due.schedule, due.key, slot)


def slots_of(due: Due, now: datetime) -> list[datetime]:
    """Every slot whose moment has come."""
    later = slots_between(due.schedule, due.slot, now, anchor=due.anchor, limit=100_000)
    return [due.slot, *(slot for slot in later if moment(due, slot) <= now)]


def queued(decision: Decision) -> list[datetime]:
    return [row.slot for row in decision.rows if row.status == RunStatus.QUEUED]


def ends_with_these(due: Due, decision: Decision) -> bool:
    most = due.schedule.max_runs
    return most is not None and due.run_count + len(queued(decision)) >= most


def cases(test: Callable[[Due, timedelta], None]) -> Callable[[], None]:
    """Run a test with many tasks and downtimes; long ones take as long as they take."""
    return settings(deadline=None)(given(dues(), LATENESS)(test))


@cases
def test_every_due_slot_is_in_exactly_one_row(due: Due, late: timedelta) -> None:
    now = moment(due, due.slot) + late
    decision, slots = decide(due, now), slots_of(due, now)
    if ends_with_these(due, decision):
        slots = [slot for slot in slots if slot <= queued(decision)[-1]]
    covered: list[datetime] = []
    for row in decision.rows:
        inside = [slot for slot in slots if row.slot <= slot <= (row.last_slot or row.slot)]
        assert (inside[0], inside[-1], len(inside)) == (row.slot, row.last_slot or row.slot, row.slots)
        covered += inside
    assert covered == slots


@cases
def test_there_is_never_a_burst(due: Due, late: timedelta) -> None:
    runs = queued(decide(due, moment(due, due.slot) + late))
    if due.catch_up != CatchUp.ALL or (due.active and due.overlap != Overlap.PARALLEL):
        assert len(runs) <= 1
    assert len(runs) <= CATCH_UP_MAX


@cases
def test_limits_hold(due: Due, late: timedelta) -> None:
    runs = queued(decide(due, moment(due, due.slot) + late))
    assert due.schedule.max_runs is None or due.run_count + len(runs) <= due.schedule.max_runs
    assert due.left_today is None or len(runs) <= due.left_today


@cases
def test_what_comes_next_is_the_first_slot_whose_moment_is_still_to_come(due: Due, late: timedelta) -> None:
    now = moment(due, due.slot) + late
    decision = decide(due, now)
    if ends_with_these(due, decision):
        assert decision.next_slot is None
        return
    last = slots_of(due, now)[-1]
    assert decision.next_slot == next_after(due.schedule, last, anchor=due.anchor)
    assert decision.next_slot is None or moment(due, decision.next_slot) > now


@cases
def test_what_runs_late_is_called_so_and_what_is_too_late_does_not_run(due: Due, late: timedelta) -> None:
    now = moment(due, due.slot) + late
    for row in decide(due, now).rows:
        lateness = now - moment(due, row.slot)
        if row.status == RunStatus.QUEUED:
            assert (row.trigger == Trigger.CATCH_UP) is (lateness > ON_TIME)
            assert lateness <= max(due.window, ON_TIME)
            assert due.catch_up != CatchUp.NONE or lateness <= ON_TIME
        else:
            assert row.reason
            assert row.trigger == Trigger.SCHEDULE


@cases
def test_only_cancel_running_takes_the_place_of_what_goes_on(due: Due, late: timedelta) -> None:
    decision = decide(due, moment(due, due.slot) + late)
    wanted = due.overlap == Overlap.CANCEL_RUNNING and bool(due.active) and bool(queued(decision))
    assert decision.replaces_active is wanted


@cases
def test_a_task_at_rest_runs_its_newest_slot_unless_a_limit_or_its_catch_up_says_no(due: Due, late: timedelta) -> None:
    now = moment(due, due.slot) + late
    newest = slots_of(due, now)[-1]
    fresh = now - moment(due, newest) <= ON_TIME
    in_time = fresh or (due.catch_up != CatchUp.NONE and now - moment(due, newest) <= due.window)
    if not due.active and due.left_today is None and due.schedule.max_runs is None and in_time:
        assert queued(decide(due, now))[-1] == newest


@settings(max_examples=50, deadline=None)
@given(dues(), st.lists(LATENESS, min_size=1, max_size=6))
def test_decisions_after_one_another_lose_and_double_no_slot(due: Due, lates: list[timedelta]) -> None:
    first, now, numbers = due, due.slot, 0
    slots: list[datetime] = []
    for late in lates:
        now = max(now, moment(due, due.slot)) + late
        decision = decide(due, now)
        slots += [row.slot for row in decision.rows]
        numbers += sum(row.slots for row in decision.rows)
        if decision.next_slot is None:
            break
        fields: dict[str, Any] = {**vars(due), "slot": decision.next_slot, "run_count": 0}
        due = Due(**fields)
    assert slots == sorted(set(slots))
    if first.schedule.max_runs is None:
        assert numbers == len(slots_of(first, now))
