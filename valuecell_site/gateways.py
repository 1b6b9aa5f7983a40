"""Before the gateways for assistants and chat programs: who calls, how often, how much; and never without bound.

They are ASGI applications of their own beside Django, since their protocols' libraries are. Nothing reaches them that
did not pass here, and each refusal has its protocol's shape. Bearer tokens only: a browser's cookie opens none of them.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings

from conversations.sse import BACKLOG, room
from tasks.gateways import exchange
from tasks.gateways.a2a import app as a2a_app
from tasks.gateways.a2a import errors as a2a_errors
from tasks.gateways.caller import CALLER, Caller
from tasks.gateways.mcp import app as mcp_app
from tasks.gateways.openai import app as openai_app
from tasks.gateways.openai import errors
from valuecell_site import middleware
from valuecell_site.auth import bearer_of, holder_of
from valuecell_site.problems import CODES
from valuecell_site.sockets import allowed_origin

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_SECONDS = 10.0
"""How long a client may take to send its request."""
A2A_CARD = "/a2a/.well-known/agent-card.json"
"""Where clients look that were given the agent's address, and not the host's."""
HEADERS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"), (b"x-accel-buffering", b"no"))
"""On every answer: it is one person's, of one type, and not to be collected by a proxy."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a request does not pass."""

    status: int
    code: str
    message: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """A protocol: the paths under which it answers, its application, and how it words a refusal (as JSON bytes)."""

    prefixes: tuple[str, ...]
    app: App
    worded: Callable[[Refusal], bytes]
    public: frozenset[str] = frozenset()
    """Paths under them that are for everybody: Django answers those."""

    def answers(self, path: str) -> bool:
        """Whether `path` is one of its addresses, with or without a slash behind."""
        within = any(path == prefix or path.startswith(f"{prefix}/") for prefix in self.prefixes)
        return within and path not in self.public


def gateways() -> tuple[Gateway, ...]:
    """Every protocol that is spoken."""

    def in_openai_form(refused: Refusal) -> bytes:
        return exchange.dumps(errors.body(refused.status, code=refused.code, message=refused.message))

    def in_json_rpc(refused: Refusal) -> bytes:
        told = {"code": -32000 - refused.status % 100, "message": refused.message, "data": {"code": refused.code}}
        return exchange.dumps({"jsonrpc": "2.0", "id": None, "error": told})

    def in_a2a_form(refused: Refusal) -> bytes:
        return exchange.dumps(a2a_errors.refused_in_json_rpc(refused.status, refused.code, refused.message))

    return (
        Gateway(prefixes=("/a2a",), app=a2a_app.app, worded=in_a2a_form, public=frozenset({A2A_CARD})),
        Gateway(prefixes=("/v1",), app=openai_app.app, worded=in_openai_form),
        Gateway(prefixes=("/mcp",), app=mcp_app.app, worded=in_json_rpc),
    )


async def close() -> None:
    """End what the gateways run in this loop."""
    await mcp_app.close()


class Gateways:
    """The HTTP application: each gateway behind its gate, and `inner` (Django) for everything else."""

    def __init__(self, inner: App, gateways: tuple[Gateway, ...]) -> None:
        self._inner = inner
        self._gateways = gateways

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gateway = next((known for known in self._gateways if known.answers(scope["path"])), None)
        if gateway is None:
            await self._inner(scope, receive, send)
        else:
            await _pass(gateway, scope, receive, send)


async def _pass(gateway: Gateway, scope: Scope, receive: Receive, send: Send) -> None:
    headers = {name: value.decode("latin-1") for name, value in reversed(scope["headers"])}
    caller = await _caller(headers)
    if isinstance(caller, Refusal):
        await _refuse(gateway, caller, send)
        return
    body = await _body(receive)
    if isinstance(body, Refusal):
        await _refuse(gateway, body, send)
        return
    if body is None:
        return
    bounded = _Bounded(scope, body, receive, send)
    try:
        await gateway.app({**scope, CALLER: caller}, bounded.receive, bounded.send)
    except Exception:
        logger.exception("a gateway failed", extra={"event": "gateway_failed"})
        if not bounded.begun:
            await _refuse(gateway, Refusal(status=500, code="internal", message=CODES[500][1]), send)


async def _caller(headers: Mapping[bytes, str]) -> Caller | Refusal:
    """401 nobody, 403 a page of another site, 429 too many; else who calls."""
    token = bearer_of(headers.get(b"authorization", ""))
    holder = await database_sync_to_async(holder_of, thread_sensitive=False)(token) if token else None
    if holder is None:
        code, message = CODES[401]
        return Refusal(status=401, code=code, message=message, headers=((b"www-authenticate", b"Bearer"),))
    origin = headers.get(b"origin")
    if origin is not None and not allowed_origin(origin, headers.get(b"host", "")):
        return Refusal(status=403, code="foreign_origin", message=f"Pages of {origin} may not use this address.")
    user, scopes = holder
    wait = middleware.too_many(user.pk)
    if wait is not None:
        message = f"Too many requests: at most {settings.API_RATE:,} a minute. Wait {wait} s."
        headers_ = ((b"retry-after", str(wait).encode()),)
        return Refusal(status=429, code="too_many_requests", message=message, headers=headers_)
    return Caller(user=user, scopes=scopes, credential=("bearer", token or ""))


async def _body(receive: Receive) -> bytes | Refusal | None:
    """The whole request; None for a client that went away before it was sent."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return None
                part = message.get("body", b"")
                size += len(part)
                if size > limit:
                    words = f"The request is too large: send at most {limit // 1024 // 1024} MB."
                    return Refusal(status=413, code="too_large", message=words)
                parts.append(part)
                if not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError:
        return Refusal(status=408, code="too_slow", message=f"Send the request within {BODY_SECONDS:.0f} s.")


class _Bounded:
    """The two ends of one exchange: the body as it was read, and a client that must take what it is sent."""

    def __init__(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        self._body: bytes | None = body
        self._receive = receive
        self._send = send
        self._backlog: Callable[[], int] | None = (scope.get("extensions") or {}).get(BACKLOG)
        self._gone = asyncio.Event()
        self.begun = False

    async def receive(self) -> Message:
        """The body once, then what comes: the client going away."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        if self._gone.is_set():
            return {"type": "http.disconnect"}
        waiting = asyncio.ensure_future(self._receive())
        stalled = asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait({waiting, stalled}, return_when=asyncio.FIRST_COMPLETED)
            return waiting.result() if waiting.done() else {"type": "http.disconnect"}
        finally:
            waiting.cancel()
            stalled.cancel()

    async def send(self, message: Message) -> None:
        """Send, then wait until the client has taken most of it; one that takes nothing is as good as gone."""
        if message["type"] == "http.response.start":
            self.begun = True
            known = {name for name, _ in message.get("headers", ())}
            extra = [header for header in HEADERS if header[0] not in known]
            message = {**message, "headers": [*message.get("headers", ()), *extra]}
        await self._send(message)
        if message.get("more_body") and not await room(self._backlog, self._gone):
            self._gone.set()


async def _refuse(gateway: Gateway, refusal: Refusal, send: Send) -> None:
    content = gateway.worded(refusal)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        *HEADERS,
        *refusal.headers,
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
