"""What is refused at creation, and that each refusal says what to write instead."""

from datetime import UTC, datetime

import pytest

from tasks.schedules import ScheduleError, parse

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)


def faults(**data: object) -> dict[str, list[str]]:
    with pytest.raises(ScheduleError) as refused:
        parse(data, now=NOW, default_timezone="UTC")
    return refused.value.fields


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (
            "0 0 9 * * *",
            "“0 0 9 * * *” has 6 fields: write five, without seconds and year, like “0 9 * * *”.",
        ),
        (
            "0 9 *",
            "“0 9 *” has 3 fields: write five (minute, hour, day of month, month, weekday), like “0 9 * * 1-5”.",
        ),
        ("0 9 ? * 1", "“?” is not used here: write “*” instead, as in “0 9 * * 1”."),
        ("0 17-9 * * *", "hour “17-9” runs backwards: write “17-23,0-9”."),
        ("0 9 * * fri-sun", "weekday “FRI-SUN” runs backwards: write “5-7”."),
        ("0 9 * * sat-tue", "weekday “SAT-TUE” runs backwards: write “6-7,1-2”."),
        (
            "0 9 5- * *",
            "day of month “5-” is not known: write 1-31, L (the last day) or LW (the last working day), "
            "or * for every one.",
        ),
        ("*/0 * * * *", "minute “*/0”: a step is a number from 1 on, write “*/5” or leave it out."),
        ("*/x * * * *", "minute “*/X”: a step is a number from 1 on, write “*/5” or leave it out."),
        ("0 0 30 2 *", "day of month 30 does not exist in Feb: write 1-29, or L for the last day."),
        ("0 0 31 4 *", "day of month 31 does not exist in Apr: write 1-30, or L for the last day."),
        (
            "0 0 31 feb,4-6/2 *",
            "day of month 31 does not exist in Feb, Apr, Jun: write 1-30, or L for the last day.",
        ),
        ("60 * * * *", "minute 60 does not exist: write 0-59."),
        ("0 24 * * *", "hour 24 does not exist: write 0-23."),
        ("0 9 * 13 *", "month 13 does not exist: write 1-12 or JAN-DEC."),
        ("0 9 * * 8", "weekday 8 does not exist: write 0-7, SUN-SAT, 5L (the last Friday) or 1#2."),
        ("0 9 * * 1#6", "weekday “1#6” is not known: write 0-7, SUN-SAT, 5L (the last Friday) or 1#2."),
        ("0 9 * foo *", "month “FOO” is not known: write 1-12 or JAN-DEC, or * for every one."),
        ("1,,2 * * * *", "minute “1,,2” has an empty item: write “1,2”."),
        (
            "@reboot",
            "“@reboot” is not known: write @hourly, @daily, @weekly, @monthly, @yearly or five fields.",
        ),
        (" ", "The cron expression is empty: write five fields, like “0 9 * * 1-5” for weekdays at 09:00."),
        ("1" * 201, "The cron expression is longer than 200 characters: split it into a list of several."),
        ("0 0 */31 * 1#2", "Never comes: no day matches it; write other days or months, like “0 9 1 * *”."),
    ],
)
def test_a_wrong_expression_is_refused_with_what_to_write(expression: str, message: str) -> None:
    assert faults(cron=expression) == {"cron": [message]}


@pytest.mark.parametrize(
    ("data", "key", "message"),
    [
        (
            {"interval_minutes": 0},
            "interval_minutes",
            "0 is not possible: write a whole number from 1 to 525,600 (minutes, as 30).",
        ),
        (
            {"interval_minutes": -5},
            "interval_minutes",
            "-5 is not possible: write a whole number from 1 to 525,600 (minutes, as 30).",
        ),
        (
            {"interval_minutes": 525_601},
            "interval_minutes",
            "525601 is not possible: write a whole number from 1 to 525,600 (minutes, as 30).",
        ),
        (
            {"interval_minutes": True},
            "interval_minutes",
            "True is not possible: write a whole number from 1 to 525,600 (minutes, as 30).",
        ),
        (
            {"interval_minutes": "30"},
            "interval_minutes",
            "“30” is not possible: write a whole number from 1 to 525,600 (minutes, as 30).",
        ),
        (
            {"daily_time": "25:00"},
            "daily_time",
            "“25:00” is not a time of the day: write HH:MM from 00:00 to 23:59, as “09:05”.",
        ),
        ({"daily_time": "24:00"}, "daily_time", "“24:00” is not a time of the day: write “00:00”."),
        ({"daily_time": "9am"}, "daily_time", "“9am” is not a time of the day: write “09:00”."),
        ({"daily_time": "9:05"}, "daily_time", "“9:05” is not a time of the day: write “09:05”."),
        (
            {"daily_time": 900},
            "daily_time",
            "900 is not a time of the day: write HH:MM from 00:00 to 23:59, as “09:05”.",
        ),
        (
            {"daily_time": []},
            "daily_time",
            "An empty list never runs: write times like 09:05, or leave it out.",
        ),
        (
            {"daily_time": ["09:00"] * 97},
            "daily_time",
            "97 entries are too many: write at most 96 times like 09:05.",
        ),
        ({"cron": [7]}, "cron", "7 is not a cron expression: write it like “0 9 * * 1-5”."),
        ({"on_event": "yes"}, "on_event", "“yes” is not possible: write true, or leave it out."),
        (
            {"timezone": "europe/berlin"},
            "timezone",
            "“europe/berlin” is not a time zone: write Europe/Berlin.",
        ),
        ({"timezone": "New York"}, "timezone", "“New York” is not a time zone: write America/New_York."),
        (
            {"timezone": "Mars/Base"},
            "timezone",
            "“Mars/Base” is not a time zone: write a name like Europe/Berlin or UTC.",
        ),
        (
            {"timezone": "../etc/passwd"},
            "timezone",
            "“../etc/passwd” is not a time zone: write a name like Europe/Berlin or UTC.",
        ),
        ({"timezone": 5}, "timezone", "5 is not a time zone: write a name like Europe/Berlin or UTC."),
        (
            {"timezone": "localtime"},
            "timezone",
            "“localtime” is not a time zone: write a name like Europe/Berlin or UTC.",
        ),
        (
            {"start_at": "2026-11-25T02:59:59Z"},
            "start_at",
            "Wed 25 Nov 2026 at 02:59 is past: write a later time, or leave it out to run at once.",
        ),
        (
            {"start_at": "tomorrow at nine"},
            "start_at",
            "“tomorrow at nine” is not a time: write it like “2026-11-26T09:00:00+01:00”.",
        ),
        (
            {"start_at": "2026-11-26"},
            "start_at",
            "“2026-11-26” is not a time: write it like “2026-11-26T09:00:00+01:00”.",
        ),
        (
            {"start_at": "0001-01-01T00:00:00+14:00"},
            "start_at",
            "“0001-01-01T00:00:00+14:00” is out of reach: write a time from 1970 to 9989.",
        ),
        (
            {"daily_time": "09:00", "end_at": "2026-11-20T00:00:00Z"},
            "end_at",
            "Fri 20 Nov 2026 at 00:00 is past: write a later time, or leave it out.",
        ),
        (
            {"daily_time": "09:00", "end_at": "2026-11-25T08:59:00Z"},
            "end_at",
            "Lies before the first time, Wed 25 Nov 2026 at 09:00: write that or later, or leave it out.",
        ),
        (
            {"daily_time": "09:00", "start_at": "2026-12-02T00:00:00Z", "end_at": "2026-12-01T00:00:00Z"},
            "end_at",
            "Lies before start_at (Wed 2 Dec 2026 at 00:00): write a later time.",
        ),
        (
            {"daily_time": "09:00", "max_runs": 0},
            "max_runs",
            "0 is not possible: write a whole number from 1 to 1,000,000 (runs, or leave it out for no limit).",
        ),
        (
            {"max_runs": 2},
            "max_runs",
            "Without a kind it runs once: leave it out, or name one of interval_minutes, daily_time, "
            "cron and on_event.",
        ),
        (
            {"interval_minutes": 5, "jitter_seconds": -1},
            "jitter_seconds",
            "-1 is not possible: write a whole number from 0 to 86,400 (seconds, as 60).",
        ),
        (
            {"interval_minutes": 5, "jitter_seconds": 301},
            "jitter_seconds",
            "Longer than the time between two runs: write 300 at most.",
        ),
        (
            {"cron": "0,10 * * * *", "jitter_seconds": 900},
            "jitter_seconds",
            "Longer than the time between two runs: write 600 at most.",
        ),
        (
            {"daily_time": "09:00", "exclude": ["Monday"]},
            "exclude",
            "“Monday” is neither a date nor a weekday: write MON.",
        ),
        (
            {"daily_time": "09:00", "exclude": "2027-02-30"},
            "exclude",
            "“2027-02-30” is neither a date nor a weekday: write a date like 2026-12-25 or a weekday MON to SUN.",
        ),
        (
            {"daily_time": "09:00", "exclude": ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]},
            "exclude",
            "All seven weekdays leave no day to run on: leave out at least one.",
        ),
        (
            {"cron": "0 9 * * 1", "exclude": ["MON"]},
            "exclude",
            "Takes away every time: leave out at least one of the days on which it would run.",
        ),
        (
            {"interval_minutes": 10_080, "exclude": ["WED"]},
            "exclude",
            "Takes away every time: leave out at least one of the days on which it would run.",
        ),
        ({"interval": 5}, "interval", "Not a key of a schedule: write interval_minutes."),
    ],
)
def test_a_wrong_value_is_refused_with_what_to_write(data: dict[str, object], key: str, message: str) -> None:
    assert faults(**data) == {key: [message]}


def test_two_kinds_at_once_are_refused_on_both() -> None:
    kinds = "interval_minutes, daily_time, cron and on_event"
    text = f"Only one of {kinds} is possible: keep one and leave out the other."
    assert faults(daily_time="09:00", cron="0 9 * * *") == {"daily_time": [text], "cron": [text]}


def test_everything_wrong_is_said_at_once() -> None:
    wrong = faults(
        daily_time=["09:00", "99:00", "25:61"],
        timezone="Nowhere",
        max_runs=0,
        jitter_seconds="x",
        start_at=1,
        foo=1,
    )
    assert set(wrong) == {"daily_time", "timezone", "max_runs", "jitter_seconds", "start_at", "foo"}
    assert len(wrong["daily_time"]) == 2


def test_the_error_reads_as_one_sentence_a_key() -> None:
    with pytest.raises(ScheduleError, match=r"^interval_minutes: 0 is not possible: write a whole number"):
        parse({"interval_minutes": 0}, now=NOW, default_timezone="UTC")


@pytest.mark.parametrize(
    "expression",
    [
        *("* * * * *", "5 9 * * 1-5", "0 0 29 2 *", "0 9 * * 7", "0 9 * * SUN", "0 9 * jan-Mar mon,Wed"),
        *(
            "*/7 */5 */2 * *",
            "0 9 L * *",
            "0 9 LW,15 * *",
            "0 9 * * 5L",
            "0 9 * * mon#1,5L",
            "1-59/2 0-23 1 1 0-7",
        ),
        *(
            "0 0 30 2 1",
            "0 0 30,L 2 *",
            "5/10 * * * *",
            "@hourly",
            "@DAILY",
            "@weekly",
            "@monthly",
            "@yearly",
        ),
        "  0\t9 *  * * ",
    ],
)
def test_what_is_documented_as_accepted_is_accepted(expression: str) -> None:
    schedule = parse({"cron": expression}, now=NOW, default_timezone="UTC")
    assert schedule.crons == (" ".join(expression.split()),)


def test_a_default_zone_that_does_not_exist_is_a_fault_of_the_zone() -> None:
    with pytest.raises(ScheduleError) as refused:
        parse({"daily_time": "09:00"}, now=NOW, default_timezone="Nowhere/Land")
    assert list(refused.value.fields) == ["timezone"]


def test_null_counts_as_absent() -> None:
    data = {"daily_time": None, "cron": "0 9 * * *", "end_at": None, "exclude": None, "timezone": None}
    assert parse(data, now=NOW, default_timezone="Europe/Berlin").crons == ("0 9 * * *",)


def test_what_is_wrong_alone_and_together_is_said_at_once() -> None:
    assert set(faults(interval_minutes=5, max_runs=0, jitter_seconds=301)) == {"max_runs", "jitter_seconds"}
    past = faults(interval_minutes=5, end_at="2020-01-01T00:00:00Z", jitter_seconds=301)
    assert set(past) == {"end_at", "jitter_seconds"} and len(past["end_at"]) == 1
    # Without a right kind nothing true can be said of the time between two runs.
    assert set(faults(interval_minutes=0, jitter_seconds=301)) == {"interval_minutes"}
