"""What any agent on BaseAgent gets from the server: its card, its turns and its end."""

# ruff: noqa: ARG002 - the agents below have the signature of `stream`, whatever they use of it

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from a2a.types import TaskState
from a2a.utils.errors import TaskNotCancelableError
from a2a_talk import history_of, state_name, talking, text_of

from sample_agents.base import (
    BaseAgent,
    Event,
    Skill,
    ask,
    component,
    fail,
    message,
    message_chunk,
    reasoning,
    reasoning_completed,
    reasoning_started,
    tool_call_completed,
    tool_call_started,
)

pytestmark = pytest.mark.database_independent
ROOT = Path(__file__).resolve().parents[2]


class Everything(BaseAgent):
    """Yields every event there is."""

    description = "Says one of each."
    skills = (Skill(id="all", name="All", description="Everything.", examples=("Say it all",)),)

    async def stream(
        self, query: str, conversation_id: str, task_id: str, dependencies: Mapping[str, Any]
    ) -> AsyncIterator[Event]:
        yield reasoning_started()
        yield reasoning("Let me ")
        yield reasoning("see.")
        yield reasoning_completed()
        yield tool_call_started("call-1", "look")
        yield tool_call_completed("call-1", "look", '[{"content": "seen"}]')
        yield message_chunk("One ")
        yield message_chunk("answer.")
        yield component("report", '{"title": "R", "data": "text"}', component_id="r-1")
        yield message(f"{query} in {conversation_id} at {dependencies['timezone']}")

    async def notify(
        self, query: str, conversation_id: str, task_id: str, dependencies: Mapping[str, Any]
    ) -> AsyncIterator[Event]:
        yield message("Something happened.")


class Counter(BaseAgent):
    """Counts to a number, a chunk each, and remembers whether its generator was closed."""

    def __init__(self, until: int, *, step: float = 0.01) -> None:
        self.until, self.step, self.closed = until, step, False

    async def stream(
        self, query: str, conversation_id: str, task_id: str, dependencies: Mapping[str, Any]
    ) -> AsyncIterator[Event]:
        try:
            yield reasoning("I count.")
            for number in range(self.until):
                yield message_chunk(f"{number} ")
                await asyncio.sleep(self.step)
        finally:
            self.closed = True


class Asker(BaseAgent):
    """Asks twice, then tells the whole exchange."""

    async def stream(
        self, query: str, conversation_id: str, task_id: str, dependencies: Mapping[str, Any]
    ) -> AsyncIterator[Event]:
        history = dependencies["history"]
        if len(history) < 4:
            yield reasoning("hidden")
            yield message_chunk("Well. ")
            yield message_chunk("Hm.")
            yield ask(f"Question {len(history) // 2 + 1}?")
            yield message_chunk("never said")
            return
        yield message_chunk(json.dumps([*history, {"role": "user", "text": query}]))


class Failing(BaseAgent):
    """Fails in the way that it is asked for."""

    async def stream(
        self, query: str, conversation_id: str, task_id: str, dependencies: Mapping[str, Any]
    ) -> AsyncIterator[Event]:
        yield message_chunk("So far so good.")
        if query == "raise":
            raise LookupError("nothing under that name")
        if query == "wrong":
            yield "a bare string"  # type: ignore[misc]
        yield fail("The shop is closed on Sundays.")
        yield message_chunk("never said")


class NoGenerator(BaseAgent):
    """Its author forgot to yield."""

    async def stream(  # type: ignore[override]
        self, query: str, conversation_id: str, task_id: str, dependencies: Mapping[str, Any]
    ) -> None:
        return None


def test_the_card_says_what_the_class_says_in_both_versions_of_the_protocol(served):
    url = served(Everything())
    card = httpx.get(f"{url}.well-known/agent-card.json").json()
    assert card["name"] == "Everything"
    assert card["description"] == "Says one of each."
    assert card["capabilities"]["streaming"] is True
    assert [skill["examples"] for skill in card["skills"]] == [["Say it all"]]
    assert [(i["url"], i["protocolBinding"], i["protocolVersion"]) for i in card["supportedInterfaces"]] == [
        (url, "JSONRPC", "1.0"),
        (url, "JSONRPC", "0.3"),
    ]
    assert card["url"] == url


async def test_every_event_arrives_with_its_metadata_in_order(served):
    async with talking(served(Everything())) as talk:
        said = await talk.ask("Hello")
    assert [(each.state, each.text, each.metadata) for each in said] == [
        ("working", "", {}),
        ("working", "", {"response_event": "reasoning_started"}),
        ("working", "Let me ", {"response_event": "reasoning"}),
        ("working", "see.", {"response_event": "reasoning"}),
        ("working", "", {"response_event": "reasoning_completed"}),
        (
            "working",
            "",
            {"response_event": "tool_call_started", "tool_call_id": "call-1", "tool_name": "look"},
        ),
        (
            "working",
            "",
            {
                "response_event": "tool_call_completed",
                "tool_call_id": "call-1",
                "tool_name": "look",
                "tool_result": '[{"content": "seen"}]',
            },
        ),
        ("working", "One ", {"response_event": "message_chunk"}),
        ("working", "answer.", {"response_event": "message_chunk"}),
        (
            "working",
            '{"title": "R", "data": "text"}',
            {"response_event": "component_generator", "component_type": "report", "component_id": "r-1"},
        ),
        ("working", "Hello in conversation-1 at Europe/Berlin", {"response_event": "message"}),
        ("completed", "", {}),
    ]


async def test_a_request_marked_notify_goes_to_notify_and_else_to_stream(served):
    async with talking(served(Everything())) as talk:
        assert text_of(await talk.ask("Hello", notify=True), "message") == "Something happened."
    async with talking(served(Counter(2))) as talk:
        assert text_of(await talk.ask("Count", notify=True)) == "0 1 "


async def test_a_client_of_0_3_gets_the_same_events(served):
    url = served(Everything())
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "message/stream",
        "params": {
            "message": {
                "kind": "message",
                "role": "user",
                "messageId": "m1",
                "contextId": "c1",
                "parts": [{"kind": "text", "text": "Hello"}],
                "metadata": {"metadata": {}, "dependencies": {"timezone": "UTC"}},
            }
        },
    }
    found = []
    async with httpx.AsyncClient() as http, http.stream("POST", url, json=body) as response:
        async for line in response.aiter_lines():
            if line.startswith("data:"):
                found.append(json.loads(line.removeprefix("data:"))["result"])
    assert [each["kind"] for each in found] == ["task"] + ["status-update"] * 12
    assert found[-2]["metadata"] == {"response_event": "message"}
    assert found[-2]["status"]["message"]["parts"][0]["text"] == "Hello in c1 at UTC"
    assert found[-1]["status"]["state"] == "completed"
    assert found[-1]["final"] is True


async def test_an_answer_resumes_the_same_task_with_the_whole_exchange(served):
    async with talking(served(Asker())) as talk:
        first = await talk.ask("Begin")
        task_id = talk.task_id
        assert (first[-1].state, first[-1].text) == ("input-required", "Question 1?")
        second = await talk.ask("Answer 1")
        assert (second[-1].state, second[-1].text) == ("input-required", "Question 2?")
        third = await talk.ask("Answer 2")
        assert talk.task_id == task_id
        assert third[-1].state == "completed"
    assert json.loads(text_of(third)) == [
        {"role": "user", "text": "Begin"},
        {"role": "agent", "text": "Well. Hm.\nQuestion 1?"},
        {"role": "user", "text": "Answer 1"},
        {"role": "agent", "text": "Well. Hm.\nQuestion 2?"},
        {"role": "user", "text": "Answer 2"},
    ]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("fail", "The shop is closed on Sundays."),
        ("raise", "Failing stopped on an error: LookupError: nothing under that name"),
        (
            "wrong",
            "Failing stopped on an error: TypeError: stream yielded 'a bare string': "
            "yield events, such as message_chunk(text)",
        ),
    ],
)
async def test_a_failure_keeps_what_was_said_and_gives_its_reason(served, query, reason):
    async with talking(served(Failing())) as talk:
        said = await talk.ask(query)
    assert text_of(said) == "So far so good."
    assert (said[-1].state, said[-1].text) == ("failed", reason)


async def test_an_agent_that_does_not_yield_fails_with_a_hint(served):
    async with talking(served(NoGenerator())) as talk:
        said = await talk.ask("Hello")
    assert said[-1].state == "failed"
    assert said[-1].text.endswith("stream must be an async generator: it yields no event")


async def test_a_cancel_in_mid_stream_closes_the_generator_and_the_task_is_canceled(served):
    agent = Counter(2_000)
    url = served(agent)
    async with talking(url) as talk, talking(url) as other:
        said = []
        async for each in talk.events("Count"):
            said.append(each)
            if len(said) == 5:
                other.task_id = talk.task_id
                assert (await other.cancel()).status.state == TaskState.TASK_STATE_CANCELED
        assert state_name((await talk.task()).status.state) == "canceled"
        assert agent.closed
        assert len(said) < 2_000
        with pytest.raises(TaskNotCancelableError):
            await talk.cancel()


async def test_a_question_can_be_cancelled(served):
    async with talking(served(Asker())) as talk:
        await talk.ask("Begin")
        assert state_name((await talk.cancel()).status.state) == "canceled"


async def test_a_dropped_connection_loses_nothing_and_the_history_tells_the_kinds(served):
    url = served(Counter(30))
    async with talking(url) as talk:
        async for each in talk.events("Count"):
            if each.text == "3 ":
                break
        task_id = talk.task_id
    async with talking(url) as talk:
        talk.task_id = task_id
        async with asyncio.timeout(10):
            while (await talk.task()).status.state != TaskState.TASK_STATE_COMPLETED:
                await asyncio.sleep(0.05)
        said = history_of(await talk.task())
    assert said == [
        ("reasoning", "I count."),
        *(("message_chunk", f"{number} ") for number in range(30)),
    ]


async def test_many_tasks_run_at_once(served):
    url = served(Counter(20))

    async def one() -> str:
        async with talking(url) as talk:
            return text_of(await talk.ask("Count"))

    async with asyncio.timeout(10):
        texts = await asyncio.gather(*(one() for _ in range(20)))
    assert set(texts) == {"".join(f"{number} " for number in range(20))}


async def test_a_message_that_says_nothing_is_refused(served):
    url = served(Counter(1))
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "SendMessage",
        "params": {"message": {"role": "ROLE_USER", "messageId": "m1", "parts": [{"text": ""}]}},
    }
    async with httpx.AsyncClient() as http:
        answer = await http.post(url, json=body, headers={"A2A-Version": "1.0"})
    assert answer.json()["error"]["code"] == -32602
    assert "says nothing" in answer.json()["error"]["message"]


def test_importing_the_base_loads_neither_the_sdk_nor_a_web_server_nor_django():
    heavy = "a2a,uvicorn,starlette,httpx,psutil,pandas,django"
    code = f"import sample_agents.base, sys; print([m for m in {heavy!r}.split(',') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
