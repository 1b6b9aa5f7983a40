"""Chunks of one message, from the agent's events to committed rows and frames, beside rewriting the row for each chunk.

Everything is real (executor, router, paragraphs, group commit, SQLite, hub with a reader) but the connection, which
yields prepared events. The baseline does what the system that this one replaces does: it loads nothing anew, but for
each chunk writes the item with its whole text and the conversation's counter through the ORM, and pushes.
"""

import asyncio
import gc
import json
import random
import time
import tracemalloc
from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import dataclass

from a2a.types import (
    Message,
    Part,
    Role,
    StreamResponse,
    Task,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)
from django.db import transaction
from django.utils import timezone

from benchmarks import people
from benchmarks.harness import RUNS, Row, median_of
from conversations.events import Event
from conversations.hub import StreamViewer, conversation_key, hub
from conversations.ids import new_id
from conversations.journal import journal
from conversations.models import Conversation, ConversationItem, ItemTail
from conversations.store import item_envelope
from tasks.agents.connections import connections
from tasks.agents.remote import AgentRef, Outgoing
from tasks.execution.run import RunExecution
from tasks.models import TaskRun
from tasks.requests import submit_message
from tasks.schemas.inputs import MessageIn
from tasks.services import Lease, TaskService
from tasks.states import RunStatus

LENGTHS = (500, 2_000, 8_000)
GOAL = 10_000
"""Chunks a second, over a whole run with its start and its end."""
LINEAR = 1.5
"""How much dearer a chunk of the longest message may be than one of the middle one."""
BASELINE_CHUNKS = 500
MANY = 12_000
"""Chunks after which what a run remembers of its events (10,000 ids) no longer grows."""
FLAT = 1.25
"""How much more memory twice as long an answer may take; what waits for a commit varies."""


class Prepared:
    """A connection that yields what it was given: the one stand-in."""

    def __init__(self, events: Iterable[StreamResponse]) -> None:
        self._events = events

    async def send(self, message: Outgoing) -> AsyncGenerator[StreamResponse]:  # noqa: ARG002
        """The answer."""
        for event in self._events:
            yield event


def prepare(events: Iterable[StreamResponse]) -> None:
    """Make `events` the agent's next answer."""

    async def get(ref: AgentRef) -> Prepared:  # noqa: ARG001
        return Prepared(events)

    connections.get = get  # type: ignore[method-assign, assignment]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One run: its seconds, and the frames in which its text came."""

    seconds: float
    frames: int


def pieces(number: int, *, words: int = 1) -> list[str]:
    """Text as a model streams it: `words` words a chunk, of 5 characters in the mean."""
    dice = random.Random(1)
    return ["".join(dice.choices("etaoinshrdlu", k=words * dice.randint(2, 6))) + " " for _ in range(number)]


def answer(texts: Iterable[str], *, task_id: str = "", tool_every: int = 0) -> Iterator[StreamResponse]:
    """An agent's events for one answer; with `tool_every`, a tool call that ends the paragraph after so many chunks."""
    task_id = task_id or str(new_id())
    submitted = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED)
    yield StreamResponse(task=Task(id=task_id, context_id="context", status=submitted))
    for number, text in enumerate(texts, 1):
        yield _update(task_id, text, {"response_event": "message_chunk"})
        if tool_every and number % tool_every == 0:
            call = {"tool_call_id": f"call-{number}", "tool_name": "look", "tool_result": "found"}
            yield _update(task_id, "", {"response_event": "tool_call_completed", **call})
    completed = TaskStatus(state=TaskState.TASK_STATE_COMPLETED)
    yield StreamResponse(status_update=TaskStatusUpdateEvent(task_id=task_id, context_id="context", status=completed))


def _update(task_id: str, text: str, metadata: dict[str, str]) -> StreamResponse:
    said = Message(message_id=str(new_id()), role=Role.ROLE_AGENT, parts=[Part(text=text)])
    update = TaskStatusUpdateEvent(
        task_id=task_id,
        context_id="context",
        status=TaskStatus(state=TaskState.TASK_STATE_WORKING, message=said),
    )
    update.metadata.update(metadata)
    return StreamResponse(status_update=update)


def lease() -> tuple[Lease, Conversation]:
    """A claimed and leased run in a conversation of its own."""
    conversation = people.conversation()
    now = timezone.now()
    submit_message(
        conversation, MessageIn(text="Say something long.", agent_name=people.AGENT), user=people.user(), now=now
    )
    conversation.refresh_from_db()
    now = timezone.now()
    TaskService.claim_due(now=now)
    (held,) = TaskService.start(worker="bench", capacity=1, now=now)
    return held, conversation


async def stream(held: Lease, conversation: Conversation, events: Iterable[StreamResponse]) -> tuple[float, list[str]]:
    """Carry the run out before a reader; returns its seconds and the frames that the reader got."""
    prepare(events)
    viewer = await hub.open(conversation_key(conversation.pk))
    assert isinstance(viewer, StreamViewer)
    viewer.seek(conversation.last_seq)
    frames: list[str] = []

    async def read() -> None:
        while (entry := await viewer.read()) is not None:
            frames.append(entry.text)

    reader = asyncio.create_task(read())
    begun = time.perf_counter()
    await RunExecution(held).execute()
    seconds = time.perf_counter() - begun
    await asyncio.sleep(0.05)
    reader.cancel()
    hub.close(viewer)
    return seconds, frames


def ours(chunks: int) -> Measured:
    """One run of `chunks` chunks, checked: all is stored, and all was shown."""
    held, conversation = lease()
    texts = pieces(chunks)
    events = list(answer(texts))
    gc.collect()
    seconds, frames = _in_loop(held, conversation, events)
    check(held, conversation, "".join(texts), frames)
    return Measured(seconds=seconds, frames=len(frames))


def _in_loop(held: Lease, conversation: Conversation, events: Iterable[StreamResponse]) -> tuple[float, list[str]]:
    async def main() -> tuple[float, list[str]]:
        try:
            return await stream(held, conversation, events)
        finally:
            await journal.close()

    return asyncio.run(main())


def check(held: Lease, conversation: Conversation, text: str, frames: list[str]) -> None:
    """What was measured did its work: the run succeeded, its text is stored whole, and the reader saw it whole."""
    assert TaskRun.objects.get(pk=held.run_id).status == RunStatus.SUCCEEDED
    chunks = ConversationItem.objects.filter(conversation=conversation, event=Event.MESSAGE_CHUNK)
    assert "".join(item.payload["content"] for item in chunks) == text
    assert not ItemTail.objects.filter(item__conversation=conversation).exists()
    shown = []
    for frame in frames:
        for envelope in json.loads(frame)["events"]:
            if envelope["event"] == Event.MESSAGE_CHUNK:
                payload = envelope["data"]["payload"]
                shown.append(payload.get("delta", payload.get("content")))
    assert "".join(shown) == text


def rewriting(chunks: int) -> float:
    """Seconds of the baseline: every chunk a transaction that writes the whole paragraph so far."""
    conversation = people.conversation()
    item = ConversationItem(
        conversation=conversation, position=1, seq=1, event=Event.MESSAGE_CHUNK, role="agent", payload={"content": ""}
    )
    item.save(force_insert=True)
    texts = pieces(chunks)
    gc.collect()
    begun = time.perf_counter()
    for text in texts:
        with transaction.atomic():
            conversation.last_seq += 1
            conversation.save(update_fields=["last_seq", "updated_at"])
            item.seq = conversation.last_seq
            item.payload["content"] += text
            item.save()
        hub.publish(conversation.pk, [item_envelope(item)])
    return time.perf_counter() - begun


def peak(chunks: int, *, tool_every: int) -> int:
    """Bytes by which memory grew at most during one run whose events are made as they are asked for."""
    held, _ = lease()
    # Long chunks, so that what a run keeps of its text for its result (200,000 characters) is full in both cases.
    events = answer(pieces(chunks, words=10), tool_every=tool_every)
    gc.collect()
    tracemalloc.start()
    # Nobody watches: what a reader collects is not ours.
    prepare(events)

    async def main() -> None:
        try:
            await RunExecution(held).execute()
        finally:
            await journal.close()

    try:
        asyncio.run(main())
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def measure(*, quick: bool) -> Iterator[Row]:
    """The rows of the table."""
    people.agent()
    journal.use_gate(TaskService.gate)
    runs = 3 if quick else RUNS
    ours(500)
    rewriting(50)
    naive = BASELINE_CHUNKS / median_of(rewriting(BASELINE_CHUNKS) for _ in range(runs))
    rates = {}
    for chunks in LENGTHS:
        measured = [ours(chunks) for _ in range(runs)]
        rates[chunks] = chunks / median_of(run.seconds for run in measured)
        yield Row(
            what=f"transcript: chunks stored and emitted, message of {chunks:,}",
            ours=f"{rates[chunks]:,.0f}/s in {median_of(run.frames for run in measured):.0f} frames",
            baseline=f"{naive:,.0f}/s rewriting ({BASELINE_CHUNKS} chunks)",
            ratio=f"{rates[chunks] / naive:.0f}×",
            goal=f"≥ {GOAL:,}/s",
            met=rates[chunks] >= GOAL,
        )
    dearer = rates[LENGTHS[1]] / rates[LENGTHS[2]]
    yield Row(
        what=f"transcript: cost of a chunk of {LENGTHS[2]:,} to one of {LENGTHS[1]:,}",
        ours=f"{dearer:.2f}×",
        goal=f"≤ {LINEAR} (linear)",
        met=dearer <= LINEAR,
    )
    once, twice = peak(MANY, tool_every=100), peak(2 * MANY, tool_every=100)
    opened = peak(2 * MANY, tool_every=0)
    yield Row(
        what=f"transcript: peak memory, {2 * MANY:,} chunks in paragraphs of 100 to {MANY:,}",
        ours=f"{twice / 2**20:.1f} MiB to {once / 2**20:.1f} MiB",
        baseline=f"one paragraph: {opened / 2**20:.1f} MiB",
        ratio=f"{twice / once:.2f}×",
        goal=f"≤ {FLAT} (open paragraphs only)",
        met=twice / once <= FLAT,
    )
