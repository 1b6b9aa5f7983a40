"""Daphne's WebSocket with the hub's `Transport`: frames go to the kernel at once, and what does not fit is
pulled.

Bytes reach the client in one order whichever way they go: directly only while Twisted's buffer is empty, else
behind what is in it; a producer is asked for more only when the buffer has run empty
(twisted/internet/abstract.py). All methods belong to the reactor's thread.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from daphne.ws_protocol import WebSocketProtocol
from twisted.internet.abstract import FileDescriptor

SEND_BUFFER = 64 * 1024
"""The kernel's buffer for one socket (it doubles it): else megabytes vanish there for a dead viewer,
unseen.
"""
FLUSH_ABOVE = 64 * 1024
"""Bytes that may wait before a sender of history is held up."""
STALL_SECONDS = 10.0
"""A client that takes nothing of its history for so long is cut off."""


class SocketProtocol(WebSocketProtocol):
    """One WebSocket."""

    def onOpen(self) -> None:  # noqa: N802
        # The upgraded HTTP channel stays registered as a producer.
        self.transport.unregisterProducer()
        with suppress(AttributeError, OSError):
            self.transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        super().onOpen()

    def failHandshake(  # noqa: N802
        self,
        reason: str,
        code: int = 400,
        responseHeaders: Any = None,  # noqa: N803
    ) -> None:
        # An origin that is none at all is refused before our gate is asked: as a foreign one, too.
        super().failHandshake(reason, 403 if "Origin header" in reason else code, responseHeaders)

    def sendMessage(self, payload: bytes, isBinary: bool = False, **_: object) -> None:  # noqa: N802, N803
        # Autobahn holds what we send to the limit for what we receive, and an item may be megabytes.
        if self.state == self.STATE_OPEN:
            self.sendFrame(opcode=2 if isBinary else 1, payload=payload)

    @property
    def direct(self) -> bool:
        """Whether the connection is one that takes bytes at once; TLS inside Daphne is not."""
        return isinstance(self.transport, FileDescriptor)

    def write_now(self, data: bytes) -> int:
        """Hand whole frames to the kernel; returns how many bytes it took, 0 too where others wait, -1:
        closed.
        """
        transport = self.transport
        if self.state != self.STATE_OPEN or not transport.connected or transport.disconnecting:
            return -1
        if transport.dataBuffer or transport._tempDataBuffer or self.send_queue:
            return 0
        written = transport.writeSomeData(data)
        if isinstance(written, int):
            return written
        self.abort()
        return -1

    def pull(self, source: Callable[[], bytes]) -> None:
        """Ask `source` for bytes now, and again whenever they went out, until it answers with none."""
        if self.state == self.STATE_OPEN and self.transport.connected:
            self._free()
            self.transport.registerProducer(_Pull(self.transport, source), False)

    def backlog(self) -> int:
        """Bytes that wait in this process."""
        return backlog(self.transport)

    async def flushed(self) -> bool:
        """Wait until little waits; False if the connection is closed, or was cut because nothing moved."""
        while self.backlog() > FLUSH_ABOVE and self.state == self.STATE_OPEN:
            before = self.backlog()
            self._free()
            flush = _Flush(self.transport)
            self.transport.registerProducer(flush, False)
            try:
                await asyncio.wait_for(flush.done.wait(), STALL_SECONDS)
            except TimeoutError:
                if self.backlog() == before:
                    self.abort()
                    return False
        return bool(self.state == self.STATE_OPEN)

    def close(self, code: int) -> None:
        """Send a close frame behind what was written."""
        if self.state == self.STATE_OPEN:
            self._free()
            # sendClose refuses the codes below 3000, 1012 among them.
            self.sendCloseFrame(code=int(code))

    def abort(self) -> None:
        """Cut the connection."""
        self.transport.abortConnection()

    def _free(self) -> None:
        """Take back what was asked of the transport before."""
        producer = self.transport.producer
        if producer is not None:
            self.transport.unregisterProducer()
            producer.stopProducing()


class _Pull:
    """A pull producer: writes what a source gives, a piece whenever the last one went out."""

    def __init__(self, transport: FileDescriptor, source: Callable[[], bytes]) -> None:
        self._transport = transport
        self._source = source

    def resumeProducing(self) -> None:  # noqa: N802
        if data := self._source():
            self._transport.write(data)
        elif self._transport.producer is self:
            self._transport.unregisterProducer()

    def stopProducing(self) -> None:  # noqa: N802
        """Nothing is left to do for a closed connection."""


class _Flush:
    """A pull producer that writes nothing, and tells when the transport's buffer has run empty."""

    def __init__(self, transport: FileDescriptor) -> None:
        self._transport = transport
        self.done = asyncio.Event()

    def resumeProducing(self) -> None:  # noqa: N802
        # Asked on registration too, when the buffer is full.
        if backlog(self._transport) == 0:
            self._transport.unregisterProducer()
            self.done.set()

    def stopProducing(self) -> None:  # noqa: N802
        self.done.set()


def backlog(transport: object) -> int:
    """Bytes in Twisted's buffers for a connection; 0 for one that is none of its own."""
    if not isinstance(transport, FileDescriptor):
        return 0
    return len(transport.dataBuffer) - transport.offset + transport._tempDataLen
