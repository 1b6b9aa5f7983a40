"""Every field of a task has its limits and its own message by the API: alone, together, at creation and in an edit.

docs/schedules.md lists them under "Limits of every field".
"""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tasks.models import Task
from tests.api_client import Program

DAILY = {"daily_time": "09:00", "timezone": "UTC"}
EVERY = {"interval_minutes": 60, "timezone": "UTC"}
WEEK = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]


def at(**span: float) -> str:
    return (timezone.now() + timedelta(**span)).isoformat()


def every_weekday_at_nine() -> dict[str, Any]:
    return {"cron": "0 9 * * MON", "timezone": "UTC"}


# What is sent as the schedule, the one field that is wrong, and words of its message.
SCHEDULES: list[tuple[dict[str, Any], str, str]] = [
    ({"interval_minutes": 0}, "interval_minutes", "from 1 to 525,600"),
    ({"interval_minutes": 525_601}, "interval_minutes", "from 1 to 525,600"),
    ({"interval_minutes": 1.5}, "interval_minutes", "a whole number"),
    ({"interval_minutes": "30"}, "interval_minutes", "a whole number"),
    ({"daily_time": "24:00"}, "daily_time", "write “00:00”"),
    ({"daily_time": "9am"}, "daily_time", "write “09:00”"),
    ({"daily_time": []}, "daily_time", "An empty list never runs"),
    ({"daily_time": ["09:00"] * 97}, "daily_time", "at most 96"),
    ({"cron": "0 9 * *"}, "cron", "write five"),
    ({"cron": "0 0 9 * * *"}, "cron", "has 6 fields"),
    ({"cron": "60 * * * *"}, "cron", "minute 60 does not exist"),
    ({"cron": ["0 9 * * *"] * 25}, "cron", "at most 24"),
    ({"cron": "0 0 30 2 *"}, "cron", "day of month 30 does not exist in Feb"),
    ({"cron": "0 0 */31 * 1#2"}, "cron", "Never comes: no day matches it"),
    ({"on_event": "yes"}, "on_event", "write true"),
    ({**DAILY, "timezone": "Berlin"}, "timezone", "write Europe/Berlin"),
    ({**DAILY, "timezone": "Mars/Base"}, "timezone", "is not a time zone"),
    ({**EVERY, "start_at": "tomorrow"}, "start_at", "is not a time"),
    ({"start_at": at(minutes=-5)}, "start_at", "is past"),
    ({**EVERY, "start_at": "9990-01-01T00:00:00Z"}, "start_at", "out of reach"),
    ({**DAILY, "end_at": at(minutes=-5)}, "end_at", "is past"),
    ({**DAILY, "start_at": at(days=9), "end_at": at(days=8)}, "end_at", "Lies before start_at"),
    ({"cron": "0 9 29 2 *", "end_at": at(hours=1), "exclude": []}, "end_at", "Lies before the first time"),
    ({**EVERY, "start_at": at(days=1), "end_at": at(hours=12)}, "end_at", "Lies before start_at"),
    ({**DAILY, "max_runs": 0}, "max_runs", "from 1 to 1,000,000"),
    ({**DAILY, "max_runs": -1}, "max_runs", "from 1 to 1,000,000"),
    ({**DAILY, "max_runs": 1_000_001}, "max_runs", "from 1 to 1,000,000"),
    ({"start_at": at(days=1), "max_runs": 2}, "max_runs", "Without a kind it runs once"),
    ({**EVERY, "jitter_seconds": -1}, "jitter_seconds", "from 0 to 86,400"),
    ({**DAILY, "jitter_seconds": 86_401}, "jitter_seconds", "from 0 to 86,400"),
    ({**EVERY, "jitter_seconds": 3601}, "jitter_seconds", "write 3600 at most"),
    ({"interval_minutes": 1, "jitter_seconds": 61}, "jitter_seconds", "write 60 at most"),
    ({"daily_time": ["09:00", "09:10"], "jitter_seconds": 601}, "jitter_seconds", "write 600 at most"),
    ({"cron": ["0 9 * * *", "5 9 * * *"], "jitter_seconds": 301}, "jitter_seconds", "write 300 at most"),
    ({**DAILY, "exclude": ["Monday"]}, "exclude", "write MON"),
    ({**DAILY, "exclude": "2027-02-30"}, "exclude", "neither a date nor a weekday"),
    ({**DAILY, "exclude": ["2027-01-01"] * 401}, "exclude", "at most 400"),
    ({**DAILY, "exclude": WEEK}, "exclude", "All seven weekdays leave no day"),
    ({"cron": "0 9 * * 1", "exclude": ["MON"]}, "exclude", "Takes away every time"),
    ({"cron": "0 9 1 1 *", "exclude": WEEK[:-1], "end_at": at(days=300)}, "end_at", "Lies before the first time"),
    ({"interval": 30}, "interval", "write interval_minutes"),
    ({**EVERY, "max_run": 3}, "max_run", "write max_runs"),
]

# The same for fields beside the schedule.
FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"query": " "}, "query", "Write what the agent should do"),
    ({"query": "x" * 32_001}, "query", "at most 32,000 characters"),
    ({"query": "{{ nothing }}"}, "query", "There is no “nothing” here"),
    ({"title": "x" * 201}, "title", "at most 200 characters"),
    ({"agent_name": "Nobody"}, "agent_name", "is not known here"),
    ({"overlap": "both"}, "overlap", "'skip', 'queue', 'cancel_running' or 'parallel'"),
    ({"catch_up": "some"}, "catch_up", "'one', 'none' or 'all'"),
    ({"catch_up_window_minutes": 0}, "catch_up_window_minutes", "1 or more"),
    ({"catch_up_window_minutes": 525_601}, "catch_up_window_minutes", "525,600 or less"),
    ({"on_interrupt": "maybe"}, "on_interrupt", "'fail', 'next' or 'rerun'"),
    ({"priority": 10}, "priority", "9 or less"),
    ({"priority": -1}, "priority", "0 or more"),
    ({"max_attempts": 0}, "max_attempts", "1 or more"),
    ({"max_attempts": 21}, "max_attempts", "20 or less"),
    ({"timeout_seconds": 0}, "timeout_seconds", "1 or more"),
    ({"timeout_seconds": 604_801}, "timeout_seconds", "604,800 or less"),
    ({"deadline_at": at(minutes=-1)}, "deadline_at", "It is past already"),
    ({"deadline_at": "2027-01-01T09:00"}, "deadline_at", "the offset too"),
    ({"conversation_mode": "both"}, "conversation_mode", "'append' or 'new'"),
    ({"only_changes": "perhaps"}, "only_changes", "true or false"),
    ({"notify": "never"}, "notify", "'always', 'news', 'findings' or 'failures'"),
    ({"max_runs_per_day": 0}, "max_runs_per_day", "1 or more"),
    ({"max_runs_per_day": 100_001}, "max_runs_per_day", "100,000 or less"),
    ({"budget": {"tokens_per_day": 0}}, "budget.tokens_per_day", "1 or more"),
    ({"budget": {"tokens_per_month": 10**13}}, "budget.tokens_per_month", "1,000,000,000,000 or less"),
    ({"budget": {"cost_per_day": 0}}, "budget.cost_per_day", "more than 0"),
    ({"budget": {"cost_per_month": -1}}, "budget.cost_per_month", "more than 0"),
    ({"budget": {"tokens": 5}}, "budget.tokens", "no such field"),
    ({"retention_days": -1}, "retention_days", "0 or more"),
    ({"retention_days": 36_501}, "retention_days", "36,500 or less"),
]
AT_CREATION: list[tuple[dict[str, Any], str, str]] = [
    ({"key": "x" * 101}, "key", "at most 100 characters"),
    ({"depends_on": ["nobody"]}, "depends_on", "No task of this plan has the key “nobody”"),
    ({"depends_on": ["a"], "key": "a"}, "depends_on", "cannot depend on itself"),
    ({"on_failure": "shout"}, "on_failure", "'continue' or 'stop'"),
    ({"conversation_id": "0"}, "conversation_id", "no such conversation"),
]


def ids(rows: list[tuple[dict[str, Any], str, str]]) -> list[str]:
    return [f"{number}-{field}" for number, (_, field, _) in enumerate(rows)]


def refused(answer: Any, field: str, words: str) -> None:
    assert (answer.status, list(answer.fields)) == (422, [field]), answer.data
    (message,) = answer.fields[field]
    assert words in message
    assert message[-1] in ".”", "a sentence"


@pytest.mark.parametrize(("schedule", "field", "words"), SCHEDULES, ids=ids(SCHEDULES))
def test_a_schedule_that_cannot_be_is_refused_on_its_key(
    ana: Program, schedule: dict[str, Any], field: str, words: str
):
    task = {"query": "x", "agent_name": "Echo", "schedule": schedule, "conversation_id": ana.conversation()}
    refused(ana("POST", "/tasks", task), f"schedule.{field}", words)
    if "past" not in words:  # a preview may look back
        refused(ana("POST", "/schedules/preview", schedule), field, words)
    assert not Task.objects.exists()


@pytest.mark.parametrize(("schedule", "field", "words"), SCHEDULES, ids=ids(SCHEDULES))
def test_an_edit_is_refused_in_the_same_words_and_changes_nothing(
    ana: Program, schedule: dict[str, Any], field: str, words: str
):
    kind = {"on_event", "interval_minutes", "daily_time", "cron"} & set(schedule)
    before = ana.task(schedule=EVERY if kind or "interval" in schedule else {"start_at": at(days=2), "timezone": "UTC"})
    refused(ana("PATCH", f"/tasks/{before['id']}", {"schedule": schedule}), f"schedule.{field}", words)
    assert ana("GET", f"/tasks/{before['id']}").data == before


@pytest.mark.parametrize(("fields", "name", "words"), [*FIELDS, *AT_CREATION], ids=ids([*FIELDS, *AT_CREATION]))
def test_a_field_beside_the_schedule_is_refused_by_its_name(
    ana: Program, fields: dict[str, Any], name: str, words: str
):
    task = {
        "query": "x",
        "agent_name": "Echo",
        "schedule": EVERY,
        "conversation_id": ana.conversation(),
        **fields,
    }
    refused(ana("POST", "/tasks", task), name, words)
    plan = ana("POST", "/plans", {"conversation_id": ana.conversation(), "tasks": [task]})
    refused(plan, f"tasks.0.{name}", words)
    assert not Task.objects.exists()


@pytest.mark.parametrize(("fields", "name", "words"), FIELDS, ids=ids(FIELDS))
def test_an_edit_of_a_field_is_refused_by_its_name(ana: Program, fields: dict[str, Any], name: str, words: str):
    if name == "agent_name":
        words = "no such field"
    before = ana.task(schedule=EVERY)
    refused(ana("PATCH", f"/tasks/{before['id']}", fields), name, words)
    assert ana("GET", f"/tasks/{before['id']}").data == before


def test_several_faults_are_told_at_once_each_on_its_field(ana: Program):
    answer = ana(
        "POST",
        "/tasks",
        {
            "query": "x",
            "agent_name": "Echo",
            "conversation_id": ana.conversation(),
            "schedule": {"daily_time": ["25:00"], "max_runs": 0, "jitter_seconds": -1, "timezone": "X/Y"},
        },
    )
    assert set(answer.fields) == {
        f"schedule.{name}" for name in ("daily_time", "max_runs", "jitter_seconds", "timezone")
    }


def test_an_edit_that_leaves_no_time_is_refused(ana: Program):
    task = ana.task(schedule={**EVERY, "max_runs": 5})
    Task.objects.filter(pk=task["id"]).update(status="running", run_count=3)
    refused(
        ana("PATCH", f"/tasks/{task['id']}", {"schedule": {"max_runs": 3}}), "schedule", "It has no time left: give"
    )
    assert ana("PATCH", f"/tasks/{task['id']}", {"schedule": {"max_runs": 4}}).status == 200


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
@pytest.mark.parametrize(
    ("method", "act"),
    [("PATCH", ""), ("POST", "/pause"), ("POST", "/resume"), ("POST", "/trigger"), ("POST", "/backfill")],
)
def test_acting_on_what_ended_is_a_409_that_says_what_happened(ana: Program, method: str, act: str, status: str):
    task = ana.task(schedule=EVERY)
    Task.objects.filter(pk=task["id"]).update(
        status=status, next_run_at=None, next_slot_at=None, completed_at=timezone.now()
    )
    body = {"PATCH": {"query": "new"}, "/backfill": {"from": at(hours=-3), "to": at(hours=-1)}}
    answer = ana(method, f"/tasks/{task['id']}{act}", body.get(act or method, {}))
    assert (answer.status, answer.error["code"]) == (409, "already_finished")
    assert status in answer.error["message"]


def test_a_once_task_that_runs_is_not_edited_and_the_409_says_why(ana: Program):
    task = ana.task()
    ana("POST", f"/tasks/{task['id']}/trigger")
    for change in ({"query": "other"}, {"schedule": {"start_at": at(days=1)}}):
        answer = ana("PATCH", f"/tasks/{task['id']}", change)
        assert (answer.status, answer.error["code"]) == (409, "already_started")
        assert "is running" in answer.error["message"]
    assert ana("PATCH", f"/tasks/{task['id']}", {"priority": 9}).status == 200
