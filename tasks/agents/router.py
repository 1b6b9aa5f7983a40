"""What an agent sends, turned into what it says: responses for the transcript, and the state of its task.
Pure.

One Router follows one attempt at a run. It knows what was routed already, so that snapshots, repeated events
and closing texts add only what is new. The rules are valuecell.md's table for `metadata.response_event` and
the contract's section 2 for everything else.

Keys of responses: a tool call's id, a component's id, an artifact's id; and of our own making `early:<n>`
(plain text before it is known whether the agent uses `response_event`; said again whole as
`reasoning_completed` with the same key if it does), `progress:<n>` (plain text after that) and `closing:<n>`
(the text that a task ends with, where something was said before): each of the last two an item of its own.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from a2a.types import (
    Artifact,
    Message,
    Part,
    Role,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskStatusUpdateEvent,
)
from google.protobuf.struct_pb2 import Struct

from conversations.changes import Response
from conversations.events import Event, Json
from tasks.agents.artifacts import Folded
from tasks.agents.plain import clean, plain, plain_struct
from tasks.agents.remote import RemoteState, remote_state
from tasks.agents.said import Said, Seen, Stored

CONSUMED = frozenset(
    {"response_event", "tool_call_id", "tool_name", "tool_result", "component_type", "component_id"}
)
"""Keys of an update's metadata that become part of the payload; the others are kept as the item's
metadata."""
NO_TEXT_TYPE = "profile"
"""Component type of a component that names none: of valuecell.md's table the one that is free text."""
UNKNOWN_EVENT = "The agent sent an event of a kind that is not known here."


@dataclass(frozen=True, kw_only=True, slots=True)
class Routed:
    """What one event came to."""

    responses: list[Response]
    state: RemoteState | None = None
    """The new state, where it changed."""
    task_id: str = ""
    context_id: str = ""
    """The agent's ids, as far as they are known by now."""
    error: str = ""
    """The agent's own words on why its task failed, was canceled or was rejected."""
    question: str = ""
    """What the agent asks, with INPUT_REQUIRED and AUTH_REQUIRED."""


@dataclass(kw_only=True)
class _Early:
    """Plain text that is shown as text until it is known to be progress."""

    key: str
    parts: list[str] = field(default_factory=list)


class Router:
    """Follows one attempt at a run: feed it every event in order."""

    def __init__(self) -> None:
        self.task_id = ""
        self.context_id = ""
        self.state: RemoteState | None = None
        self.speaks_events = False
        """Whether the agent was seen to use `response_event`."""
        self._said = Said()
        self._seen = Seen()
        self._stored = Stored()
        self._artifacts: dict[str, Folded] = {}
        self._early: list[_Early] = []
        self._early_open = False
        self._series = ""
        self._numbers = 0
        self._open_calls: dict[str, list[str]] = {}
        self._reasoning_open = False
        self._begun = False

    def resume(
        self,
        stored_text: str = "",
        *,
        reasoning: str = "",
        components: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Tell a new Router what the run has in store, before the events of a rejoined task are routed.

        stored_text: the contents of the run's `message_chunk` and `message` items, joined in their order.
        reasoning: the same of its reasoning items. components: (component_type, content) of those without a
        key. Text that a snapshot repeats is left out by these; tool calls, keyed components and artifacts
        take their own item's place again."""
        self._begun = True
        self._stored = Stored(text=stored_text, reasoning=reasoning, components=components)
        if stored_text:
            self._said.add(stored_text)
        self._series = f"{len(stored_text)}:"

    def route(self, event: StreamResponse) -> Routed:
        """What one event says. Never raises on what an agent sends."""
        kind = event.WhichOneof("payload")
        if kind == "task":
            return self.route_snapshot(event.task)
        self._begun = True
        if kind == "status_update":
            return self._status_update(event.status_update)
        if kind == "artifact_update":
            return self._artifact_update(event.artifact_update)
        if kind == "message":
            return self._message_only(event.message)
        return self._routed([self._other(Response(event=Event.MESSAGE, payload={"content": UNKNOWN_EVENT}))])

    def route_snapshot(self, task: Task) -> Routed:
        """What a task as a whole adds to what was routed already: messages in the agent's order, then
        artifacts."""
        first, self._begun = not self._begun, True
        self._identify(task.id, task.context_id)
        if task.HasField("metadata") and "response_event" in task.metadata.fields:
            self.speaks_events = True
        state = remote_state(task.status.state)
        status_message = task.status.message if task.status.HasField("message") else None
        history = list(task.history)
        last_asked = max((i for i, m in enumerate(history) if m.role == Role.ROLE_USER), default=-1)
        if state.interrupted and status_message is None and history and last_asked == len(history) - 1:
            state = RemoteState.WORKING  # The question was just answered, and the agent has not begun again.
        agents = [(i, m) for i, m in enumerate(history) if m.role != Role.ROLE_USER]
        everything = [m for _, m in agents] + ([status_message] if status_message is not None else [])
        new = self._seen.unknown(everything)
        responses: list[Response] = []
        for (index, message), is_new in zip(agents, new, strict=False):
            if is_new:
                # What lies before the last words of the person belongs to a turn that ended: its question was
                # asked.
                responses += self._recovered(message, only_stored=index < last_asked)
        question = error = ""
        if status_message is not None and new[-1]:
            text = _text(status_message.parts)
            if state.interrupted or (state.terminal and state is not RemoteState.COMPLETED):
                question, error = (text, "") if state.interrupted else ("", text)
                responses += self._attachments(status_message)
            elif _kind(status_message.metadata) or (state is not RemoteState.COMPLETED and not first):
                responses += self._recovered(status_message)
            elif state is RemoteState.COMPLETED:
                responses += self._closing(status_message)
            else:
                responses += self._working(status_message)
        for artifact in task.artifacts:
            responses += [self._other(r) for r in self._artifact(artifact.artifact_id).compare(artifact)]
        return self._routed(responses, state=self._moved(state), error=error, question=question)

    # --- one event
    # ----------------------------------------------------------------------------------------------------

    def _status_update(self, update: TaskStatusUpdateEvent) -> Routed:
        self._identify(update.task_id, update.context_id)
        status = update.status
        state = remote_state(status.state)
        if not status.HasField("message"):
            if update.HasField("metadata") and (kind := _kind(update.metadata)):
                # Without a message: reasoning's ends and tool calls say all in their metadata.
                return self._routed(self._event(kind, "", update.metadata), state=self._moved(state))
            return self._routed([], state=self._moved(state))
        message = status.message
        if self._seen.repeated(message):
            return self._routed([], state=self._moved(state))
        if state.interrupted:
            return self._routed(
                self._attachments(message), state=self._moved(state), question=_text(message.parts)
            )
        if state.terminal and state is not RemoteState.COMPLETED:
            return self._routed(
                self._attachments(message), state=self._moved(state), error=_text(message.parts)
            )
        metadata = update.metadata if update.HasField("metadata") else message.metadata
        kind = _kind(metadata)
        if kind:
            responses = self._event(kind, _text(message.parts), metadata) + self._attachments(message)
        elif state is RemoteState.COMPLETED:
            responses = self._closing(message)
        else:
            responses = self._working(message)
        return self._routed(responses, state=self._moved(state))

    def _message_only(self, message: Message) -> Routed:
        """An answer without a task: it is the whole answer."""
        self._identify(message.task_id, message.context_id)
        if self._seen.repeated(message):
            return self._routed([])
        if kind := _kind(message.metadata):
            responses = self._event(kind, _text(message.parts), message.metadata) + self._attachments(message)
        else:
            responses = self._closing(message)
        return self._routed(responses, state=self._moved(RemoteState.COMPLETED))

    def _artifact_update(self, update: TaskArtifactUpdateEvent) -> Routed:
        self._identify(update.task_id, update.context_id)
        folded = self._artifact(update.artifact.artifact_id)
        if update.append:
            responses = folded.append(update.artifact, last=update.last_chunk)
        else:
            responses = folded.put(update.artifact)
        return self._routed([self._other(response) for response in responses])

    # --- texts by their meaning
    # ---------------------------------------------------------------------------------------

    def _event(self, kind: str, text: str, metadata: Struct) -> list[Response]:
        """Text (and metadata) whose `response_event` is known: valuecell.md's table."""
        turned = [] if self.speaks_events else self._turn_early()
        extra = plain_struct(metadata, without=CONSUMED) if len(metadata.fields) > 1 else {}
        if kind == "message_chunk":
            return [*turned, self._chunk(text, extra)] if text else turned
        return turned + self._items(kind, text, metadata, extra)

    def _items(self, kind: str, text: str, metadata: Struct, extra: Json) -> list[Response]:
        if kind == "message":
            return [self._whole_message(text, extra)]
        if kind in ("reasoning_started", "reasoning", "reasoning_completed"):
            found = []
            if kind == "reasoning_started":
                found.append(Response(event=Event.REASONING_STARTED, payload={"content": ""}, metadata=extra))
            if text:
                found.append(Response(event=Event.REASONING, payload={"content": text}, metadata=extra))
            if kind == "reasoning_completed":
                found.append(
                    Response(event=Event.REASONING_COMPLETED, payload={"content": ""}, metadata=extra)
                )
            self._reasoning_open = kind != "reasoning_completed"
            return [self._other(response) for response in found]
        values = {key: plain(metadata.fields[key]) for key in CONSUMED if key in metadata.fields}
        if kind in ("tool_call_started", "tool_call_completed"):
            return [self._other(self._tool_call(kind, text, values, extra))]
        if kind == "component_generator":
            key = _word(values.get("component_id"))
            payload = {"component_type": _word(values.get("component_type")) or NO_TEXT_TYPE, "content": text}
            return [
                self._other(
                    Response(event=Event.COMPONENT_GENERATOR, payload=payload, metadata=extra, key=key)
                )
            ]
        rest = {key: value for key, value in values.items() if key != "response_event"} | extra
        content = text or (json.dumps(rest, ensure_ascii=False) if rest else kind)
        return [self._whole_message(content, {**rest, "response_event": kind})]

    def _tool_call(self, kind: str, text: str, values: Json, extra: Json) -> Response:
        name = _word(values.get("tool_name"))
        call_id = _word(values.get("tool_call_id"))
        completed = kind == "tool_call_completed"
        if not call_id:
            # Nameless calls: a completion belongs to the latest open one of the same tool.
            opened = self._open_calls.setdefault(name, [])
            if completed and opened:
                call_id = opened.pop()
            else:
                self._numbers += 1
                call_id = f"call-{self._series}{self._numbers}"
                if not completed:
                    opened.append(call_id)
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

    def _working(self, message: Message) -> list[Response]:
        """Plain text of a working task: progress where the agent uses `response_event`, else (so far) its
        answer."""
        text = _text(message.parts)
        attachments = self._attachments(message) if len(message.parts) != 1 or not text else []
        if not text:
            return attachments
        if self.speaks_events:
            self._numbers += 1
            key = f"progress:{self._series}{self._numbers}"
            done = Response(event=Event.REASONING_COMPLETED, payload={"content": text}, key=key)
            return [self._other(done), *attachments]
        return [self._early_chunk(text), *attachments]

    def _closing(self, message: Message) -> list[Response]:
        """The plain text that a task ends with: left out where it only repeats what was said."""
        text = _text(message.parts)
        attachments = self._attachments(message)
        if not text.strip() or self._said.repeats(text) or self._repeats_artifact(text):
            return attachments
        key = ""
        if self._said.anything:
            # A paragraph of its own, not the next words of the one before.
            self._numbers += 1
            key = f"closing:{self._series}{self._numbers}"
            self._said.close()
        return [self._chunk(text, {}, key=key), *attachments]

    def _recovered(self, message: Message, *, only_stored: bool = False) -> list[Response]:
        """A message out of a snapshot that was not routed live, less what is stored already.

        only_stored: it cannot be new, and only uses up what is stored.
        """
        text = _text(message.parts)
        kind = _kind(message.metadata)
        if not kind:
            return self._recovered_plain(message, text, only_stored=only_stored)
        self.speaks_events = True
        if kind in ("message_chunk", "message"):
            rest = self._stored.rest_of_text(text)
            if rest is None or only_stored:
                return []
            return self._event(kind, rest, message.metadata) + self._attachments(message)
        stored = only_stored or self._stored.ahead
        if kind in ("reasoning_started", "reasoning", "reasoning_completed"):
            rest = self._stored.rest_of_reasoning(text) if text else None
            said = [] if stored or rest is None else self._event("reasoning", rest, message.metadata)
            if kind == "reasoning_completed" and self._reasoning_open:
                said += self._event(kind, "", message.metadata)
            return said
        if kind == "component_generator" and not stored:
            component = _word(plain(message.metadata.fields["component_type"])) or NO_TEXT_TYPE
            stored = self._stored.has_component(component, text)
        return [] if stored else self._event(kind, text, message.metadata) + self._attachments(message)

    def _recovered_plain(self, message: Message, text: str, *, only_stored: bool) -> list[Response]:
        """The same for a message whose kind nobody kept: what is not known as something else is text."""
        attachments = [] if only_stored else self._attachments(message)
        if not text or self._stored.is_reasoning(text) or self._stored.is_component(text):
            return attachments
        rest = self._stored.rest_of_text(text)
        if rest is None or only_stored:
            return attachments
        return [self._chunk(rest, {"recovered": True}), *attachments]

    # --- single responses
    # ---------------------------------------------------------------------------------------------

    def _chunk(self, text: str, metadata: Json, *, key: str = "") -> Response:
        self._early_open = False
        self._said.add(text)
        return Response(event=Event.MESSAGE_CHUNK, payload={"content": text}, metadata=metadata, key=key)

    def _early_chunk(self, text: str) -> Response:
        append = self._early_open
        if not append:
            self._numbers += 1
            self._early.append(_Early(key=f"early:{self._series}{self._numbers}"))
            self._early_open = True
        early = self._early[-1]
        early.parts.append(text)
        self._said.add(text)
        return Response(event=Event.MESSAGE_CHUNK, payload={"content": text}, key=early.key, append=append)

    def _whole_message(self, text: str, metadata: Json) -> Response:
        response = self._other(Response(event=Event.MESSAGE, payload={"content": text}, metadata=metadata))
        self._said.add(text)
        self._said.close()
        return response

    def _other(self, response: Response) -> Response:
        """A response that is not text of the answer: the open paragraph ends before it."""
        self._early_open = False
        self._said.close()
        return response

    def _turn_early(self) -> list[Response]:
        """The first `response_event` came: what was said plainly before it was progress, and is said again as
        such."""
        self.speaks_events = True
        turned = [
            Response(
                event=Event.REASONING_COMPLETED, payload={"content": "".join(early.parts)}, key=early.key
            )
            for early in self._early
        ]
        if turned:
            self._early.clear()
            self._early_open = False
            self._said = Said()
        return turned

    def _attachments(self, message: Message) -> list[Response]:
        """Data and files of a message, each an artifact of its own, in their order."""
        if len(message.parts) == 1 and message.parts[0].WhichOneof("content") == "text":
            return []
        found = []
        for index, part in enumerate(message.parts):
            if part.WhichOneof("content") == "text":
                continue
            key = f"{message.message_id or f'message-{self._series}{self._numbers}'}:{index}"
            artifact = Artifact(artifact_id=key, name=part.filename, parts=[part])
            found += [self._other(response) for response in self._artifact(key).put(artifact)]
        return found

    def _artifact(self, artifact_id: str) -> Folded:
        key = clean(artifact_id) or "artifact"
        folded = self._artifacts.get(key)
        if folded is None:
            folded = self._artifacts[key] = Folded(key)
        return folded

    def _repeats_artifact(self, text: str) -> bool:
        bare = "".join(text.split())
        return any("".join(folded.text.split()) == bare for folded in self._artifacts.values())

    def _identify(self, task_id: str, context_id: str) -> None:
        if task_id:
            self.task_id = task_id
        if context_id:
            self.context_id = context_id

    def _moved(self, state: RemoteState) -> RemoteState | None:
        """The state where it is another than before; what follows a terminal one changes it no more."""
        if state is self.state or (self.state is not None and self.state.terminal):
            return None
        if state is RemoteState.UNKNOWN and self.state is not None:
            return None
        self.state = state
        return state

    def _routed(
        self,
        responses: list[Response],
        *,
        state: RemoteState | None = None,
        error: str = "",
        question: str = "",
    ) -> Routed:
        return Routed(
            responses=responses,
            state=state,
            task_id=self.task_id,
            context_id=self.context_id,
            error=error,
            question=question,
        )


def _kind(metadata: Struct) -> str:
    """`response_event` of an update's or a message's metadata; empty where there is none."""
    fields = metadata.fields
    return str(fields["response_event"].string_value) if "response_event" in fields else ""


def _text(parts: Iterable[Part]) -> str:
    return "".join([clean(part.text) for part in parts if part.WhichOneof("content") == "text"])


def _word(value: Any) -> str:
    """An id or a name out of metadata, as text; empty for null."""
    return "" if value is None else str(value)
