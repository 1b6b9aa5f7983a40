"""A transcript in A2A's words: envelopes become artifacts and status updates, each word once. Pure.

What agents say and show are artifacts, one an item, by the item's id: text that grows is appended. What they think and
which tools they use are messages of working updates, with `response_event` in their metadata as ValueCell's agents send
it. Questions, and the person's own words, are the history.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from a2a.types import a2a_pb2
from google.protobuf.json_format import ParseDict

from conversations.events import ComponentType, Envelope, Event, Json, Role
from tasks.requests import PLANNER

Update = a2a_pb2.TaskArtifactUpdateEvent | a2a_pb2.TaskStatusUpdateEvent


class Kind(StrEnum):
    """What an item is to a client."""

    ARTIFACT = "artifact"
    NOTE = "note"
    """Said about the work, by planner or application: a message of a working update."""
    THOUGHT = "thought"
    TOOL = "tool"
    HISTORY = "history"
    """A message that was exchanged: the person's, or a question."""


@dataclass(slots=True)
class _Item:
    kind: Kind | None
    envelope: Envelope
    content: str = ""
    rest: list[Json] = field(default_factory=list)
    """Its data and files, as parts in JSON."""
    told: bool = False
    """Whether anything of it was told as an artifact."""

    def parts(self) -> list[Json]:
        """All of it."""
        return ([{"text": self.content}] if self.content or not self.rest else []) + self.rest


class Telling:
    """Folds the envelopes of one remote task, from history or live, in any number of readings."""

    def __init__(self, *, task_id: str, context_id: str) -> None:
        self._ids = {"task_id": task_id, "context_id": context_id}
        self._items: dict[str, _Item] = {}

    def take(self, envelope: Envelope) -> Iterator[Update]:
        """What `envelope` adds to what was taken before."""
        data = envelope["data"]
        item_id, payload = data["item_id"], data["payload"]
        if item_id is None or payload is None:
            return
        kind = _kind(envelope)
        item = self._items.setdefault(item_id, _Item(kind=kind, envelope=envelope))
        turned, item.kind = item.told and kind != Kind.ARTIFACT, kind
        if turned:
            # Text that turned out to be reasoning. An artifact cannot be taken back, but emptied.
            item.told = False
            yield self._artifact(item_id, item, [{"text": ""}], append=False)
        before, rest = item.content, item.rest
        if isinstance(delta := payload.get("delta"), str):
            more = delta[max(0, len(before) - int(payload.get("offset") or 0)) :]
            item.content, replaced, whole = before + more, False, False
        else:
            item.envelope = envelope
            item.content, item.rest = _content(envelope, payload)
            replaced = not item.content.startswith(before) or item.rest != rest
            more, whole = item.content[len(before) :], True
        if kind == Kind.ARTIFACT:
            if more or replaced or not item.told:
                grows = item.told and not replaced
                parts = [{"text": more}] if grows else item.parts()
                item.told = True
                yield self._artifact(item_id, item, parts, append=grows, last=whole and not grows)
        elif kind in (Kind.THOUGHT, Kind.NOTE, Kind.TOOL) and (text := item.content if replaced or turned else more):
            offset = len(item.content) - len(text)
            yield self._working(f"{item_id}:{envelope['event']}:{offset}", item, text)

    def take_all(self, envelopes: Iterable[Envelope]) -> None:
        """Take what was said before anybody listened."""
        for envelope in envelopes:
            for _update in self.take(envelope):
                pass

    def artifacts(self) -> list[a2a_pb2.Artifact]:
        """What was answered and shown so far."""
        return [
            self._built(item_id, item, item.parts())
            for item_id, item in self._items.items()
            if item.kind == Kind.ARTIFACT
        ]

    def history(self) -> list[a2a_pb2.Message]:
        """What was exchanged: requests, what was said about them, questions, answers."""
        return [
            self.message(item_id, item.content, role=item.envelope["data"]["role"])
            for item_id, item in self._items.items()
            if item.kind in (Kind.HISTORY, Kind.NOTE)
        ]

    def question(self) -> str:
        """What was asked last."""
        asked = [i.content for i in self._items.values() if i.envelope["event"] == Event.PLAN_REQUIRE_USER_INPUT]
        return asked[-1] if asked else ""

    def message(self, message_id: str, text: str, *, role: str = Role.AGENT, **metadata: Any) -> a2a_pb2.Message:
        """A message of this task."""
        said = a2a_pb2.Message(
            message_id=message_id,
            role=a2a_pb2.Role.ROLE_USER if role == Role.USER else a2a_pb2.Role.ROLE_AGENT,
            parts=[a2a_pb2.Part(text=text)],
            **self._ids,
        )
        if metadata:
            said.metadata.update(metadata)
        return said

    def status(
        self, state: int, *, at: datetime, message: a2a_pb2.Message | None = None, metadata: Json | None = None
    ) -> a2a_pb2.TaskStatusUpdateEvent:
        """A status update of this task."""
        update = a2a_pb2.TaskStatusUpdateEvent(status=status(state, at=at, message=message), **self._ids)
        if metadata:
            update.metadata.update(metadata)
        return update

    def _working(self, message_id: str, item: _Item, text: str) -> a2a_pb2.TaskStatusUpdateEvent:
        data, payload = item.envelope["data"], item.envelope["data"]["payload"] or {}
        metadata: Json = {"response_event": item.envelope["event"], "agent_name": data["agent_name"]}
        if item.kind == Kind.TOOL:
            metadata |= {name: payload[name] for name in ("tool_call_id", "tool_name") if payload.get(name)}
        message = self.message(message_id, text, **metadata)
        at = datetime.fromisoformat(data["created_at"])
        return self.status(a2a_pb2.TaskState.TASK_STATE_WORKING, at=at, message=message, metadata=metadata)

    def _artifact(
        self, item_id: str, item: _Item, parts: list[Json], *, append: bool, last: bool = False
    ) -> a2a_pb2.TaskArtifactUpdateEvent:
        artifact = self._built(item_id, item, parts)
        return a2a_pb2.TaskArtifactUpdateEvent(artifact=artifact, append=append, last_chunk=last, **self._ids)

    def _built(self, item_id: str, item: _Item, parts: list[Json]) -> a2a_pb2.Artifact:
        data, payload = item.envelope["data"], item.envelope["data"]["payload"] or {}
        artifact = a2a_pb2.Artifact(
            artifact_id=item_id, name=str(payload.get("name") or data["agent_name"] or "answer")
        )
        for part in parts:
            artifact.parts.append(ParseDict(part, a2a_pb2.Part()))
        metadata = {"agent_name": data["agent_name"], "event": item.envelope["event"]}
        for name in ("task_id", "run_id"):
            if value := data.get(name):
                metadata[name] = str(value)
        if component_type := payload.get("component_type"):
            metadata["component_type"] = component_type
        artifact.metadata.update(metadata)
        return artifact


def status(state: Any, *, at: datetime, message: a2a_pb2.Message | None = None) -> a2a_pb2.TaskStatus:
    """A status with its moment."""
    made = a2a_pb2.TaskStatus(state=state, message=message)
    made.timestamp.FromDatetime(at)
    return made


_KINDS = {
    Event.THREAD_STARTED: Kind.HISTORY,
    Event.PLAN_REQUIRE_USER_INPUT: Kind.HISTORY,
    Event.REASONING_STARTED: Kind.THOUGHT,
    Event.REASONING: Kind.THOUGHT,
    Event.REASONING_COMPLETED: Kind.THOUGHT,
    Event.TOOL_CALL_STARTED: Kind.TOOL,
    Event.TOOL_CALL_COMPLETED: Kind.TOOL,
}
_FOR_PAGES = frozenset({ComponentType.SCHEDULED_TASK_CONTROLLER, ComponentType.SUBAGENT_CONVERSATION})
"""Components that steer a page and say nothing."""


def _kind(envelope: Envelope) -> Kind | None:
    data, event = envelope["data"], envelope["event"]
    if (known := _KINDS.get(Event(event))) is not None:
        return known
    if event in (Event.MESSAGE_CHUNK, Event.MESSAGE):
        said_by_agent = data["role"] == Role.AGENT and data["agent_name"] != PLANNER
        return Kind.ARTIFACT if said_by_agent else Kind.NOTE
    if event == Event.COMPONENT_GENERATOR:
        return None if (data["payload"] or {}).get("component_type") in _FOR_PAGES else Kind.ARTIFACT
    return None


def _content(envelope: Envelope, payload: Json) -> tuple[str, list[Json]]:
    """An item's text, and its data and files as parts."""
    event = envelope["event"]
    if event in (Event.TOOL_CALL_STARTED, Event.TOOL_CALL_COMPLETED):
        name = "tool_result" if event == Event.TOOL_CALL_COMPLETED else "tool_name"
        return str(payload.get(name) or payload.get("tool_name") or "tool"), []
    content = payload.get("content")
    text = content if isinstance(content, str) else ""
    if event != Event.COMPONENT_GENERATOR:
        return text, []
    match payload.get("component_type"):
        case ComponentType.ARTIFACT:
            return text, _data_and_files(payload)
        case ComponentType.SCHEDULED_TASK_RESULT:
            shown = _json(text)
            return (str(shown.get("result") or ""), []) if isinstance(shown, dict) else (text, [])
    shown = _json(text)
    return (text, []) if shown is None else ("", [{"data": shown, "mediaType": "application/json"}])


def _json(text: str) -> Any:
    """A component's JSON; None for what is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _data_and_files(payload: Json) -> list[Json]:
    parts: list[Json] = []
    if (data := payload.get("data")) is not None:
        parts.append({"data": data, "mediaType": "application/json"})
    for file in payload.get("files") or []:
        part = {"url": str(file.get("url") or ""), "filename": str(file.get("name") or "file")}
        parts.append({**part, "mediaType": str(file.get("media_type") or "application/octet-stream")})
    return parts
