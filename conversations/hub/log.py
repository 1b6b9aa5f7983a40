"""The shared log of what one conversation (or one user's activity) shows: a ring of frames, and who reads it
from where.

A frame is encoded once and kept once; each viewer is a number, its place in the ring. Viewers on a transport
that takes bytes at once are written to in turns; the others wake a coroutine of their own. All of it belongs
to one event loop. docs/decisions/0004-frames-to-sockets.md has the figures that led here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

from conversations.hub.frames import Encoded, Entry, split
from conversations.hub.sequence import Order

if TYPE_CHECKING:
    from conversations.hub.viewers import DirectViewer, StreamViewer, Viewer

Key = tuple[str, str]
"""What a log is about: ("conversation", hex id) or ("user", number)."""

RING_BYTES = 4 * 1024 * 1024
"""Frames kept for viewers that lag; who falls behind further is closed and comes back by `seq`."""
SLICE_BYTES = 64 * 1024
"""Bytes written at once to a viewer that catches up."""
TURN = 250
"""Viewers written to before the event loop gets a turn."""


class Log:
    """Frames [start, end) of one key, and its viewers."""

    def __init__(self, key: Key, loop: asyncio.AbstractEventLoop) -> None:
        self.key = key
        self.order = Order()
        self.gap_since: float | None = None
        self.viewers: set[Viewer] = set()
        self.direct: dict[DirectViewer, None] = {}
        self.streams: set[StreamViewer] = set()
        self.early: set[Viewer] = set()
        """Viewers whose snapshot shows more than was published so far: they read on when that has come."""
        self.slow: set[Viewer] = set()
        """Viewers that may not be at the end once a round is over; the ring is kept for them."""
        self.start = 0
        self.end = 0
        self._loop = loop
        self._entries: list[Entry] = []
        self._size = 0
        self._slice: tuple[int, int, bytes, int] = (-1, -1, b"", 0)
        self._pumping = False
        self._turn: list[DirectViewer] = []
        self._turn_at = 0
        self._turn_end = 0

    def publish(self, events: Sequence[Encoded]) -> None:
        """Take events in any order; those that follow go out. Raises DisorderError."""
        self._extend(self.order.offer(events))

    def begin(self, seq: int) -> None:
        """A reader's snapshot ends with `seq`: what comes behind it can go out."""
        self._extend(self.order.start(seq))

    def append(self, events: Sequence[Encoded]) -> None:
        """Add events that have no order of their own (activity)."""
        self._extend([events])

    def _extend(self, runs: Sequence[Sequence[Encoded]]) -> None:
        self.gap_since = (self.gap_since or monotonic()) if self.order.gap else None
        if not runs:
            return
        for run in runs:
            for part in split(run):
                entry = Entry.of(part)
                self._entries.append(entry)
                self._size += len(entry.frame)
        self.end = self.start + len(self._entries)
        while self._size > RING_BYTES and len(self._entries) > 1:
            self._drop(1)
        for early in tuple(self.early):
            early.settle()
        for viewer in self.streams:
            viewer.wake()
        if not self._pumping:
            # Not at once: what else is published in this turn of the loop goes into the same write.
            self._pumping = True
            self._loop.call_soon(self._pump)

    def seek(self, seq: int, opened: int) -> tuple[int, Entry | None]:
        """Where a reader whose snapshot ends with `seq` goes on, having opened the log at `opened`.

        Returns its place, and what it still needs of a frame that its snapshot cut in two.
        """
        place = max(opened, self.start)
        for index in range(place, self.end):
            entry = self._entries[index - self.start]
            if (seqs := entry.seqs) is None:
                continue
            if seqs[0] > seq:
                break
            place = index + 1
            if seqs[1] > seq:
                return place, entry.after(seq)
        return place, None

    def entry(self, place: int) -> Entry:
        """The frame at `place`."""
        return self._entries[place - self.start]

    def slice(self, place: int) -> tuple[bytes, int]:
        """About SLICE_BYTES of whole frames from `place` on, and the place behind them."""
        at, end, data, behind = self._slice
        if at == place and end == self.end:
            return data, behind
        index = place - self.start
        parts = [self._entries[index].frame]
        size = len(parts[0])
        for entry in self._entries[index + 1 :]:
            if size >= SLICE_BYTES:
                break
            parts.append(entry.frame)
            size += len(entry.frame)
        data, behind = b"".join(parts), place + len(parts)
        self._slice = (place, self.end, data, behind)
        return data, behind

    def release(self) -> None:
        """Forget the frames that every viewer has had."""
        if not self._pumping and self._entries:
            done = min((viewer.place for viewer in self.slow), default=self.end)
            if done > self.start:
                self._drop(min(done, self.end) - self.start)

    def _drop(self, count: int) -> None:
        self._size -= sum(len(entry.frame) for entry in self._entries[:count])
        del self._entries[:count]
        self.start += count
        self._slice = (-1, -1, b"", 0)

    def _pump(self) -> None:
        """Write to the next TURN viewers of this round; begin another round where frames came meanwhile."""
        if self._turn_at >= len(self._turn):
            self._turn, self._turn_at, self._turn_end = list(self.direct), 0, self.end
        behind = self._turn_at + TURN
        for viewer in self._turn[self._turn_at : behind]:
            viewer.push()
        self._turn_at = behind
        if behind < len(self._turn) or self._turn_end < self.end:
            self._loop.call_soon(self._pump)
        else:
            self._pumping, self._turn, self._turn_at = False, [], 0
            self.release()
