"""Tools that wait: they follow a plan to its end or its question, and tell how far it is meanwhile.

A client that goes away stops nothing. A client that cancels cancels what it asked for; which of both it was, the
protocol says: up to 2025-11-25 a notification cancels, and from 2026-07-28 on closing the answer does.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from time import monotonic
from typing import Any

from django.utils import timezone
from mcp.server import ServerRequestContext
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from tasks.gateways.caller import Caller, in_thread
from tasks.gateways.exchange import Message, Receive
from tasks.gateways.following import Followed, Said, Settled, follow
from tasks.gateways.mcp.answers import Worked
from tasks.gateways.speech import Kind, Speech
from tasks.gateways.standing import Outcome
from tasks.services import TaskService

logger = logging.getLogger(__name__)

WAIT_SECONDS = 3600.0
"""How long a tool waits. What takes longer goes on, and get_task tells of it."""
TELL_SECONDS = 0.5
"""What is said meanwhile is told at most so often."""
STILL_SECONDS = 10.0
"""After so long a silence a client is told that the run goes on, so that its own patience begins anew."""
GONE = "valuecell.mcp_gone"
"""Where an ASGI scope keeps that its client closed the answer (and not this process, which ends)."""
SESSION = b"mcp-session-id"
"""The header that ties a client's requests together. It is given for nothing but cancels: no request needs it."""

Key = tuple[int, str, str]
Context = ServerRequestContext[Any, Any]


@dataclass(kw_only=True)
class _Call:
    """A call that waits."""

    caller: Caller
    followed: Followed | None = None
    unwanted: bool = False
    """Its client cancelled it, perhaps before there was anything to cancel."""

    def stop(self) -> None:
        """Cancel what it began, or will."""
        self.unwanted = True
        if self.followed is not None:
            _cancel(self.caller, self.followed)


_waiting: dict[Key, _Call] = {}
"""The waiting calls of this process, by person, session and request."""
_cancelling: set[asyncio.Task[int]] = set()


def noticing(scope: Message, receive: Receive) -> Receive:
    """`receive`, noting in `scope` that the client closed the answer."""

    async def noted() -> Message:
        message = await receive()
        if message["type"] == "http.disconnect":
            scope[GONE] = True
        return message

    return noted


def cancelled(ctx: Context, caller: Caller) -> None:
    """A client's notification that it wants an earlier request of its own no more."""
    request_id = (ctx.params or {}).get("requestId")
    if (call := _waiting.get(_key(ctx, caller, request_id))) is not None:
        call.stop()


async def wait_for(ctx: Context, caller: Caller, begin: Callable[[], Awaitable[Followed]]) -> Worked:
    """Begin a plan and follow it; what came of it."""
    caller.need_room()
    key, call = _key(ctx, caller, ctx.request_id), _Call(caller=caller)
    _waiting[key] = call
    try:
        call.followed = await begin()
        if call.unwanted:
            call.stop()
        return _worked(*await _followed(ctx, caller, call.followed))
    except asyncio.CancelledError:
        # The SDK cancels for a client that closed the answer; so does whoever ends this process.
        if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS and _scope(ctx).get(GONE):
            call.stop()
        raise
    finally:
        if _waiting.get(key) is call:
            del _waiting[key]


async def _followed(ctx: Context, caller: Caller, followed: Followed) -> tuple[Outcome, Speech]:
    speech, progress = Speech(), _Progress(ctx)
    outcome: Outcome | None = None
    async with aclosing(follow(followed, caller=caller, seconds=WAIT_SECONDS)) as steps:
        async for step in steps:
            if isinstance(step, Settled):
                outcome = step.outcome
            elif isinstance(step, Said):
                piece = speech.take(step.envelope)
                if piece is not None and piece.kind != Kind.TOOL:
                    await progress.tell(piece.text)
            else:
                await progress.still()
    await progress.flush()
    assert outcome is not None  # noqa: S101  (it is the last step)
    return outcome, speech


class _Progress:
    """Progress notifications: what is said, a few times a second at most, and that it goes on in long silences."""

    def __init__(self, ctx: Context) -> None:
        self._session = ctx.session
        self._number = 0
        self._text = ""
        self._at = 0.0

    async def tell(self, text: str) -> None:
        """Something was said."""
        self._text += text
        if monotonic() - self._at >= TELL_SECONDS:
            await self.flush()

    async def still(self) -> None:
        """Nothing was said for a moment."""
        if self._text or monotonic() - self._at >= STILL_SECONDS:
            await self.flush()

    async def flush(self) -> None:
        """Tell what was not told yet."""
        text, self._text, self._at = self._text, "", monotonic()
        self._number += 1
        await self._session.report_progress(self._number, message=text or None)


def _worked(outcome: Outcome, speech: Speech) -> Worked:
    task_id = outcome.asked_by or next(iter(outcome.task_ids), None)
    return {
        "task_id": str(task_id) if task_id else None,
        "conversation_id": str(outcome.conversation_id),
        "status": str(outcome.status),
        "result": outcome.result or speech.text() or None,
        "question": outcome.question or None,
        "error": outcome.error or None,
    }


def _cancel(caller: Caller, followed: Followed) -> None:
    """Cancel the plan, in a task of its own: who waits for it may be cancelled at this moment."""
    doing = asyncio.get_running_loop().create_task(
        in_thread(TaskService.cancel_plan, followed.plan_id, actor=caller.user, now=timezone.now())
    )
    _cancelling.add(doing)
    doing.add_done_callback(_done)


def _done(doing: "asyncio.Task[int]") -> None:
    _cancelling.discard(doing)
    if not doing.cancelled() and (error := doing.exception()) is not None:
        logger.error("a cancel failed", exc_info=error, extra={"event": "gateway_failed"})


def _key(ctx: Context, caller: Caller, request_id: Any) -> Key:
    session = next((value for name, value in _scope(ctx)["headers"] if name == SESSION), b"")
    return caller.user.pk, session.decode("latin-1"), f"{type(request_id).__name__}:{request_id}"


def _scope(ctx: Context) -> Message:
    scope: Message = ctx.request.scope  # type: ignore[union-attr]
    return scope
