"""The OpenAPI description is true: its shapes are what is answered, its addresses are those that exist."""

import json
import re

import jsonschema_rs
import pytest

from tests.api_client import Program
from valuecell_site.api import api


@pytest.fixture(scope="module")
def description():
    return json.loads(json.dumps(api.get_openapi_schema(path_prefix="/api/v1")))


def check(description, method, path, status, data):
    """Hold an answer to what the description says of it."""
    answer = description["paths"]["/api/v1" + path][method]["responses"][str(status)]
    schema = {**answer["content"]["application/json"]["schema"], "components": description["components"]}
    jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(data)


def test_it_needs_nobody_and_the_docs_page_loads_nothing_from_elsewhere(client):
    assert client.get("/api/v1/openapi.json").json()["openapi"] == "3.1.0"
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page.content.decode())
    policy = page["Content-Security-Policy"]
    assert "script-src" not in policy or "unsafe" not in policy.split("script-src")[1].split(";")[0]
    assert "default-src 'self'" in policy


def test_it_lists_what_the_contract_lists_and_its_streams_end_in_events(description):
    listed = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, methods in description["paths"].items()
        for method in methods
    }
    assert listed == {
        "GET /conversations",
        "POST /conversations",
        "GET /conversations/{conversation_id}",
        "PATCH /conversations/{conversation_id}",
        "DELETE /conversations/{conversation_id}",
        "GET /conversations/{conversation_id}/items",
        "GET /conversations/{conversation_id}/scheduled-task-results",
        "POST /conversations/{conversation_id}/messages",
        "POST /conversations/{conversation_id}/cancel",
        "GET /conversations/{conversation_id}/events",
        "GET /conversations/{conversation_id}/export",
        "POST /conversations/{conversation_id}/seen",
        "POST /conversations/{conversation_id}/restore",
        "GET /conversations/{conversation_id}/share",
        "POST /conversations/{conversation_id}/share",
        "DELETE /conversations/{conversation_id}/share",
        "GET /plans",
        "POST /plans",
        "GET /plans/{plan_id}",
        "POST /plans/{plan_id}/cancel",
        "GET /tasks",
        "POST /tasks",
        "POST /tasks/preview-text",
        "POST /tasks/bulk",
        "POST /tasks/{task_id}/clone",
        "POST /tasks/{task_id}/snooze",
        "GET /tasks/{task_id}",
        "PATCH /tasks/{task_id}",
        "POST /tasks/{task_id}/cancel",
        "POST /tasks/{task_id}/pause",
        "POST /tasks/{task_id}/resume",
        "POST /tasks/{task_id}/trigger",
        "POST /tasks/{task_id}/run-again",
        "GET /tasks/{task_id}/runs",
        "GET /tasks/{task_id}/transitions",
        "GET /runs/{run_id}",
        "POST /schedules/preview",
        "GET /agents",
        "POST /agents",
        "POST /agent-previews",
        "GET /agents/{slug}",
        "PATCH /agents/{slug}",
        "POST /schedules/parse",
        "POST /tasks/{task_id}/backfill",
        "GET /tasks/{task_id}/hooks",
        "POST /tasks/{task_id}/hooks",
        "DELETE /tasks/{task_id}/hooks/{hook_id}",
        "GET /tasks/{task_id}/hooks/{hook_id}/deliveries",
        "POST /tasks/{task_id}/hooks/{hook_id}/test",
        "GET /tokens",
        "POST /tokens",
        "DELETE /tokens/{token_id}",
        "GET /webhooks",
        "POST /webhooks",
        "PATCH /webhooks/{webhook_id}",
        "DELETE /webhooks/{webhook_id}",
        "GET /webhooks/{webhook_id}/deliveries",
        "POST /webhooks/{webhook_id}/test",
    }
    streams = [
        path
        for path, methods in description["paths"].items()
        if "text/event-stream" in methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
    ]
    assert streams == ["/api/v1/conversations/{conversation_id}/events"]


def test_every_operation_needs_a_user_and_no_list_needs_a_parameter(description):
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            assert operation["security"], path
            assert {"401", "422", "429"} <= set(operation["responses"]), (method, path)
            if method == "get":
                assert all(part["in"] == "path" for part in operation["parameters"] if part["required"])


def test_every_reference_in_it_leads_somewhere(description):
    names = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(description)))
    assert names <= set(description["components"]["schemas"])


def test_what_is_answered_is_what_it_says(ana: Program, description):
    conversation = ana("POST", "/conversations", {"title": "a", "agent_name": "Echo"})
    check(description, "post", "/conversations", 201, conversation.data)
    inside = f"/conversations/{conversation.data['id']}"
    plan = ana("POST", f"{inside}/messages", {"text": "hi", "agent_name": "Echo"})
    check(description, "post", "/conversations/{conversation_id}/messages", 202, plan.data)
    task = ana.task(conversation_id=conversation.data["id"], schedule={"cron": "0 9 * * 1", "start_at": None})
    check(description, "post", "/tasks", 201, task)
    run = ana("POST", f"/tasks/{task['id']}/trigger")
    check(description, "post", "/tasks/{task_id}/trigger", 201, run.data)
    for path, address in [
        ("/conversations", "/conversations"),
        ("/conversations", "/conversations?q=hi"),
        ("/conversations/{conversation_id}/share", f"{inside}/share"),
        ("/conversations/{conversation_id}", inside),
        ("/conversations/{conversation_id}/items", f"{inside}/items"),
        ("/conversations/{conversation_id}/scheduled-task-results", f"{inside}/scheduled-task-results"),
        ("/plans", "/plans"),
        ("/tasks", "/tasks"),
        ("/tasks/{task_id}/runs", f"/tasks/{task['id']}/runs"),
        ("/tasks/{task_id}/transitions", f"/tasks/{task['id']}/transitions"),
        ("/runs/{run_id}", f"/runs/{run.data['id']}"),
        ("/agents", "/agents"),
    ]:
        check(description, "get", path, 200, ana("GET", address).data)
    refused = ana("POST", "/schedules/preview", {"cron": "x"})
    check(description, "post", "/schedules/preview", 422, refused.data)
    check(description, "post", "/schedules/preview", 200, ana("POST", "/schedules/preview", {"cron": "0 9 * * *"}).data)
