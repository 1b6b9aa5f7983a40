"""The journal: persists what happens in conversations and then pushes it. Persist, then push, always.

Two ways in, one way out. A synchronous caller that already is in a transaction (a page, the API, TaskService) calls
`write`: rows in that transaction, frames after its commit. A run calls `Journal.add` for each chunk: the changes of
all runs are collected for at most 50 ms (250 where nobody watches) and written in one transaction by one thread.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import OperationalError, transaction
from django.utils import timezone

from conversations import faults, metrics
from conversations.changes import Append, Change, Put
from conversations.hub import hub
from conversations.store import Frames, store
from conversations.threads import DatabaseThreads

logger = logging.getLogger(__name__)

WINDOW = 0.050
"""Seconds for which events are collected where somebody watches (the contract's section 2)."""
WINDOW_UNWATCHED = 0.250
"""Seconds where nobody does: fewer, larger commits."""
PENDING_MAX = 8 * 1024 * 1024
"""Characters that may wait for a commit before those who add more are held up."""
RETRIES = 5
"""Commits tried again after the database said that it is busy or away, before their owners are told."""
RETRY_DELAY = 0.2
"""Seconds before the first of them; doubled each time."""

Settle = Callable[[], Sequence[Change]]
"""Called in the commit's transaction after the entry's changes are written; returns the changes that follow."""


@dataclass(frozen=True, slots=True)
class Together:
    """A settle that is done for all entries of a commit that ask for the same, by statements over sets."""

    function: Callable[[Sequence[Any]], Sequence[Change]]
    """Called once a commit with the arguments of all, after all their changes are written. What it raises is raised to
    all of them, in ever smaller commits until it is raised to the one that it belongs to."""
    argument: Any


Gate = Callable[[Collection[Hashable], Collection[Hashable]], Collection[Hashable]]
"""Called in the commit's transaction with the entries' passes, and with those among them that settle something;
returns those that are still good, and locks what they speak of, so that nobody decides otherwise before the commit."""


def publish(frames: Frames) -> None:
    """Hand committed frames to the hub. Call it after the commit only."""
    for conversation_id, envelopes in frames.items():
        if envelopes:
            hub.publish(conversation_id, envelopes)


def write(changes: Sequence[Change]) -> Frames:
    """Write `changes` in the caller's transaction, and push them when it is committed.

    Returns the envelopes, by conversation, as they will be pushed. Raises `TransactionManagementError` outside a
    transaction (the conversation's row could not be locked).
    """
    frames = store(changes, now=timezone.now())
    transaction.on_commit(lambda: publish(frames))
    return frames


@dataclass(slots=True)
class _Entry:
    """What one `add` brought: changes, whose they are, and what becomes visible with them."""

    changes: Sequence[Change]
    gate_pass: Hashable | None = None
    settle: Settle | Together | None = None
    done: "asyncio.Future[bool] | None" = None

    @property
    def settles_alone(self) -> bool:
        """Its settle is a function of its own."""
        return self.settle is not None and not isinstance(self.settle, Together)


@dataclass(slots=True)
class _Pending:
    """What waits for the next commit."""

    entries: list[_Entry] = field(default_factory=list)
    size: int = 0
    since: float = 0.0
    """When the oldest of them came, by the monotonic clock."""


class Journal:
    """The group commit of one process. Belongs to the event loop in which it is first used, until `close`."""

    def __init__(self) -> None:
        self._gate: Gate | None = None
        self._pending = _Pending()
        self._writer: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._room = asyncio.Event()
        self._threads: DatabaseThreads | None = None
        self._lost: dict[Hashable, Exception] = {}
        """By pass, why words of its run were lost: the run may not end as if they had been said."""

    def use_gate(self, gate: Gate) -> None:
        """Ask `gate` in each commit which runs may still write: one that lost its lease, or was cancelled, may not."""
        self._gate = gate

    def add(
        self, changes: Sequence[Change], settle: Settle | Together | None = None, *, gate_pass: Hashable | None = None
    ) -> None:
        """Take `changes` for the next commit. Their order is kept. Does not wait: see `room`, and `settle`."""
        if changes or settle:
            self._take(_Entry(changes=changes, gate_pass=gate_pass, settle=settle))

    async def room(self) -> None:
        """Wait while more is pending than memory should hold, so that a fast agent is read no faster than written."""
        while self._pending.size > PENDING_MAX:
            metrics.PENDING.set(self._pending.size)
            self._room.clear()
            await self._room.wait()

    async def settle(
        self, changes: Sequence[Change], settle: Settle | Together | None = None, *, gate_pass: Hashable | None = None
    ) -> bool:
        """Write `changes` and all that was added before, run `settle` in the same transaction, and wait for it.

        Returns whether the gate let it pass: if not, somebody else decided about this run, and nothing of it was
        written. Raises what `settle` raises (its entry is rolled back alone), the database's error if it stays away,
        and, once, the error by which words that this pass added before were lost. The wait survives a cancellation of
        the caller only inside `asyncio.shield`.
        """
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._take(_Entry(changes=changes, gate_pass=gate_pass, settle=settle, done=done))
        self._hurry.set()
        return await done

    async def flush(self) -> None:
        """Wait until everything that was added is committed."""
        await self.settle(())

    async def close(self) -> None:
        """Commit what is pending and end the writer (SIGTERM, the end of a test's loop)."""
        if self._writer is None:
            return
        try:
            await self.flush()
        finally:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
            self._writer = None
            if self._threads is not None:
                await self._threads.close()
                self._threads = None

    def _take(self, entry: _Entry) -> None:
        self._start()
        if not self._pending.entries:
            self._pending.since = time.monotonic()
        self._pending.entries.append(entry)
        self._pending.size += sum(_size(change) for change in entry.changes)
        self._wake.set()

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        if self._writer is not None and self._loop is loop and not self._writer.done():
            return
        # A loop of its own (each test has one): events and futures of an ended loop would never wake.
        self._loop = loop
        self._wake, self._hurry, self._room = asyncio.Event(), asyncio.Event(), asyncio.Event()
        if self._threads is None:
            self._threads = DatabaseThreads("journal")
        self._writer = loop.create_task(self._write_forever(), name="journal")

    async def _write_forever(self) -> None:
        while True:
            await self._wake.wait()
            if not self._hurry.is_set():
                await self._wait_for_more()
            self._wake.clear()
            self._hurry.clear()
            batch, self._pending = self._pending, _Pending()
            self._room.set()
            metrics.PENDING.set(0)
            await self._commit(batch.entries)
            metrics.PUSH_SECONDS.observe(time.monotonic() - batch.since)

    async def _wait_for_more(self) -> None:
        """Collect for the window; it ends early when somebody waits for the commit."""
        watched = any(
            hub.watched(change.scope.conversation_id) for entry in self._pending.entries for change in entry.changes[:1]
        )
        try:
            await asyncio.wait_for(self._hurry.wait(), WINDOW if watched else WINDOW_UNWATCHED)
        except TimeoutError:
            return

    async def _commit(self, entries: list[_Entry]) -> None:
        """Write one batch, again while the database is busy; then push, then tell those who wait."""
        threads = self._threads or DatabaseThreads("journal")
        delay = RETRY_DELAY
        metrics.COMMIT_CHANGES.observe(sum(len(entry.changes) for entry in entries))
        for attempt in range(RETRIES + 1):
            try:
                with metrics.COMMIT_SECONDS.time():
                    frames, outcomes = await threads.run(self._commit_in_thread, entries)
                break
            except OperationalError as error:
                if attempt == RETRIES:
                    self._give_up(entries, error)
                    return
                metrics.COMMIT_RETRIES.inc()
                logger.warning(
                    "database is busy or away, trying again",
                    extra={"event": "journal.retry", "error": str(error)},
                )
                await asyncio.sleep(delay)
                delay *= 2
            except Exception as error:
                if len(entries) == 1:
                    logger.exception("a change cannot be stored", extra={"event": "journal.failed"})
                    self._give_up(entries, error)
                    return
                # Something in it cannot be stored: the halves are tried, so that it costs nobody else's words.
                middle = len(entries) // 2
                await self._commit(entries[:middle])
                await self._commit(entries[middle:])
                return
        for part in frames:
            publish(part)
        for entry, outcome in zip(entries, outcomes, strict=True):
            self._tell(entry, outcome)

    def _give_up(self, entries: list[_Entry], error: Exception) -> None:
        for entry in entries:
            self._tell(entry, error)

    def _tell(self, entry: _Entry, outcome: bool | Exception) -> None:
        """Tell who waits for `entry` what became of it; if nobody does, keep a failure for who waits next."""
        if entry.done is None:
            if isinstance(outcome, Exception) and entry.gate_pass is not None:
                self._lost.setdefault(entry.gate_pass, outcome)
            return
        self._lost.pop(entry.gate_pass, None)
        if entry.done.done():
            return
        if isinstance(outcome, Exception):
            entry.done.set_exception(outcome)
        else:
            entry.done.set_result(outcome)

    def _commit_in_thread(self, entries: list[_Entry]) -> tuple[list[Frames], list[bool | Exception]]:
        now = timezone.now()
        with transaction.atomic():
            admitted = self._admitted(entries)
            outcomes: list[bool | Exception] = [True] * len(entries)
            together: list[_Entry] = []
            alone: list[tuple[int, _Entry]] = []
            behind: set[Hashable] = set()
            for number, entry in enumerate(entries):
                if entry.gate_pass is not None and entry.gate_pass not in admitted:
                    outcomes[number] = False
                elif entry.gate_pass in self._lost:
                    outcomes[number] = self._lost[entry.gate_pass]
                elif entry.settles_alone or entry.gate_pass in behind:
                    # In their order within a pass; those of others go first, which makes one store of them.
                    alone.append((number, entry))
                    behind.add(entry.gate_pass)
                else:
                    together.append(entry)
            frames = [*_write_together(together, now), *_write_alone(alone, outcomes, now)]
            faults.reached("journal.before_commit")
        faults.reached("journal.committed")
        return frames, outcomes

    def _admitted(self, entries: list[_Entry]) -> Collection[Hashable]:
        passes = {entry.gate_pass for entry in entries if entry.gate_pass is not None}
        if not passes or self._gate is None:
            return passes
        settling = {entry.gate_pass for entry in entries if entry.gate_pass is not None and entry.settle}
        return self._gate(passes, settling)


def _write_together(entries: Sequence[_Entry], now: datetime) -> Iterator[Frames]:
    """Store all their changes at once, then settle: of each pass in its order, the same of many passes in one call."""
    if changes := [change for entry in entries for change in entry.changes]:
        yield store(changes, now=now)
    rounds: list[dict[Callable[[Sequence[Any]], Sequence[Change]], list[Any]]] = []
    settled: Counter[Hashable] = Counter()
    for entry in entries:
        if isinstance(entry.settle, Together):
            number = settled[entry.gate_pass]
            settled[entry.gate_pass] += 1
            if number == len(rounds):
                rounds.append({})
            rounds[number].setdefault(entry.settle.function, []).append(entry.settle.argument)
    for functions in rounds:
        for function, arguments in functions.items():
            if after := function(arguments):
                yield store(after, now=now)


def _write_alone(
    entries: Sequence[tuple[int, _Entry]], outcomes: list[bool | Exception], now: datetime
) -> Iterator[Frames]:
    """One after the other: each sees everything before it, and its failure takes back its own changes only."""
    for number, entry in entries:
        try:
            with transaction.atomic():
                frames = list(_write_one(entry, now))
        except OperationalError:
            raise
        except Exception as error:
            outcomes[number] = error
            continue
        yield from frames


def _write_one(entry: _Entry, now: datetime) -> Iterator[Frames]:
    if entry.changes:
        yield store(entry.changes, now=now)
    settle = entry.settle
    after = settle.function([settle.argument]) if isinstance(settle, Together) else settle() if settle else ()
    if after:
        yield store(after, now=now)


def _size(change: Change) -> int:
    if isinstance(change, Append):
        return len(change.delta)
    if isinstance(change, Put):
        content = change.payload.get("content")
        return len(content) if isinstance(content, str) else 256
    return 0


journal = Journal()
"""The journal of this process."""
