"""Agents that speak A2A over HTTP+JSON: streamed and looked up, answered, cancelled, and what they say no with."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from sample_agents.base import message_chunk
from tasks.agents.card_format import CardError, parse
from tasks.agents.connection import Connection
from tasks.agents.connections import RemoteConnections
from tasks.agents.errors import AgentRefused
from tasks.agents.remote import AgentRef, Outgoing, RemoteState
from tasks.agents.router import Router
from tests.helpers.agents import Asking, Echo, TestAgent
from tests.helpers.calling_agents import calling
from tests.tasks.agents.conftest import message, ref
from tests.tasks.agents.events import texts

pytestmark = pytest.mark.database_independent

EITHER = pytest.mark.parametrize("version", ["1.0", "0.3"])
STREAMED_OR_NOT = pytest.mark.parametrize("streaming", [True, False])


def over_http_json(url: str, *, version: str, streaming: bool = True) -> AgentRef:
    agent = ref(url, version=version, streaming=streaming)
    interface = {"url": url, "protocolBinding": "HTTP+JSON", "protocolVersion": version}
    return replace(agent, card={**agent.card, "supportedInterfaces": [interface]})


async def told(connection: Connection, outgoing: Outgoing, router: Router) -> str:
    said: list[Any] = []
    async with aclosing(connection.send(outgoing)) as events:
        async for event in events:
            said += router.route(event).responses
    return texts(said)


@EITHER
@STREAMED_OR_NOT
async def test_an_answer_comes_with_its_end(remote: RemoteConnections, version: str, streaming: bool) -> None:
    with calling(Echo(), version=version, streaming=streaming, binding="HTTP+JSON") as (url, _):
        connection = await remote.get(over_http_json(url, version=version, streaming=streaming))
        router = Router()
        assert await told(connection, message("hello"), router) == "You said: hello"
        assert router.state is RemoteState.COMPLETED
        found = await connection.look_up(router.task_id)
        assert found is not None and found.id == router.task_id


@EITHER
async def test_a_question_is_answered_in_its_task(remote: RemoteConnections, version: str) -> None:
    with calling(Asking(), version=version, streaming=True, binding="HTTP+JSON") as (url, _):
        connection = await remote.get(over_http_json(url, version=version))
        router = Router()
        await told(connection, message("paint"), router)
        assert router.state is RemoteState.INPUT_REQUIRED
        answer = Outgoing(text="red", message_id="m-2", context_id=router.context_id, task_id=router.task_id)
        assert "It is red." in await told(connection, answer, Router())


class Endless(TestAgent):
    """Says a word, and never ends."""

    async def answer(self, query: str) -> AsyncIterator[Any]:  # noqa: ARG002
        yield message_chunk("One ")
        await asyncio.sleep(3600)


@EITHER
async def test_a_task_is_cancelled(remote: RemoteConnections, version: str) -> None:
    with calling(Endless(), version=version, streaming=True, binding="HTTP+JSON") as (url, _):
        connection = await remote.get(over_http_json(url, version=version))
        router = Router()
        async with aclosing(connection.send(message("go"))) as events:
            async for event in events:
                router.route(event)
                if router.task_id:
                    break
        assert await connection.cancel(router.task_id) is RemoteState.CANCELED


@EITHER
async def test_what_it_does_not_know_is_told_apart_from_what_is_not_there(
    remote: RemoteConnections, version: str
) -> None:
    with calling(Echo(), version=version, streaming=True, binding="HTTP+JSON") as (url, _):
        connection = await remote.get(over_http_json(url, version=version))
        assert await connection.look_up("nobody") is None
        assert await connection.cancel("nobody") is RemoteState.UNKNOWN
        nothing = over_http_json(f"{url}there/is/nothing/", version=version)
        elsewhere = await remote.get(replace(nothing, name="Elsewhere"))
        with pytest.raises(AgentRefused, match="no A2A endpoint"):
            await elsewhere.look_up("nobody")


def test_json_rpc_is_chosen_where_a_card_has_both_and_grpc_alone_is_said() -> None:
    both = [
        {"url": "http://x/rest", "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0"},
        {"url": "http://x/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
        {"url": "http://x/old", "protocolBinding": "JSONRPC", "protocolVersion": "0.3"},
    ]
    assert parse({"name": "X", "supportedInterfaces": both}).supported_interfaces[0].url == "http://x/rpc"
    newer = [both[0], both[2]]
    assert parse({"name": "X", "supportedInterfaces": newer}).supported_interfaces[0].url == "http://x/rest"
    grpc = {"url": "http://x/", "protocolBinding": "GRPC", "protocolVersion": "1.0"}
    with pytest.raises(CardError, match="speaks GRPC only"):
        parse({"name": "X", "supportedInterfaces": [grpc]})
