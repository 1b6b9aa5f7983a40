"""Connections to real A2A servers: send, answer, rejoin, look up, cancel; over 1.0 and 0.3, streamed and polled."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from sample_agents.base import BaseAgent, Event, ask, fail, message_chunk, reasoning, tool_call_started
from tasks.agents.connection import Connection
from tasks.agents.connections import RemoteConnections
from tasks.agents.remote import Outgoing, RemoteState
from tasks.agents.router import Router
from tests.tasks.agents.conftest import message, ref
from tests.tasks.agents.events import texts

pytestmark = pytest.mark.database_independent

WORDS = ["One ", "two ", "three ", "four."]
EITHER = pytest.mark.parametrize("version", ["1.0", "0.3"])


class Probe(BaseAgent):
    """Says its words; asks, fails or waits where the query says so."""

    description = "For tests."

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, Mapping[str, Any]]] = []
        self._go_on = asyncio.Event()

    def go_on(self) -> None:
        """Let the one that waits go on; from any thread."""
        self._loop.call_soon_threadsafe(self._go_on.set)

    async def stream(
        self,
        query: str,
        conversation_id: str,
        task_id: str,  # noqa: ARG002
        dependencies: Mapping[str, Any],
    ) -> AsyncIterator[Event]:
        self._loop = asyncio.get_running_loop()
        self.heard.append((query, conversation_id, dependencies))
        if query == "ask":
            yield message_chunk("Gladly. ")
            yield ask("Which one?")
            return
        if query == "fail":
            yield fail("The disk is full.")
            return
        yield reasoning("Well.")
        yield tool_call_started("call-1", "look")
        for word in WORDS[:2]:
            yield message_chunk(word)
        if query == "wait":
            await self._go_on.wait()
        elif query == "slow":
            await asyncio.sleep(0.6)
        for word in WORDS[2:]:
            yield message_chunk(word)


async def told(connection: Connection, outgoing: Outgoing, router: Router) -> str:
    """Send, and route all that comes; returns the answer's text."""
    said = []
    async with aclosing(connection.send(outgoing)) as events:
        async for event in events:
            said += router.route(event).responses
    return texts(said)


@EITHER
async def test_an_answer_streams_with_its_kinds(
    served: Callable[[BaseAgent], str], remote: RemoteConnections, version: str
) -> None:
    agent, router = Probe(), Router()
    connection = await remote.get(ref(served(agent), version=version))
    outgoing = message(metadata={"metadata": {}, "dependencies": {"language": "en-US", "timezone": "Europe/Berlin"}})
    said = []
    async for event in connection.send(outgoing):
        said += router.route(event).responses
    assert [str(response.event) for response in said] == ["reasoning", "tool_call_started", *["message_chunk"] * 4]
    assert texts(said) == "".join(WORDS)
    assert router.state is RemoteState.COMPLETED
    query, context, dependencies = agent.heard[0]
    assert (query, context, router.context_id) == ("Report", "context-1", "context-1")
    assert dependencies["timezone"] == "Europe/Berlin"


@EITHER
async def test_a_failure_comes_with_the_agents_reason(
    served: Callable[[BaseAgent], str], remote: RemoteConnections, version: str
) -> None:
    connection, router = await remote.get(ref(served(Probe()), version=version)), Router()
    errors = [router.route(event).error async for event in connection.send(message("fail"))]
    assert errors[-1] == "The disk is full."
    assert router.state is RemoteState.FAILED


@EITHER
async def test_an_answer_to_a_question_goes_to_the_same_task(
    served: Callable[[BaseAgent], str], remote: RemoteConnections, version: str
) -> None:
    agent = Probe()
    connection, router = await remote.get(ref(served(agent), version=version)), Router()
    questions = [router.route(event).question async for event in connection.send(message("ask"))]
    assert questions[-1] == "Which one?"
    assert router.state is RemoteState.INPUT_REQUIRED
    again = Router()
    again.resume("Gladly. ")
    text = await told(connection, message("this", id="message-2", task_id=router.task_id), again)
    assert text == "".join(WORDS)
    assert again.task_id == router.task_id
    assert again.state is RemoteState.COMPLETED
    assert [turn["text"] for turn in agent.heard[1][2]["history"]] == ["ask", "Gladly. \nWhich one?"]


@pytest.mark.parametrize(
    ("streaming", "send_mode"), [(True, "detached"), (False, "stream")], ids=["detached", "polled"]
)
@EITHER
async def test_nothing_is_lost_by_other_ways_to_send(
    served: Callable[[BaseAgent], str], remote: RemoteConnections, version: str, streaming: bool, send_mode: str
) -> None:
    url = served(Probe())
    connection, router = (
        await remote.get(ref(url, version=version, streaming=streaming, send_mode=send_mode)),
        Router(),
    )
    assert await told(connection, message("slow"), router) == "".join(WORDS)
    assert router.state is RemoteState.COMPLETED


@EITHER
async def test_a_dropped_stream_is_joined_again_without_loss_or_repetition(
    served: Callable[[BaseAgent], str], remote: RemoteConnections, version: str
) -> None:
    agent = Probe()
    connection, router, said = await remote.get(ref(served(agent), version=version)), Router(), []
    async with aclosing(connection.send(message("wait"))) as events:
        async for event in events:
            said += router.route(event).responses
            if texts(said) == WORDS[0]:
                break
    rejoined = connection.rejoin(router.task_id)
    said += router.route(await anext(rejoined)).responses
    agent.go_on()
    async with aclosing(rejoined):
        async for event in rejoined:
            said += router.route(event).responses
    assert texts(said) == "".join(WORDS)
    assert router.state is RemoteState.COMPLETED


@EITHER
async def test_a_cancel_reaches_the_agent(
    served: Callable[[BaseAgent], str], remote: RemoteConnections, version: str
) -> None:
    agent = Probe()
    connection, router = await remote.get(ref(served(agent), version=version)), Router()
    async with aclosing(connection.send(message("wait"))) as events:
        async for event in events:
            router.route(event)
            if router.task_id and agent.heard:
                break
        assert await connection.cancel(router.task_id) is RemoteState.CANCELED
    task = await connection.look_up(router.task_id)
    assert task is not None
    assert MessageToDict(task)["status"]["state"] == "TASK_STATE_CANCELED"


@EITHER
async def test_a_refused_cancel_tells_the_true_state(
    served: Callable[[BaseAgent], str], remote: RemoteConnections, version: str
) -> None:
    connection, router = await remote.get(ref(served(Probe()), version=version)), Router()
    await told(connection, message(), router)
    assert await connection.cancel(router.task_id) is RemoteState.COMPLETED


@EITHER
async def test_a_task_that_the_agent_does_not_know_is_none(
    served: Callable[[BaseAgent], str], remote: RemoteConnections, version: str
) -> None:
    connection = await remote.get(ref(served(Probe()), version=version))
    assert await connection.look_up("no-such-task") is None
    assert await connection.cancel("no-such-task") is RemoteState.UNKNOWN
    assert [event async for event in connection.rejoin("no-such-task")] == []


async def test_a_bare_card_is_completed_by_the_agents_own(
    served: Callable[[BaseAgent], str], remote: RemoteConnections
) -> None:
    bare = replace(ref(served(Probe())), card={})
    connection = await remote.get(bare)
    assert connection.card.supported_interfaces[0].protocol_version == "1.0"
    assert connection.card.description == "For tests."


async def test_one_connection_an_agent_until_its_row_changes(
    served: Callable[[BaseAgent], str], remote: RemoteConnections
) -> None:
    agent = ref(served(Probe()))
    first, second = await asyncio.gather(remote.get(agent), remote.get(agent))
    assert first is second
    third = await remote.get(replace(agent, updated_at=agent.updated_at + timedelta(seconds=1)))
    assert third is not first
    assert await told(first, message(), Router()) == "".join(WORDS)  # whoever holds the old one may still use it


async def test_what_nobody_uses_is_closed(
    served: Callable[[BaseAgent], str], remote: RemoteConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = ref(served(Probe()))
    first = await remote.get(agent)
    monkeypatch.setattr("tasks.agents.connections.IDLE_SECONDS", -1.0)
    await remote.close_unused()
    assert first._http.is_closed
    assert await remote.get(agent) is not first


def test_each_event_loop_has_its_own(served: Callable[[BaseAgent], str]) -> None:
    agent, connections = ref(served(Probe())), RemoteConnections()

    async def once() -> str:
        text = await told(await connections.get(agent), message(), Router())
        await connections.aclose()
        return text

    assert asyncio.run(once()) == asyncio.run(once()) == "".join(WORDS)
