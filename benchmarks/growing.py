"""Text that grows slowly: what reaches the disk for each byte of it, by three ways to store it.

Ten streams of 60,000 characters, in commits of three pieces: *tails* is the store as it is (pieces are rows of their
own, folded into the item when it closes), *in place* is `text = text || piece` in one row, *rewritten* is the whole
paragraph through the ORM. Bytes are those that this process hands to the kernel (SQLite), or of the write-ahead log
(PostgreSQL).
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.db import connection, transaction
from django.utils import timezone

from benchmarks import people
from benchmarks.harness import Row
from conversations.changes import Append, Change, Close, Put, Scope
from conversations.events import Event, Role
from conversations.ids import new_id
from conversations.models import Conversation, ConversationItem, ItemTail
from conversations.store import store

STREAMS = 10
PIECE = 30
"""Characters of a piece, as agents send them."""
TOGETHER = 3
"""Pieces of one commit, of as many streams."""
LENGTH, QUICK_LENGTH = 60_000, 15_000

Commits = list[list[tuple[int, int, str]]]
"""For each commit its pieces: stream, offset, text."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Bytes written for each byte of text, and pieces a second."""

    amplification: float
    rate: float


def commits(length: int) -> Commits:
    """The same random text for all: a page of the database must not compress or repeat."""
    dice = random.Random(1)
    pieces = [
        (stream, offset, "".join(dice.choices("etaoin shrdlu", k=PIECE)))
        for offset in range(0, length, PIECE)
        for stream in range(STREAMS)
    ]
    return [pieces[start : start + TOGETHER] for start in range(0, len(pieces), TOGETHER)]


def written() -> int:
    """Bytes written so far."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')")
            return int(cursor.fetchone()[0])
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("wchar")))


def items(conversation: Conversation) -> list[ConversationItem]:
    """One open item a stream."""
    made = [
        ConversationItem(
            conversation=conversation,
            position=place,
            seq=place,
            event=Event.MESSAGE_CHUNK,
            role=Role.AGENT,
            payload={"content": ""},
        )
        for place in range(1, STREAMS + 1)
    ]
    return ConversationItem.objects.bulk_create(made)


def tails(work: Commits) -> None:
    """The store as it is."""
    conversation = people.conversation()
    scope = Scope(conversation_id=conversation.pk, role=Role.AGENT)
    ids = [new_id() for _ in range(STREAMS)]
    texts: list[list[str]] = [[] for _ in range(STREAMS)]
    for pieces in work:
        changes: list[Change] = []
        for stream, offset, text in pieces:
            change: Change = Append(
                scope=scope, item_id=ids[stream], event=Event.MESSAGE_CHUNK, delta=text, offset=offset
            )
            if offset == 0:
                change = Put(scope=scope, item_id=ids[stream], event=Event.MESSAGE_CHUNK, payload={"content": text})
            changes.append(change)
            texts[stream].append(text)
        with transaction.atomic():
            store(changes, now=timezone.now())
    with transaction.atomic():
        ends = [Close(scope=scope, item_id=ids[at], content="".join(texts[at])) for at in range(STREAMS)]
        store(ends, now=timezone.now())


def in_place(work: Commits) -> None:
    """`text = text || piece` in a row a stream, and the counter."""
    conversation = people.conversation()
    rows = ItemTail.objects.bulk_create(ItemTail(item=item, offset=0, text="") for item in items(conversation))
    for pieces in work:
        with transaction.atomic(), connection.cursor() as cursor:
            conversation.last_seq += 1
            conversation.save(update_fields=["last_seq"])
            for stream, _, text in pieces:
                cursor.execute(
                    "UPDATE conversations_itemtail SET text = text || %s WHERE id = %s", [text, rows[stream].pk]
                )


def rewritten(work: Commits) -> None:
    """The whole paragraph through the ORM."""
    conversation = people.conversation()
    rows = items(conversation)
    for pieces in work:
        with transaction.atomic():
            conversation.last_seq += 1
            conversation.save(update_fields=["last_seq"])
            for stream, _, text in pieces:
                rows[stream].payload["content"] += text
                rows[stream].save(update_fields=["payload", "seq"])


def cost(way: Callable[[Commits], None], work: Commits) -> Cost:
    """What `way` takes for `work`."""
    pieces = sum(len(part) for part in work)
    before, begun = written(), time.perf_counter()
    way(work)
    seconds = time.perf_counter() - begun
    return Cost(amplification=(written() - before) / (pieces * PIECE), rate=pieces / seconds)


def measure(*, quick: bool) -> Iterator[Row]:
    """The rows of the table."""
    work = commits(QUICK_LENGTH if quick else LENGTH)
    found = {way.__name__: cost(way, work) for way in (tails, in_place, rewritten)}
    ours = found.pop("tails")
    for name, other in found.items():
        words = name.replace("_", " ")
        yield Row(
            what=f"growing text: bytes written for each byte, tails beside {words}, {connection.vendor}",
            ours=f"{ours.amplification:,.0f}× at {ours.rate:,.0f} pieces/s",
            baseline=f"{other.amplification:,.0f}× at {other.rate:,.0f} pieces/s",
            ratio=f"1/{other.amplification / ours.amplification:.1f}",
        )
