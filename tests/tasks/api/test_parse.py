"""`POST /schedules/parse`: what a text says about when, to pages and programs."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from tests.api_client import Program

NOW = "2026-11-25T10:00:00+01:00"
KEYS = {"schedule", "request", "times", "summary", "question", "phrase", "proposal"}


def parse(ana: Program, text: str, **more: object) -> dict:
    answer = ana("POST", "/schedules/parse", {"text": text, "timezone": "Europe/Berlin", "now": NOW, **more})
    assert answer.status == 200, answer.data
    assert set(answer.data) == KEYS
    return answer.data


def test_a_schedule_its_times_and_the_request_that_is_left(ana: Program):
    found = parse(ana, "Compare AAPL and MSFT every weekday at 9:05")
    assert found == {
        "schedule": {"cron": "5 9 * * 1-5", "timezone": "Europe/Berlin"},
        "request": "Compare AAPL and MSFT",
        "times": [f"2026-{day}T09:05:00+01:00" for day in ("11-26", "11-27", "11-30", "12-01", "12-02")],
        "summary": "Weekdays at 09:05, Berlin",
        "question": None,
        "phrase": "every weekday at 9:05",
        "proposal": None,
    }


@pytest.mark.parametrize(
    ("text", "start_at"),
    [
        ("tomorrow at 9", "2026-11-26T09:00:00+01:00"),
        ("后天下午两点", "2026-11-27T14:00:00+01:00"),
        ("in 20 minutes", "2026-11-25T10:20:00+01:00"),
    ],
)
def test_a_moment_is_start_at_alone(ana: Program, text: str, start_at: str):
    found = parse(ana, text)
    assert found["schedule"] == {"start_at": start_at}
    assert (found["times"], found["request"], found["question"]) == ([start_at], "", None)


def test_a_question_leaves_the_schedule_null_and_brings_a_proposal(ana: Program):
    found = parse(ana, "Summarise the news every morning")
    assert (found["schedule"], found["times"], found["summary"]) == (None, [], "")
    assert found["question"].startswith("At what time?")
    assert found["request"] == "Summarise the news"
    assert found["proposal"]["schedule"] == {"daily_time": "09:00", "timezone": "Europe/Berlin"}
    assert len(found["proposal"]["times"]) == 5


def test_no_time_was_meant(ana: Program):
    text = "How did AAPL do over the last 30 days?"
    found = parse(ana, text)
    assert (found["schedule"], found["question"], found["proposal"]) == (None, None, None)
    assert found["request"] == text


def test_what_comes_back_can_be_sent_as_it_is(ana: Program):
    found = parse(ana, "every 30 minutes on weekdays until 31 December 2029")
    answer = ana("POST", "/schedules/preview", {**found["schedule"], "count": 5})
    assert answer.status == 200, answer.data


def test_without_now_and_zone_it_is_now_in_the_persons_zone(ana: Program):
    answer = ana("POST", "/schedules/parse", {"text": "in 20 minutes"})
    due = datetime.fromisoformat(answer.data["times"][0])
    assert abs(due - timezone.now() - timedelta(minutes=20)) < timedelta(seconds=30)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": 5}, "text"),
        ({"text": "x", "timezone": "Mars/Base"}, "timezone"),
        ({"text": "x", "timezone": ""}, None),
        ({"text": "x", "now": "yesterday"}, "now"),
        ({"text": "x", "now": "2026-11-25T10:00:00"}, "now"),
        ({"text": "x", "now": "9999-12-31T23:59:00Z"}, "now"),
        ({"text": "x", "now": "0001-01-01T00:00:00Z"}, "now"),
        ({"text": "x", "words": 1}, "words"),
    ],
)
def test_wrong_input_names_its_field(ana: Program, body: dict, field: str | None):
    answer = ana("POST", "/schedules/parse", body)
    if field is None:
        assert answer.status == 200
    else:
        assert answer.status == 422
        assert field in answer.fields


@pytest.mark.parametrize(
    "text", ["every {} minutes", "in {} days", "every day at 9 for {} times", "每天9点，持续{}天", "每{}个月"]
)
def test_a_number_beyond_every_limit_is_asked_about(ana: Program, text: str):
    for figures in ("9" * 320, "9" * 3_900):
        found = parse(ana, text.format(figures))
        assert (found["schedule"], bool(found["question"])) == (None, True)


def test_an_empty_text_means_no_time(ana: Program):
    assert parse(ana, "")["question"] is None
