"""Daphne's server with our WebSockets, work that runs in its loop, and a way down that tells everybody.

SIGTERM and SIGINT: no new connections, 1012 to every socket, the work is drained, and everything is over
after DEADLINE at the latest, whatever hangs.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import daphne.server
from daphne.endpoints import build_endpoint_description_strings
from daphne.http_protocol import WebRequest
from twisted.internet import defer

from conversations.consumers import TRANSPORT
from conversations.hub import Close, hub
from conversations.sse import BACKLOG
from valuecell_site.serve.ending import DEADLINE, end_by
from valuecell_site.serve.protocol import SocketProtocol, backlog

logger = logging.getLogger(__name__)

LEAVE_SECONDS = 1.0
"""How long clients get to answer the close frame."""
CLOSE_HANDSHAKE_SECONDS = 10.0
"""How long a client may take to answer a close frame; a slow one still has a backlog to read before it."""
FRAME_LIMIT = 64 * 1024
"""Bytes of a frame from a client; a larger one closes its connection with 1009."""
THREADS = 24
"""Threads for what may block (database, sync views of sockets' helpers)."""

Work = Callable[[], Awaitable[None]]


class Server(daphne.server.Server):
    """Serves `application`; `start` runs in its loop once it listens, `stop` when it is told to end.

    `stop` gets until DEADLINE. When `start` fails, the server ends and `failed` is true.
    """

    def __init__(self, application: Any, *, host: str, port: int, start: Work, stop: Work) -> None:
        super().__init__(
            application,
            endpoints=build_endpoint_description_strings(host=host, port=port),
            ready_callable=self._prepare,
            websocket_timeout=-1,
            websocket_max_message_size=FRAME_LIMIT,
            websocket_max_frame_size=FRAME_LIMIT,
            server_name="",
        )
        self.failed = False
        self._start_work = start
        self._stop_work = stop
        self._ports: list[Any] = []
        self._starting: asyncio.Task[None] | None = None

    def _prepare(self) -> None:
        """Between the making of the factories and the reactor's start."""
        self.ws_factory.protocol = SocketProtocol
        build = self.http_factory.buildProtocol

        def unparsed(address: Any) -> Any:
            protocol = build(address)
            # Bodies are Django's to read and to refuse; Twisted would parse forms first, and hang up on broken ones.
            protocol.requestFactory = partial(WebRequest, parsePOSTFormSubmission=False)
            return protocol

        self.http_factory.buildProtocol = unparsed
        # failByDrop: say 1009 to who sends too much, before the connection goes.
        # allowNullOrigin: that `Origin: null` is foreign is for our gate to say, as of every other one.
        self.ws_factory.setProtocolOptions(
            closeHandshakeTimeout=CLOSE_HANDSHAKE_SECONDS, failByDrop=False, allowNullOrigin=True
        )
        asyncio.get_event_loop().set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="serve"))
        asyncio.get_event_loop().call_soon(self._begin)

    def _begin(self) -> None:
        hub.bind()
        self._starting = asyncio.get_running_loop().create_task(self._start())

    async def _start(self) -> None:
        try:
            await self._start_work()
        except Exception:
            logger.exception("The server could not start its work")
            self.failed = True
            self.stop()

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """Offer the transport to what answers."""
        if isinstance(protocol, SocketProtocol) and protocol.direct:
            scope["extensions"] = {TRANSPORT: protocol}
        elif isinstance(protocol, WebRequest):
            transport = protocol.transport
            scope["extensions"] = {BACKLOG: lambda: backlog(transport)}
        return super().create_application(protocol, scope)

    def listen_success(self, port: Any) -> None:
        """Remember what to stop listening on."""
        self._ports.append(port)
        super().listen_success(port)

    def listen_error(self, failure: Any) -> None:
        """Say why, and end."""
        self.failed = True
        super().listen_error(failure)

    def kill_all_applications(self) -> defer.Deferred[Any]:
        """What Daphne calls before the reactor stops; it waits for the result."""
        end_by(DEADLINE)
        ended = defer.Deferred.fromFuture(asyncio.ensure_future(self._shut_down()))
        return ended.addErrback(lambda failure: logger.error("Shutdown failed: %s", failure))

    async def _shut_down(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
        for port in self._ports:
            port.stopListening()
        hub.sockets.close_all(Close.RESTARTING)
        try:
            await self._stop_work()
        except Exception:
            logger.exception("The work did not end as it should")
        leave_by = time.monotonic() + LEAVE_SECONDS
        # At the end of a process, for a second at most.
        while hub.sockets and time.monotonic() < leave_by:
            await asyncio.sleep(0.02)
        applications = [
            details["application_instance"]
            for details in self.connections.values()
            if "application_instance" in details
        ]
        for application in applications:
            application.cancel()
        await asyncio.gather(*applications, return_exceptions=True)
