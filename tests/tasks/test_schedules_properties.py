"""Properties that hold for every schedule, whatever is asked."""

import itertools
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tasks.schedules import (
    Schedule,
    ScheduleError,
    count_between,
    describe,
    from_dict,
    next_after,
    parse,
    preview,
    slots_between,
    to_dict,
)

ANCHOR = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "America/Nuuk",
        "Asia/Kolkata",
    ]
)
# Around the changes of 2026 and 2027 as often as anywhere else.
MOMENTS = st.one_of(
    st.datetimes(datetime(2026, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC)),
    st.builds(
        lambda day, minutes: datetime(*day, tzinfo=UTC) + timedelta(minutes=minutes),
        st.sampled_from([(2026, 10, 25), (2027, 3, 14), (2027, 3, 28), (2027, 4, 3), (2027, 4, 29), (2027, 11, 7)]),
        st.integers(-600, 1440),
    ),
)
EXCLUDE = st.lists(st.sampled_from(["MON", "WED", "SAT", "SUN", "2027-03-28", "2027-11-07"]), max_size=3)


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    return st.one_of(
        st.just("*"),
        number.map(str),
        st.integers(1, 9).map("*/{}".format),
        st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}"),
        st.lists(number, min_size=2, max_size=4).map(lambda several: ",".join(map(str, several))),
    )


CRONS = st.tuples(_field(0, 59), _field(0, 23), _field(1, 31), _field(1, 12), _field(0, 7)).map(" ".join)
KINDS = st.one_of(
    st.fixed_dictionaries({"interval_minutes": st.integers(1, 525_600)}),
    st.fixed_dictionaries(
        {"daily_time": st.lists(st.times().map(lambda t: t.strftime("%H:%M")), min_size=1, max_size=4)}
    ),
    st.fixed_dictionaries({"cron": CRONS}),
)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    data = {**draw(KINDS), "timezone": draw(ZONES), "exclude": draw(EXCLUDE)}
    try:
        return parse(data, now=ANCHOR, default_timezone="UTC")
    except ScheduleError:
        assume(False)
        raise


@given(schedules(), MOMENTS)
def test_the_answer_lies_strictly_after_the_question(schedule: Schedule, after: datetime) -> None:
    slot = next_after(schedule, after, anchor=ANCHOR)
    assert slot is None or (slot > after and slot.tzinfo is UTC)


@given(schedules(), MOMENTS, MOMENTS)
def test_a_later_question_never_has_an_earlier_answer(schedule: Schedule, one: datetime, other: datetime) -> None:
    early, late = sorted((one, other))
    first, second = next_after(schedule, early, anchor=ANCHOR), next_after(schedule, late, anchor=ANCHOR)
    assert second is None or (first is not None and first <= second)


@given(schedules(), MOMENTS)
def test_nothing_lies_between_a_question_and_its_answer(schedule: Schedule, after: datetime) -> None:
    slot = next_after(schedule, after, anchor=ANCHOR)
    assume(slot is not None)
    assert slot is not None
    for part in (0.1, 0.5, 0.999999):
        between = after + (slot - after) * part
        if between < slot:
            assert next_after(schedule, between, anchor=ANCHOR) == slot


@given(schedules(), MOMENTS)
def test_no_slot_lies_on_an_excluded_day(schedule: Schedule, after: datetime) -> None:
    zone = ZoneInfo(schedule.timezone)
    for slot in slots_between(schedule, after, after + timedelta(days=60), anchor=ANCHOR, limit=30):
        local = slot.astimezone(zone)
        assert local.strftime("%a").upper() not in schedule.exclude
        assert local.date().isoformat() not in schedule.exclude


@given(st.integers(1, 525_600), MOMENTS, st.integers(0, 10_000))
def test_an_interval_never_drifts(minutes: int, anchor: datetime, k: int) -> None:
    step = timedelta(minutes=minutes)
    schedule = Schedule(interval_minutes=minutes)
    k = min(k, timedelta(days=365 * 1000) // step)
    asked = anchor + k * step
    assert next_after(schedule, asked, anchor=anchor) == asked + step
    assert next_after(schedule, asked - timedelta(microseconds=1), anchor=anchor) == asked


@given(st.times().map(lambda t: t.replace(second=0, microsecond=0)), ZONES, st.integers(0, 700))
def test_a_daily_time_comes_once_for_each_calendar_day(at: time, zone: str, day: int) -> None:
    schedule = Schedule(daily_times=(at,), timezone=zone)
    start = datetime(2026, 1, 1, 12, tzinfo=ZoneInfo(zone)) + timedelta(days=day)
    end = start + timedelta(days=30)
    slots = slots_between(schedule, start.astimezone(UTC), end.astimezone(UTC), anchor=ANCHOR, limit=100)
    assert len(slots) == 30
    gaps = [b - a for a, b in itertools.pairwise(slots)]
    assert all(timedelta(hours=22) <= gap <= timedelta(hours=26) for gap in gaps)


@given(schedules(), MOMENTS, st.integers(0, 2000), st.integers(0, 50))
def test_counting_agrees_with_listing(schedule: Schedule, after: datetime, hours: int, limit: int) -> None:
    until = after + timedelta(hours=hours)
    listed = slots_between(schedule, after, until, anchor=ANCHOR, limit=limit)
    assert count_between(schedule, after, until, anchor=ANCHOR, limit=limit) == len(listed)
    assert listed == sorted(set(listed))


@given(schedules())
def test_what_is_written_reads_back_the_same(schedule: Schedule) -> None:
    assert from_dict(to_dict(schedule)) == schedule


@settings(deadline=None)
@given(schedules(), MOMENTS)
def test_every_schedule_has_words_and_a_preview(schedule: Schedule, now: datetime) -> None:
    words = describe(schedule, zone=True)
    assert words[0].isupper()
    assert "  " not in words
    times, notes = preview(schedule, now=now, count=5)
    assert times == sorted(times)
    assert all(moment >= now for moment in times)
    assert all(note.text.endswith(".") for note in notes)


@given(st.text(max_size=40))
def test_any_text_as_an_expression_is_read_or_refused(text: str) -> None:
    try:
        parse({"cron": text}, now=ANCHOR, default_timezone="UTC")
    except ScheduleError as refused:
        assert list(refused.fields) == ["cron"]


@given(st.tuples(*[st.text(alphabet="0123456789*/-,#LWsunmon?", min_size=1, max_size=6)] * 5).map(" ".join))
def test_anything_like_an_expression_is_read_or_refused(text: str) -> None:
    try:
        parse({"cron": text}, now=ANCHOR, default_timezone="UTC")
    except ScheduleError as refused:
        assert list(refused.fields) == ["cron"]
