"""`POST /schedules/preview`: the next times in the schedule's zone, a summary, and notes; refusals by key."""

from datetime import datetime

import pytest
from django.utils import timezone

from tests.api_client import Program


def preview(ana: Program, **body: object) -> dict:
    answer = ana("POST", "/schedules/preview", body)
    assert answer.status == 200, answer.data
    assert set(answer.data) == {"times", "summary", "notes"}
    return answer.data


def test_ten_times_in_the_schedules_zone_unless_more_are_asked_for(ana: Program):
    shown = preview(ana, daily_time="09:00", timezone="Asia/Tokyo")
    assert len(shown["times"]) == 10
    assert all(time.endswith("T09:00:00+09:00") for time in shown["times"])
    assert datetime.fromisoformat(shown["times"][0]) > timezone.now()
    assert len(preview(ana, interval_minutes=1, count=100)["times"]) == 100
    assert len(preview(ana, interval_minutes=1, count=1)["times"]) == 1


def test_it_counts_from_start_at_inclusive_also_in_the_past(ana: Program):
    shown = preview(ana, interval_minutes=30, start_at="2020-01-01T00:00:00+00:00", timezone="UTC", count=3)
    assert shown["times"] == [f"2020-01-01T{time}:00+00:00" for time in ("00:00", "00:30", "01:00")]


def test_notes_name_clock_changes_and_the_words_of_days(ana: Program):
    shown = preview(ana, daily_time="02:30", timezone="Europe/Berlin", start_at="2027-03-27T00:00:00+01:00", count=3)
    assert any(note.get("time", "").startswith("2027-03-28") for note in shown["notes"])
    both = preview(ana, cron="0 9 */2 * 1", timezone="UTC")
    assert any("and" in note["text"] for note in both["notes"])


def test_a_moment_alone_is_one_time(ana: Program):
    assert preview(ana, start_at="2030-01-01T09:00:00+01:00", timezone="Europe/Berlin")["times"] == [
        "2030-01-01T09:00:00+01:00"
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"interval_minutes": 0}, "interval_minutes"),
        ({"interval_minutes": "5"}, "interval_minutes"),
        ({"interval_minutes": 10**25}, "interval_minutes"),
        ({"daily_time": "25:00"}, "daily_time"),
        ({"daily_time": []}, "daily_time"),
        ({"cron": "* * *"}, "cron"),
        ({"cron": {"a": 1}}, "cron"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"cron": "0 9 * * *", "end_at": "2020-01-01T00:00:00Z"}, "end_at"),
        ({"cron": "0 9 * * *", "count": 0}, "count"),
        ({"cron": "0 9 * * *", "count": 101}, "count"),
        ({"cron": "0 9 * * *", "count": None}, "count"),
        ({"cron": "0 9 * * *", "cuont": 5}, "cuont"),
        ({"exclude": ["XXX"], "cron": "0 9 * * *"}, "exclude"),
        ({"start_at": "9999-12-31T23:59:59-12:00"}, "start_at"),
        ({"start_at": 5}, "start_at"),
    ],
)
def test_a_wrong_key_is_422_by_its_name(ana: Program, body, field):
    assert field in ana("POST", "/schedules/preview", body).fields


def test_two_kinds_at_once_are_refused(ana: Program):
    assert ana("POST", "/schedules/preview", {"cron": "0 9 * * *", "interval_minutes": 5}).status == 422
