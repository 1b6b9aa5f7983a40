"""What of a plan's envelopes is the answer, as text for who shows nothing but text. Pure."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from conversations.events import ComponentType, Envelope, Event, Json, Role

BREAK = "\n\n"
"""Between two things said: Markdown's paragraph."""


class Kind(StrEnum):
    """What a piece of text is."""

    ANSWER = "answer"
    QUESTION = "question"
    """Said too: the person answers it with their next message."""
    THOUGHT = "thought"
    """The agent's reasoning, not its answer."""
    TOOL = "tool"
    """The name of a tool that the agent began to use."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """The next piece of text, with the break before it where one is needed."""

    kind: Kind
    text: str


@dataclass(slots=True)
class _Item:
    """What was said of an item: its text, which may grow, and what stands below it (an artifact's data and files)."""

    kind: Kind | None
    content: str = ""
    below: str = ""

    @property
    def whole(self) -> str:
        return self.content + self.below


class Speech:
    """Folds the envelopes of one plan, in their order, into pieces of text that are said once.

    Growing text comes as deltas with an offset, and whole again from the history: only what goes beyond what was said
    is a piece. A text that was replaced by another is said anew, below.
    """

    def __init__(self) -> None:
        self._items: dict[str, _Item] = {}
        self._last: dict[bool, str] = {}
        """The item that spoke last: of the answer, and of the reasoning."""

    def take(self, envelope: Envelope) -> Piece | None:
        """The piece that `envelope` adds; None where it adds none."""
        item_id, payload = envelope["data"]["item_id"], envelope["data"]["payload"]
        if item_id is None or payload is None:
            return None
        kind = _kind(envelope)
        new = item_id not in self._items
        item = self._items.setdefault(item_id, _Item(kind=kind))
        turned, item.kind = item.kind != kind, kind
        if isinstance(delta := payload.get("delta"), str):
            more = delta[max(0, len(item.content) - int(payload.get("offset") or 0)) :]
            item.content += more
            replaced = False
        else:
            content, below = _text(envelope["event"], payload)
            replaced = not (content.startswith(item.content) and below.startswith(item.below))
            more = content + below if replaced else content[len(item.content) :] + below[len(item.below) :]
            item.content, item.below = content, below
        # Text that turned out to be reasoning was read along already, and cannot be taken back.
        if kind is None or turned or not more:
            return None
        if kind == Kind.TOOL:
            return Piece(kind=kind, text=more)
        channel = kind == Kind.THOUGHT
        last, self._last[channel] = self._last.get(channel), item_id
        apart = last is not None and (new or replaced or last != item_id)
        return Piece(kind=kind, text=BREAK + more if apart else more)

    def text(self) -> str:
        """The whole answer as it is now, questions included; a text that was replaced appears only as it is."""
        return self._joined(Kind.ANSWER, Kind.QUESTION)

    def thoughts(self) -> str:
        """The reasoning as it is now."""
        return self._joined(Kind.THOUGHT)

    def _joined(self, *kinds: Kind) -> str:
        parts = [item.whole.strip() for item in self._items.values() if item.kind in kinds]
        return BREAK.join(part for part in parts if part)


def _kind(envelope: Envelope) -> Kind | None:
    data, event = envelope["data"], envelope["event"]
    if event in (Event.REASONING_STARTED, Event.REASONING, Event.REASONING_COMPLETED):
        return Kind.THOUGHT
    if event == Event.TOOL_CALL_STARTED:
        return Kind.TOOL
    if event == Event.PLAN_REQUIRE_USER_INPUT:
        return Kind.QUESTION
    if data["role"] != Role.AGENT:
        return None
    if event in (Event.MESSAGE_CHUNK, Event.MESSAGE):
        return Kind.ANSWER
    if event == Event.COMPONENT_GENERATOR:
        payload = data["payload"] or {}
        # A delta is of a text artifact: no other component's text grows.
        return Kind.ANSWER if "delta" in payload or payload.get("component_type") in _WORDED else None
    return None


def _text(event: str, payload: Json) -> tuple[str, str]:
    """An item's own text, and what stands below it."""
    if event == Event.TOOL_CALL_STARTED:
        return str(payload.get("tool_name") or ""), ""
    content = payload.get("content")
    text = content if isinstance(content, str) else ""
    if event != Event.COMPONENT_GENERATOR:
        return text, ""
    if payload.get("component_type") == ComponentType.REPORT:
        return _report(text), ""
    below = _data_and_files(payload)
    return text, BREAK + below if text and below else below


def _data_and_files(payload: Json) -> str:
    """An artifact's data as JSON, and its files as links."""
    parts = []
    if (data := payload.get("data")) is not None:
        parts.append(f"```json\n{json.dumps(data, ensure_ascii=False, indent=2)}\n```")
    for file in payload.get("files") or []:
        name = _one_line(file.get("name")) or "file"
        url = str(file.get("url") or "")
        # An address is an agent's word: nothing but the web's own is made a link of.
        plain = url.startswith(("https://", "http://")) and not set(url) & set(" ()<>\n\r")
        parts.append(f"[{name}]({url})" if plain else f"File: {name}")
    return BREAK.join(parts)


def _report(content: str) -> str:
    """A report's title and its Markdown."""
    try:
        report = json.loads(content)
    except ValueError:
        return content
    if not isinstance(report, dict):
        return content
    title, data = _one_line(report.get("title")), report.get("data")
    return BREAK.join(part for part in (f"**{title}**" if title else "", data if isinstance(data, str) else "") if part)


def _one_line(value: Any) -> str:
    return " ".join(str(value or "").translate({ord(character): " " for character in "[]()*"}).split())


_WORDED = frozenset({ComponentType.ARTIFACT, ComponentType.REPORT})
"""Components that have words. The others (charts, cards) are for pages."""
