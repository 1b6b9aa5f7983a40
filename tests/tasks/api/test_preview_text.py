"""What an agent would get is shown before it is sent, with the last result filled in, and each fault on its field."""

from typing import Any

import pytest

from tasks.models import Task, TaskRun
from tests.api_client import Program

PATH = "/tasks/preview-text"
HOURLY = {"interval_minutes": 60, "timezone": "Europe/Berlin", "start_at": "2099-01-01T09:00:00+01:00"}


@pytest.fixture
def reported(ana: Program) -> dict[str, Any]:
    """An hourly task of ana, whose first run said that it rained."""
    task = ana.task(schedule=HOURLY)
    run = ana("POST", f"/tasks/{task['id']}/trigger").data
    TaskRun.objects.filter(pk=run["id"]).update(
        status="succeeded", result="It {{ rained }}.", finished_at="2026-11-02T09:00:00Z"
    )
    Task.objects.filter(pk=task["id"]).update(run_count=1)
    return task


def test_the_last_result_is_filled_in(ana: Program, reported: dict[str, Any]):
    text = "{{ run_number }}: {{ previous.result }} ({{ previous.finished_at }}) for {{ scheduled_for }}"
    shown = ana("POST", PATH, {"query": text, "task_id": reported["id"]})
    assert (shown.status, shown.data) == (
        200,
        {
            "text": "2: It {{ rained }}. (2026-11-02T10:00:00+01:00) for 2099-01-01T09:00:00+01:00",
            "names": ["run_number", "previous.result", "previous.finished_at", "scheduled_for"],
        },
    )


def test_nothing_is_written(ana: Program, reported: dict[str, Any]):
    before = ana("GET", f"/tasks/{reported['id']}").data
    ana("POST", PATH, {"query": "{{ run_number }}", "task_id": reported["id"], "only_changes": True})
    assert ana("GET", f"/tasks/{reported['id']}").data == before
    assert TaskRun.objects.count() == 1


def test_only_what_changed_is_shown_as_it_will_be_asked(ana: Program, reported: dict[str, Any]):
    sent = {"query": "News?", "task_id": reported["id"]}
    assert ana("POST", PATH, sent).data["text"] == "News?"
    text = ana("POST", PATH, {**sent, "only_changes": True}).data["text"]
    assert text.startswith("News?\n\nYou answered this before, at 2026-11-02T10:00:00+01:00;")
    assert "It {{ rained }}." in text


def test_a_task_that_is_still_to_be_made_is_shown_its_first_run(ana: Program):
    sent = {"query": "{{ run_number }}|{{ previous.result }}|{{ scheduled_for }}", "schedule": HOURLY}
    assert ana("POST", PATH, sent).data["text"] == "1||2099-01-01T09:00:00+01:00"
    assert ana("POST", PATH, {"query": "as it is"}).data == {"text": "as it is", "names": []}
    assert not Task.objects.exists()


def test_an_event_may_be_sent_to_try_it_with(ana: Program):
    sent = {"query": "See {{ event.title }}: {{ event.n }}", "schedule": {"on_event": True}}
    assert ana("POST", PATH, {**sent, "event": {"title": "{{ x }}", "n": 5}}).data["text"] == "See {{ x }}: 5"
    assert ana("POST", PATH, sent).fields == {
        "event": ["The text asks for “event.title”: send an event to try it with."]
    }
    assert "“event.n”" in ana("POST", PATH, {**sent, "event": {"title": "x"}}).fields["event"][0]


@pytest.mark.parametrize(
    ("sent", "field", "words"),
    [
        ({"query": "{{ previous.result }}"}, "query", "only a recurring task has a run before"),
        ({"query": "{{ nothing }}", "schedule": HOURLY}, "query", "There is no “nothing” here"),
        ({"query": "{{ run_number", "schedule": HOURLY}, "query", "end of print statement"),
        ({"query": "{{ tasks.a.result }}", "schedule": HOURLY}, "query", "name a task of the same plan"),
        ({"query": " "}, "query", "Write what the agent should do"),
        ({"query": "x", "schedule": {"cron": "x"}}, "schedule.cron", "has 1 field"),
        ({"query": "x", "task_id": "0"}, "task_id", "You have no such task"),
        ({"query": "x", "title": "y"}, "title", "no such field"),
        ({"query": "{{ event | tojson(8) }}", "schedule": HOURLY, "event": ["x" * 400_000]}, "query", "longer than"),
    ],
)
def test_each_fault_is_said_on_its_field(ana: Program, sent: dict[str, Any], field: str, words: str):
    refused = ana("POST", PATH, sent)
    assert (refused.status, list(refused.fields)) == (422, [field])
    assert words in refused.fields[field][0]


def test_other_peoples_tasks_are_none(ana: Program, ben: Program, reported: dict[str, Any]):
    assert list(ben("POST", PATH, {"query": "{{ previous.result }}", "task_id": reported["id"]}).fields) == ["task_id"]


def test_a_text_of_a_plan_is_given_what_its_earlier_tasks_found(ana: Program):
    tasks = [
        {"query": "look", "agent_name": "Echo", "key": "step-1"},
        {"query": "x", "agent_name": "Echo", "depends_on": ["step-1"]},
    ]
    plan = ana("POST", "/plans", {"conversation_id": ana.conversation(), "tasks": tasks}).data
    first, second = plan["tasks"]
    run = ana("POST", f"/tasks/{first['id']}/trigger").data
    TaskRun.objects.filter(pk=run["id"]).update(status="succeeded", result="found", finished_at="2026-11-02T09:00Z")
    sent = {"query": "{{ tasks.step-1.result }}", "task_id": second["id"]}
    assert ana("POST", PATH, sent).data["text"] == "found"
    assert list(ana("POST", PATH, {**sent, "task_id": first["id"]}).fields) == ["query"]


def test_an_event_that_is_nested_without_end_is_no_fault_of_the_server(ana: Program):
    body = b'{"query": "{{ event }}", "schedule": {"on_event": true}, "event": ' + b"[" * 5000 + b"]" * 5000 + b"}"
    assert ana("POST", PATH, body).status == 422
