"""`/mcp/` as an ASGI application: the SDK's streamable HTTP without sessions, so that any process may answer."""

import asyncio
import json
import weakref
from contextlib import suppress
from uuid import uuid4

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from tasks.gateways.exchange import Message, Receive, Send, dumps
from tasks.gateways.mcp.server import make_server
from tasks.gateways.mcp.waiting import SESSION, noticing


class _Running:
    """The SDK's manager in one event loop: its task group must be left by the task that entered it."""

    def __init__(self) -> None:
        # No list of hosts and origins: the gate has looked at who calls and from where.
        self._manager = StreamableHTTPSessionManager(make_server(), stateless=True, security_settings=None)
        self._ready = asyncio.Event()
        self._over = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._run(), name="mcp")

    async def _run(self) -> None:
        async with self._manager.run():
            self._ready.set()
            await self._over.wait()

    async def answer(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        ready = asyncio.ensure_future(self._ready.wait())
        await asyncio.wait({ready, self._task}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._task.done():
            self._task.result()
        await self._manager.handle_request(scope, receive, send)

    async def close(self) -> None:
        """End what is being answered, and the manager."""
        self._over.set()
        with suppress(asyncio.CancelledError):
            await self._task


_running: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Running] = weakref.WeakKeyDictionary()


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Answer one request that passed the gate."""
    if scope["method"] != "POST":
        # A server without sessions has no stream of its own to offer, and no session to end.
        await _only_post(send)
        return
    loop = asyncio.get_running_loop()
    if loop not in _running:
        _running[loop] = _Running()
    first = await receive()
    if _begins(first.get("body", b"")):
        send = _with_session(send)
    await _running[loop].answer(scope, noticing(scope, _after(first, receive)), send)


async def close() -> None:
    """End what this loop runs."""
    running = _running.pop(asyncio.get_running_loop(), None)
    if running is not None:
        await running.close()


def _begins(body: bytes) -> bool:
    """Whether the message opens a conversation of the protocol's older versions."""
    if b'"initialize"' not in body:
        return False
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(message, dict) and message.get("method") == "initialize"


def _with_session(send: Send) -> Send:
    """Give the client a name that it sends along, so that its cancels find the request that they mean."""
    name = uuid4().hex.encode()

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            message = {**message, "headers": [*message.get("headers", ()), (SESSION, name)]}
        await send(message)

    return sending


def _after(first: Message, receive: Receive) -> Receive:
    waiting = [first]

    async def receiving() -> Message:
        return waiting.pop() if waiting else await receive()

    return receiving


async def _only_post(send: Send) -> None:
    told = {"code": -32000, "message": "Send POST to this address: it keeps no sessions and no streams of its own."}
    content = dumps({"jsonrpc": "2.0", "id": None, "error": told})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        (b"allow", b"POST"),
    ]
    await send({"type": "http.response.start", "status": 405, "headers": headers})
    await send({"type": "http.response.body", "body": content})
