"""What each kind of schedule means, by the table in docs/schedules.md, and every trap that was hit."""

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tasks.schedules import (
    Schedule,
    count_between,
    first_slot,
    jitter_for,
    next_after,
    parse,
    slots_between,
)

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)


def schedule(zone: str = "UTC", **data: object) -> Schedule:
    return parse({"timezone": zone, **data}, now=NOW, default_timezone="UTC", allow_past=True)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local_slots(value: Schedule, start: str, end: str) -> list[str]:
    """The slots of a stretch of local time, as local times; both passes of a repeated hour look alike."""
    zone = ZoneInfo(value.timezone)
    a, b = (datetime.fromisoformat(t).replace(tzinfo=zone).astimezone(UTC) for t in (start, end))
    found = slots_between(value, a - timedelta(microseconds=1), b, anchor=a, limit=5000)
    return [f"{slot.astimezone(zone):%m-%d %H:%M}" for slot in found]


class TestInterval:
    def test_it_counts_from_its_anchor_and_never_drifts(self) -> None:
        anchor = utc("2026-11-25T03:00:17.123456")
        every = schedule(interval_minutes=7)
        assert next_after(every, anchor, anchor=anchor) == anchor + timedelta(minutes=7)
        late = anchor + timedelta(minutes=7 * 100_000, seconds=419)
        assert next_after(every, late, anchor=anchor) == anchor + timedelta(minutes=7 * 100_001)

    def test_its_first_slot_is_its_creation(self) -> None:
        assert first_slot(schedule(interval_minutes=30), now=NOW, anchor=NOW) == NOW

    def test_its_first_slot_is_start_at_where_there_is_one(self) -> None:
        every = schedule(interval_minutes=30, start_at="2026-11-26T09:10:00+01:00")
        assert first_slot(every, now=NOW, anchor=NOW) == utc("2026-11-26T08:10")
        assert next_after(every, NOW, anchor=NOW) == utc("2026-11-26T08:10")
        assert next_after(every, utc("2026-11-26T08:10"), anchor=NOW) == utc("2026-11-26T08:40")

    def test_daylight_saving_does_not_touch_it(self) -> None:
        every = schedule("Europe/Berlin", interval_minutes=60, start_at="2027-03-28T00:30:00+01:00")
        assert local_slots(every, "2027-03-28T00:00", "2027-03-28T04:45") == [
            "03-28 00:30",
            "03-28 01:30",
            "03-28 03:30",
            "03-28 04:30",
        ]

    def test_a_weekly_interval_survives_any_number_of_questions(self) -> None:
        every = schedule(interval_minutes=10_080)
        for hours in range(1, 168, 11):
            asked = NOW + timedelta(hours=hours)
            assert next_after(every, asked, anchor=NOW) == NOW + timedelta(days=7)


class TestDaily:
    def test_it_runs_once_each_calendar_day_through_both_changes(self) -> None:
        daily = schedule("Europe/Berlin", daily_time="09:05")
        days = local_slots(daily, "2027-01-01T00:00", "2027-12-31T23:59")
        assert len(days) == 365 == len({day[:5] for day in days})
        assert {day[6:] for day in days} == {"09:05"}

    def test_a_skipped_time_runs_at_the_first_minute_after_the_gap(self) -> None:
        daily = schedule("America/New_York", daily_time="02:30")
        assert local_slots(daily, "2027-03-13T00:00", "2027-03-15T23:00") == [
            "03-13 02:30",
            "03-14 03:00",
            "03-15 02:30",
        ]

    def test_a_repeated_time_runs_at_its_first_pass_only(self) -> None:
        daily = schedule("America/New_York", daily_time="01:30")
        first_pass, second_pass = utc("2027-11-07T05:30"), utc("2027-11-07T06:30")
        assert next_after(daily, utc("2027-11-07T05:00"), anchor=NOW) == first_pass
        assert next_after(daily, first_pass, anchor=NOW) == utc("2027-11-08T06:30")
        assert next_after(daily, second_pass - timedelta(minutes=1), anchor=NOW) == utc("2027-11-08T06:30")

    def test_two_times_in_one_gap_run_once_together(self) -> None:
        daily = schedule("Europe/Berlin", daily_time=["02:00", "02:30", "04:00"])
        assert local_slots(daily, "2027-03-28T00:00", "2027-03-28T23:00") == ["03-28 03:00", "03-28 04:00"]

    def test_a_gap_at_midnight_loses_no_day(self) -> None:
        # APScheduler's CronTrigger skips 30 April 2027 altogether for 00:30 in Cairo.
        daily = schedule("Africa/Cairo", daily_time="00:30")
        assert local_slots(daily, "2027-04-29T00:00", "2027-05-01T23:00") == [
            "04-29 00:30",
            "04-30 01:00",
            "05-01 00:30",
        ]

    def test_a_gap_that_ends_at_midnight_puts_the_run_at_the_start_of_the_next_day(self) -> None:
        daily = schedule("America/Nuuk", daily_time="23:30")
        assert local_slots(daily, "2027-03-26T12:00", "2027-03-28T23:45") == [
            "03-26 23:30",
            "03-28 00:00",
            "03-28 23:30",
        ]

    def test_a_gap_of_half_an_hour_is_a_gap(self) -> None:
        daily = schedule("Australia/Lord_Howe", daily_time="02:15")
        assert local_slots(daily, "2027-10-02T00:00", "2027-10-04T12:00") == [
            "10-02 02:15",
            "10-03 02:30",
            "10-04 02:15",
        ]

    def test_a_day_that_the_date_line_swallowed_has_no_run(self) -> None:
        daily = schedule("Pacific/Apia", daily_time="09:00")
        assert local_slots(daily, "2011-12-28T00:00", "2012-01-01T12:00") == [
            "12-28 09:00",
            "12-29 09:00",
            "12-31 09:00",
            "01-01 09:00",
        ]

    def test_a_day_before_may_still_have_a_run_to_come(self) -> None:
        # St. John's went from 00:01 back to 23:01 of the day before; the second pass is no second run.
        daily = schedule("America/St_Johns", daily_time=["00:00", "23:30"])
        assert local_slots(daily, "2006-10-28T12:00", "2006-10-29T23:45") == [
            "10-28 23:30",
            "10-29 00:00",
            "10-29 23:30",
        ]


class TestCron:
    def test_fixed_times_in_a_gap_run_together_once_at_its_end(self) -> None:
        cron = schedule("Europe/Berlin", cron="0,30 2 * * *")
        assert local_slots(cron, "2027-03-28T00:00", "2027-03-28T23:00") == ["03-28 03:00"]

    @pytest.mark.parametrize("asked", ["2027-03-28T00:00", "2027-03-28T00:59:59"])
    def test_a_fixed_time_in_a_gap_is_found_from_any_minute_before_it(self, asked: str) -> None:
        cron = schedule("Europe/Berlin", cron="30 2 * * *")
        assert next_after(cron, utc(asked), anchor=NOW) == utc("2027-03-28T01:00")

    def test_a_star_minute_is_steady_and_a_skipped_hour_is_skipped(self) -> None:
        cron = schedule("Europe/Berlin", cron="*/15 2 * * *")
        assert local_slots(cron, "2027-03-28T00:00", "2027-03-29T02:20") == ["03-29 02:00", "03-29 02:15"]

    def test_a_star_minute_runs_through_a_repeated_hour_twice(self) -> None:
        cron = schedule("Europe/Berlin", cron="*/30 2 * * *")
        assert local_slots(cron, "2027-10-31T00:00", "2027-10-31T12:00") == [
            "10-31 02:00",
            "10-31 02:30",
            "10-31 02:00",
            "10-31 02:30",
        ]

    def test_a_star_hour_is_steady_too(self) -> None:
        cron = schedule("Australia/Lord_Howe", cron="5 * * * *")
        zone = ZoneInfo("Australia/Lord_Howe")
        start = datetime(2027, 4, 3, 23, 0, tzinfo=zone).astimezone(UTC)
        found = slots_between(cron, start, start + timedelta(hours=6), anchor=NOW, limit=10)
        # The clock goes from 02:00 back to 01:30: 01:05 is not repeated, and 02:05 comes 90 minutes later.
        assert [b - a for a, b in itertools.pairwise(found)] == [
            timedelta(minutes=60),
            timedelta(minutes=60),
            timedelta(minutes=90),
            timedelta(minutes=60),
            timedelta(minutes=60),
        ]

    def test_a_repeat_across_midnight_comes_in_the_order_of_real_time(self) -> None:
        # In St. John's, at 00:01 on 29 October 2006, the clock went back to 23:01 of the day before.
        cron = schedule("America/St_Johns", cron="0,30 * * * *")
        expected = [utc(f"2006-10-29T{at}") for at in ("02:00", "02:30", "03:00", "03:30", "04:00")]
        assert [f"{t.astimezone(ZoneInfo('America/St_Johns')):%d %H:%M}" for t in expected] == [
            *("28 23:30", "29 00:00", "28 23:30", "29 00:00", "29 00:30")
        ]
        start, end = utc("2006-10-29T01:45"), utc("2006-10-29T04:05")
        assert slots_between(cron, start, end, anchor=NOW, limit=10) == expected
        for n, slot in enumerate(expected):
            just_after = slot + timedelta(seconds=30)
            assert next_after(cron, slot - timedelta(seconds=1), anchor=NOW) == slot
            assert count_between(cron, start, just_after, anchor=NOW, limit=10) == n + 1
            assert count_between(cron, just_after, end, anchor=NOW, limit=10) == 4 - n

    def test_asked_in_the_second_pass_it_never_answers_with_the_first(self) -> None:
        # cronsim 2.x answers 05:30 UTC, a time in the past, and the job would run again at once.
        cron = schedule("America/New_York", cron="30 1 * * *")
        asked = utc("2027-11-07T06:15")
        assert next_after(cron, asked, anchor=NOW) == utc("2027-11-08T06:30")

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            # A star makes both necessary: odd days that are Mondays.
            ("0 9 */2 * 1", ["2027-01-11", "2027-01-25", "2027-02-01", "2027-02-15"]),
            # Without one, either suffices: the 15th, and each Monday.
            ("0 9 15 * 1", ["2027-01-04", "2027-01-11", "2027-01-15", "2027-01-18"]),
            ("0 9 L * *", ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]),
            ("0 9 LW * *", ["2027-01-29", "2027-02-26", "2027-03-31", "2027-04-30"]),
            ("0 9 * * 5L", ["2027-01-29", "2027-02-26", "2027-03-26", "2027-04-30"]),
            ("0 9 * * 1#2", ["2027-01-11", "2027-02-08", "2027-03-08", "2027-04-12"]),
            ("0 9 31 * *", ["2027-01-31", "2027-03-31", "2027-05-31", "2027-07-31"]),
            ("0 9 29 2 *", ["2028-02-29", "2032-02-29", "2036-02-29", "2040-02-29"]),
            ("0 9 * * 7", ["2027-01-03", "2027-01-10", "2027-01-17", "2027-01-24"]),
            ("0 9 * jan,Feb Mon", ["2027-01-04", "2027-01-11", "2027-01-18", "2027-01-25"]),
            ("0 9 1-7/3 1 *", ["2027-01-01", "2027-01-04", "2027-01-07", "2028-01-01"]),
            ("0 9 3-3/5 * *", ["2027-01-03", "2027-02-03", "2027-03-03", "2027-04-03"]),
        ],
    )
    def test_its_days_are_the_documented_ones(self, expression: str, expected: list[str]) -> None:
        found = slots_between(
            schedule(cron=expression), utc("2027-01-01T00:00"), utc("2050-01-01T00:00"), anchor=NOW, limit=4
        )
        assert [f"{slot:%Y-%m-%d %H:%M}" for slot in found] == [f"{day} 09:00" for day in expected]

    @pytest.mark.parametrize(
        ("nickname", "expected"),
        [
            ("@hourly", "2026-11-25T04:00"),
            ("@daily", "2026-11-26T00:00"),
            ("@Weekly", "2026-11-29T00:00"),
            ("@monthly", "2026-12-01T00:00"),
            ("@yearly", "2027-01-01T00:00"),
        ],
    )
    def test_nicknames_are_known(self, nickname: str, expected: str) -> None:
        assert next_after(schedule(cron=nickname), NOW, anchor=NOW) == utc(expected)

    def test_several_expressions_are_one_schedule(self) -> None:
        both = schedule(cron=["0 9 * * *", "0 9,17 * * 5"])
        assert local_slots(both, "2026-11-26T00:00", "2026-11-27T23:00") == [
            "11-26 09:00",
            "11-27 09:00",
            "11-27 17:00",
        ]

    def test_the_rarest_days_are_found_across_a_century_without_leap_year(self) -> None:
        assert next_after(schedule(cron="0 0 29 2 *"), utc("2096-03-01T00:00"), anchor=NOW) == utc("2104-02-29T00:00")
        # A star in the weekday makes it *and*: 29 February on a Sunday, 40 years apart across 2100.
        sundays = schedule(cron="0 0 29 2 */7")
        assert next_after(sundays, utc("2088-03-01T00:00"), anchor=NOW) == utc("2128-02-29T00:00")


class TestOnceAndOnEvent:
    def test_once_without_a_time_is_due_at_creation(self) -> None:
        once = schedule()
        assert not once.recurring
        assert first_slot(once, now=NOW, anchor=NOW) == NOW
        assert next_after(once, NOW, anchor=NOW) is None

    def test_once_with_start_at_is_that_moment_and_no_other(self) -> None:
        once = schedule(start_at="2026-11-26T09:00:00Z")
        assert first_slot(once, now=NOW, anchor=NOW) == utc("2026-11-26T09:00")
        assert next_after(once, utc("2026-11-26T08:59"), anchor=NOW) == utc("2026-11-26T09:00")
        assert next_after(once, utc("2026-11-26T09:00"), anchor=NOW) is None

    def test_a_start_without_offset_is_local_time(self) -> None:
        assert schedule("Europe/Berlin", start_at="2027-07-01T09:00").start_at == utc("2027-07-01T07:00")
        assert schedule("Europe/Berlin", start_at="2027-03-28T02:30").start_at == utc("2027-03-28T01:00")
        assert schedule("Europe/Berlin", start_at="2027-10-31T02:30").start_at == utc("2027-10-31T00:30")

    def test_an_event_schedule_recurs_and_has_no_slots(self) -> None:
        event = schedule(on_event=True)
        assert event.recurring
        assert first_slot(event, now=NOW, anchor=NOW) is None
        assert slots_between(event, NOW, NOW + timedelta(days=400), anchor=NOW, limit=5) == []


class TestLimits:
    def test_start_at_is_itself_a_possible_first_slot(self) -> None:
        daily = schedule(daily_time="09:00", start_at="2026-12-01T09:00:00Z")
        assert next_after(daily, NOW, anchor=NOW) == utc("2026-12-01T09:00")
        assert first_slot(daily, now=NOW, anchor=NOW) == utc("2026-12-01T09:00")

    def test_now_is_itself_a_possible_first_slot_of_a_calendar_schedule(self) -> None:
        assert first_slot(schedule(cron="0 3 * * *"), now=NOW, anchor=NOW) == NOW

    def test_a_calendar_schedule_that_started_earlier_begins_now(self) -> None:
        daily = schedule(daily_time="09:00", start_at="2026-01-01T00:00:00Z")
        assert first_slot(daily, now=NOW, anchor=NOW) == utc("2026-11-25T09:00")

    def test_end_at_is_the_last_possible_slot(self) -> None:
        daily = schedule(daily_time="09:00", end_at="2026-11-26T09:00:00Z")
        assert local_slots(daily, "2026-11-25T00:00", "2026-12-25T00:00") == ["11-25 09:00", "11-26 09:00"]
        assert next_after(daily, utc("2026-11-26T09:00"), anchor=NOW) is None

    def test_it_rests_on_excluded_days_of_its_zone(self) -> None:
        daily = schedule("Pacific/Auckland", daily_time="09:00", exclude=["SAT", "SUN", "2026-12-25"])
        assert local_slots(daily, "2026-12-24T00:00", "2026-12-29T00:00") == ["12-24 09:00", "12-28 09:00"]

    def test_an_interval_rests_too_and_keeps_its_grid(self) -> None:
        every = schedule("Europe/Berlin", interval_minutes=25, exclude=["SAT", "SUN"])
        anchor = utc("2026-11-27T22:50")  # Friday 23:50 in Berlin
        slot = next_after(every, anchor, anchor=anchor)
        assert slot is not None
        assert slot.astimezone(ZoneInfo("Europe/Berlin")).strftime("%a %H:%M") == "Mon 00:10"
        assert (slot - anchor) % timedelta(minutes=25) == timedelta(0)

    def test_an_excluded_day_is_the_day_on_the_clock_at_that_moment(self) -> None:
        # The gap before midnight puts Saturday's run on Sunday, on which this schedule rests.
        daily = schedule("America/Nuuk", daily_time="23:30", exclude=["SUN"])
        assert local_slots(daily, "2027-03-26T12:00", "2027-03-29T23:45") == ["03-26 23:30", "03-29 23:30"]

    def test_counting_agrees_with_listing(self) -> None:
        for value in (
            schedule(interval_minutes=13),
            schedule(interval_minutes=13, end_at="2026-11-26T00:00:00Z"),
            schedule(interval_minutes=13, exclude=["THU"]),
            schedule("Europe/Berlin", cron="*/20 * * * *"),
            schedule("Europe/Berlin", cron=["*/20 * * * *", "0 9 * * *"]),
        ):
            for limit in (0, 7, 10_000):
                window = (NOW - timedelta(hours=1), NOW + timedelta(days=3))
                listed = slots_between(value, *window, anchor=NOW, limit=limit)
                assert count_between(value, *window, anchor=NOW, limit=limit) == len(listed)
                assert len(listed) <= limit

    def test_a_run_put_off_to_midnight_is_counted_once_with_the_one_due_then(self) -> None:
        value = schedule("America/Nuuk", cron="0,30 0,23 * * *")
        window = (utc("2027-03-26T12:00"), utc("2027-03-30T12:00"))
        listed = slots_between(value, *window, anchor=NOW, limit=100)
        assert count_between(value, *window, anchor=NOW, limit=100) == len(listed) == 14

    def test_a_far_future_question_has_no_answer_and_no_error(self) -> None:
        for value in (schedule(cron="* * * * *"), schedule(interval_minutes=1), schedule(daily_time="09:00")):
            assert next_after(value, datetime.max.replace(tzinfo=UTC), anchor=NOW) is None

    def test_a_time_without_a_zone_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="aware"):
            next_after(schedule(daily_time="09:00"), datetime(2027, 1, 1), anchor=NOW)

    def test_jitter_is_the_same_on_every_machine_and_within_its_bound(self) -> None:
        value = schedule(daily_time="09:00", jitter_seconds=600)
        slots = slots_between(value, NOW, NOW + timedelta(days=200), anchor=NOW, limit=200)
        jitters = [jitter_for(value, "a task", slot) for slot in slots]
        assert jitters == [jitter_for(value, "a task", slot.astimezone(ZoneInfo("Asia/Tokyo"))) for slot in slots]
        assert all(timedelta(0) <= jitter <= timedelta(seconds=600) for jitter in jitters)
        assert len(set(jitters)) > 190
        assert max(jitters) > timedelta(seconds=540)
        assert jitters != [jitter_for(value, "another", slot) for slot in slots]
        assert jitter_for(schedule(daily_time="09:00"), "a task", slots[0]) == timedelta(0)
