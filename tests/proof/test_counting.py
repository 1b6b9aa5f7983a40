"""Slots of a long downtime are counted by whole days: the number is that of a list."""

from datetime import UTC, datetime, timedelta
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.schedules import Schedule, count_between, slots_between

pytestmark = pytest.mark.database_independent

ANCHOR = datetime(2026, 10, 20, 3, 7, 30, tzinfo=UTC)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/Havana", "Africa/Cairo", "America/Nuuk", "Asia/Beirut"])
EXPRESSIONS = st.sampled_from(
    [
        "*/7 * * * *",
        "0 * * * *",
        "30 2 * * *",
        "0,30 23 * * 6",
        "59 23 * * *",
        "0 0 * * *",
        "*/15 0-2 * * SUN",
        "5 4 1 * *",
    ]
)
SCHEDULES = st.one_of(
    st.builds(
        lambda minutes, **fields: Schedule(interval_minutes=minutes, **fields),
        minutes=st.one_of(st.integers(1, 90), st.integers(1, 4000)),
        timezone=ZONES,
        exclude=st.lists(st.sampled_from(["SAT", "SUN", "MON", "2026-10-25", "2027-03-28"]), unique=True).map(tuple),
    ),
    st.builds(
        lambda crons, **fields: Schedule(crons=tuple(crons), **fields),
        crons=st.lists(EXPRESSIONS, min_size=1, max_size=4, unique=True),
        timezone=ZONES,
        exclude=st.lists(st.sampled_from(["SAT", "SUN", "2026-10-25"]), unique=True).map(tuple),
    ),
)
MOMENTS = st.one_of(
    st.builds(
        lambda day, minutes: datetime.fromisoformat(f"{day}T00:00Z") + timedelta(minutes=minutes),
        st.sampled_from(["2026-10-25", "2026-11-01", "2027-03-14", "2027-03-27", "2027-04-29", "2026-10-29"]),
        st.integers(-2000, 2000),
    ),
    st.datetimes(datetime(2026, 10, 20), datetime(2027, 6, 1), timezones=st.just(UTC)),
)


@settings(deadline=None)
@given(SCHEDULES, MOMENTS, st.integers(0, 400))
def test_the_number_is_that_of_a_list(schedule: Schedule, after: datetime, hours: int) -> None:
    until = after + timedelta(hours=hours)
    listed = slots_between(schedule, after, until, anchor=ANCHOR, limit=100_000)
    assert count_between(schedule, after, until, anchor=ANCHOR, limit=100_000) == len(listed)
    assert count_between(schedule, after, until, anchor=ANCHOR, limit=3) == min(3, len(listed))


@pytest.mark.parametrize(
    ("schedule", "days"),
    [
        (Schedule(interval_minutes=1, exclude=("SAT", "SUN")), 261),
        (Schedule(crons=("* * * * *", "*/7 * * * *")), 365),
    ],
)
def test_a_year_of_minutes_is_counted(schedule: Schedule, days: int) -> None:
    after, until = datetime(2025, 12, 31, 23, 59, tzinfo=UTC), datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
    assert count_between(schedule, after, until, anchor=after, limit=10_000_000) == days * 24 * 60


def test_an_expression_whose_days_are_all_excluded_costs_the_others_nothing() -> None:
    schedule = Schedule(crons=("0,30 23 * * 6", "*/7 * * * *"), exclude=("SAT",))
    begun = process_time()
    listed = slots_between(schedule, ANCHOR, ANCHOR + timedelta(days=8), anchor=ANCHOR, limit=1000)
    # The walk through all Saturdays of 400 years, for each of them, would be half a minute.
    assert process_time() - begun < 3
    assert len(listed) == 1000
