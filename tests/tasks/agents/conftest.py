"""Agents on loopback for the length of a test, and references to them."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from sample_agents.base import BaseAgent
from sample_agents.server import serve_in_thread
from tasks.agents.connections import RemoteConnections
from tasks.agents.remote import AgentRef, Outgoing
from tests.tasks.agents.raw_server import Answer, Asked, RawServer

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def served() -> Iterator[Callable[[BaseAgent], str]]:
    """Serve agents from threads: call it with an agent, get its URL."""
    stops: list[Callable[[], None]] = []

    def serve(agent: BaseAgent) -> str:
        url, stop = serve_in_thread(agent)
        stops.append(stop)
        return url

    yield serve
    for stop in stops:
        stop()


@pytest.fixture
def raw() -> Iterator[Callable[[Callable[[Asked], Answer]], RawServer]]:
    """Start raw servers: call it with what answers a request."""
    servers: list[RawServer] = []

    def start(respond: Callable[[Asked], Answer]) -> RawServer:
        servers.append(RawServer(respond=respond).start())
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
async def remote() -> AsyncIterator[RemoteConnections]:
    """Connections of the test's own loop, closed with it."""
    connections = RemoteConnections()
    yield connections
    await connections.aclose()


def ref(url: str, *, version: str = "1.0", streaming: bool = True, name: str = "Probe", **more: Any) -> AgentRef:
    """A reference with a card that says how to talk."""
    card = {
        "name": name,
        "supportedInterfaces": [{"url": url, "protocolBinding": "JSONRPC", "protocolVersion": version}],
        "capabilities": {"streaming": streaming},
    }
    return AgentRef(**{"name": name, "url": url, "card": card, "updated_at": NOON, **more})


def message(text: str = "Report", *, id: str = "message-1", task_id: str = "", **more: Any) -> Outgoing:
    return Outgoing(text=text, message_id=id, context_id="context-1", task_id=task_id, **more)
