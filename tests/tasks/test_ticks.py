"""What becomes of due slots: overlap, catch-up and limits, as a pure decision."""

from datetime import timedelta
from typing import Any

import pytest

from tasks.schedules import Schedule
from tasks.services.ticks import CATCH_UP_MAX, Due, decide
from tasks.states import CatchUp, Overlap, RunStatus
from tests.helpers.tasks import HOUR, MINUTE, NOW

pytestmark = pytest.mark.database_independent

GOING = [RunStatus.RUNNING]
GOING_AND_QUEUED = [RunStatus.RUNNING, RunStatus.QUEUED]
DAY = timedelta(days=1)


def due(*, late: timedelta = timedelta(0), schedule: Schedule | None = None, **fields: Any) -> Due:
    """An hourly task whose planned slot was `late` ago."""
    slot = NOW - late
    wanted: dict[str, Any] = {
        "recurring": True,
        "anchor": slot,
        "slot": slot,
        "overlap": Overlap.SKIP,
        "catch_up": CatchUp.ONE,
        "window": DAY,
        "run_count": 0,
        **fields,
    }
    return Due(schedule=schedule or Schedule(interval_minutes=60), **wanted)


def rows(decision: Any) -> list[tuple[str, str, float, int]]:
    """Status, trigger, hours from now, and number of slots of each row."""
    return [
        (str(row.status), str(row.trigger), (row.slot - NOW) / HOUR, row.slots)
        for row in sorted(decision.rows, key=lambda row: row.slot)
    ]


def test_a_tick_on_time_is_one_run_and_the_next_slot_is_planned() -> None:
    decision = decide(due(), NOW)
    assert rows(decision) == [("queued", "schedule", 0, 1)]
    assert decision.next_slot == NOW + HOUR


def test_a_tick_that_a_busy_machine_takes_a_minute_late_is_no_catch_up() -> None:
    assert rows(decide(due(late=timedelta(seconds=59)), NOW))[0][:2] == ("queued", "schedule")
    assert rows(decide(due(late=timedelta(seconds=61)), NOW))[0][:2] == ("queued", "catch_up")


CAUGHT_UP: list[tuple[CatchUp, list[tuple[str, str, float, int]]]] = [
    (CatchUp.ONE, [("missed", "schedule", -3.5, 3), ("queued", "catch_up", -0.5, 1)]),
    (CatchUp.NONE, [("missed", "schedule", -3.5, 4)]),
    (CatchUp.ALL, [("queued", "catch_up", hours, 1) for hours in (-3.5, -2.5, -1.5, -0.5)]),
]


@pytest.mark.parametrize(("catch_up", "expected"), CAUGHT_UP)
def test_after_a_downtime_catch_up_decides(catch_up: CatchUp, expected: list[Any]) -> None:
    decision = decide(due(late=3.5 * HOUR, catch_up=catch_up), NOW)
    assert rows(decision) == expected
    assert decision.next_slot == NOW + HOUR / 2


@pytest.mark.parametrize("catch_up", CatchUp)
def test_slots_outside_the_window_are_missed_whatever_the_catch_up(catch_up: CatchUp) -> None:
    decision = decide(due(late=5.5 * HOUR, catch_up=catch_up, window=0.25 * HOUR), NOW)
    assert rows(decision) == [("missed", "schedule", -5.5, 6)]


def test_catch_up_all_runs_what_lies_in_the_window_and_records_the_rest() -> None:
    decision = decide(due(late=5.5 * HOUR, catch_up=CatchUp.ALL, window=2 * HOUR), NOW)
    assert rows(decision) == [
        ("missed", "schedule", -5.5, 4),
        ("queued", "catch_up", -1.5, 1),
        ("queued", "catch_up", -0.5, 1),
    ]


def test_catch_up_none_still_runs_the_slot_that_is_on_time() -> None:
    decision = decide(due(late=3 * HOUR, catch_up=CatchUp.NONE), NOW)
    assert rows(decision) == [("missed", "schedule", -3, 3), ("queued", "schedule", 0, 1)]


def test_a_downtime_of_a_year_of_minutes_is_a_few_rows_with_the_true_number() -> None:
    minutely = Schedule(interval_minutes=1)
    decision = decide(due(late=365 * DAY, schedule=minutely, catch_up=CatchUp.ONE), NOW)
    assert [(row.status, row.slots) for row in decision.rows] == [
        (RunStatus.MISSED, 365 * 24 * 60),
        (RunStatus.QUEUED, 1),
    ]
    everything = decide(due(late=365 * DAY, schedule=minutely, catch_up=CatchUp.ALL), NOW)
    assert sum(row.status == RunStatus.QUEUED for row in everything.rows) == CATCH_UP_MAX
    assert sum(row.slots for row in everything.rows) == 365 * 24 * 60 + 1


OVERLAPPED: list[tuple[Overlap, list[RunStatus], list[tuple[str, float]], bool]] = [
    (Overlap.SKIP, GOING, [("skipped", 0)], False),
    (Overlap.SKIP, [RunStatus.WAITING_INPUT], [("skipped", 0)], False),
    (Overlap.QUEUE, GOING, [("queued", 0)], False),
    (Overlap.QUEUE, GOING_AND_QUEUED, [("skipped", 0)], False),
    (Overlap.CANCEL_RUNNING, GOING, [("queued", 0)], True),
    (Overlap.PARALLEL, GOING, [("queued", 0)], False),
]


@pytest.mark.parametrize(("overlap", "active", "expected", "replaces"), OVERLAPPED)
def test_overlap_decides_while_a_run_still_goes(
    overlap: Overlap, active: list[RunStatus], expected: list[tuple[str, float]], replaces: bool
) -> None:
    decision = decide(due(overlap=overlap, active=active), NOW)
    assert [(status, hours) for status, _, hours, _ in rows(decision)] == expected
    assert decision.replaces_active is replaces
    assert decision.next_slot == NOW + HOUR


BOTH: list[tuple[Overlap, CatchUp, list[tuple[str, float, int]]]] = [
    (Overlap.SKIP, CatchUp.ONE, [("missed", -2.5, 2), ("skipped", -0.5, 1)]),
    (Overlap.SKIP, CatchUp.NONE, [("missed", -2.5, 3)]),
    (Overlap.SKIP, CatchUp.ALL, [("skipped", -2.5, 3)]),
    (Overlap.QUEUE, CatchUp.ONE, [("missed", -2.5, 2), ("queued", -0.5, 1)]),
    (Overlap.QUEUE, CatchUp.NONE, [("missed", -2.5, 3)]),
    (Overlap.QUEUE, CatchUp.ALL, [("queued", -2.5, 1), ("skipped", -1.5, 2)]),
    (Overlap.CANCEL_RUNNING, CatchUp.ONE, [("missed", -2.5, 2), ("queued", -0.5, 1)]),
    (Overlap.CANCEL_RUNNING, CatchUp.NONE, [("missed", -2.5, 3)]),
    (Overlap.CANCEL_RUNNING, CatchUp.ALL, [("skipped", -2.5, 2), ("queued", -0.5, 1)]),
    (Overlap.PARALLEL, CatchUp.ONE, [("missed", -2.5, 2), ("queued", -0.5, 1)]),
    (Overlap.PARALLEL, CatchUp.NONE, [("missed", -2.5, 3)]),
    (Overlap.PARALLEL, CatchUp.ALL, [("queued", -2.5, 1), ("queued", -1.5, 1), ("queued", -0.5, 1)]),
]


@pytest.mark.parametrize(("overlap", "catch_up", "expected"), BOTH)
def test_overlap_and_catch_up_together(
    overlap: Overlap, catch_up: CatchUp, expected: list[tuple[str, float, int]]
) -> None:
    decision = decide(due(late=2.5 * HOUR, overlap=overlap, catch_up=catch_up, active=GOING), NOW)
    assert [(status, hours, slots) for status, _, hours, slots in rows(decision)] == expected


def test_every_row_that_did_not_run_says_why() -> None:
    for overlap, catch_up, _ in BOTH:
        decision = decide(due(late=2.5 * HOUR, overlap=overlap, catch_up=catch_up, active=GOING), NOW)
        for row in decision.rows:
            assert bool(row.reason) is (row.status != RunStatus.QUEUED)
            assert (row.last_slot is not None) is (row.slots > 1)


def test_the_last_of_max_runs_plans_nothing_more() -> None:
    twice = Schedule(interval_minutes=60, max_runs=2)
    assert decide(due(schedule=twice, run_count=0), NOW).next_slot == NOW + HOUR
    last = decide(due(schedule=twice, run_count=1), NOW)
    assert rows(last) == [("queued", "schedule", 0, 1)]
    assert last.next_slot is None


def test_a_skipped_slot_uses_up_none_of_max_runs() -> None:
    twice = Schedule(interval_minutes=60, max_runs=2)
    decision = decide(due(schedule=twice, run_count=1, active=GOING), NOW)
    assert rows(decision) == [("skipped", "schedule", 0, 1)]
    assert decision.next_slot == NOW + HOUR


def test_max_runs_bounds_what_is_caught_up() -> None:
    twice = Schedule(interval_minutes=60, max_runs=2)
    decision = decide(due(late=5 * HOUR, schedule=twice, catch_up=CatchUp.ALL), NOW)
    assert rows(decision) == [("queued", "catch_up", -5, 1), ("queued", "catch_up", -4, 1)]
    assert decision.next_slot is None


def test_nothing_is_planned_after_end_at() -> None:
    ends = Schedule(interval_minutes=60, end_at=NOW + HOUR / 2)
    decision = decide(due(schedule=ends), NOW)
    assert rows(decision) == [("queued", "schedule", 0, 1)]
    assert decision.next_slot is None


def test_the_limit_of_runs_a_day_is_recorded_as_skipped_and_the_schedule_goes_on() -> None:
    decision = decide(due(left_today=0), NOW)
    assert rows(decision) == [("skipped", "schedule", 0, 1)]
    assert "limit" in decision.rows[0].reason
    assert decision.next_slot == NOW + HOUR
    several = decide(due(late=3 * HOUR, left_today=1, catch_up=CatchUp.ALL), NOW)
    assert rows(several) == [("queued", "catch_up", -3, 1), ("skipped", "schedule", -2, 3)]


def test_a_limit_of_runs_a_day_uses_up_none_of_max_runs() -> None:
    twice = Schedule(interval_minutes=60, max_runs=2)
    assert decide(due(schedule=twice, run_count=1, left_today=0), NOW).next_slot == NOW + HOUR


def test_a_once_task_has_one_run() -> None:
    decision = decide(due(recurring=False, schedule=Schedule()), NOW)
    assert rows(decision) == [("queued", "schedule", 0, 1)]
    assert decision.next_slot is None


@pytest.mark.parametrize(
    ("catch_up", "late", "expected"),
    [
        (CatchUp.ONE, HOUR, ("queued", "catch_up", -1, 1)),
        (CatchUp.ALL, HOUR, ("queued", "catch_up", -1, 1)),
        (CatchUp.NONE, HOUR, ("missed", "schedule", -1, 1)),
        (CatchUp.ONE, 25 * HOUR, ("missed", "schedule", -25, 1)),
    ],
)
def test_a_once_task_whose_moment_passed_is_caught_up_within_the_window(
    catch_up: CatchUp, late: timedelta, expected: tuple[str, str, float, int]
) -> None:
    decision = decide(due(late=late, recurring=False, schedule=Schedule(), catch_up=catch_up), NOW)
    assert rows(decision) == [expected]


def test_the_anchor_and_not_the_moment_of_claiming_gives_the_next_slot() -> None:
    late = decide(due(late=50 * MINUTE), NOW)
    assert late.next_slot == NOW - 50 * MINUTE + HOUR
