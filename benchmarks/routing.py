"""How many events a second the router alone turns into responses: `python -m benchmarks.routing`.

Medians of five runs, beside the cheapest thing that could be done with the same objects (reading their text). The
figure matters since the router is on the path of every chunk: the whole path has to make 10,000 a second.
"""

import statistics
import time
from collections.abc import Callable, Sequence

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

from tasks.agents.router import Router

LENGTHS = (500, 2_000, 8_000)
RUNS = 5


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


def rate(work: Callable[[Sequence[StreamResponse]], None], events: Sequence[StreamResponse]) -> float:
    """Events a second, the median of RUNS."""
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        work(events)
        times.append(time.perf_counter() - started)
    return len(events) / statistics.median(times)


def main() -> None:
    """Print the table."""
    kinds: dict[str, Callable[[int], list[StreamResponse]]] = {
        "status updates with response_event": status_chunks,
        "plain status updates": lambda number: status_chunks(number, ""),
        "appended artifact": artifact_chunks,
    }
    print(f"{'events':36} {'length':>7} {'routed/s':>10} {'read/s':>10} {'ratio':>6}")
    for name, make in kinds.items():
        for length in LENGTHS:
            events = make(length)
            routed, bare = rate(route, events), rate(read, events)
            print(f"{name:36} {length:7,} {routed:10,.0f} {bare:10,.0f} {bare / routed:6.1f}")


if __name__ == "__main__":
    main()
