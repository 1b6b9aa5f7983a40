"""How many events a second the router alone turns into responses, beside reading the text of the same objects.

The router is on the path of every chunk, and the whole path has to make 10,000 a second.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from a2a.types import (
    Artifact,
    Message,
    Part,
    Role,
    StreamResponse,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct

from benchmarks.harness import Row, median_seconds
from tasks.agents.router import Router

LENGTHS = (500, 2_000, 8_000)
GOAL = 10_000
"""Events a second of the whole path, of which this is one part."""


def status_chunks(number: int, kind: str = "message_chunk") -> list[StreamResponse]:
    """`number` status updates of a few words each, as an agent streams them."""
    metadata = ParseDict({"response_event": kind}, Struct()) if kind else None
    return [
        StreamResponse(
            status_update=TaskStatusUpdateEvent(
                task_id="task",
                context_id="context",
                status=TaskStatus(
                    state=TaskState.TASK_STATE_WORKING,
                    message=Message(message_id=f"m{n}", role=Role.ROLE_AGENT, parts=[Part(text=f"piece {n} of it, ")]),
                ),
                metadata=metadata,
            )
        )
        for n in range(number)
    ]


def artifact_chunks(number: int) -> list[StreamResponse]:
    """The same text as one appended artifact."""
    return [
        StreamResponse(
            artifact_update=TaskArtifactUpdateEvent(
                task_id="task",
                context_id="context",
                artifact=Artifact(artifact_id="a", parts=[Part(text=f"piece {n} of it, ")]),
                append=n > 0,
            )
        )
        for n in range(number)
    ]


def route(events: Sequence[StreamResponse]) -> None:
    """What is measured."""
    router = Router()
    for event in events:
        router.route(event)


def read(events: Sequence[StreamResponse]) -> None:
    """The baseline: the text of each event, and nothing else."""
    for event in events:
        if event.WhichOneof("payload") == "status_update":
            "".join([part.text for part in event.status_update.status.message.parts])
        else:
            "".join([part.text for part in event.artifact_update.artifact.parts])


def measure(*, quick: bool = False) -> Iterator[Row]:
    """A row for each kind of event and each length."""
    kinds: dict[str, Callable[[int], list[StreamResponse]]] = {
        "status updates": status_chunks,
        "plain status updates": lambda number: status_chunks(number, ""),
        "an appended artifact": artifact_chunks,
    }
    for name, make in kinds.items():
        for length in LENGTHS[:2] if quick else LENGTHS:
            events = make(length)
            routed = median_seconds(partial(route, events)) / length
            bare = median_seconds(partial(read, events)) / length
            yield Row(
                what=f"router alone, {length:,} {name}",
                ours=f"{1 / routed:,.0f}/s",
                baseline=f"{1 / bare:,.0f}/s (text read)",
                ratio=f"{routed / bare:.1f}",
                goal=f"{GOAL:,}/s",
                met=1 / routed >= GOAL,
            )
