"""The oddities of agents that no SDK wrote: how their bytes differ, while they say the same."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Dress:
    """One way to say it."""

    crlf: bool = False
    """Lines end in CR LF."""
    pings: bool = False
    """Comments between the events."""
    split: bool = False
    """One JSON over several `data:` lines, and other fields of SSE beside it."""
    open_end: bool = False
    """The last event has no blank line, and is the connection's last byte."""
    unknown: bool = False
    """Fields that no document has, everywhere."""
    absent: bool = False
    """Optional fields are left out: `contextId`, `final`, `metadata`, `kind` of parts, empty lists."""
    floats: bool = False
    """Whole numbers are written as floats."""
    twice: bool = False
    """Every event is sent two times."""
    snapshots: bool = False
    """The whole task after every event."""
    no_end: bool = False
    """The stream ends cleanly before the event that ends the task."""
    drip: bool = False
    """Bytes come in threes, through the middle of characters."""
    refuses: str = ""
    """How nobody is let subscribe: `error` (JSON-RPC in HTTP 200), `page` (404 with HTML), `cut` (a truncated one)."""
    no_charset: bool = False
    """Headers in odd letters, and no `Connection` header."""


DRESSES = {
    "": Dress(),
    "crlf": Dress(crlf=True),
    "pings": Dress(pings=True),
    "split": Dress(split=True, crlf=True),
    "open_end": Dress(open_end=True),
    "unknown": Dress(unknown=True),
    "absent": Dress(absent=True),
    "floats": Dress(floats=True),
    "twice": Dress(twice=True),
    "snapshots": Dress(snapshots=True),
    "no_end": Dress(no_end=True),
    "drip": Dress(drip=True),
    "refuses_error": Dress(refuses="error"),
    "refuses_page": Dress(refuses="page"),
    "refuses_cut": Dress(refuses="cut"),
    "odd_headers": Dress(no_charset=True, pings=True, unknown=True, absent=True, floats=True, crlf=True),
}


def dressed(dress: Dress, value: Any) -> Any:
    """JSON as this agent writes it."""
    if isinstance(value, dict):
        within = Dress(floats=dress.floats)  # What is in a data part or in metadata is the agent's own.
        found = {key: dressed(within if key in ("data", "metadata") else dress, inner) for key, inner in value.items()}
        if dress.absent:
            found = {
                key: inner
                for key, inner in found.items()
                if not (key in ("contextId", "final", "lastChunk", "append") and inner is not True)
                and not (inner in ([], {}, "", None) and key not in ("text", "result"))
                and not (key == "kind" and inner in ("text", "data", "file"))
            }
        if dress.unknown and "text" not in found and "data" not in found:
            found["x-vendor"] = {"trace": "0af7", "deep": [None, True]}
        return found
    if isinstance(value, list):
        return [dressed(dress, inner) for inner in value]
    if dress.floats and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def frame(dress: Dress, answer: Json, *, last: bool) -> bytes:
    """One server-sent event."""
    lines = [f"data: {line}" for line in json.dumps(answer, ensure_ascii=False).split("\n")]
    if dress.split:
        whole = json.dumps(answer, ensure_ascii=False, indent=1).split("\n")
        lines = ["id: 7", "event: message", *(f"data: {line}" for line in whole)]
    if dress.pings:
        lines = [": ping", "", ":", *lines, "retry: 3000"]
    end = "\r\n" if dress.crlf else "\n"
    text = end.join(lines) + end + ("" if dress.open_end and last else end)
    return text.encode()


def pieces(dress: Dress, content: bytes) -> Iterator[bytes]:
    """What is handed to the network at a time."""
    if not dress.drip:
        yield content
        return
    for start in range(0, len(content), 3):
        yield content[start : start + 3]
