"""A subscription that is read ahead of the look-up, so that nothing between the two is lost or said twice.

A 0.3 subscription begins without a snapshot: it is opened first, then the task is looked up. What comes between is in
both; messages have ids by which that shows, pieces of artifacts have not.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress

from a2a.types import Artifact, Part, Role, StreamResponse, Task

ROOM = 1_000
"""Events that are read ahead at most; then the agent has to wait."""


class Ahead:
    """Reads a stream from now on. To be closed."""

    def __init__(self, events: AsyncGenerator[StreamResponse]) -> None:
        self._events = events
        self._queue: asyncio.Queue[StreamResponse | Exception | None] = asyncio.Queue(ROOM)
        self._begun = asyncio.Event()
        self._reading = asyncio.ensure_future(self._read())

    async def begun(self, within: float) -> None:
        """Return when something came, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._begun.wait()

    def since(self, task: Task) -> list[StreamResponse]:
        """What came so far and is not in `task`, a look-up made after this began; pieces that it has several times for
        that reason (servers fold an event once for each who listens) are left in it once.
        """
        came: list[StreamResponse] = []
        while not self._queue.empty():
            event = self._queue.get_nowait()
            if not isinstance(event, StreamResponse):
                self._queue.put_nowait(event)
                break
            came.append(event)
        came = _without_told_messages(came, task)
        for artifact in task.artifacts:
            puts = [number for number, event in enumerate(came) if _is_whole_of(artifact, event)]
            if puts:
                # Whatever came before its latest beginning is in its past.
                past = [event for event in came[: puts[-1] + 1] if _is_of(artifact, event)]
                came = [event for event in came if not any(event is old for old in past)]
            pieces = [event for event in came if _is_of(artifact, event)]
            for number in range(len(pieces), 0, -1):
                parts = [part for event in pieces[:number] for part in event.artifact_update.artifact.parts]
                if _told(artifact, parts):
                    came = [event for event in came if not any(event is told for told in pieces[:number])]
                    break
        return came

    async def next(self) -> StreamResponse | None:
        """The next event; None at the end. Raises what the stream raised."""
        event = await self._queue.get()
        if isinstance(event, StreamResponse):
            return event
        self._queue.put_nowait(event)
        if event is not None:
            raise event
        return None

    async def aclose(self) -> None:
        """Stop reading."""
        self._reading.cancel()
        await asyncio.wait([self._reading])
        await self._events.aclose()

    async def _read(self) -> None:
        try:
            async for event in self._events:
                self._begun.set()
                await self._queue.put(event)
            await self._queue.put(None)
        except Exception as error:
            await self._queue.put(error)
        finally:
            self._begun.set()


def _without_told_messages(came: list[StreamResponse], task: Task) -> list[StreamResponse]:
    """The events without those messages with which the look-up ends: not all agents give them ids by which it shows."""
    has = [(message.message_id, list(message.parts)) for message in task.history if message.role != Role.ROLE_USER]
    if task.status.HasField("message"):
        has.append((task.status.message.message_id, list(task.status.message.parts)))
    saying = [event for event in came if event.status_update.status.HasField("message")]
    said = [(e.status_update.status.message.message_id, list(e.status_update.status.message.parts)) for e in saying]
    told = next((n for n in range(len(said), 0, -1) if has[-n:] == said[:n]), 0)
    return [event for event in came if not any(event is old for old in saying[:told])]


def _is_of(artifact: Artifact, event: StreamResponse) -> bool:
    update = event.artifact_update
    return event.WhichOneof("payload") == "artifact_update" and update.artifact.artifact_id == artifact.artifact_id


def _is_whole_of(artifact: Artifact, event: StreamResponse) -> bool:
    """Whether the event puts the artifact as a whole, and the look-up has it (and maybe more) already."""
    if not _is_of(artifact, event) or event.artifact_update.append:
        return False
    parts = event.artifact_update.artifact.parts
    return list(artifact.parts[: len(parts)]) == list(parts)


def _told(artifact: Artifact, parts: Sequence[Part]) -> bool:
    """Whether `artifact` ends with `parts`, each of them once or several times; leaves each once."""
    kept = list(artifact.parts)
    for part in reversed(parts):
        if not kept or kept[-1] != part:
            return False
        while kept and kept[-1] == part:
            kept.pop()
    while kept[-len(parts) :] == list(parts):
        del kept[-len(parts) :]
    del artifact.parts[:]
    artifact.parts.extend([*kept, *parts])
    return True
