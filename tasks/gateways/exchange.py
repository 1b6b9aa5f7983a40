"""One HTTP request and its answer, for a gateway that speaks plain JSON and server-sent events."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import Any

KEEP_ALIVE_SECONDS = 15.0
"""A comment is sent after so long a silence, so that proxies keep the connection."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]


def dumps(value: Any) -> bytes:
    """JSON in UTF-8; half of a surrogate pair becomes a question mark."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


class Exchange:
    """Read `body`, then answer once: with `json`, or with `begin`, `event`…, `end`.

    As an async context it notices when the client goes away (`gone`). Nothing is cancelled then: who answers looks, and
    stops.
    """

    def __init__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.body = b""
        self.begun = False
        self._receive = receive
        self._send = send
        self._gone = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._sent_at = 0.0

    @property
    def gone(self) -> bool:
        """Whether the client went away."""
        return self._gone.is_set()

    def header(self, name: str) -> str:
        """A header's value, stripped; empty without one."""
        wanted = name.lower().encode()
        for known, value in self.scope["headers"]:
            if known == wanted:
                text: str = value.decode("latin-1")
                return text.strip()
        return ""

    async def __aenter__(self) -> "Exchange":
        # The gate has read the body whole, and hands it over in one message.
        self.body = (await self._receive()).get("body", b"")
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone.set()

    async def json(
        self, value: Any, status: int = 200, headers: Iterable[Header] = (), *, media_type: str = "application/json"
    ) -> None:
        """Answer with one JSON value."""
        content = dumps(value)
        self.begun = True
        own = [(b"content-type", media_type.encode()), (b"content-length", str(len(content)).encode())]
        await self._send({"type": "http.response.start", "status": status, "headers": [*own, *headers]})
        await self._send({"type": "http.response.body", "body": content})

    async def begin(self) -> None:
        """Begin an answer of server-sent events."""
        self.begun = True
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._write(b": ok\n\n")

    async def event(self, data: Any) -> None:
        """Send one event; a text as it is, anything else as JSON."""
        content = data.encode() if isinstance(data, str) else dumps(data)
        await self._write(b"data: " + content + b"\n\n")

    async def still_here(self) -> None:
        """Send a comment if nothing was sent for a while."""
        if monotonic() - self._sent_at >= KEEP_ALIVE_SECONDS:
            await self._write(b": still here\n\n")

    async def end(self) -> None:
        """End an answer of events."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _write(self, content: bytes) -> None:
        self._sent_at = monotonic()
        await self._send({"type": "http.response.body", "body": content, "more_body": True})
