"""A2A by raw frames, as clients on no SDK send them: version 0.3, both bindings' errors, and what is wrong."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.contrib.auth.models import User

from conversations.hub import hub
from conversations.models import Conversation
from tasks.gateways.a2a import jsonrpc
from tasks.models import Task, TaskRun
from tests.helpers.agents import Asking, Echo, Waiting
from tests.helpers.runners import sync, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def http(site: str, token: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=site, headers=headers, timeout=20) as client:
        yield client


def frame(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": "f-1", "method": method, "params": params}


def old(text: str = "", *, agent_name: str = "Echo", **more: Any) -> dict[str, Any]:
    """A message of 0.3."""
    parts = [{"kind": "text", "text": text}]
    metadata = {"agent_name": agent_name}
    ids = {"messageId": str(uuid4()), "role": "user", "kind": "message"}
    return {"message": {**ids, "parts": parts, "metadata": metadata, **more}}


def new(text: str = "x", **more: Any) -> dict[str, Any]:
    """A message of 1.0."""
    return {"message": {"messageId": str(uuid4()), "role": "ROLE_USER", "parts": [{"text": text}], **more}}


async def ask(http: httpx.AsyncClient, method: str, **params: Any) -> Any:
    answer = await http.post("/a2a/", json=frame(method, **params))
    told = answer.json()
    assert (answer.status_code, told["jsonrpc"], told["id"]) == (200, "2.0", "f-1")
    return told


async def result(http: httpx.AsyncClient, method: str, **params: Any) -> Any:
    told = await ask(http, method, **params)
    assert "error" not in told, told
    return told["result"]


async def frames(answer: httpx.Response) -> AsyncIterator[Any]:
    assert answer.headers["content-type"].startswith("text/event-stream")
    async for line in answer.aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


async def heard(http: httpx.AsyncClient, method: str, **params: Any) -> list[Any]:
    async with http.stream("POST", "/a2a/", json=frame(method, **params)) as answer:
        return [told async for told in frames(answer)]


async def test_version_0_3_sends_and_gets_whole_tasks(http: httpx.AsyncClient, serve_agent: Any):
    await sync(serve_agent, Echo())
    task = await result(http, "message/send", **old("hello"))
    assert (task["kind"], task["status"]["state"]) == ("task", "completed")
    assert task["artifacts"][0]["parts"][0] | {"metadata": None} == {
        "kind": "text",
        "text": "You said: hello",
        "metadata": None,
    }
    assert [said["role"] for said in task["history"]] == ["user"]
    again = await result(http, "tasks/get", id=task["id"], historyLength=1)
    assert (again["id"], again["status"]["state"], len(again["history"])) == (task["id"], "completed", 1)


async def test_version_0_3_streams_ends_with_a_question_and_goes_on_with_its_answer(
    http: httpx.AsyncClient, serve_agent: Any
):
    await sync(serve_agent, Asking())
    told = [frame["result"] for frame in await heard(http, "message/stream", **old("paint"))]
    assert (told[0]["kind"], told[-1]["kind"]) == ("task", "status-update")
    assert (told[-1]["status"]["state"], told[-1]["final"]) == ("input-required", True)
    assert told[-1]["status"]["message"]["parts"][0]["text"] == "Which colour?"
    answered = [frame["result"] for frame in await heard(http, "message/stream", **old("red", taskId=told[0]["id"]))]
    assert (answered[-1]["status"]["state"], answered[-1]["final"]) == ("completed", True)
    texts = [event["artifact"]["parts"][0]["text"] for event in answered if event["kind"] == "artifact-update"]
    assert "".join(texts) == "It is red."


async def test_version_0_3_returns_at_once_resubscribes_and_cancels(http: httpx.AsyncClient, serve_agent: Any):
    await sync(serve_agent, Waiting())
    begun = await result(http, "message/send", **old("count"), configuration={"blocking": False})
    assert begun["status"]["state"] in ("submitted", "working")
    await until(lambda: TaskRun.objects.filter(status="running").exists())
    told = []
    async with http.stream("POST", "/a2a/", json=frame("tasks/resubscribe", id=begun["id"])) as answer:
        async for one in frames(answer):
            told.append(one["result"])
            if "One, " in str(told) and len(told) < 20 and not any(e.get("final") for e in told):
                gone = await http.post("/a2a/", json=frame("tasks/cancel", id=begun["id"]))
                assert "error" not in gone.json() or len(told) > 1
    assert told[0]["kind"] == "task"
    assert (told[-1]["status"]["state"], told[-1]["final"]) == ("canceled", True)
    refused = await ask(http, "tasks/cancel", id=begun["id"])
    assert refused["error"]["code"] == -32002


async def test_version_0_3_reads_its_errors_from_the_stream(http: httpx.AsyncClient):
    (told,) = await heard(http, "tasks/resubscribe", id=str(uuid4()))
    assert told["error"]["code"] == -32001


async def test_version_0_3_has_an_extended_card_and_no_push_notifications(http: httpx.AsyncClient, serve_agent: Any):
    await sync(serve_agent, Echo())
    card = await result(http, "agent/getAuthenticatedExtendedCard")
    assert "run:Echo" in [skill["id"] for skill in card["skills"]]
    assert (card["protocolVersion"], card["preferredTransport"]) == ("0.3", "JSONRPC")
    config = {"taskId": str(uuid4()), "pushNotificationConfig": {"url": "https://example.org/"}}
    assert (await ask(http, "tasks/pushNotificationConfig/set", **config))["error"]["code"] == -32003
    sent = old("x") | {"configuration": {"pushNotificationConfig": {"url": "https://example.org/"}}}
    assert (await ask(http, "message/send", **sent))["error"]["code"] == -32003
    assert await sync(Task.objects.count) == 0


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (b"", -32700, "not JSON"),
        (b"{", -32700, "not JSON"),
        (b"\xc3\x28", -32700, "not UTF-8"),
        (b'{"a":' * 5000, -32700, "not JSON"),
        (b"[" * 100 + b"]" * 100, -32600, "nested too deeply"),
        (b"null", -32600, "an object"),
        (b"[]", -32600, "one request at a time"),
        (b'{"id": 1, "method": "GetTask"}', -32600, '"jsonrpc": "2.0"'),
        (b'{"jsonrpc": "2.0", "id": {}, "method": "GetTask"}', -32600, "id of a request"),
        (b'{"jsonrpc": "2.0", "id": NaN}', -32700, "NaN is no JSON"),
        (b'{"jsonrpc": "2.0", "id": 1}', -32600, "which method"),
        (b'{"jsonrpc": "2.0", "id": 1, "method": 7}', -32600, "which method"),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "tasks/delete"}', -32601, "There is no method"),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": []}', -32602, "params is an object"),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": 7}}', -32602, "none of this method"),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "GetTask"}', -32602, "Validation failed"),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "x"}}', -32001, "Task not found"),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "tasks/get", "params": {}}', -32602, "id"),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": "x"}}', -32602, "message"),
        (
            b'{"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": {"x": 1}}}',
            -32602,
            "Validation",
        ),
        (
            b'{"jsonrpc": "2.0", "id": 1, "method": "ListTasks", "params": {"status": "tired"}}',
            -32602,
            "status is none",
        ),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ListTasks", "params": {"pageSize": 0}}', -32602, "1 to 100"),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ListTasks", "params": {"pageToken": "W10"}}', -32602, "pageToken"),
    ],
)
async def test_what_is_wrong_is_an_error_of_the_specification(
    http: httpx.AsyncClient, body: bytes, code: int, words: str, caplog: pytest.LogCaptureFixture
):
    answer = await http.post("/a2a/", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200
    assert answer.json()["error"]["code"] == code
    assert words in answer.text.replace("\\", "")
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("method", sorted(jsonrpc.METHODS))
@pytest.mark.parametrize(
    "params", [{}, {"id": None}, {"message": []}, {"message": {"parts": [{"data": {}}]}}, {"id": "\0"}]
)
async def test_no_parameters_make_a_method_fail(http: httpx.AsyncClient, method: str, params: Any):
    async with http.stream("POST", "/a2a/", json=frame(method, **params)) as answer:
        content = (await answer.aread()).decode()
    assert answer.status_code == 200
    assert "-32603" not in content


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [{}],
        [{"text": ""}],
        [{"text": " \n"}],
        [{"text": "x\0y"}],
        [{"text": "x" * 32_001}],
        [{"data": {"skill": "list"}}, {"data": {"skill": "list"}}],
        [{"data": {"skill": "list", "limit": 1e9}}],
        [{"data": {"skill": "run", "text": {"a": 1}}}],
        [{"data": {"skill": "run", "text": "x", "answer_to": "y"}}],
        [{"text": "x", "data": 1}],
        [{"data": {"skill": "list", "limit": float("9" * 400)}}],
        [{"data": {"n": float("9" * 400)}}],
    ],
)
async def test_parts_without_sense_are_wrong_parameters(http: httpx.AsyncClient, serve_agent: Any, parts: Any):
    await sync(serve_agent, Echo())
    message = {"messageId": "m", "role": "ROLE_USER", "parts": parts}
    # What is more than a float holds is "Infinity" in Python's JSON, and a long number in that of others.
    content = json.dumps(frame("SendMessage", message=message)).replace("Infinity", "9" * 400)
    told = (await http.post("/a2a/", content=content)).json()
    assert told["error"]["code"] == -32602, told
    assert await sync(Conversation.objects.count) == 0


async def test_files_and_foreign_roles_are_refused(http: httpx.AsyncClient):
    for part in ({"raw": "aGk=", "mediaType": "image/png"}, {"url": "https://example.org/a"}):
        told = await ask(http, "SendMessage", message=new()["message"] | {"parts": [part]})
        assert told["error"]["code"] == -32005
    told = await ask(http, "message/send", **old(parts=[{"kind": "file", "file": {"uri": "https://example.org/a"}}]))
    assert told["error"]["code"] == -32005
    told = await ask(http, "SendMessage", **new(role="ROLE_AGENT"))
    assert told["error"]["code"] == -32602


@pytest.mark.parametrize(
    ("version", "method", "code"),
    [
        ("1.0", "ListTasks", None),
        ("1.0.1", "ListTasks", None),
        ("", "ListTasks", None),
        ("0.3", "ListTasks", -32009),
        ("2.0", "ListTasks", -32009),
        ("latest", "ListTasks", -32009),
        ("0.3", "agent/getAuthenticatedExtendedCard", None),
        ("0.3.0", "agent/getAuthenticatedExtendedCard", None),
        ("1.0", "agent/getAuthenticatedExtendedCard", -32009),
        ("0.2.6", "agent/getAuthenticatedExtendedCard", -32009),
    ],
)
async def test_a_version_is_that_of_the_method_or_refused(
    http: httpx.AsyncClient, version: str, method: str, code: int | None
):
    by_header = await http.post("/a2a/", json=frame(method), headers={"A2A-Version": version})
    by_query = await http.post("/a2a/", json=frame(method), params={"A2A-Version": version})
    for answer in (by_header, by_query):
        assert (answer.status_code, answer.json().get("error", {}).get("code")) == (200, code)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "reason"),
    [
        ("GET", "/a2a/tasks/x", None, 404, "TASK_NOT_FOUND"),
        ("POST", "/a2a/tasks/x:cancel", b"", 404, "TASK_NOT_FOUND"),
        ("GET", "/a2a/tasks/x:subscribe", None, 404, "TASK_NOT_FOUND"),
        ("POST", "/a2a/message:send", b"{", 400, "INVALID_REQUEST"),
        ("POST", "/a2a/message:send", b"[]", 400, "INVALID_PARAMS"),
        ("POST", "/a2a/message:stream", b"{}", 400, "INVALID_PARAMS"),
        ("GET", "/a2a/tasks?status=tired", None, 400, "INVALID_PARAMS"),
        ("GET", "/a2a/tasks?pageSize=many", None, 400, "INVALID_PARAMS"),
        ("GET", "/a2a/tasks?A2A-Version=3.0", None, 400, "VERSION_NOT_SUPPORTED"),
        ("GET", "/a2a/tasks?A2A-Version=0.3", None, 400, "VERSION_NOT_SUPPORTED"),
        ("GET", "/a2a/tasks/x/pushNotificationConfigs", None, 400, "PUSH_NOTIFICATION_NOT_SUPPORTED"),
        ("DELETE", "/a2a/tasks/x/pushNotificationConfigs/y", None, 400, "PUSH_NOTIFICATION_NOT_SUPPORTED"),
        ("GET", "/a2a/no/such/thing", None, 404, "METHOD_NOT_FOUND"),
        ("GET", "/a2a/message:send", None, 405, "METHOD_NOT_ALLOWED"),
    ],
)
async def test_http_errors_name_their_reason(
    http: httpx.AsyncClient, method: str, path: str, body: bytes | None, status: int, reason: str
):
    answer = await http.request(method, path, content=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["details"][0]["reason"]) == (status, status, reason)
    assert error["message"]


async def test_only_post_is_taken_at_the_address_itself(http: httpx.AsyncClient):
    answer = await http.get("/a2a/")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_a_token_without_the_scope_is_403_in_both_bindings(site: str, user: User, token_of: Callable[..., str]):
    headers = {"Authorization": f"Bearer {await sync(token_of, user, 'run')}"}
    async with httpx.AsyncClient(base_url=site, headers=headers) as http:
        answer = await http.post("/a2a/", json=frame("ListTasks"))
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, -32403)
        assert "needs the scope “read”" in answer.json()["error"]["message"]
        answer = await http.get("/a2a/tasks")
        assert (answer.status_code, answer.json()["error"]["status"]) == (403, "PERMISSION_DENIED")


async def test_more_streams_than_a_person_may_have_are_429(http: httpx.AsyncClient, serve_agent: Any, settings: Any):
    agent = Waiting()
    await sync(serve_agent, agent)
    settings.MAX_SOCKETS_PER_USER = 1
    message = {"data": {"skill": "run", "agent_name": "Echo", "text": "count"}}
    sent = frame("SendStreamingMessage", message=new()["message"] | {"parts": [message]})
    async with http.stream("POST", "/a2a/", json=sent) as answer:
        async for told in frames(answer):
            if "One, " in str(told):
                break
        refused = await http.post("/a2a/", json=sent)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, -32429)
    agent.go.set()
    assert await sync(Task.objects.count) == 1


@pytest.mark.parametrize("method", ["SendMessage", "SendStreamingMessage"])
async def test_who_goes_away_gives_the_place_back(
    http: httpx.AsyncClient, serve_agent: Any, settings: Any, user: User, method: str
):
    agent = Waiting()
    await sync(serve_agent, agent)
    sent = frame(method, message=new()["message"] | {"metadata": {"agent_name": "Echo"}})
    with pytest.raises(httpx.ReadTimeout):
        await http.post("/a2a/", json=sent, timeout=0.5)
    await until(lambda: not hub.sockets.count(user.pk))
    assert await sync(TaskRun.objects.filter(status="running").count) == 1
    agent.go.set()
    await until(lambda: TaskRun.objects.filter(status="succeeded").exists())


async def test_the_card_is_for_everybody_and_says_what_is_there(site: str, serve_agent: Any):
    await sync(serve_agent, Echo())
    async with httpx.AsyncClient(base_url=site) as http:
        answer = await http.get("/.well-known/agent-card.json")
        card = answer.json()
        assert card["capabilities"] == {"streaming": True, "pushNotifications": False, "extendedAgentCard": True}
        offered = [(entry["protocolBinding"], entry["protocolVersion"]) for entry in card["supportedInterfaces"]]
        assert offered == [("JSONRPC", "1.0"), ("HTTP+JSON", "1.0"), ("JSONRPC", "0.3")]
        assert {entry["url"] for entry in card["supportedInterfaces"]} == {card["url"]} == {f"{site}/a2a/"}
        assert (card["protocolVersion"], card["securitySchemes"]["bearer"]["type"]) == ("0.3", "http")
        assert [skill["id"] for skill in card["skills"]] == ["run", "schedule", "list", "cancel", "results"]
        assert answer.headers["access-control-allow-origin"] == "*"
        same = await http.get("/.well-known/agent-card.json", headers={"If-None-Match": answer.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")
        assert (await http.get("/a2a/.well-known/agent-card.json")).json() == card
        pure = (await http.get("/.well-known/agent-card.json", headers={"A2A-Version": "1.0"})).json()
        assert list(pure["securitySchemes"]["bearer"]) == ["httpAuthSecurityScheme"]
        assert "url" not in pure
