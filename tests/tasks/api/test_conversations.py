"""Conversations by the API: make, rename, talk, cancel what runs, delete."""

import pytest

from conversations.models import Conversation
from tasks.models import Task
from tests.api_client import Program


def test_a_conversation_is_renamed_and_its_agent_cleared_by_null(ana: Program):
    pk = ana.conversation(title="a", agent_name="Echo")
    changed = ana("PATCH", f"/conversations/{pk}", {"title": "b"})
    assert (changed.status, changed.data["title"], changed.data["agent_name"]) == (200, "b", "Echo")
    assert ana("PATCH", f"/conversations/{pk}", {"agent_name": None}).data["agent_name"] is None
    assert ana("PATCH", f"/conversations/{pk}", {}).data["title"] == "b"


@pytest.mark.parametrize("name", ["Nobody", "echo", "Ech", " "])
def test_an_agent_that_does_not_exist_is_422(ana: Program, name):
    assert list(ana("POST", "/conversations", {"agent_name": name}).fields) == ["agent_name"]
    assert list(ana("PATCH", f"/conversations/{ana.conversation()}", {"agent_name": name}).fields) == ["agent_name"]


@pytest.mark.parametrize("field", ["status", "id", "created_at", "user"])
def test_what_is_not_writable_is_422(ana: Program, field):
    assert list(ana("PATCH", f"/conversations/{ana.conversation()}", {field: "active"}).fields) == [field]


def test_a_message_that_names_its_agent_is_a_plan_with_its_task_at_once(ana: Program):
    pk = ana.conversation()
    said = ana("POST", f"/conversations/{pk}/messages", {"text": "say hi", "agent_name": "Echo", "priority": 8})
    assert said.status == 202
    assert (said.data["query"], said.data["conversation_id"]) == ("say hi", pk)
    assert [(task["query"], task["priority"]) for task in said.data["tasks"]] == [("say hi", 8)]
    assert ana("GET", f"/plans/{said.data['id']}").data["tasks"][0]["id"] == said.data["tasks"][0]["id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": "  \n"}, "text"),
        ({"text": "a" * 32_001}, "text"),
        ({"text": "a", "agent_name": "Nobody"}, "agent_name"),
        ({"text": "a", "agent_name": "Echo", "schedule": {"interval_minutes": 0}}, "schedule.interval_minutes"),
        ({"text": "a", "agent_name": "Echo", "schedule": {"interval_minutes": -5}}, "schedule.interval_minutes"),
        ({"text": "a", "agent_name": "Echo", "schedule": {"daily_time": "25:00"}}, "schedule.daily_time"),
        ({"text": "a", "agent_name": "Echo", "schedule": {"cron": "0 0 31 2 *"}}, "schedule.cron"),
        (
            {"text": "a", "agent_name": "Echo", "schedule": {"interval_minutes": 5, "timezone": "Mars"}},
            "schedule.timezone",
        ),
        ({"text": "a", "agent_name": "Echo", "schedule": "daily"}, "schedule"),
        ({"text": "a", "agent_name": "Echo", "query": "b"}, "query"),
        ({"text": "a", "agent_name": "Echo", "priority": 10}, "priority"),
        ({"text": "a", "agent_name": "Echo", "answer_to": "x"}, "answer_to"),
    ],
)
def test_a_wrong_message_is_422_on_its_field_and_leaves_nothing(ana: Program, body, field):
    pk = ana.conversation()
    assert list(ana("POST", f"/conversations/{pk}/messages", body).fields) == [field]
    assert Task.objects.count() == 0
    assert ana("GET", f"/conversations/{pk}/items").data["items"] == []


def test_cancel_stops_every_unfinished_task_and_says_how_many(ana: Program):
    pk = ana.conversation()
    for _ in range(3):
        ana.task(conversation_id=pk, schedule={"interval_minutes": 5})
    other = ana.task(schedule={"interval_minutes": 5})
    assert ana("POST", f"/conversations/{pk}/cancel").data == {"cancelled": 3}
    assert ana("POST", f"/conversations/{pk}/cancel").data == {"cancelled": 0}
    assert ana("GET", f"/tasks/{other['id']}").data["status"] == "pending"


def test_delete_takes_everything_with_it(ana: Program):
    task = ana.task(schedule={"interval_minutes": 5})
    pk = task["conversation_id"]
    gone = ana("DELETE", f"/conversations/{pk}")
    assert (gone.status, gone.content) == (204, b"")
    assert ana("GET", f"/conversations/{pk}").status == 404
    assert ana("DELETE", f"/conversations/{pk}").status == 404
    assert ana("GET", f"/tasks/{task['id']}").status == 404
    assert Conversation.objects.count() == 0
