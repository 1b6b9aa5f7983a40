"""Turns changes into rows, gives each its `seq`, and returns the envelopes to push once the transaction is committed.

Synchronous, and always inside the caller's transaction: the caller decides what else becomes visible with it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q

from conversations.changes import Append, Change, Close, Pass, Put, Scope
from conversations.events import NEWS, ComponentType, Envelope, Event, Json, Role, envelope
from conversations.hub import hub
from conversations.models import Conversation, ConversationItem, ItemTail

Frames = dict[UUID, list[Envelope]]
"""By conversation, the envelopes of one commit in `seq` order, passing events in their places."""


@dataclass(slots=True)
class _Growth:
    """Text appended to one item in this commit, and the envelope that carries it."""

    item: ConversationItem
    offset: int
    pieces: list[str]
    place: int
    seq: int


def store(changes: Sequence[Change], *, now: datetime) -> Frames:
    """Write `changes` and return their envelopes, by conversation.

    1. Lock the conversations, in the order of their ids: whoever holds the row hands out the next `seq`.
    2. Find the rows that the changes speak of, by id or by key, in one query.
    3. Number and apply the changes in memory: neighbouring pieces of one item's text become one.
    4. Write the rows: new ones, replaced ones, grown ones, folded ones; then the counters.

    Changes of a conversation that was deleted meanwhile are dropped with it. Must run inside a transaction.
    """
    by_conversation: dict[UUID, list[Change]] = defaultdict(list)
    for change in changes:
        by_conversation[change.scope.conversation_id].append(change)
    locked = {
        conversation.id: conversation
        for conversation in Conversation.objects.select_for_update(no_key=True)
        .filter(id__in=list(by_conversation))
        .order_by("id")
        .only("id", "last_seq", "news_seq", "seen_seq", "user_id")
    }
    read = [conversation for conversation in locked.values() if not conversation.unread]
    rows = _find_rows(changes)
    frames: Frames = {}
    work = _Work(now)
    for conversation_id, conversation in locked.items():
        batch = _Batch(conversation, rows, work)
        for change in by_conversation[conversation_id]:
            batch.apply(change)
        frames[conversation_id] = batch.finish()
    work.write(locked.values())
    _mark_unread([conversation for conversation in read if conversation.unread])
    return frames


def _mark_unread(conversations: Sequence[Conversation]) -> None:
    """Tell the owners' pages that something came, once: not again before it was seen."""
    for conversation in conversations:
        transaction.on_commit(
            lambda user_id=conversation.user_id, pk=conversation.pk: hub.announce(  # type: ignore[misc]
                user_id, "conversation_changed", [pk]
            )
        )


def _find_rows(changes: Sequence[Change]) -> dict[UUID | tuple[UUID, str], ConversationItem]:
    """The existing rows that `changes` speak of, under their id and under (conversation, key)."""
    ids: set[UUID] = set()
    keys: set[str] = set()
    for change in changes:
        if isinstance(change, Pass):
            continue
        ids.add(change.item_id)
        if isinstance(change, Put) and change.key:
            keys.add(change.key)
    if not ids:
        return {}
    wanted = Q(id__in=ids)
    if keys:
        conversations = {change.scope.conversation_id for change in changes}
        wanted |= Q(conversation__in=conversations, key__in=keys)
    rows: dict[UUID | tuple[UUID, str], ConversationItem] = {}
    for item in ConversationItem.objects.filter(wanted):
        rows[item.id] = item
        if item.key:
            rows[item.conversation_id, item.key] = item
    return rows


class _Work:
    """The rows to write for one commit, over all its conversations."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.created: dict[UUID, ConversationItem] = {}
        self.replaced: dict[UUID, ConversationItem] = {}
        self.touched: dict[UUID, ConversationItem] = {}
        self.tails: list[ItemTail] = []
        self.folded: set[UUID] = set()

    def write(self, conversations: Iterable[Conversation]) -> None:
        """Write everything, in an order that the constraints accept."""
        if self.folded:
            ItemTail.objects.filter(item__in=self.folded).delete()
        if self.created:
            ConversationItem.objects.bulk_create(self.created.values())
        for item in self.replaced.values():
            item.updated_at = self.now
            item.save(update_fields=["event", "payload", "metadata", "seq", "updated_at"], force_update=True)
        touched = [item for item in self.touched.values() if item.id not in self.replaced]
        if touched:
            self._touch(touched)
        if self.tails:
            ItemTail.objects.bulk_create(self.tails)
        self._count(conversations)

    def _count(self, conversations: Iterable[Conversation]) -> None:
        """Write the counters, however many conversations it were."""
        field = Conversation._meta.pk
        moment = connection.ops.adapt_datetimefield_value(self.now)
        with connection.cursor() as cursor:
            cursor.executemany(
                f'UPDATE "{Conversation._meta.db_table}" SET last_seq = %s, news_seq = %s, updated_at = %s'  # noqa: S608
                " WHERE id = %s",
                [
                    (one.last_seq, one.news_seq, moment, field.get_db_prep_value(one.id, connection))
                    for one in conversations
                ],
            )

    def _touch(self, items: Sequence[ConversationItem]) -> None:
        """Move `seq` and `event` only: the payload of a growing item is never written again while it grows."""
        table = ConversationItem._meta.db_table
        field = ConversationItem._meta.pk
        moment = connection.ops.adapt_datetimefield_value(self.now)
        with connection.cursor() as cursor:
            cursor.executemany(
                f'UPDATE "{table}" SET seq = %s, event = %s, updated_at = %s WHERE id = %s',  # noqa: S608
                [(item.seq, str(item.event), moment, field.get_db_prep_value(item.id, connection)) for item in items],
            )


class _Batch:
    """One conversation's part of a commit: numbers its changes and builds its envelopes."""

    def __init__(
        self,
        conversation: Conversation,
        rows: dict[UUID | tuple[UUID, str], ConversationItem],
        work: _Work,
    ) -> None:
        self.conversation = conversation
        self.rows = rows
        self.work = work
        self.envelopes: list[Envelope | None] = []
        self.growing: dict[UUID, _Growth] = {}

    def apply(self, change: Change) -> None:
        """Apply one change to the rows in memory."""
        if isinstance(change, Append):
            self._append(change)
        elif isinstance(change, Put):
            self._put(change)
        elif isinstance(change, Close):
            self._close(change)
        else:
            self.envelopes.append(_passing(change, self.work.now))

    def finish(self) -> list[Envelope]:
        """End what grew, and return the envelopes in order."""
        for growth in list(self.growing.values()):
            self._end_growth(growth)
        return [part for part in self.envelopes if part is not None]

    def _next_seq(self) -> int:
        self.conversation.last_seq += 1
        return self.conversation.last_seq

    def _put(self, change: Put) -> None:
        item = self.rows.get(change.item_id)
        if item is None and change.key:
            item = self.rows.get((change.scope.conversation_id, change.key))
        seq = self._next_seq()
        if item is None:
            item = self._create(change, seq)
        else:
            if growth := self.growing.get(item.id):
                self._end_growth(growth)
            item.event = change.event
            item.payload = change.payload
            item.metadata = dict(change.metadata)
            item.seq = seq
            if item.id not in self.work.created:
                self.work.replaced[item.id] = item
                self.work.folded.add(item.id)
                self.work.tails = [tail for tail in self.work.tails if tail.item_id != item.id]
        self._note_news(item)
        self.envelopes.append(item_envelope(item))

    def _note_news(self, item: ConversationItem) -> None:
        """Move the conversation's `news_seq` where the item, as it is now, tells its person something."""
        if item.event not in NEWS or item.role == Role.USER or item.metadata.get("unchanged"):
            return
        kind = item.payload.get("component_type")
        # A task's own card follows what people press.
        if item.event == Event.COMPONENT_GENERATOR and kind == ComponentType.SCHEDULED_TASK_CONTROLLER:
            return
        self.conversation.news_seq = item.seq

    def _create(self, change: Put, seq: int) -> ConversationItem:
        scope = change.scope
        item = ConversationItem(
            id=change.item_id,
            conversation_id=scope.conversation_id,
            position=seq,
            seq=seq,
            key=change.key,
            event=change.event,
            role=scope.role,
            agent_name=scope.agent_name,
            thread_id=scope.thread_id,
            task_id=scope.task_id,
            run_id=scope.run_id,
            payload=change.payload,
            metadata=dict(change.metadata),
            created_at=self.work.now,
            updated_at=self.work.now,
        )
        self.work.created[item.id] = item
        self.rows[item.id] = item
        if item.key:
            self.rows[item.conversation_id, item.key] = item
        return item

    def _append(self, change: Append) -> None:
        growth = self.growing.get(change.item_id)
        if growth is not None and growth.item.event == change.event:
            growth.pieces.append(change.delta)
            return
        item = self.rows.get(change.item_id)
        if item is None:
            return
        if growth is not None:
            self._end_growth(growth)
        item.event = change.event
        item.seq = self._next_seq()
        self._note_news(item)
        self.growing[item.id] = _Growth(
            item=item, offset=change.offset, pieces=[change.delta], place=len(self.envelopes), seq=item.seq
        )
        # The place of the first piece; filled when the growth ends, with all of it.
        self.envelopes.append(None)

    def _end_growth(self, growth: _Growth) -> None:
        del self.growing[growth.item.id]
        delta = "".join(growth.pieces)
        item = growth.item
        if item.id in self.work.created:
            content = item.payload.get("content") or ""
            item.payload = {**item.payload, "content": content + delta}
        else:
            self.work.touched[item.id] = item
            self.work.tails.append(ItemTail(item_id=item.id, offset=growth.offset, text=delta))
        kind = item.payload.get("component_type")
        payload: Json = {"delta": delta, "offset": growth.offset}
        if kind is not None:
            payload["component_type"] = kind
        self.envelopes[growth.place] = item_envelope(item, payload=payload, seq=growth.seq)

    def _close(self, change: Close) -> None:
        item = self.rows.get(change.item_id)
        if item is None:
            return
        if growth := self.growing.get(item.id):
            self._end_growth(growth)
        if item.id in self.work.created:
            return
        item.payload = {**item.payload, "content": change.content}
        self.work.replaced[item.id] = item
        self.work.folded.add(item.id)
        self.work.tails = [tail for tail in self.work.tails if tail.item_id != item.id]


def item_envelope(item: ConversationItem, *, payload: Json | None = None, seq: int | None = None) -> Envelope:
    """The envelope of an item: whole, or with the `payload` and `seq` of one change of it."""
    return envelope(
        seq=item.seq if seq is None else seq,
        event=item.event,
        conversation_id=item.conversation_id,
        item_id=item.id,
        position=item.position,
        role=item.role,
        agent_name=item.agent_name,
        thread_id=item.thread_id,
        task_id=item.task_id,
        run_id=item.run_id,
        payload=item.payload if payload is None else payload,
        metadata=item.metadata,
        created_at=item.created_at,
    )


def _passing(change: Pass, now: datetime) -> Envelope:
    scope: Scope = change.scope
    metadata: Mapping[str, Any] = change.metadata
    return envelope(
        seq=None,
        event=change.event,
        conversation_id=scope.conversation_id,
        item_id=None,
        position=None,
        role=scope.role,
        agent_name=scope.agent_name,
        thread_id=scope.thread_id,
        task_id=scope.task_id,
        run_id=scope.run_id,
        payload=change.payload,
        metadata=metadata,
        created_at=now,
    )
