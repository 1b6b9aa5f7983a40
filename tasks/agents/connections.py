"""RemoteConnections: one client an agent and event loop, kept while the agent's row is the same and somebody uses it.

An httpx client must not outlive its event loop (a2a.md), so each loop has its own. A connection is known by the agent's
name and `updated_at`: the first message after a card has changed builds a new one, and the old one is closed when the
last run on it has ended.
"""

import asyncio
import time
import weakref
from dataclasses import dataclass, field

import httpx
from a2a.client import ClientConfig, ClientFactory
from a2a.types import AgentCard

from tasks.agents.card_format import BINDINGS, HTTP_JSON, JSON_RPC, CardError, parse, says_how
from tasks.agents.connection import Connection
from tasks.agents.credentials import auth_for
from tasks.agents.errors import AgentBroken, AgentRefused
from tasks.agents.fetching import fetch_card
from tasks.agents.remote import AgentRef
from tasks.agents.transport import CONNECT_TIMEOUT, MAX_RUN_BYTES, STREAM_TIMEOUT, AgentTransport
from tasks.agents.wire import http_json_transport, json_rpc_transport

IDLE_SECONDS = 600.0
"""A connection that no run uses for so long is closed: ten minutes hold a schedule of every minute together."""
RETIRED_SECONDS = 60.0
"""How long one that a newer card replaced is kept for whoever holds it and has not yet sent."""


@dataclass(kw_only=True)
class _Pool:
    """What one event loop has."""

    current: dict[str, Connection] = field(default_factory=dict)
    retired: list[Connection] = field(default_factory=list)
    locks: dict[str, asyncio.Lock] = field(default_factory=dict)


class RemoteConnections:
    """The connections of this process. All methods are to be called in the event loop that uses them."""

    def __init__(self) -> None:
        self._pools: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Pool] = weakref.WeakKeyDictionary()

    async def get(self, ref: AgentRef) -> Connection:
        """The connection for this state of the agent; made, with its card fetched where need be, on the first call.

        Raises AgentError (the card cannot be had, or none of its protocols is ours).
        """
        pool = self._pool()
        async with pool.locks.setdefault(ref.name, asyncio.Lock()):
            found = pool.current.get(ref.name)
            if found is None or found.ref.updated_at != ref.updated_at or found.ref.url != ref.url:
                made = await connect(ref)
                if found is not None:
                    pool.retired.append(found)
                pool.current[ref.name] = found = made
            found.last_used = time.monotonic()
        await self.close_unused()
        return found

    async def close_unused(self) -> None:
        """Close what no run uses: replaced connections soon, current ones after a while."""
        pool, now = self._pool(), time.monotonic()
        for name, connection in list(pool.current.items()):
            if connection.users == 0 and now - connection.last_used > IDLE_SECONDS:
                del pool.current[name]
                await connection.aclose()
        for connection in list(pool.retired):
            if connection.users == 0 and now - connection.last_used > RETIRED_SECONDS:
                pool.retired.remove(connection)
                await connection.aclose()

    async def aclose(self) -> None:
        """Close all connections of this event loop."""
        pool = self._pools.pop(asyncio.get_running_loop(), _Pool())
        for connection in [*pool.current.values(), *pool.retired]:
            await connection.aclose()

    def _pool(self) -> _Pool:
        return self._pools.setdefault(asyncio.get_running_loop(), _Pool())


def http_client(ref: AgentRef) -> httpx.AsyncClient:
    """An HTTP client for this agent only: its limits, its credential, its address guard. The caller closes it."""
    httpx.URL(ref.url)  # one that cannot be read is said now
    return httpx.AsyncClient(
        transport=AgentTransport(
            name=ref.name, url=ref.url, public_only=ref.public_only, max_bytes=ref.max_bytes or MAX_RUN_BYTES
        ),
        auth=auth_for(ref),
        timeout=httpx.Timeout(STREAM_TIMEOUT, connect=CONNECT_TIMEOUT),
        headers={"Accept-Encoding": "identity", "User-Agent": "valuecell-tasks"},
        trust_env=False,
    )


async def connect(ref: AgentRef) -> Connection:
    """Make a connection (nothing is sent but a request for the card, where the row's does not say how to talk)."""
    try:
        http = http_client(ref)
    except httpx.InvalidURL as error:
        raise AgentRefused(f"{ref.name} has an address that cannot be read: {ref.url}.") from error
    try:
        card = await _card(ref, http)
        clients = []
        for config in (
            ClientConfig(httpx_client=http, streaming=True, supported_protocol_bindings=list(BINDINGS)),
            ClientConfig(httpx_client=http, streaming=False, polling=True, supported_protocol_bindings=list(BINDINGS)),
        ):
            factory = ClientFactory(config)
            factory.register(JSON_RPC, json_rpc_transport)
            factory.register(HTTP_JSON, http_json_transport)
            clients.append(factory.create(card))
    except BaseException:
        await http.aclose()
        raise
    return Connection(ref, card=card, http=http, streaming=clients[0], at_once=clients[1])


async def _card(ref: AgentRef, http: httpx.AsyncClient) -> AgentCard:
    known = {"name": ref.name, "url": ref.url, **ref.card}
    try:
        if says_how(known):
            card = parse(known)
            # The row's address is the card's, unless it was changed in admin: then that wins.
            card.supported_interfaces[0].url = ref.url
            return card
        try:
            told = await fetch_card(http, ref.url, name=ref.name)
        except (AgentRefused, AgentBroken):
            # An agent that shows no card: what the row says has to do, and 0.3 is what cards without a version mean.
            return parse({**known, "url": ref.url})
        return parse(told)
    except CardError as error:
        raise AgentRefused(f"{ref.name} cannot be used: {error}.") from error


connections = RemoteConnections()
"""The one that the executor uses."""
