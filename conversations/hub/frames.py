"""Envelopes as bytes: each is encoded once a process, however many viewers it goes to. Pure."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

FRAME_LIMIT = 256 * 1024
"""Characters of envelopes after which a new frame begins, so that no client meets one giant frame."""

Encoded = tuple[int | None, str]
"""An envelope's `seq` (None: passing) and its JSON text."""


def dumps(value: Any) -> str:
    """JSON as short as it gets, every character as it is.

    Half of a surrogate pair, which JSON's escapes can smuggle in and UTF-8 has no bytes for, becomes a
    question mark.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "replace").decode()
    return text


def events_text(events: Iterable[Encoded]) -> str:
    """The contract's text frame: `{"events": [envelope, …]}`."""
    return '{"events":[' + ",".join(text for _, text in events) + "]}"


def text_frame(text: str) -> bytes:
    """One unmasked WebSocket text message (RFC 6455 section 5.2), as a server sends it."""
    payload = text.encode()
    length = len(payload)
    if length < 126:
        return b"\x81" + length.to_bytes(1, "big") + payload
    if length < 65536:
        return b"\x81\x7e" + length.to_bytes(2, "big") + payload
    return b"\x81\x7f" + length.to_bytes(8, "big") + payload


@dataclass(frozen=True, slots=True)
class Entry:
    """A frame of a log: what it carries, and its bytes on a WebSocket."""

    events: tuple[Encoded, ...]
    frame: bytes

    @classmethod
    def of(cls, events: Iterable[Encoded]) -> "Entry":
        """The frame of `events`."""
        events = tuple(events)
        return cls(events=events, frame=text_frame(events_text(events)))

    @property
    def text(self) -> str:
        """The frame's text, for a server that makes its own bytes."""
        return events_text(self.events)

    @property
    def seqs(self) -> tuple[int, int] | None:
        """The first and last `seq`; None for a frame of passing events."""
        found = [seq for seq, _ in self.events if seq is not None]
        return (found[0], found[-1]) if found else None

    def after(self, seq: int) -> "Entry":
        """What this frame holds beyond `seq`."""
        return Entry.of(event for event in self.events if event[0] is None or event[0] > seq)


def split(events: Iterable[Encoded]) -> Iterable[list[Encoded]]:
    """Cut events into frames of about FRAME_LIMIT, in order; a larger event gets a frame of its own."""
    part: list[Encoded] = []
    size = 0
    for event in events:
        if part and size + len(event[1]) > FRAME_LIMIT:
            yield part
            part, size = [], 0
        part.append(event)
        size += len(event[1])
    if part:
        yield part
