"""Texts and their metadata, turned into responses: valuecell.md's table, and the contract's rule for plain texts. Pure.

Keys of responses: a tool call's id, a component's id; and of our own making `early:<n>` (plain text before it is known
whether the agent uses `response_event`; said again whole as `reasoning_completed` with the same key if it does),
`progress:<n>` (plain text after that) and `closing:<n>` (the text that a task ends with, where something was said
before): each of the last two an item of its own.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.struct_pb2 import Struct

from conversations.changes import Response
from conversations.events import ComponentType, Event, Json
from tasks.agents.plain import plain, plain_struct
from tasks.agents.said import Said

OURS = frozenset(
    {
        ComponentType.SCHEDULED_TASK_CONTROLLER,
        ComponentType.SCHEDULED_TASK_RESULT,
        ComponentType.SUBAGENT_CONVERSATION,
    }
)
"""Components that this application says of its tasks and conversations, and no agent of its own."""
CONSUMED = frozenset({"response_event", "tool_call_id", "tool_name", "tool_result", "component_type", "component_id"})
"""Keys of an update's metadata that become part of the payload; the others are kept as the item's metadata."""
NO_TYPE = "profile"
"""Component type of a component that names none: of valuecell.md's table the one that is free text."""
RECOVERED: Json = {"recovered": True}
REASONING_KINDS = ("reasoning_started", "reasoning", "reasoning_completed")


@dataclass(kw_only=True)
class _Early:
    """Plain text that is shown as text until it is known to be progress."""

    key: str
    recovered: bool = False
    """It came in a snapshot: whether it had a kind nobody can tell, unless its agent keeps them on messages."""
    parts: list[str] = field(default_factory=list)


class Speech:
    """What one run's agent says, text by text."""

    def __init__(self) -> None:
        self.uses_events = False
        """Whether the agent was seen to use `response_event`."""
        self.keeps_kinds = False
        """Whether the agent puts `response_event` on messages, so that a message without one is known to have none."""
        self.reasoning_open = False
        """Whether reasoning was begun and not ended."""
        self.series = ""
        """Goes into keys of our own making, so that a run that is taken up again makes others."""
        self._said = Said()
        self._early: list[_Early] = []
        self._early_open = False
        self._numbers = 0
        self._open_calls: dict[str, list[str]] = {}
        self._ended_calls: set[str] = set()

    def note(self, text: str) -> None:
        """Text that was said before this Speech began."""
        self._said.add(text)

    def repeats(self, text: str) -> bool:
        """Whether `text` is the whole answer so far, or its last paragraph, once more (whitespace aside)."""
        return self._said.repeats(text)

    def event(self, kind: str, text: str, metadata: Struct) -> list[Response]:
        """Text whose `response_event` is `kind`, and what goes with it."""
        turned = self._turn_early() if self._early else []
        self.uses_events = True
        extra = plain_struct(metadata, without=CONSUMED) if len(metadata.fields) > 1 else {}
        if kind == "message_chunk":
            return [*turned, self.chunk(text, extra)] if text else turned
        if kind in REASONING_KINDS:
            return turned + self._reasoning(kind, text, extra)
        values = {key: plain(metadata.fields[key]) for key in CONSUMED if key in metadata.fields}
        if kind == "tool_call_started" and word(values.get("tool_call_id")) in self._ended_calls:
            return turned  # It comes late: a start does not open again what has ended.
        return [*turned, self._item(kind, text, values, extra)]

    def working(self, text: str) -> Response:
        """Plain text of a working task: progress where the agent uses `response_event`, else (so far) its answer."""
        if self.uses_events:
            key = self._own_key("progress")
            return self.other(Response(event=Event.REASONING_COMPLETED, payload={"content": text}, key=key))
        return self._plain(text, recovered=False)

    def recovered(self, text: str) -> Response:
        """Text out of a snapshot whose kind nobody kept."""
        if not self.keeps_kinds and self.uses_events:
            return self.chunk(text, RECOVERED)
        return self.working(text) if self.keeps_kinds else self._plain(text, recovered=True)

    def closing(self, text: str) -> Response:
        """The plain text that a task ends with: a paragraph of its own, not the next words of the one before."""
        if not self._said.anything:
            return self.chunk(text, {})
        self._said.close()
        return self.chunk(text, {}, key=self._own_key("closing"))

    def chunk(self, text: str, metadata: Json, *, key: str = "") -> Response:
        """More of the answer."""
        self._early_open = False
        self._said.add(text)
        return Response(event=Event.MESSAGE_CHUNK, payload={"content": text}, metadata=metadata, key=key)

    def other(self, response: Response) -> Response:
        """A response that is not text of the answer: the open paragraph ends before it."""
        self._early_open = False
        self._said.close()
        return response

    def _reasoning(self, kind: str, text: str, metadata: Json) -> list[Response]:
        found = []
        if kind == "reasoning_started":
            found.append(Response(event=Event.REASONING_STARTED, payload={"content": ""}, metadata=metadata))
        if text:
            found.append(Response(event=Event.REASONING, payload={"content": text}, metadata=metadata))
        if kind == "reasoning_completed":
            found.append(Response(event=Event.REASONING_COMPLETED, payload={"content": ""}, metadata=metadata))
        self.reasoning_open = kind != "reasoning_completed"
        return [self.other(response) for response in found]

    def _item(self, kind: str, text: str, values: Json, extra: Json) -> Response:
        if kind == "message":
            return self._message(text, extra)
        if kind in ("tool_call_started", "tool_call_completed"):
            return self.other(self._tool_call(text, values, extra, completed=kind == "tool_call_completed"))
        if kind == "component_generator":
            component_type = word(values.get("component_type")) or NO_TYPE
            payload = {"component_type": component_type, "content": text}
            if component_type in OURS:
                # Said by an agent it is a claim: pages show it as such, without buttons.
                extra = {**extra, "unverified": True}
            key = word(values.get("component_id"))
            return self.other(Response(event=Event.COMPONENT_GENERATOR, payload=payload, metadata=extra, key=key))
        # An event that we do not know: shown plainly, as what it says or else as what it is.
        rest = {key: value for key, value in values.items() if key != "response_event"} | extra
        said = text or (json.dumps(rest, ensure_ascii=False) if rest else kind)
        return self._message(said, {**rest, "response_event": kind})

    def _message(self, text: str, metadata: Json) -> Response:
        response = self.other(Response(event=Event.MESSAGE, payload={"content": text}, metadata=metadata))
        self._said.add(text)
        self._said.close()
        return response

    def _tool_call(self, text: str, values: Json, extra: Json, *, completed: bool) -> Response:
        name, call_id = word(values.get("tool_name")), word(values.get("tool_call_id"))
        if not call_id:
            # Nameless calls: a completion belongs to the latest open one of the same tool.
            opened = self._open_calls.setdefault(name, [])
            call_id = opened.pop() if completed and opened else self._own_key("call")
            if not completed:
                opened.append(call_id)
        elif completed:
            self._ended_calls.add(call_id)
        result = values.get("tool_result")
        said = result if isinstance(result, str) or result is None else json.dumps(result, ensure_ascii=False)
        if said is None and completed:
            said = text
        elif text and text != said:
            extra = {**extra, "text": text}
        return Response(
            event=Event.TOOL_CALL_COMPLETED if completed else Event.TOOL_CALL_STARTED,
            payload={"tool_call_id": call_id, "tool_name": name, "tool_result": said},
            metadata=extra,
            key=call_id,
        )

    def _plain(self, text: str, *, recovered: bool) -> Response:
        """More of the plain text, which is the answer as far as is known."""
        joins = self._early_open
        if not joins:
            self._early.append(_Early(key=self._own_key("early")))
            self._early_open = True
        early = self._early[-1]
        early.parts.append(text)
        self._said.add(text)
        marks = recovered and not early.recovered
        early.recovered |= recovered
        # A piece cannot mark its item: the whole is said again.
        said = "".join(early.parts) if marks else text
        return Response(
            event=Event.MESSAGE_CHUNK,
            payload={"content": said},
            metadata=RECOVERED if marks else {},
            key=early.key,
            append=joins and not marks,
        )

    def _turn_early(self) -> list[Response]:
        """The first `response_event` came: what was said plainly before it was progress, and is said again as such."""
        stays = [early for early in self._early if early.recovered and not self.keeps_kinds]
        turned = [
            Response(event=Event.REASONING_COMPLETED, payload={"content": "".join(early.parts)}, key=early.key)
            for early in self._early
            if early not in stays
        ]
        self._early.clear()
        self._early_open = False
        self._said = Said()
        for early in stays:
            self._said.add("".join(early.parts))
        return turned

    def _own_key(self, kind: str) -> str:
        self._numbers += 1
        return f"{kind}:{self.series}{self._numbers}"


def word(value: Any) -> str:
    """An id or a name out of metadata, as text; empty for null."""
    return "" if value is None else str(value)
