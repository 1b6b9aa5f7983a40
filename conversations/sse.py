"""A conversation as server-sent events: the order and the log of its WebSocket, one envelope an event."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Annotated, cast
from uuid import UUID

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, StreamingHttpResponse
from pydantic import BaseModel, ConfigDict, Field

from conversations import feed
from conversations.hub import Credential, Encoded, Entry, StreamViewer, conversation_key, dumps, hub
from conversations.models import Conversation
from conversations.wire import BIGINT_MAX, Absent, Invalid, Refused, path_id, read_query

KEEP_ALIVE_SECONDS = 15.0
"""A comment is sent after so long a silence, so that proxies keep the connection and a lost client is
noticed.
"""
BACKLOG = "valuecell.backlog"
"""The extension under which the server says how many bytes of a response it still holds."""
BACKLOG_LIMIT = 256 * 1024
"""Bytes that may wait for a client before more is read for it."""
BACKLOG_SECONDS = 10.0
"""How long they may wait without one being taken."""
POLL_SECONDS = 0.05


class EventsQuery(BaseModel):
    """What the stream takes."""

    model_config = ConfigDict(extra="ignore")

    after_seq: Annotated[int, Field(ge=0)] = 0


class TooManyStreams(Refused):
    """The user's limit of open sockets and streams is reached."""

    status = 429
    code = "too_many_sockets"


async def conversation_events(request: HttpRequest, conversation_id: str) -> StreamingHttpResponse:
    """The items changed since `after_seq` (or `Last-Event-ID`), `event: ready`, then live events.

    `request.user` is signed in. Raises Absent for what is not theirs, Invalid for a wrong number,
    TooManyStreams.
    """
    user = cast("User", request.user)
    # Looked up here, since the lazy user reads the database.
    user_id, key = await database_sync_to_async(_allowed, thread_sensitive=False)(user, conversation_id)
    after_seq = min(_after_seq(request), BIGINT_MAX)
    if settings.MAX_SOCKETS_PER_USER and hub.sockets.count(user_id) >= settings.MAX_SOCKETS_PER_USER:
        raise TooManyStreams(f"You have {settings.MAX_SOCKETS_PER_USER} streams open: close one first.")
    response = StreamingHttpResponse(
        _stream(request, user_id, key, after_seq), content_type="text/event-stream; charset=utf-8"
    )
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # nginx would collect the events
    return response


def _allowed(user: User, conversation_id: str) -> tuple[int, UUID]:
    key = path_id(conversation_id)
    if not feed.belongs_to(key, user.pk):
        raise Absent("There is no such conversation here.")
    return user.pk, key


def _after_seq(request: HttpRequest) -> int:
    last = request.headers.get("Last-Event-ID", "").strip()
    if not last:
        return read_query(request, EventsQuery).after_seq
    if not (last.isascii() and last.isdigit()):
        raise Invalid.at("Last-Event-ID", "Send the id of the last event that you have: a number.")
    # Beyond the end, however far, is the end.
    return int(last) if len(last) < 20 else BIGINT_MAX


def _credential(request: HttpRequest) -> Credential:
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer":
        return ("bearer", token.strip())
    return ("session", request.session.session_key or "")


async def _stream(request: HttpRequest, user_id: int, conversation_id: UUID, after_seq: int) -> AsyncIterator[str]:
    closed = asyncio.Event()
    scope = getattr(request, "scope", {})
    backlog: Callable[[], int] | None = (scope.get("extensions") or {}).get(BACKLOG)
    with hub.connected(user_id, _credential(request), lambda _: closed.set()):
        viewer = await hub.open(conversation_key(conversation_id))
        assert isinstance(viewer, StreamViewer)  # noqa: S101
        try:
            last: int | None = None
            async for envelopes, end in feed.history(conversation_id, user_id, after_seq, viewer.seek):
                last = end
                for envelope in envelopes:
                    yield _event((envelope["seq"], dumps(envelope)))
                if not await room(backlog, closed):
                    return
            yield f"event: ready\ndata: {dumps({'ready': True, 'seq': last})}\n\n"
            async with aclosing(_live(viewer, closed)) as live:
                async for text in live:
                    yield text
                    if not await room(backlog, closed):
                        return
        except Conversation.DoesNotExist:
            return
        finally:
            hub.close(viewer)


async def _live(viewer: StreamViewer, closed: asyncio.Event) -> AsyncGenerator[str]:
    ended = asyncio.create_task(closed.wait())
    reading: asyncio.Task[Entry | None] | None = None
    try:
        while True:
            reading = reading or asyncio.create_task(viewer.read())
            done, _ = await asyncio.wait(
                {reading, ended}, timeout=KEEP_ALIVE_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if ended in done:
                return
            if reading not in done:
                yield ": still here\n\n"
                continue
            entry, reading = await reading, None
            if entry is None:
                return
            yield "".join(_event(event) for event in entry.events)
    finally:
        for task in (ended, reading):
            if task is not None:
                task.cancel()


async def room(backlog: Callable[[], int] | None, closed: asyncio.Event) -> bool:
    """Wait until the client has taken most of what was sent; False when it takes nothing, or the stream is
    closed.
    """
    if backlog is None:
        return not closed.is_set()
    waiting, waited = backlog(), 0.0
    while waiting > BACKLOG_LIMIT and not closed.is_set():
        await asyncio.sleep(POLL_SECONDS)
        before, waiting = waiting, backlog()
        waited = waited + POLL_SECONDS if waiting == before else 0.0
        if waited > BACKLOG_SECONDS:
            return False
    return not closed.is_set()


def _event(event: Encoded) -> str:
    seq, text = event
    return f"data: {text}\n\n" if seq is None else f"id: {seq}\ndata: {text}\n\n"
