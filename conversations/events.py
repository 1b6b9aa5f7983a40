"""The vocabulary of a transcript: event and component names, roles, and the envelope that carries them. Pure.

Names and shapes are the contract's section 2; no other module writes an event's name as a string.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypedDict
from uuid import UUID

Json = dict[str, Any]

_SURROGATE = re.compile("[\ud800-\udfff]")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Role(StrEnum):
    """Who speaks."""

    USER = "user"
    AGENT = "agent"
    SYSTEM = "system"


class Event(StrEnum):
    """What an envelope says."""

    CONVERSATION_STARTED = "conversation_started"
    THREAD_STARTED = "thread_started"
    PLAN_REQUIRE_USER_INPUT = "plan_require_user_input"
    PLAN_FAILED = "plan_failed"
    MESSAGE_CHUNK = "message_chunk"
    MESSAGE = "message"
    REASONING_STARTED = "reasoning_started"
    REASONING = "reasoning"
    REASONING_COMPLETED = "reasoning_completed"
    TOOL_CALL_STARTED = "tool_call_started"
    TOOL_CALL_COMPLETED = "tool_call_completed"
    COMPONENT_GENERATOR = "component_generator"
    TASK_STARTED = "task_started"
    TASK_COMPLETED = "task_completed"
    TASK_FAILED = "task_failed"
    TASK_CANCELLED = "task_cancelled"
    SYSTEM_FAILED = "system_failed"
    DONE = "done"


PASSING = frozenset(
    {Event.CONVERSATION_STARTED, Event.TASK_STARTED, Event.TASK_COMPLETED, Event.SYSTEM_FAILED, Event.DONE}
)
"""Events that are pushed to whoever watches and never stored: their `seq` and `item_id` are null."""

STORED = frozenset(Event) - PASSING
"""Events that are items: they have `seq`, `item_id` and `position`, and are in the history."""

NEWS = frozenset(
    {
        Event.MESSAGE_CHUNK,
        Event.MESSAGE,
        Event.PLAN_REQUIRE_USER_INPUT,
        Event.PLAN_FAILED,
        Event.COMPONENT_GENERATOR,
        Event.TASK_FAILED,
    }
)
"""Events by which a person who was away learns something: what was thought and called on the way is not among them."""

GROWING = frozenset({Event.MESSAGE_CHUNK, Event.REASONING, Event.COMPONENT_GENERATOR})
"""Events whose `payload.content` may arrive piece by piece, as `delta` and `offset`."""


class ComponentType(StrEnum):
    """What a `component_generator` item shows (valuecell.md lists the payloads)."""

    REPORT = "report"
    PROFILE = "profile"
    SUBAGENT_CONVERSATION = "subagent_conversation"
    SCHEDULED_TASK_CONTROLLER = "scheduled_task_controller"
    SCHEDULED_TASK_RESULT = "scheduled_task_result"
    FILTERED_LINE_CHART = "filtered_line_chart"
    FILTERED_CARD_PUSH_NOTIFICATION = "filtered_card_push_notification"
    ARTIFACT = "artifact"


class EnvelopeData(TypedDict):
    """The inner part of an envelope."""

    conversation_id: str
    thread_id: str | None
    task_id: str | None
    run_id: str | None
    item_id: str | None
    position: int | None
    role: str
    agent_name: str
    payload: Json | None
    metadata: Json
    created_at: str


class Envelope(TypedDict):
    """What sockets, SSE and history carry, the same in each."""

    seq: int | None
    event: str
    data: EnvelopeData


def storable(value: Any) -> bool:
    """Whether every text in a JSON value can be stored and sent: no NUL (PostgreSQL), no lone surrogate (UTF-8)."""
    if isinstance(value, str):
        return "\0" not in value and (value.isascii() or not _SURROGATE.search(value))
    if isinstance(value, Mapping):
        return all(storable(part) and storable(name) for name, part in value.items())
    if isinstance(value, (list, tuple)):
        return all(storable(part) for part in value)
    return True


def made_storable(value: Any) -> Any:
    """The same value with U+FFFD in the place of each character that cannot be stored; lengths stay."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {made_storable(str(name)): made_storable(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [made_storable(part) for part in value]
    return value


def envelope(
    *,
    seq: int | None,
    event: str,
    conversation_id: UUID,
    item_id: UUID | None,
    position: int | None,
    role: str,
    agent_name: str,
    thread_id: UUID | None,
    task_id: UUID | None,
    run_id: UUID | None,
    payload: Json | None,
    metadata: Mapping[str, Any],
    created_at: datetime,
) -> Envelope:
    """Build one envelope; times become ISO 8601 with offset, ids become text."""
    return {
        "seq": seq,
        "event": str(event),
        "data": {
            "conversation_id": str(conversation_id),
            "thread_id": str(thread_id) if thread_id else None,
            "task_id": str(task_id) if task_id else None,
            "run_id": str(run_id) if run_id else None,
            "item_id": str(item_id) if item_id else None,
            "position": position,
            "role": str(role),
            "agent_name": agent_name,
            "payload": payload,
            "metadata": dict(metadata),
            "created_at": created_at.isoformat(),
        },
    }
