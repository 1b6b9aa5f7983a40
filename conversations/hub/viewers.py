"""Those who read a log: directly on a transport that takes bytes at once, or by a coroutine that awaits each
frame.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Protocol

from conversations.hub.codes import Close
from conversations.hub.frames import Entry
from conversations.hub.log import Log

STALL_SECONDS = 10.0
"""A viewer that takes not one byte for so long, with bytes waiting for it, is cut off."""


class Transport(Protocol):
    """What a server offers so that frames go out without a coroutine in between (`scope["extensions"]`)."""

    def write_now(self, data: bytes) -> int:
        """Hand whole frames to the kernel; returns how many bytes it took, 0 too where others wait, -1:
        closed.
        """

    def pull(self, source: Callable[[], bytes]) -> None:
        """Ask `source` for bytes now, and again whenever they went out, until it answers with none."""

    def backlog(self) -> int:
        """Bytes that wait in this process."""

    async def flushed(self) -> bool:
        """Wait until the backlog is gone; False if the connection is."""

    def close(self, code: int) -> None:
        """Send a close frame behind what was written."""

    def abort(self) -> None:
        """Cut the connection."""


class Viewer:
    """A place in a log. From `hub.open` until `leave`, no frame from there on is forgotten unless the ring is
    full.
    """

    def __init__(self, log: Log) -> None:
        self.log = log
        self.place = log.end
        self.first: Entry | None = None
        self._seen = 0
        self.code: int | None = None
        """The close code, once the hub has closed it."""
        log.viewers.add(self)
        log.slow.add(self)

    def seek(self, seq: int) -> bool:
        """The reader's snapshot ends with `seq`: go on behind it.

        False: it must read on from `seq` first. Of two readers that opened a new log together, the one with the later
        snapshot has set its beginning, which is beyond this one's.
        """
        self.log.begin(seq)
        if seq < self.log.order.base:
            return False
        self._seen = seq
        self.log.early.add(self)
        self.settle()
        return True

    def settle(self) -> None:
        """Find the place behind the snapshot, once everything that the snapshot shows has been published.

        A commit can be read before its frame is published. A place that was taken in between would show that frame
        once more, behind what is newer than it.
        """
        if (self.log.order.head or 0) < self._seen:
            return
        self.log.early.discard(self)
        if not self.lost:
            self.place, self.first = self.log.seek(self._seen, self.place)
        self.on_settled()

    def on_settled(self) -> None:
        """The place is known: reading may begin."""

    @property
    def lost(self) -> bool:
        """Whether frames that it has not had are gone."""
        return self.place < self.log.start

    def leave(self) -> None:
        """Read no more."""
        self.log.viewers.discard(self)
        self.log.early.discard(self)
        self.log.slow.discard(self)

    def shut(self, code: int) -> None:
        """Close it with `code` (once)."""
        if self.code is None:
            self.code = code
            self.leave()
            self.on_shut(code)

    def on_shut(self, code: int) -> None:
        """Tell the client."""
        raise NotImplementedError

    def check(self, now: float) -> None:  # noqa: ARG002
        """Once a second, for those that lag: close who fell off the ring."""
        if self.lost:
            self.shut(Close.TOO_SLOW)


class StreamViewer(Viewer):
    """Read by a coroutine (server-sent events, and servers without a transport of ours)."""

    def __init__(self, log: Log) -> None:
        super().__init__(log)
        self._woken = asyncio.Event()
        log.streams.add(self)

    def wake(self) -> None:
        """Something is there to be read."""
        self._woken.set()

    def leave(self) -> None:
        self.log.streams.discard(self)
        super().leave()

    def on_shut(self, code: int) -> None:  # noqa: ARG002
        self._woken.set()

    async def read(self) -> Entry | None:
        """The next frame; None when it was shut (see `code`)."""
        while self.code is None and (self in self.log.early or (self.place == self.log.end and self.first is None)):
            self._woken.clear()
            await self._woken.wait()
        if self.lost:
            self.shut(Close.TOO_SLOW)
        if self.code is not None:
            return None
        if self.first is not None:
            entry, self.first = self.first, None
            return entry
        entry = self.log.entry(self.place)
        self.place += 1
        return entry


class DirectViewer(Viewer):
    """Written to by the log itself. While it keeps up it costs one write a round, and no task, queue or
    copy.
    """

    def __init__(self, log: Log, transport: Transport) -> None:
        super().__init__(log)
        self._transport = transport
        self._rest = b""
        self._draining = False
        self._started = False
        self._backlog = (0, 0.0)

    def start(self) -> None:
        """From here on the log writes: everything the client is to get before it has been handed to the
        transport.
        """
        self._started = True
        if self.code is None and self not in self.log.early:
            self._begin()

    def on_settled(self) -> None:
        if self._started:
            self._begin()

    def _begin(self) -> None:
        if self.first is not None:
            self._rest, self.first = self.first.frame, None
        self.log.direct[self] = None
        if self._rest or self.place < self.log.end:
            self._drain()
        else:
            self.log.slow.discard(self)

    def leave(self) -> None:
        self.log.direct.pop(self, None)
        self._draining = True  # A round that has begun passes it over.
        super().leave()

    def push(self) -> None:
        """Write what is new, if nothing written before still waits."""
        log = self.log
        if self._draining or self.place == log.end:
            return
        if self.place < log.start:
            self.shut(Close.TOO_SLOW)
            return
        data, behind = log.slice(self.place)
        written = self._transport.write_now(data)
        if written == len(data):
            self.place = behind
            if behind != log.end:
                self._drain()
        elif written > 0:
            self.place, self._rest = behind, data[written:]
            self._drain()
        elif written == 0:
            self._drain()

    def on_shut(self, code: int) -> None:
        # Behind whole frames only: what is left of a frame is handed over with `pull`, at once.
        self._transport.close(code)

    def _drain(self) -> None:
        self._draining = True
        self._backlog = (-1, monotonic())
        self.log.slow.add(self)
        self._transport.pull(self._more)

    def _more(self) -> bytes:
        """The next slice, whenever the transport has sent the last one; nothing once it has caught up."""
        if self.code is not None:
            return b""
        self._backlog = (-1, monotonic())
        if self._rest:
            rest, self._rest = self._rest, b""
            return rest
        if self.lost:
            self.shut(Close.TOO_SLOW)
            return b""
        if self.place == self.log.end:
            self._draining = False
            self.log.slow.discard(self)
            return b""
        data, self.place = self.log.slice(self.place)
        return data

    def check(self, now: float) -> None:
        super().check(now)
        if self.code is None and self._draining and self in self.log.direct:
            backlog, since = self._backlog
            if (current := self._transport.backlog()) != backlog:
                self._backlog = (current, now)
            elif now - since > STALL_SECONDS:
                self.leave()
                self._transport.abort()
