"""Short ways to write what an agent sends, and to read what the router made of it."""

from collections.abc import Sequence
from itertools import count
from typing import Any

from a2a.types import (
    Artifact,
    Message,
    Part,
    Role,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct, Value

from conversations.changes import Response
from tasks.agents.router import Router

_ids = count(1)


def struct(values: dict[str, Any]) -> Struct:
    return ParseDict(values, Struct())


def data(value: Any) -> Part:
    return Part(data=ParseDict(value, Value()))


def said(*parts: str | Part, message_id: str | None = None, role: Role = Role.ROLE_AGENT, **metadata: Any) -> Message:
    """A message; texts become text parts."""
    return Message(
        message_id=f"m{next(_ids)}" if message_id is None else message_id,
        role=role,
        parts=[Part(text=part) if isinstance(part, str) else part for part in parts],
        metadata=struct(metadata) if metadata else None,
    )


def status(
    *parts: str | Part, state: str = "WORKING", message: Message | None = None, **metadata: Any
) -> StreamResponse:
    """A status update with a message (none where there are no parts) and metadata."""
    message = message or (said(*parts) if parts else None)
    return StreamResponse(
        status_update=TaskStatusUpdateEvent(
            task_id="remote-1",
            context_id="context-1",
            status=TaskStatus(state=TaskState.Value(f"TASK_STATE_{state}"), message=message),
            metadata=struct(metadata) if metadata else None,
        )
    )


def chunk(text: str) -> StreamResponse:
    return status(text, response_event="message_chunk")


def artifact(
    *parts: str | Part, id: str = "a1", append: bool = False, last: bool = False, name: str = "", **more: Any
) -> StreamResponse:
    return StreamResponse(
        artifact_update=TaskArtifactUpdateEvent(
            task_id="remote-1",
            context_id="context-1",
            artifact=whole_artifact(*parts, id=id, name=name, **more),
            append=append,
            last_chunk=last,
        )
    )


def whole_artifact(*parts: str | Part, id: str = "a1", name: str = "", **more: Any) -> Artifact:
    return Artifact(
        artifact_id=id,
        name=name,
        parts=[Part(text=part) if isinstance(part, str) else part for part in parts],
        **more,
    )


def snapshot(
    *history: Message,
    state: str = "WORKING",
    message: Message | None = None,
    artifacts: Sequence[Artifact] = (),
    **metadata: Any,
) -> StreamResponse:
    return StreamResponse(
        task=Task(
            id="remote-1",
            context_id="context-1",
            status=TaskStatus(state=TaskState.Value(f"TASK_STATE_{state}"), message=message),
            history=history,
            artifacts=artifacts,
            metadata=struct(metadata) if metadata else None,
        )
    )


def routed(router: Router, *events: StreamResponse) -> list[Response]:
    return [response for event in events for response in router.route(event).responses]


def short(responses: Sequence[Response]) -> list[tuple[str, Any]]:
    """(event, content) of each."""
    return [(str(response.event), response.payload.get("content")) for response in responses]


def texts(responses: Sequence[Response]) -> str:
    """The answer: all chunks joined."""
    return "".join(r.payload["content"] for r in responses if str(r.event) == "message_chunk")
