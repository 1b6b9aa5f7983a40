"""Paragraphs: turns what one run says, piece by piece, into changes of items. Pure: no database, no clock.

An open paragraph is an item whose text still grows. There is one `Paragraphs` for each run (or other speaker); it
knows which of its items are open, and gives each a stable id from its first piece on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from conversations.changes import Append, Change, Close, Pass, Put, Response, Scope, item_key
from conversations.events import GROWING, PASSING, Event, Json, made_storable, storable
from conversations.ids import new_id

REASONING = frozenset({Event.REASONING_STARTED, Event.REASONING, Event.REASONING_COMPLETED})
TOOL_CALL = frozenset({Event.TOOL_CALL_STARTED, Event.TOOL_CALL_COMPLETED})


@dataclass(slots=True)
class _Open:
    """An item that still grows."""

    item_id: UUID
    event: Event
    payload: Json
    metadata: Mapping[str, Any]
    key: str
    pieces: list[str] = field(default_factory=list)
    length: int = 0

    def text(self) -> str:
        return "".join(self.pieces)


class Paragraphs:
    """The open items of one speaker. Feed it responses in their order; it says what changes."""

    def __init__(self, scope: Scope, known: Mapping[str, UUID] | None = None) -> None:
        """`known` names the keyed items that this speaker put before (a run that is taken up again), by item key."""
        self.scope = scope
        self._text: _Open | None = None
        self._growing: dict[str, _Open] = {}
        """Keyed items whose text grows (text artifacts), by item key."""
        self._keyed: dict[str, UUID] = dict(known or {})
        self._reasoning: _Open | None = None

    def apply(self, response: Response) -> list[Change]:
        """Return what `response` changes, in order.

        Every item that is not text of the same kind closes the open paragraph, so that a later chunk begins a new one
        below it (valuecell.md, "An agent's answer").
        """
        event = response.event
        if event in PASSING:
            return [Pass(scope=self.scope, event=event, payload=response.payload, metadata=response.metadata)]
        if not storable(response.payload) or (response.metadata and not storable(response.metadata)):
            response = replace(
                response,
                payload=made_storable(response.payload),
                metadata=made_storable(response.metadata),
            )
        if response.key:
            return self._put_keyed(response)
        if event == Event.MESSAGE_CHUNK:
            return self._grow_text(response)
        if event in REASONING:
            return self._reason(response)
        changes = self.close()
        changes.append(
            Put(
                scope=self.scope,
                item_id=new_id(),
                event=event,
                payload=response.payload,
                metadata=response.metadata,
            )
        )
        return changes

    def close(self) -> list[Change]:
        """Close the open text and the open reasoning, as a boundary or the end of the run does."""
        changes: list[Change] = []
        if self._text is not None:
            if len(self._text.pieces) > 1:
                changes.append(Close(scope=self.scope, item_id=self._text.item_id, content=self._text.text()))
            self._text = None
        changes.extend(self._close_reasoning({}))
        return changes

    def close_all(self) -> list[Change]:
        """Close every item that still grows: the run has ended."""
        changes = self.close()
        changes.extend(
            Close(scope=self.scope, item_id=growing.item_id, content=growing.text())
            for growing in self._growing.values()
            if len(growing.pieces) > 1
        )
        self._growing.clear()
        return changes

    def reopen(self, item_id: UUID, event: Event, content: str) -> None:
        """Go on with an item that a dead worker left open: what comes next grows it."""
        item = _Open(
            item_id=item_id,
            event=event,
            payload={"content": content},
            metadata={},
            key="",
            # Two pieces, so that closing it folds what lies in its tail.
            pieces=[content, ""],
            length=len(content),
        )
        if event == Event.MESSAGE_CHUNK:
            self._text = item
        else:
            self._reasoning = item

    def _grow_text(self, response: Response) -> list[Change]:
        delta = response.payload.get("content") or ""
        if not delta:
            return []
        if (open_text := self._text) is not None and open_text.metadata == response.metadata:
            return [self._append(open_text, delta, Event.MESSAGE_CHUNK)]
        changes = self.close()
        self._text = _Open(
            item_id=new_id(),
            event=Event.MESSAGE_CHUNK,
            payload=response.payload,
            metadata=response.metadata,
            key="",
            pieces=[delta],
            length=len(delta),
        )
        changes.append(self._whole(self._text, Event.MESSAGE_CHUNK))
        return changes

    def _reason(self, response: Response) -> list[Change]:
        delta = response.payload.get("content") or ""
        if response.event == Event.REASONING_COMPLETED:
            if self._reasoning is None:
                if not delta:
                    return []
                return [*self._open_reasoning(response), *self._close_reasoning(response.metadata)]
            # Some agents say the whole text once more as they close it; others its last piece.
            if delta and delta != self._reasoning.text():
                self._reasoning.pieces.append(delta)
            return self._close_reasoning(response.metadata)
        if response.event == Event.REASONING_STARTED:
            return [*self._close_reasoning({}), *self._open_reasoning(response)]
        if self._reasoning is None:
            return self._open_reasoning(response)
        return [self._append(self._reasoning, delta, Event.REASONING)] if delta else []

    def _open_reasoning(self, response: Response) -> list[Change]:
        changes = self.close()
        delta = response.payload.get("content") or ""
        self._reasoning = _Open(
            item_id=new_id(),
            event=response.event,
            payload={**response.payload, "content": delta},
            metadata=response.metadata,
            key="",
            pieces=[delta] if delta else [],
            length=len(delta),
        )
        event = Event.REASONING_STARTED if response.event == Event.REASONING_COMPLETED else response.event
        changes.append(self._whole(self._reasoning, event))
        return changes

    def _close_reasoning(self, metadata: Mapping[str, Any]) -> list[Change]:
        if (reasoning := self._reasoning) is None:
            return []
        self._reasoning = None
        return [
            Put(
                scope=self.scope,
                item_id=reasoning.item_id,
                event=Event.REASONING_COMPLETED,
                payload={**reasoning.payload, "content": reasoning.text()},
                metadata={**reasoning.metadata, **metadata},
            )
        ]

    def _put_keyed(self, response: Response) -> list[Change]:
        key = self._key(response)
        growing = self._growing.get(key)
        content = response.payload.get("content")
        if response.append and growing is not None and isinstance(content, str):
            return [self._append(growing, content, response.event)] if content else []
        # An item that is put again does not move, so it does not end the paragraph that is being written.
        changes = [] if key in self._keyed else self.close()
        item_id = self._keyed.setdefault(key, new_id())
        self._growing.pop(key, None)
        if isinstance(content, str) and response.event in GROWING:
            self._growing[key] = _Open(
                item_id=item_id,
                event=response.event,
                payload=response.payload,
                metadata=response.metadata,
                key=key,
                pieces=[content],
                length=len(content),
            )
        changes.append(self._put(item_id, response, key))
        return changes

    def _put(self, item_id: UUID, response: Response, key: str) -> Put:
        return Put(
            scope=self.scope,
            item_id=item_id,
            event=response.event,
            payload=response.payload,
            metadata=response.metadata,
            key=key,
        )

    def _key(self, response: Response) -> str:
        """A name that reaches no item of another agent, and for calls, texts and artifacts none of another run."""
        scope = self.scope
        if response.event == Event.COMPONENT_GENERATOR and response.payload.get("component_type") != "artifact":
            return item_key("component", scope.agent_name, response.key)
        kind = "tool" if response.event in TOOL_CALL else "artifact"
        if response.event not in TOOL_CALL and response.event != Event.COMPONENT_GENERATOR:
            kind = "text"
        return item_key(kind, scope.run_id, response.key)

    def _append(self, item: _Open, delta: str, event: Event) -> Append:
        offset = item.length
        item.pieces.append(delta)
        item.length += len(delta)
        return Append(scope=self.scope, item_id=item.item_id, event=event, delta=delta, offset=offset)

    def _whole(self, item: _Open, event: Event) -> Put:
        return Put(
            scope=self.scope,
            item_id=item.item_id,
            event=event,
            payload={**item.payload, "content": item.text()},
            metadata=item.metadata,
            key=item.key,
        )
