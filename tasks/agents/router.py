"""What an agent sends, turned into what it says: responses for the transcript, and the state of its task. Pure.

One Router follows one attempt at a run. It knows what was routed already, so that snapshots, repeated events and
closing texts add only what is new. The rules are valuecell.md's table for `metadata.response_event` and the contract's
section 2 for everything else; `speech` has those for texts, `artifacts` those for artifacts.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
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
from conversations.events import Event
from tasks.agents.artifacts import Folded
from tasks.agents.plain import clean, plain
from tasks.agents.remote import RemoteState, remote_state
from tasks.agents.said import Seen, Stored
from tasks.agents.speech import NO_TYPE, REASONING_KINDS, Speech, word
from tasks.budgets import read_usage

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


def scrubbed(routed: Routed, scrub: Callable[[str], str]) -> Routed:
    """The same with every text of it gone through `scrub`: an agent may quote the credential that it was given."""

    def through(value: Any) -> Any:
        if isinstance(value, str):
            return scrub(value)
        if isinstance(value, Mapping):
            return {key: through(inner) for key, inner in value.items()}
        return [through(inner) for inner in value] if isinstance(value, list) else value

    responses = [
        replace(said, payload=through(said.payload), metadata=through(said.metadata)) for said in routed.responses
    ]
    return replace(routed, responses=responses, error=scrub(routed.error), question=scrub(routed.question))


class Router:
    """Follows one attempt at a run: feed it every event in order."""

    def __init__(self) -> None:
        self.task_id = ""
        self.context_id = ""
        self.state: RemoteState | None = None
        self._speech = Speech()
        self._seen = Seen()
        self._stored = Stored()
        self._artifacts: dict[str, Folded] = {}
        self._begun = False
        self.echoes = False
        """Whether the agent may keep what it says more than once (see `Folded.compare`)."""
        self._last_words = ""
        """The reason with which the task ended badly."""
        self.usage: dict[str, Any] = {}
        """What the agent says that its task used: of each figure (`budgets.read_usage`) the one that it sent last."""

    def resume(self, stored_text: str = "", *, reasoning: str = "", components: Iterable[tuple[str, str]] = ()) -> None:
        """Tell a new Router what the run has in store, before the events of a rejoined task are routed.

        stored_text: the contents of the run's `message_chunk` and `message` items, joined in their order. reasoning:
        the same of its reasoning items. components: (component_type, content) of those without a key. Text that a
        snapshot repeats is left out by these; tool calls, keyed components and artifacts take their own item's place
        again.
        """
        self._begun = True
        self._stored = Stored(text=stored_text, reasoning=reasoning, components=components)
        if stored_text:
            self._speech.note(stored_text)
        self._speech.series = f"{len(stored_text)}:"

    def route(self, event: StreamResponse) -> Routed:
        """What one event says. Never raises on what an agent sends."""
        kind = event.WhichOneof("payload")
        self._read_usage(event, kind)
        if kind == "task":
            return self.route_snapshot(event.task)
        self._begun = True
        if kind == "status_update":
            return self._status_update(event.status_update)
        if kind == "artifact_update":
            return self._artifact_update(event.artifact_update)
        if kind == "message":
            return self._message_only(event.message)
        unknown = Response(event=Event.MESSAGE, payload={"content": UNKNOWN_EVENT})
        return self._routed([self._speech.other(unknown)])

    def route_snapshot(self, task: Task) -> Routed:
        """What a task as a whole adds to what was routed already: messages in the agent's order, then artifacts.

        A status text in the very first event of a stream is live; every other text of unknown kind is `recovered`.
        """
        first, self._begun = not self._begun, True
        own = self._identify(task.id, task.context_id)
        if task.HasField("metadata") and "response_event" in task.metadata.fields:
            self._speech.uses_events = True
        state = remote_state(task.status.state) if own else RemoteState.WORKING
        said = [task.status.message] if task.status.HasField("message") else []
        history = list(task.history)
        asked = max((i for i, message in enumerate(history) if message.role == Role.ROLE_USER), default=-1)
        if state.interrupted and not said and history and asked == len(history) - 1:
            state = RemoteState.WORKING  # The question was just answered, and the agent has not begun again.
        # Servers that keep an event twice have the status' message in the history too.
        twice = {(message.message_id, _text(message.parts)) for message in said if message.message_id}
        spoken = [
            (i, message)
            for i, message in enumerate(history)
            if message.role != Role.ROLE_USER and (message.message_id, _text(message.parts)) not in twice
        ]
        new = self._seen.unknown([message for _, message in spoken] + said)
        self._speech.keeps_kinds |= any(_kind(message.metadata) for message in [*history, *said])
        responses: list[Response] = []
        for (index, message), is_new in zip(spoken, new, strict=False):
            if is_new:
                # What lies before the person's last words is of a turn that ended: its question was asked.
                responses += self._recovered(message, only_stored=index < asked)
        question = error = ""
        for message in said:
            if not _is_answer(state):
                question, error = _question_or_error(state, message)
                responses += self._attachments(message) if new[-1] else []
            elif new[-1] and (_kind(message.metadata) or (state is not RemoteState.COMPLETED and not first)):
                responses += self._recovered(message)
            elif new[-1]:
                responses += self._plain(message, state, beside=task.artifacts)
        for artifact in task.artifacts:
            folded = self._artifact(artifact.artifact_id)
            final = state.terminal or state.interrupted
            responses += self._others(folded.compare(artifact, final=final, echoes=self.echoes))
        return self._routed(responses, state=self._moved(state), error=error, question=question)

    def _read_usage(self, event: StreamResponse, kind: str | None) -> None:
        """Take `usage` from an event's metadata, or from those of the message or the artifact in it."""
        if kind is None:
            return
        said = getattr(event, kind)
        places = [said]
        if kind in ("task", "status_update") and said.status.HasField("message"):
            places.insert(0, said.status.message)
        elif kind == "artifact_update":
            places.insert(0, said.artifact)
        for place in places:
            if place.HasField("metadata") and "usage" in place.metadata.fields:
                self.usage.update(read_usage(plain(place.metadata.fields["usage"])))

    # --- one event ---

    def _status_update(self, update: TaskStatusUpdateEvent) -> Routed:
        own = self._identify(update.task_id, update.context_id)
        status = update.status
        state = remote_state(status.state) if own else RemoteState.WORKING
        if not status.HasField("message"):
            # Ends of reasoning, tool calls and their like say all in their metadata.
            kind = _kind(update.metadata) if update.HasField("metadata") else ""
            responses = self._speech.event(kind, "", update.metadata) if kind else []
            return self._routed(responses, state=self._moved(state))
        message = status.message
        repeated = self._seen.repeated(message)
        self._speech.keeps_kinds |= bool(_kind(message.metadata))
        if self._over(message):
            # What comes after the end counts, as words.
            state = RemoteState.COMPLETED
        if not _is_answer(state):
            question, error = _question_or_error(state, message)
            self._last_words = error or self._last_words
            responses = [] if repeated else self._attachments(message)
            return self._routed(responses, state=self._moved(state), question=question, error=error)
        if repeated:
            return self._routed([], state=self._moved(state))
        metadata = update.metadata if update.HasField("metadata") else message.metadata
        if kind := _kind(metadata):
            responses = self._speech.event(kind, _text(message.parts), metadata) + self._attachments(message)
        else:
            responses = self._plain(message, state)
        return self._routed(responses, state=self._moved(state))

    def _message_only(self, message: Message) -> Routed:
        """An answer without a task: it is the whole answer."""
        self._identify(message.task_id, message.context_id)
        if self._seen.repeated(message):
            return self._routed([])
        if kind := _kind(message.metadata):
            responses = self._speech.event(kind, _text(message.parts), message.metadata) + self._attachments(message)
        else:
            responses = self._plain(message, RemoteState.COMPLETED)
        return self._routed(responses, state=self._moved(RemoteState.COMPLETED))

    def _artifact_update(self, update: TaskArtifactUpdateEvent) -> Routed:
        self._identify(update.task_id, update.context_id)
        folded = self._artifact(update.artifact.artifact_id)
        if update.append:
            return self._routed(self._others(folded.append(update.artifact, last=update.last_chunk)))
        return self._routed(self._others(folded.put(update.artifact)))

    @property
    def doubtful(self) -> bool:
        """Whether what came may differ from what the agent has: it should be asked once more when it is done."""
        return any(folded.doubtful for folded in self._artifacts.values())

    def _over(self, message: Message) -> bool:
        """Whether the task had ended, and this is not what it ended with once more."""
        return self.state is not None and self.state.terminal and _text(message.parts) != self._last_words

    # --- one message ---

    def _plain(self, message: Message, state: RemoteState, beside: Iterable[Artifact] = ()) -> list[Response]:
        """A message without `response_event`; one that the task ends with is left out where it only repeats.

        beside: artifacts that are said with it and not folded yet.
        """
        text = _text(message.parts)
        attachments = self._attachments(message)
        if state is not RemoteState.COMPLETED:
            return [self._speech.working(text), *attachments] if text else attachments
        if not text.strip() or self._speech.repeats(text) or self._repeats_artifact(text, beside):
            return attachments
        return [self._speech.closing(text), *attachments]

    def _recovered(self, message: Message, *, only_stored: bool = False) -> list[Response]:
        """A message out of a snapshot that was not routed live, less what is stored already.

        only_stored: it cannot be new, and only uses up what is stored.
        """
        text = _text(message.parts)
        kind = _kind(message.metadata)
        if not kind:
            return self._recovered_plain(message, text, only_stored=only_stored)
        if kind in ("message_chunk", "message"):
            rest = self._stored.rest_of_text(text)
            if rest is None or only_stored:
                self._speech.uses_events = True
                return []
            return self._speech.event(kind, rest, message.metadata) + self._attachments(message)
        stored = only_stored or self._stored.ahead
        if kind in REASONING_KINDS:
            rest = self._stored.rest_of_reasoning(text) if text else None
            said = [] if stored or rest is None else self._speech.event("reasoning", rest, message.metadata)
            if kind == "reasoning_completed" and self._speech.reasoning_open:
                said += self._speech.event(kind, "", message.metadata)
            self._speech.uses_events = True
            return said
        if kind == "component_generator" and not stored:
            component_type = word(plain(message.metadata.fields["component_type"])) or NO_TYPE
            stored = self._stored.has_component(component_type, text)
        if stored:
            self._speech.uses_events = True
            return []
        return self._speech.event(kind, text, message.metadata) + self._attachments(message)

    def _recovered_plain(self, message: Message, text: str, *, only_stored: bool) -> list[Response]:
        """The same for a message whose kind nobody kept: what is not known as something else is text."""
        attachments = [] if only_stored else self._attachments(message)
        if not text or self._stored.is_reasoning(text) or self._stored.is_component(text):
            return attachments
        rest = self._stored.rest_of_text(text)
        if rest is None or only_stored:
            return attachments
        return [self._speech.recovered(rest), *attachments]

    def _attachments(self, message: Message) -> list[Response]:
        """Data and files of a message, each an artifact of its own, in their order."""
        if len(message.parts) == 1 and message.parts[0].WhichOneof("content") == "text":
            return []
        found = []
        for index, part in enumerate(message.parts):
            if part.WhichOneof("content") != "text":
                artifact_id = f"{message.message_id or f'message-{len(self._artifacts)}'}:{index}"
                artifact = Artifact(artifact_id=artifact_id, name=part.filename, parts=[part])
                found += self._others(self._artifact(artifact_id).put(artifact))
        return found

    def _others(self, responses: list[Response]) -> list[Response]:
        return [self._speech.other(response) for response in responses]

    # --- artifacts, ids and states ---

    def _artifact(self, artifact_id: str) -> Folded:
        key = clean(artifact_id) or "artifact"
        folded = self._artifacts.get(key)
        if folded is None:
            folded = self._artifacts[key] = Folded(key)
        return folded

    def _repeats_artifact(self, text: str, beside: Iterable[Artifact]) -> bool:
        bare = "".join(text.split())
        texts = [folded.text for folded in self._artifacts.values()] + [_text(artifact.parts) for artifact in beside]
        return any("".join(text.split()) == bare for text in texts)

    def _identify(self, task_id: str, context_id: str) -> bool:
        """Take the agent's names for this run from the first event that has them; False: it is of another task.

        A relay may pass on what a task of another agent says. That is shown, but how that one stands is not how this
        one does.
        """
        if task_id and self.task_id and task_id != self.task_id:
            return False
        self.task_id = task_id or self.task_id
        self.context_id = context_id or self.context_id
        return True

    def _moved(self, state: RemoteState) -> RemoteState | None:
        """The state where it is another than before; what follows a terminal one changes it no more."""
        if state is self.state or (self.state is not None and self.state.terminal):
            return None
        if state is RemoteState.UNKNOWN and self.state is not None:
            return None
        self.state = state
        return state

    def _routed(
        self, responses: list[Response], *, state: RemoteState | None = None, error: str = "", question: str = ""
    ) -> Routed:
        return Routed(
            responses=responses,
            state=state,
            task_id=self.task_id,
            context_id=self.context_id,
            error=error,
            question=question,
        )


def _is_answer(state: RemoteState) -> bool:
    """Whether a text with this state is something said, rather than a question or the reason of a failure."""
    return state is RemoteState.COMPLETED or not (state.terminal or state.interrupted)


def _question_or_error(state: RemoteState, message: Message) -> tuple[str, str]:
    text = _text(message.parts)
    return (text, "") if state.interrupted else ("", text)


def _kind(metadata: Struct) -> str:
    """`response_event` of an update's or a message's metadata; empty where there is none."""
    fields = metadata.fields
    return str(fields["response_event"].string_value) if "response_event" in fields else ""


def _text(parts: Iterable[Part]) -> str:
    return "".join([clean(part.text) for part in parts if part.WhichOneof("content") == "text"])
