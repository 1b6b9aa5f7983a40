"""The WebSockets of the contract's section 4: a conversation's items, then live frames; and a user's
activity.

Plain ASGI applications, routed by Channels: a socket is one coroutine that waits for its end, and a place in
the hub's log. Frames go from the log to the server's transport directly (`scope["extensions"]`); under a
server that offers none, a second coroutine sends them.

The project's ASGI application has put `user_id` (None: nobody) and `credential` into the scope.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from channels.db import database_sync_to_async
from django.conf import settings

from conversations import feed
from conversations.hub import (
    Close,
    DirectViewer,
    StreamViewer,
    Transport,
    Viewer,
    conversation_key,
    dumps,
    hub,
    user_key,
)
from conversations.hub.frames import events_text, split
from conversations.models import Conversation

TRANSPORT = "valuecell.transport"
"""The extension under which the server offers its transport."""
SEQ_MAX = 2**63 - 1
FLOOD = 100
"""Frames that a client, which has nothing to say, may send in FLOOD_SECONDS."""
FLOOD_SECONDS = 10.0
SEND_SECONDS = 10.0
"""How long one frame may take to be taken by a server without a transport of ours."""

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Connection:
    """One accepted WebSocket."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.transport: Transport | None = (scope.get("extensions") or {}).get(TRANSPORT)
        self._receive = receive
        self._send = send
        self._closing: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def close(self, code: int) -> None:
        """Close it from anywhere in the loop; the first code counts."""
        if not self._closing.done():
            self._closing.set_result(code)
            if self.transport is not None:
                self.transport.close(code)

    async def end(self) -> None:
        """Send the close frame that `close` asked for, where the transport has not done so."""
        if self._closing.done() and self.transport is None:
            await self._send({"type": "websocket.close", "code": self._closing.result()})

    async def send(self, text: str) -> bool:
        """Send a text frame, and wait until the client's side has room again; False once it is closed."""
        if self._closing.done():
            return False
        message = {"type": "websocket.send", "text": text}
        if self.transport is not None:
            await self._send(message)
            return await self.transport.flushed()
        try:
            await asyncio.wait_for(self._send(message), SEND_SECONDS)
        except TimeoutError:
            self.close(Close.TOO_SLOW)
            return False
        return True

    async def follow(self, viewer: Viewer) -> None:
        """Show the viewer's log until the client leaves or the connection is closed."""
        if isinstance(viewer, DirectViewer):
            viewer.start()
            await self.gone()
        elif isinstance(viewer, StreamViewer):
            tasks = [asyncio.create_task(self.gone()), asyncio.create_task(self._send_all(viewer))]
            ends: list[asyncio.Future[Any]] = [*tasks, self._closing]
            try:
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_all(self, viewer: StreamViewer) -> None:
        while (entry := await viewer.read()) is not None:
            if not await self.send(entry.text):
                return
        self.close(viewer.code or Close.TOO_SLOW)

    async def gone(self) -> None:
        """Wait until the client has left. What it sends is ignored, and a flood of it ends the connection."""
        frames, since = 0, monotonic()
        while (await self._receive())["type"] != "websocket.disconnect":
            frames += 1
            if frames > FLOOD:
                now = monotonic()
                if now - since < FLOOD_SECONDS:
                    self.close(Close.BAD_REQUEST)
                frames, since = 0, now


async def conversation_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """`/ws/conversations/{id}/?after_seq=N`: what changed since N, `ready`, then live."""
    await _serve(scope, receive, send, _conversation)


async def activity_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """`/ws/activity/`: `ready`, then the user's changed tasks, runs and conversations."""
    await _serve(scope, receive, send, _activity)


async def unknown_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Any other address."""
    await _serve(scope, receive, send, _unknown)


async def _serve(
    scope: Scope, receive: Receive, send: Send, show: Callable[[Connection, Scope, int], Awaitable[None]]
) -> None:
    """Accept, and close with the first reason there is: nobody, too many, then `show`'s own."""
    if (await receive())["type"] != "websocket.connect":
        return
    connection = Connection(scope, receive, send)
    await send({"type": "websocket.accept"})
    user_id: int | None = scope["user_id"]
    limit: int = settings.MAX_SOCKETS_PER_USER
    if user_id is None:
        connection.close(Close.SIGNED_OUT)
    elif limit and hub.sockets.count(user_id) >= limit:
        connection.close(Close.TOO_MANY)
    else:
        with hub.connected(user_id, scope["credential"], connection.close):
            await show(connection, scope, user_id)
    await connection.end()


async def _unknown(connection: Connection, scope: Scope, user_id: int) -> None:  # noqa: ARG001
    connection.close(Close.NOT_FOUND)


async def _activity(connection: Connection, scope: Scope, user_id: int) -> None:  # noqa: ARG001
    viewer = await hub.open(user_key(user_id), connection.transport)
    try:
        if await connection.send(dumps({"ready": True})):
            await connection.follow(viewer)
    finally:
        hub.close(viewer)


async def _conversation(connection: Connection, scope: Scope, user_id: int) -> None:
    conversation_id = parse_id(scope["url_route"]["kwargs"]["conversation_id"])
    after_seq = parse_after_seq(scope.get("query_string", b""))
    if conversation_id is None:
        connection.close(Close.NOT_FOUND)
        return
    if after_seq is None:
        theirs = await database_sync_to_async(feed.belongs_to, thread_sensitive=False)(conversation_id, user_id)
        connection.close(Close.BAD_REQUEST if theirs else Close.NOT_FOUND)
        return
    # The log keeps what is committed from here on; the history is read after, so that nothing falls in between.
    viewer = await hub.open(conversation_key(conversation_id), connection.transport)
    try:
        last: int | None = None
        async for envelopes, end in feed.history(conversation_id, user_id, after_seq, viewer.seek):
            last = end
            for part in split((envelope["seq"], dumps(envelope)) for envelope in envelopes):
                if not await connection.send(events_text(part)):
                    return
        if await connection.send(dumps({"ready": True, "seq": last})):
            await connection.follow(viewer)
    except Conversation.DoesNotExist:
        connection.close(Close.NOT_FOUND)
    finally:
        hub.close(viewer)


def parse_id(text: str) -> UUID | None:
    """A conversation's id from an address; None for what is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def parse_after_seq(query: bytes) -> int | None:
    """`after_seq` of a query string: 0 when absent, None when it is no number from 0 on."""
    values = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("after_seq", ["0"])
    if not re.fullmatch(r"[0-9]+", values[-1]):
        return None
    digits = values[-1].lstrip("0") or "0"
    return min(int(digits[:20]), SEQ_MAX)
