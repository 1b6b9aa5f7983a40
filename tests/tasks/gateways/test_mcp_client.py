"""The application as an MCP server, used by the official client over real HTTP."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from tasks.models import Task
from tests.helpers.agents import Asking, Echo, Failing
from tests.helpers.runners import sync

pytestmark = pytest.mark.django_db(transaction=True)


@asynccontextmanager
async def connected(site: str, token: str) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(headers=headers, timeout=30) as http,
        Client(streamable_http_client(f"{site}/mcp/", http_client=http)) as client,
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


async def test_the_tools_are_those_of_the_contract_with_typed_and_worded_parameters(site: str, token: str) -> None:
    async with connected(site, token) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == {
        "list_agents", "run_task", "schedule_task", "preview_schedule", "parse_schedule", "list_tasks", "get_task",
        "get_results", "pause_task", "resume_task", "trigger_task", "cancel_task", "answer_question",
    }  # fmt: skip
    assert all(tool.description for tool in tools.values())
    assert tools["run_task"].input_schema["required"] == ["text"]
    assert set(tools["schedule_task"].input_schema["required"]) == {"text", "schedule"}
    assert "ctx" not in tools["run_task"].input_schema["properties"]


async def test_run_task_waits_for_the_answer_and_tells_how_far_it_is(
    site: str, token: str, serve_agent: Any, user: User
) -> None:
    await sync(serve_agent, Echo())
    heard: list[str] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        heard.append(message or "")

    async with connected(site, token) as client:
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
        assert (await call(client, "cancel_task", task_id=task["id"]))["status"] == "cancelled"


async def test_what_is_wrong_is_told_to_the_model_with_the_field(site: str, token: str, serve_agent: Any) -> None:
    await sync(serve_agent, Echo())
    async with connected(site, token) as client:
        words = await refused(client, "schedule_task", text="x", schedule={"cron": "99 * * * *"}, agent_name="Echo")
        assert "cron" in words
        assert "Nobody" in await refused(client, "run_task", text="x", agent_name="Nobody")
        assert "no such task" in await refused(client, "get_task", task_id="not-an-id")


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
