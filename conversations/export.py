"""A conversation as a file to keep: Markdown for people, JSON for programs. Pure."""

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from conversations.events import ComponentType, Envelope, Event, Json, Role

NAME_MAX = 80
"""Characters of a file's name before its ending."""
_NO_NAME = re.compile(r"[^\w.-]+")
_LONGEST_FENCE = re.compile(r"`{3,}")


def file_name(title: str, ending: str) -> str:
    """A name that every system takes: letters, digits, hyphens."""
    name = _NO_NAME.sub("-", title).strip("-.")[:NAME_MAX].rstrip("-.")
    return f"{name or 'conversation'}.{ending}"


def as_json(conversation: Json, envelopes: Iterable[Envelope], *, now: datetime) -> str:
    """The conversation's object and its items as envelopes, in order."""
    content = {"exported_at": now.isoformat(), "conversation": conversation, "items": list(envelopes)}
    return json.dumps(content, ensure_ascii=False, indent=1)


def as_markdown(title: str, envelopes: Iterable[Envelope]) -> str:
    """What was said and shown, in order; whose words it is stands over each change of voice, in UTC."""
    blocks = [f"# {_line(title) or 'Conversation'}"]
    before: tuple[str, str] | None = None
    for envelope in envelopes:
        body = _body(envelope["event"], envelope["data"]["payload"] or {})
        if not body:
            continue
        data = envelope["data"]
        who = {Role.USER: "You", Role.SYSTEM: "System"}.get(Role(data["role"]), "") or _line(data["agent_name"])
        moment = datetime.fromisoformat(data["created_at"]).strftime("%Y-%m-%d %H:%M")
        if (who, moment) != before:
            blocks.append(f"## {who or 'Planner'} · {moment} UTC")
        before = (who, moment)
        blocks.append(body)
    return "\n\n".join(blocks) + "\n"


def _body(event: str, payload: Json) -> str:
    content = _text(payload.get("content")).strip()
    if event in (Event.REASONING_STARTED, Event.REASONING, Event.REASONING_COMPLETED):
        return "\n".join(f"> {line}".rstrip() for line in content.splitlines())
    if event in (Event.TOOL_CALL_STARTED, Event.TOOL_CALL_COMPLETED):
        result = _text(payload.get("tool_result")) or content
        return f"**Tool: {_line(_text(payload.get('tool_name')))}**" + (f"\n\n{_fenced(result)}" if result else "")
    if event == Event.COMPONENT_GENERATOR:
        return _component(_text(payload.get("component_type")), payload, content)
    if event in (Event.TASK_FAILED, Event.PLAN_FAILED):
        return f"**Failed:** {content}"
    if event == Event.TASK_CANCELLED:
        return f"*{_line(content) or 'Cancelled.'}*"
    return content


def _component(kind: str, payload: Json, content: str) -> str:
    if kind == ComponentType.ARTIFACT:
        files = payload.get("files")
        listed = [one for one in files if isinstance(one, dict)] if isinstance(files, list) else []
        names = [f"* {_line(_text(one.get('name')))}" for one in listed]
        data = payload.get("data")
        parts = [f"### {_line(_text(payload.get('name'))) or 'File'}", content, "\n".join(names)]
        parts.append(_fenced(_text(data), "json") if data is not None else "")
        return "\n\n".join(part for part in parts if part)
    read = _object(content)
    if read is None:
        return content if kind in (ComponentType.REPORT, ComponentType.PROFILE) else _fenced(content)
    if kind == ComponentType.SCHEDULED_TASK_CONTROLLER:
        return f"*Scheduled task: {_line(_text(read.get('task_title')))} ({_line(_text(read.get('task_status')))})*"
    if kind == ComponentType.SUBAGENT_CONVERSATION:
        return f"*Handed to {_line(_text(read.get('agent_name')))}*" if read.get("phase") != "end" else ""
    if kind == ComponentType.SCHEDULED_TASK_RESULT:
        return _text(read.get("result"))
    heading = f"### {_line(_text(read.get('title')))}\n\n" if read.get("title") else ""
    if kind == ComponentType.REPORT:
        return heading + _text(read.get("data"))
    if kind == ComponentType.FILTERED_LINE_CHART:
        return heading + (_table(read.get("data")) or _fenced(_text(read.get("data"))))
    return heading + _fenced(json.dumps(read, ensure_ascii=False, indent=2), "json")


def _object(content: str) -> dict[str, Any] | None:
    try:
        read = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def _table(data: Any) -> str:
    """Rows of a chart as a table; empty where they are none."""
    try:
        rows = json.loads(data) if isinstance(data, str) else data
    except (ValueError, RecursionError):
        return ""
    if not (isinstance(rows, list) and rows and all(isinstance(row, list) and row for row in rows)):
        return ""
    lines = ["| " + " | ".join(_line(_text(cell)).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _line(text: str) -> str:
    return " ".join(text.split())


def _fenced(text: str, kind: str = "") -> str:
    """A block of code whose fence is longer than any inside."""
    longest = max((len(found.group()) for found in _LONGEST_FENCE.finditer(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{kind}\n{text}\n{fence}"
