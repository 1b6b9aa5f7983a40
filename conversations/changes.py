"""What may happen to a transcript: the values that paragraphs produce and that the store turns into rows. Pure.

A `Response` is what an agent or the system says; a `Change` is what that does to an item. Both are plain values, made
for every chunk that an agent sends, so they are slotted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID

from conversations.events import Event, Json, Role


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """Whose words these are, and what they answer: every item and envelope of a run carries it."""

    conversation_id: UUID
    role: Role
    agent_name: str = ""
    thread_id: UUID | None = None
    task_id: UUID | None = None
    run_id: UUID | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """One thing said, before it is known which item it belongs to.

    `key` is what the speaker calls the item (a tool call's id, a component's id, an artifact's id): a later response
    with the same key means the same item. `append` says that `payload["content"]` continues that item's content.
    """

    event: Event
    payload: Json
    metadata: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    append: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Put:
    """An item, whole: new, or in the place of the one with the same `item_id` or the same non-empty `key`."""

    scope: Scope
    item_id: UUID
    event: Event
    payload: Json
    metadata: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Append:
    """More of an open item's text; `offset` is the number of Unicode code points before it."""

    scope: Scope
    item_id: UUID
    event: Event
    delta: str
    offset: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Close:
    """The item grows no more; `content` is its whole text. Takes no `seq`: no viewer sees a difference."""

    scope: Scope
    item_id: UUID
    content: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Pass:
    """An event that is pushed to whoever watches and not stored."""

    scope: Scope
    event: Event
    payload: Json | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


Change = Put | Append | Close | Pass


def item_key(kind: str, *parts: object) -> str:
    """Name an item by `kind` and the parts that tell it from others of its kind.

    Hashed, since the parts are an agent's words: of any length, and with any separator in them.
    """
    digest = sha256("\0".join(str(part) for part in parts).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{kind}:{digest[:40]}"
