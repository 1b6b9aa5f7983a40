"""The application as an MCP server, used by the official client over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from conversations.models import Conversation
from tasks.models import Task
from tests.helpers.agents import Asking, Echo, Failing, Waiting
from tests.helpers.runners import sync, until

pytestmark = pytest.mark.django_db(transaction=True)


ERAS = ["auto", "legacy"]
"""How clients begin: by requests that stand alone (2026-07-28), or with the handshake of all versions before."""


@asynccontextmanager
async def connected(site: str, token: str, *, era: str = "auto", path: str = "/mcp/") -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(headers=headers, timeout=30) as http,
        Client(streamable_http_client(f"{site}{path}", http_client=http), mode=era) as client,
    ):
        yield client


async def call(client: Client, name: str, **arguments: Any) -> Any:
    answer = await client.call_tool(name, arguments)
    assert not answer.is_error, answer.content
    return answer.structured_content


async def refused(client: Client, name: str, **arguments: Any) -> str:
    answer = await client.call_tool(name, arguments)
    assert answer.is_error
    return "".join(getattr(part, "text", "") for part in answer.content)


@pytest.mark.parametrize("era", ERAS)
async def test_the_tools_are_those_of_the_contract_with_every_parameter_in_words(
    site: str, token: str, era: str
) -> None:
    async with connected(site, token, era=era) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert client.server_capabilities.prompts is None
    wanted = {
        "list_agents": "",
        "run_task": "text agent_name?",
        "schedule_task": "text schedule agent_name? title?",
        "preview_schedule": "schedule count?",
        "parse_schedule": "text timezone?",
        "list_tasks": "status? phase? agent_name? limit?",
        "get_task": "task_id",
        "get_results": "task_id limit?",
        "pause_task": "task_id",
        "resume_task": "task_id",
        "trigger_task": "task_id",
        "cancel_task": "task_id",
        "answer_question": "task_id text",
    }
    assert set(tools) == set(wanted)
    for name, tool in tools.items():
        schema = tool.input_schema
        required = schema.get("required", [])
        told = " ".join(key if key in required else f"{key}?" for key in schema["properties"])
        assert (name, told) == (name, wanted[name])
        assert all(prop.get("description") for prop in schema["properties"].values()), name
        assert tool.description
        assert tool.output_schema["properties"]
        assert schema["additionalProperties"] is False
    schedule = tools["schedule_task"].input_schema["properties"]["schedule"]
    assert {"interval_minutes", "daily_time", "cron", "timezone", "start_at"} <= set(schedule["properties"])
    assert all(prop.get("description") for prop in schedule["properties"].values())


async def test_the_address_has_a_slash_behind_or_none(site: str, token: str) -> None:
    async with connected(site, token, path="/mcp") as client:
        assert (await client.list_tools()).tools


@pytest.mark.parametrize("era", ERAS)
async def test_run_task_waits_for_the_answer_and_tells_how_far_it_is(
    site: str, token: str, serve_agent: Any, era: str
) -> None:
    await sync(serve_agent, Echo())
    heard: list[str] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        heard.append(message or "")

    async with connected(site, token, era=era) as client:
        answer = await client.call_tool("run_task", {"text": "hello", "agent_name": "Echo"}, progress_callback=progress)
        told = answer.structured_content
        assert (told["status"], told["result"]) == ("completed", "You said: hello")
        assert "".join(heard) == "You said: hello"
        task = await call(client, "get_task", task_id=told["task_id"])
        assert (task["agent_name"], task["status"]) == ("Echo", "completed")
        (run,) = (await call(client, "get_results", task_id=told["task_id"]))["items"]
        assert run["result"] == "You said: hello"


async def test_a_question_is_told_and_answered(site: str, token: str, serve_agent: Any) -> None:
    await sync(serve_agent, Asking())
    async with connected(site, token) as client:
        told = await call(client, "run_task", text="paint", agent_name="Echo")
        assert (told["status"], told["question"]) == ("waiting_input", "Which colour?")
        done = await call(client, "answer_question", task_id=told["task_id"], text="blue")
        assert done["status"] == "completed"
        assert "It is blue." in done["result"]
        assert await refused(client, "answer_question", task_id=told["task_id"], text="red")


async def test_a_failed_run_says_why(site: str, token: str, serve_agent: Any) -> None:
    await sync(serve_agent, Failing(text="The well is dry."), max_concurrency=5)
    async with connected(site, token) as client:
        told = await call(client, "run_task", text="water", agent_name="Echo")
    assert told["status"] == "failed"
    assert "The well is dry." in told["error"]


async def test_a_schedule_is_parsed_previewed_made_paused_run_and_cancelled(
    site: str, token: str, serve_agent: Any
) -> None:
    await sync(serve_agent, Echo())
    async with connected(site, token) as client:
        parsed = await call(client, "parse_schedule", text="say hello every weekday at 9:05", timezone="Europe/Berlin")
        assert parsed["schedule"]["cron"] == "5 9 * * 1-5"
        preview = await call(client, "preview_schedule", schedule=parsed["schedule"], count=3)
        assert len(preview["times"]) == 3
        task = await call(
            client, "schedule_task", text=parsed["request"], schedule=parsed["schedule"], agent_name="Echo", title="Hi"
        )
        assert (task["title"], task["phase"]) == ("Hi", "scheduled")
        assert (await call(client, "pause_task", task_id=task["id"]))["phase"] == "paused"
        assert (await call(client, "resume_task", task_id=task["id"]))["phase"] == "scheduled"
        assert (await call(client, "trigger_task", task_id=task["id"]))["trigger"] == "manual"
        listed = (await call(client, "list_tasks", agent_name="Echo"))["items"]
        assert [row["id"] for row in listed] == [task["id"]]
        stopped = await call(client, "cancel_task", task_id=task["id"])
        assert (stopped["task_id"], stopped["success"]) == (task["id"], True)
        assert (await call(client, "get_task", task_id=task["id"]))["status"] == "cancelled"


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("schedule_task", {"text": "x", "schedule": {"cron": "99 * * * *"}, "agent_name": "Echo"}, "schedule.cron: "),
        ("schedule_task", {"text": "x", "schedule": {"cron": "0 9 * * *", "zone": "UTC"}}, "schedule.zone: "),
        ("schedule_task", {"text": "x", "schedule": {}, "agent_name": "Echo"}, "schedule: Say when"),
        ("schedule_task", {"text": "x"}, "schedule: This is required."),
        ("preview_schedule", {"schedule": {"interval_minutes": 5}, "count": 101}, "count: Write 100 or less."),
        ("run_task", {"text": "x", "agent_name": "Nobody"}, "Write one of these: Echo."),
        ("run_task", {"text": "x", "agent": "Echo"}, "agent: There is no such field here"),
        ("run_task", {"text": "\0"}, "text: Remove the NUL character."),
        ("run_task", {"text": "  "}, "text: Write what the agent should do."),
        ("run_task", {}, "text: This is required."),
        ("list_tasks", {"status": "done"}, "status: Write one of 'pending'"),
        ("list_tasks", {"agent_name": "\0"}, "agent_name: Remove the NUL character."),
        ("list_tasks", {"limit": 0}, "limit: Write 1 or more."),
        ("parse_schedule", {"text": "daily at 9", "timezone": "Berlin"}, "Europe/Berlin"),
        ("get_task", {"task_id": "not-an-id"}, "There is no such task"),
        ("answer_question", {"task_id": "0", "text": "x"}, "There is no such task"),
    ],
)
async def test_what_is_wrong_is_told_to_the_model_with_what_to_change(
    site: str, token: str, serve_agent: Any, tool: str, arguments: dict[str, Any], words: str
) -> None:
    await sync(serve_agent, Echo())
    async with connected(site, token) as client:
        assert words in await refused(client, tool, **arguments)
    assert await sync(Conversation.objects.count) == 0


async def test_an_unknown_tool_is_refused_with_those_there_are(site: str, token: str) -> None:
    async with connected(site, token) as client:
        with pytest.raises(Exception, match=r"no tool “run”.*run_task"):
            await client.call_tool("run", {})


async def test_a_schedule_may_be_sent_as_text(site: str, token: str) -> None:
    async with connected(site, token) as client:
        shown = await call(client, "preview_schedule", schedule='{"interval_minutes": 5}', count=1)
    assert shown["summary"] == "Every 5 min"


async def test_the_planner_asks_and_the_answer_makes_the_schedule(site: str, token: str, serve_agent: Any) -> None:
    await sync(serve_agent, Echo())
    async with connected(site, token) as client:
        told = await call(client, "run_task", text="Say hello every day at 9:00")
        assert told["status"] == "waiting_input"
        assert "09:00" in told["question"]
        done = await call(client, "answer_question", task_id=told["task_id"], text="yes")
        task = await call(client, "get_task", task_id=done["task_id"])
    assert (task["pattern"], task["phase"], task["schedule"]["daily_time"]) == ("recurring", "scheduled", "09:00")


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_cancels_cancels_what_it_asked_for(
    site: str, token: str, serve_agent: Any, era: str
) -> None:
    agent = Waiting()
    await sync(serve_agent, agent)
    async with connected(site, token, era=era) as client:
        calling = asyncio.create_task(client.call_tool("run_task", {"text": "count", "agent_name": "Echo"}))
        await until(lambda: Task.objects.filter(status="running").exists())
        calling.cancel()
        await until(lambda: Task.objects.filter(status="cancelled").exists())
        assert (await call(client, "list_tasks", status="cancelled"))["items"]


async def test_another_persons_cancel_with_the_same_number_reaches_nobody(
    site: str, token: str, token_of: Callable[..., str], serve_agent: Any, other_user: User
) -> None:
    agent = Waiting()
    await sync(serve_agent, agent)
    foreign = await sync(token_of, other_user)
    async with connected(site, token, era="legacy") as client, httpx.AsyncClient() as http:
        calling = asyncio.create_task(client.call_tool("run_task", {"text": "count", "agent_name": "Echo"}))
        await until(lambda: Task.objects.filter(status="running").exists())
        headers = {"Authorization": f"Bearer {foreign}", "Accept": "application/json, text/event-stream"}
        for number in range(10):
            notice = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}}
            assert (await http.post(f"{site}/mcp/", json=notice, headers=headers)).status_code == 202
        agent.go.set()
        assert (await calling).structured_content["status"] == "completed"


async def test_a_client_of_the_older_versions_that_goes_away_stops_nothing(
    site: str, token: str, serve_agent: Any
) -> None:
    agent = Waiting()
    await sync(serve_agent, agent)
    asked = {
        "jsonrpc": "2.0", "id": 7, "method": "tools/call",
        "params": {"name": "run_task", "arguments": {"text": "count", "agent_name": "Echo"}},
    }  # fmt: skip
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2025-11-25",
    }
    async with httpx.AsyncClient() as http, http.stream("POST", f"{site}/mcp/", json=asked, headers=headers):
        await until(lambda: Task.objects.filter(status="running").exists())
    agent.go.set()
    await until(lambda: Task.objects.filter(status="completed").exists())


async def test_other_methods_are_told_what_to_send(site: str, token: str) -> None:
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http:
        for method in ("GET", "DELETE", "PUT"):
            answer = await http.request(method, f"{site}/mcp/")
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_it_answers_under_the_name_by_which_people_reach_it(site: str, token: str) -> None:
    async with httpx.AsyncClient() as http:
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json, text/event-stream",
            "Host": "tasks.example.org",
        }
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        assert (await http.post(f"{site}/mcp/", json=ping, headers=headers)).status_code == 200


async def test_another_persons_task_is_not_found(
    site: str, token: str, token_of: Callable[..., str], serve_agent: Any
) -> None:
    await sync(serve_agent, Echo())
    async with connected(site, token) as client:
        told = await call(client, "run_task", text="mine", agent_name="Echo")
    other = await sync(User.objects.create_user, "ben")
    foreign = await sync(token_of, other)
    async with connected(site, foreign) as client:
        assert "no such task" in await refused(client, "get_task", task_id=told["task_id"])
        assert "no such task" in await refused(client, "cancel_task", task_id=told["task_id"])
        assert (await call(client, "list_tasks"))["items"] == []
        with pytest.raises(Exception, match="no such conversation"):
            await client.read_resource(f"valuecell://conversations/{told['conversation_id']}")
    assert await sync(Task.objects.count) == 1


async def test_a_token_is_needed_and_its_scopes_limit_it(
    site: str, user: User, token_of: Callable[..., str], serve_agent: Any
) -> None:
    await sync(serve_agent, Echo())
    async with httpx.AsyncClient() as http:
        for headers in ({}, {"Authorization": "Bearer nonsense"}):
            answer = await http.post(f"{site}/mcp/", json={}, headers=headers)
            assert answer.status_code == 401
            assert answer.json()["error"]["data"]["code"] == "not_signed_in"
    reader = await sync(token_of, user, "read")
    async with connected(site, reader) as client:
        assert (await call(client, "list_agents"))["items"][0]["name"] == "Echo"
        assert "run" in await refused(client, "run_task", text="x", agent_name="Echo")
    assert await sync(Task.objects.count) == 0


async def test_a_transcript_is_a_resource(site: str, token: str, serve_agent: Any) -> None:
    await sync(serve_agent, Echo())
    async with connected(site, token) as client:
        told = await call(client, "run_task", text="hello", agent_name="Echo")
        (listed,) = (await client.list_resources()).resources
        assert str(listed.uri) == f"valuecell://conversations/{told['conversation_id']}"
        text = (await client.read_resource(str(listed.uri))).contents[0].text
    assert "**You:** hello" in text
    assert "**Echo:** You said: hello" in text
