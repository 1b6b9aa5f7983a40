"""Short ways to write what an agent sends, as A2A 0.3's JSON without the names of task and context."""

import base64
from typing import Any

from tests.conformance.agents.record import ENDED, NOW, WAITS, Json

Say = str | Json
"""A text, or a part."""


def text(words: str) -> Json:
    return {"kind": "text", "text": words}


def data(value: Json) -> Json:
    return {"kind": "data", "data": value}


def file_bytes(content: bytes, name: str, media_type: str) -> Json:
    inner = {"bytes": base64.b64encode(content).decode(), "name": name, "mimeType": media_type}
    return {"kind": "file", "file": inner}


def file_url(url: str, name: str, media_type: str) -> Json:
    return {"kind": "file", "file": {"uri": url, "name": name, "mimeType": media_type}}


def message(*parts: Say, id: str | None = None, role: str = "agent", **metadata: Any) -> Json:
    """A message; without an id it gets one of its words."""
    found: Json = {"kind": "message", "role": role, "parts": _parts(parts)}
    found["messageId"] = f"m-{abs(hash_of(found['parts'])):x}" if id is None else id
    if metadata:
        found["metadata"] = metadata
    return found


def task(state: str = "submitted", *parts: Say, **more: Any) -> Json:
    """The task as its first event."""
    status: Json = {"state": state}
    if parts:
        status["message"] = message(*parts)
    return {"kind": "task", "status": status, **more}


def now() -> Json:
    """The task as it is at this point, in mid-stream."""
    return {"kind": "task", "status": {}, NOW: True}


def status(state: str, *parts: Say, id: str | None = None) -> Json:
    """A status update without metadata."""
    event: Json = {"kind": "status-update", "status": {"state": state}, "final": state in ENDED | WAITS}
    if parts:
        event["status"]["message"] = message(*parts, id=id)
    return event


def working(*parts: Say, id: str | None = None) -> Json:
    return status("working", *parts, id=id)


def said(kind: str, *parts: Say, kept: bool = True, **metadata: Any) -> Json:
    """A working update of a `response_event`; kept: its message has the metadata too, so history tells the kind."""
    event = working(*parts) if parts else working()
    event["metadata"] = {"response_event": kind, **metadata}
    if kept:
        if "message" not in event["status"]:
            event["status"]["message"] = message("", id=f"m-{kind}-{abs(hash_of([metadata])):x}")
        event["status"]["message"]["metadata"] = dict(event["metadata"])
    return event


def artifact(*parts: Say, id: str = "a1", name: str = "", append: bool = False, last: bool = False) -> Json:
    whole: Json = {"artifactId": id, "parts": _parts(parts)}
    if name:
        whole["name"] = name
    return {"kind": "artifact-update", "artifact": whole, "append": append, "lastChunk": last}


def more(*parts: Say, id: str = "a1", last: bool = False) -> Json:
    """More of an artifact."""
    return artifact(*parts, id=id, append=True, last=last)


def hash_of(value: Any) -> int:
    """A number of a value that is the same in every process."""
    found = 0
    for character in repr(value):
        found = (found * 131 + ord(character)) % 0xFFFFFFFF
    return found


def _parts(parts: tuple[Say, ...]) -> list[Json]:
    return [text(part) if isinstance(part, str) else part for part in parts]
