"""The summary in words, and the preview: its times and its notes."""

from datetime import UTC, datetime, timedelta

import pytest

from tasks.schedules import Schedule, describe, parse, preview

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)


def schedule(zone: str = "Europe/Berlin", **data: object) -> Schedule:
    return parse({"timezone": zone, **data}, now=NOW, default_timezone="UTC", allow_past=True)


def notes(value: Schedule, count: int = 10) -> list[str]:
    return [note.text for note in preview(value, now=NOW, count=count)[1]]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"interval_minutes": 1}, "Every minute"),
        ({"interval_minutes": 30}, "Every 30 min"),
        ({"interval_minutes": 60}, "Every hour"),
        ({"interval_minutes": 90}, "Every 90 min"),
        ({"interval_minutes": 1440}, "Every 24 hours"),
        ({"interval_minutes": 10_080}, "Every 7 days"),
        ({"daily_time": "09:05"}, "Every day at 09:05"),
        ({"daily_time": ["17:00", "09:05"]}, "Every day at 09:05 and 17:00"),
        ({}, "Once, at once"),
        ({"start_at": "2026-11-26T09:00"}, "Once, on Thu 26 Nov 2026 at 09:00"),
        ({"on_event": True}, "On each event"),
        ({"cron": "5 9 * * 1-5"}, "Weekdays at 09:05"),
        ({"cron": "5 9 * * MON-FRI"}, "Weekdays at 09:05"),
        ({"cron": "0 10 * * 6,7"}, "Weekends at 10:00"),
        ({"cron": "0 9 * * 1,4"}, "Every Monday and Thursday at 09:00"),
        ({"cron": "0 0 1 * *"}, "On the 1st of each month at 00:00"),
        (
            {"cron": "0 0 1,2,3,11,12,13,21,22,23 * *"},
            "On the 1st, 2nd, 3rd, 11th, 12th, 13th, 21st, 22nd and 23rd of each month at 00:00",
        ),
        ({"cron": "0 9 31 1,3 *"}, "On the 31st of January and March at 09:00"),
        ({"cron": "0 9 L * *"}, "On the last day of each month at 09:00"),
        ({"cron": "0 9 15,LW * *"}, "On the 15th and last working day of each month at 09:00"),
        ({"cron": "0 9 * * 5L"}, "On the last Friday of each month at 09:00"),
        ({"cron": "0 9 * * 1#2"}, "On the second Monday of each month at 09:00"),
        ({"cron": "0 9 * 2 sun#1"}, "On the first Sunday of February at 09:00"),
        ({"cron": "0 9 29 2 *"}, "On 29 February at 09:00"),
        ({"cron": "0 9 * 6-8 1"}, "Every Monday in June, July and August at 09:00"),
        ({"cron": "0 9 * 7 *"}, "Every day in July at 09:00"),
        ({"cron": "0 9 15 * 1"}, "On the 15th of each month and every Monday at 09:00"),
        ({"cron": "0 9 */2 * 1"}, "On every 2nd day from the 1st of each month, if a Monday, at 09:00"),
        ({"cron": "* * * * *"}, "Every minute"),
        ({"cron": "*/5 * * * *"}, "Every 5 min"),
        ({"cron": "*/15 9-17 * * 1-5"}, "Every 15 min from 09:00 to 17:45, weekdays"),
        ({"cron": "*/15 2 * * *"}, "Every 15 min from 02:00 to 02:45"),
        ({"cron": "0 * * * *"}, "Every hour"),
        ({"cron": "7 * * * *"}, "Every hour at minute 7"),
        ({"cron": "0 */6 * * *"}, "Every 6 hours"),
        ({"cron": "30 8-18 * * *"}, "Every hour from 08:30 to 18:30"),
        ({"cron": "0 1,2,3,5,8 * * *"}, "At 01:00, 02:00, 03:00, 05:00 and 08:00"),
        ({"cron": "3,33 * * * *"}, "At minutes 3 and 33 of each hour"),
        # Seven does not divide the hour: “every 7 min” would hide the four minutes at its end.
        ({"cron": "*/7 * * * *"}, "At minutes 0, 7, 14, 21, 28, 35 … of each hour"),
        ({"cron": "@weekly"}, "Every Sunday at 00:00"),
        ({"cron": ["0 9 * * 1", "0 10 1 * *"]}, "Every Monday at 09:00; on the 1st of each month at 10:00"),
        (
            {"daily_time": "09:00", "exclude": ["SAT", "2026-12-25"], "max_runs": 5},
            "Every day at 09:00, except Saturdays and Fri 25 Dec 2026, 5 times",
        ),
        (
            {"interval_minutes": 5, "end_at": "2026-12-31T12:00"},
            "Every 5 min, until Thu 31 Dec 2026 at 12:00",
        ),
    ],
)
def test_a_schedule_is_told_in_words(data: dict[str, object], words: str) -> None:
    assert describe(schedule(**data)) == words


def test_the_city_is_named_where_it_matters() -> None:
    assert describe(schedule("America/New_York", cron="5 9 * * 1-5"), zone=True) == "Weekdays at 09:05, New York"
    assert describe(schedule("UTC", daily_time="09:05"), zone=True) == "Every day at 09:05, UTC"
    assert describe(schedule(interval_minutes=30), zone=True) == "Every 30 min"
    excluded = schedule(interval_minutes=30, exclude=["SUN"])
    assert describe(excluded, zone=True) == "Every 30 min, Berlin, except Sundays"


def test_the_preview_counts_from_now_and_stops_at_every_limit() -> None:
    assert preview(schedule(interval_minutes=30), now=NOW, count=3)[0] == [
        NOW + timedelta(minutes=30 * k) for k in range(3)
    ]
    assert len(preview(schedule(daily_time="09:00"), now=NOW)[0]) == 10
    assert len(preview(schedule(daily_time="09:00", max_runs=2), now=NOW)[0]) == 2
    assert len(preview(schedule(daily_time="09:00", end_at="2026-11-27T23:00"), now=NOW)[0]) == 3
    assert preview(schedule(), now=NOW) == ([NOW], [])


def test_the_preview_counts_from_start_at_inclusive_also_in_the_past() -> None:
    times, _ = preview(schedule("UTC", daily_time="09:00", start_at="2026-03-01T09:00:00Z"), now=NOW, count=2)
    assert times == [datetime(2026, 3, 1, 9, tzinfo=UTC), datetime(2026, 3, 2, 9, tzinfo=UTC)]
    times, _ = preview(schedule("UTC", interval_minutes=60, start_at="2026-03-01T09:10:00Z"), now=NOW, count=2)
    assert times == [datetime(2026, 3, 1, 9, 10, tzinfo=UTC), datetime(2026, 3, 1, 10, 10, tzinfo=UTC)]


def test_ordinary_schedules_have_no_notes() -> None:
    for data in (
        {"daily_time": "09:00"},
        {"cron": "*/5 * * * *"},
        {"interval_minutes": 30},
        {"cron": "@yearly"},
    ):
        assert notes(schedule(**data)) == []
    assert notes(schedule("UTC", daily_time="02:30")) == []


def test_a_gap_is_told_with_the_time_that_takes_its_place() -> None:
    _, found = preview(schedule("America/New_York", daily_time="02:30"), now=NOW)
    assert [(note.text, note.time) for note in found] == [
        (
            "On Sunday 14 March 2027 the clock in New York skips from 02:00 to 03:00. "
            "The run of 02:30 starts at 03:00.",
            datetime(2027, 3, 14, 7, tzinfo=UTC),
        ),
    ]


def test_a_repeated_time_is_told_with_the_pass_that_counts() -> None:
    value = schedule(daily_time="02:30", start_at="2027-10-30T00:00")
    times, found = preview(value, now=NOW, count=3)
    assert found[0].text == (
        "On Sunday 31 October 2027 the clock in Berlin goes back from 03:00 to 02:00. "
        "The run of 02:30 happens once, the first time round."
    )
    assert found[0].time == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert found[0].time in times


def test_several_times_in_a_gap_are_told_as_one_run() -> None:
    assert notes(schedule(cron="0,30 2 * * *"))[0] == (
        "On Sunday 28 March 2027 the clock in Berlin skips from 02:00 to 03:00. "
        "A run due then starts at 03:00, once for 02:00 and 02:30."
    )


def test_a_steady_schedule_that_loses_a_day_says_so() -> None:
    assert notes(schedule(cron="*/15 2 * * *")) == [
        "On Sunday 28 March 2027 the clock in Berlin skips from 02:00 to 03:00. "
        "It does not run that day (02:00, 02:15, 02:30 and 02:45).",
        "On Sunday 31 October 2027 the clock in Berlin goes back from 03:00 to 02:00. It runs through that time twice.",
    ]


def test_a_steady_schedule_tells_of_changes_among_the_times_shown() -> None:
    shown = schedule(cron="*/30 * * * *", start_at="2027-03-28T00:00")
    assert notes(shown) == [
        "On Sunday 28 March 2027 the clock in Berlin skips from 02:00 to 03:00. It does not run in between."
    ]
    assert notes(shown, count=3) == []


def test_an_interval_tells_of_changes_among_the_times_shown() -> None:
    assert notes(schedule(interval_minutes=360, start_at="2027-03-27T12:00")) == [
        "On Sunday 28 March 2027 the clock in Berlin goes forward by 1 h. "
        "An interval counts elapsed time: it keeps its distance, and its times of the day shift."
    ]


def test_a_change_before_the_first_time_has_no_note() -> None:
    later = schedule(daily_time="02:30", start_at="2027-03-28T12:00", end_at="2027-04-30T00:00")
    assert notes(later) == []


def test_an_excluded_day_has_no_note() -> None:
    assert notes(schedule(daily_time="02:30", exclude=["SUN"])) == []


def test_a_schedule_that_ends_before_a_change_does_not_speak_of_it() -> None:
    assert notes(schedule(daily_time="02:30", end_at="2027-03-01T00:00")) == []
    assert notes(schedule(daily_time="02:30", max_runs=5)) == []


def test_less_than_once_a_year_is_a_warning_with_the_next_time() -> None:
    _, found = preview(schedule("UTC", cron="0 9 29 2 *"), now=NOW, count=1)
    assert [(note.text, note.time) for note in found] == [
        (
            "Runs less than once a year. The next time is Tue 29 Feb 2028 at 09:00.",
            datetime(2028, 2, 29, 9, tzinfo=UTC),
        )
    ]
    # 371 days lie between two first Mondays of February: still once a year.
    assert notes(schedule("UTC", cron="0 9 * 2 1#1")) == []


def test_how_days_and_weekdays_go_together_is_told() -> None:
    assert notes(schedule(cron="0 9 */2 * 1")) == [
        "Both must match: it runs on every 2nd day from the 1st of each month and only if that is a Monday."
    ]
    assert notes(schedule(cron="0 9 1 * 1")) == [
        "Either suffices: it runs on the 1st of each month, and also every Monday."
    ]


def test_months_without_the_day_are_told() -> None:
    assert notes(schedule(cron="0 9 31 * *")) == [
        "Months without a day 31 are left out; write L for the last day of each month."
    ]
    assert notes(schedule(cron="0 9 30 2 1")) == [
        "Either suffices: it runs on 30 February, and also every Monday in February.",
        "None of its months has a day 30: only the weekdays count.",
    ]


def test_an_event_schedule_has_a_note_instead_of_times() -> None:
    assert preview(schedule(on_event=True), now=NOW)[0] == []
    assert notes(schedule(on_event=True)) == ["Starts when one of its hooks is called, at no time of its own."]
