"""iCalendar (RFC 5545): events as the lines of a `.ics` file. Pure.

Only what coming runs need: single events at UTC times. No recurrence rules: a schedule's exclusions, clock changes and
limits are already worked out in its times, and no RRULE could say them all.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

LINE_MAX = 75
"""Octets of a line without its break (section 3.1)."""
PRODUCT = "-//ValueCell Tasks//Coming runs//EN"
_BREAKS = re.compile(r"\r\n|\r|\n")
# Control characters that a text may not hold (section 3.3.11); a tab may.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event. `uid` is the same for the same event in every reading."""

    uid: str
    start: datetime
    duration: timedelta
    changed: datetime
    summary: str
    description: str = ""
    url: str = ""
    category: str = ""


def calendar(name: str, events: Sequence[Event], *, refresh: timedelta) -> bytes:
    """The file: UTF-8, lines folded and ended as section 3.1 asks. `refresh`: how often to look again."""
    every = f"PT{round(refresh.total_seconds() / 60)}M"
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{PRODUCT}",
        "CALSCALE:GREGORIAN",
        f"NAME:{_text(name)}",
        f"X-WR-CALNAME:{_text(name)}",
        f"REFRESH-INTERVAL;VALUE=DURATION:{every}",
        f"X-PUBLISHED-TTL:{every}",
        # A calendar must have a component (section 3.6); with no event to come, this is the one.
        *([] if events else _UTC),
    ]
    for event in events:
        lines += _event(event)
    lines.append("END:VCALENDAR")
    return b"".join(_folded(line) for line in lines)


_UTC = (
    "BEGIN:VTIMEZONE",
    "TZID:UTC",
    "BEGIN:STANDARD",
    "DTSTART:19700101T000000",
    "TZOFFSETFROM:+0000",
    "TZOFFSETTO:+0000",
    "END:STANDARD",
    "END:VTIMEZONE",
)


def _event(event: Event) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{_text(event.uid)}"
    yield f"DTSTAMP:{_moment(event.changed)}"
    yield f"DTSTART:{_moment(event.start)}"
    yield f"DURATION:PT{round(event.duration.total_seconds() / 60)}M"
    yield f"SUMMARY:{_text(event.summary)}"
    if event.description:
        yield f"DESCRIPTION:{_text(event.description)}"
    if event.url:
        yield f"URL:{event.url}"
    if event.category:
        yield f"CATEGORIES:{_text(event.category)}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(text: str) -> str:
    """A value of type TEXT (section 3.3.11)."""
    escaped = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return _CONTROLS.sub("", _BREAKS.sub(r"\\n", escaped))


def _folded(line: str) -> bytes:
    """Cut into pieces of at most 75 octets, each but the first after a space, and no character cut in two."""
    pieces: list[bytes] = []
    piece = b""
    for character in line:
        octets = character.encode("utf-8", "replace")
        if len(piece) + len(octets) > LINE_MAX:
            pieces.append(piece)
            piece = b" "
        piece += octets
    return b"\r\n".join([*pieces, piece]) + b"\r\n"
