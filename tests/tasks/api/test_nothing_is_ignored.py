"""What would have no effect is refused, with words, instead of being answered as if it had been understood."""

import pytest

from tasks.errors import InvalidInput
from tasks.models import Task
from tests.api_client import Program

HOOK = "https://8.8.8.8/hook"
BODIES = [b"{bad", b"[]", b'{"x": 1}', b"null", b"\xff"]


def takers(person: Program) -> list[str]:
    """The addresses whose POST takes no body, of things that `person` owns."""
    task = person.task(schedule={"interval_minutes": 60})
    webhook = person("POST", "/webhooks", {"url": HOOK}).data["id"]
    return [
        f"/tasks/{task['id']}/cancel",
        f"/tasks/{task['id']}/resume",
        f"/plans/{task['plan_id']}/cancel",
        f"/conversations/{task['conversation_id']}/cancel",
        f"/conversations/{task['conversation_id']}/restore",
        f"/conversations/{task['conversation_id']}/share",
        f"/webhooks/{webhook}/test",
    ]


@pytest.mark.parametrize("body", BODIES)
def test_a_post_that_takes_no_body_refuses_one_and_does_nothing(ana: Program, body):
    for path in takers(ana):
        assert ana("POST", path, body).status == 422
    assert [task.status for task in Task.objects.all()] == ["pending"]


def test_an_unknown_key_is_named(ana: Program):
    task = ana.task()
    assert ana("POST", f"/tasks/{task['id']}/cancel", {"reason": "x"}).fields == {
        "reason": ["There is no such field here: leave it out."]
    }


@pytest.mark.parametrize("body", [None, b"", b" \n", b"{}"])
def test_no_body_and_an_empty_object_are_fine(ana: Program, body):
    assert [ana("POST", path, body).status for path in reversed(takers(ana))] == [
        201,
        201,
        200,
        200,
        200,
        409,
        200,
    ]


def test_what_is_not_theirs_is_not_there_whatever_the_body(ana: Program, ben: Program):
    for path in takers(ben):
        assert ana("POST", path, b"{bad").status == 404


LISTS = [
    "/conversations",
    "/conversations/{conversation}/items",
    "/conversations/{conversation}/scheduled-task-results",
    "/plans",
    "/tasks",
    "/tasks/{task}/runs",
    "/tasks/{task}/transitions",
    "/tasks/{task}/hooks",
    "/agents",
    "/webhooks",
]


@pytest.mark.parametrize("path", LISTS)
def test_an_unknown_parameter_of_a_list_is_named_with_those_that_it_takes(ana: Program, path):
    task = ana.task()
    path = path.format(conversation=task["conversation_id"], task=task["id"])
    refused = ana("GET", f"{path}?staus=failed&limit=5")
    assert (refused.status, list(refused.fields)) == (422, ["staus"])
    assert "limit, cursor" in refused.error["message"]
    assert ana("GET", f"{path}?limit=5").status == 200


def test_an_unknown_parameter_for_what_is_not_theirs_is_404(ana: Program, ben: Program):
    assert ana("GET", f"/tasks/{ben.task()['id']}/runs?staus=failed").status == 404


def test_a_cursor_belongs_to_its_list(ana: Program):
    task = ana.task(schedule={"interval_minutes": 60})
    ana.task(conversation_id=task["conversation_id"])
    for _ in range(2):
        ana("POST", f"/tasks/{task['id']}/trigger")
        ana.conversation()
        ana("POST", "/webhooks", {"url": HOOK})
        ana("POST", f"/tasks/{task['id']}/hooks")
    paths = [
        "/conversations",
        f"/conversations/{task['conversation_id']}/items",
        "/plans",
        "/tasks",
        f"/tasks/{task['id']}/runs",
        f"/tasks/{task['id']}/transitions",
        f"/tasks/{task['id']}/hooks",
        "/webhooks",
    ]
    cursors = {path: ana("GET", f"{path}?limit=1").data["next_cursor"] for path in paths}
    assert all(cursors.values())
    for path in paths:
        taken = {given: ana("GET", f"{path}?cursor={cursor}") for given, cursor in cursors.items()}
        assert [given for given, answer in taken.items() if answer.status == 200] == [path]
        assert all(list(answer.fields) == ["cursor"] for given, answer in taken.items() if given != path)


NO_NULL = [
    "title",
    "query",
    "overlap",
    "catch_up",
    "catch_up_window_minutes",
    "on_interrupt",
    "priority",
    "max_attempts",
    "timeout_seconds",
    "conversation_mode",
    "only_changes",
]


@pytest.mark.parametrize("field", NO_NULL)
def test_null_that_removes_nothing_is_422_in_a_patch(ana: Program, field):
    task = ana.task(schedule={"interval_minutes": 60})
    refused = ana("PATCH", f"/tasks/{task['id']}", {field: None, "max_runs_per_day": 3})
    assert list(refused.fields) == [field]
    assert "leave the field out" in refused.error["message"]
    assert ana("GET", f"/tasks/{task['id']}").data == task


@pytest.mark.parametrize("schedule", [{"interval_minutes": 60}, None])
def test_a_schedule_is_not_taken_away(ana: Program, schedule):
    path = f"/tasks/{ana.task(schedule=schedule)['id']}"
    assert list(ana("PATCH", path, {"schedule": None}).fields) == ["schedule"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("deadline_at", "2099-05-01T09:00:00+00:00"), ("max_runs_per_day", 3), ("budget", {"tokens_per_day": 5})],
)
def test_null_removes_what_need_not_be_there(ana: Program, field, value):
    path = f"/tasks/{ana.task(schedule={'interval_minutes': 60})['id']}"
    assert ana("PATCH", path, {field: value}).data[field] == value
    assert ana("PATCH", path, {field: None}).data[field] is None


@pytest.mark.parametrize("title", ["", "  ", "\n"])
def test_an_empty_title_is_422_in_a_patch(ana: Program, title):
    path = f"/tasks/{ana.task(title='Mine')['id']}"
    assert ana("PATCH", path, {"title": title}).fields == {"title": ["Write a title, or leave the field out."]}
    assert ana("GET", path).data["title"] == "Mine"


def test_null_is_422_where_a_webhook_is_switched(ana: Program):
    path = f"/webhooks/{ana('POST', '/webhooks', {'url': HOOK}).data['id']}"
    assert set(ana("PATCH", path, {"enabled": None, "events": None}).fields) == {"enabled", "events"}


def test_one_fault_of_two_fields_is_said_once(ana: Program):
    conversation = ana.conversation()
    refused = ana(
        "POST",
        "/tasks",
        {
            "conversation_id": conversation,
            "query": "a",
            "agent_name": "Echo",
            "schedule": {"interval_minutes": 5, "cron": "* * * * *"},
        },
    )
    assert refused.status == 422
    texts = [text for texts in refused.fields.values() for text in texts]
    assert len(texts) > len(set(texts))
    assert all(refused.error["message"].count(text) == 1 for text in texts)
    assert InvalidInput({"a": ["Same."], "b": ["Same.", "Other."]}).message == "Same. Other."


def test_the_description_says_where_null_is_taken(ana: Program, client):
    schemas = client.get("/api/v1/openapi.json").json()["components"]["schemas"]
    properties = schemas["TaskPatch"]["properties"]
    null = {"type": "null"}
    assert {name for name, prop in properties.items() if null in prop.get("anyOf", ())} == {
        "deadline_at",
        "max_runs_per_day",
        "budget",
        "retention_days",
    }
