"""`/mcp/` as an ASGI application: the SDK's streamable HTTP without sessions, so that any process may answer."""

import asyncio
import weakref
from collections.abc import Awaitable, Callable

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from tasks.gateways.exchange import Message, Receive, Send
from tasks.gateways.mcp.server import make_server

PATH = "/mcp"

Answers = Callable[[Message, Receive, Send], Awaitable[None]]


class _Running:
    """The SDK's manager in one event loop: its task group must be left by the task that entered it."""

    def __init__(self) -> None:
        server = make_server()
        server.streamable_http_app(streamable_http_path=PATH, stateless_http=True)
        self._manager: StreamableHTTPSessionManager = server.session_manager
        self._ready = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._run(), name="mcp")

    async def _run(self) -> None:
        async with self._manager.run():
            self._ready.set()
            await asyncio.Event().wait()

    async def answer(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        ready = asyncio.ensure_future(self._ready.wait())
        await asyncio.wait({ready, self._task}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._task.done():
            self._task.result()
        await self._manager.asgi_app(scope, receive, send)


_running: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Running] = weakref.WeakKeyDictionary()


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Answer one request that passed the gate."""
    loop = asyncio.get_running_loop()
    if loop not in _running:
        _running[loop] = _Running()
    # With and without the slash behind: it is one address.
    await _running[loop].answer({**scope, "path": PATH, "raw_path": PATH.encode()}, receive, send)
