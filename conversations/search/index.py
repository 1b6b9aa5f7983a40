"""The search's index, brought up to what the conversations say.

Nothing is written for it where transcripts are written: a conversation whose `last_seq` is beyond its `indexed_seq` has
something new, which is as good as an outbox and costs no row. Who searches has their own latest words taken in first;
the runner takes in the rest.
"""

import logging
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef

from conversations.models import Conversation, ConversationItem, ItemTail, SearchEntry
from conversations.search.text import searchable, tokens

logger = logging.getLogger(__name__)

ITEMS = 250
"""Items taken in at once: some 50 ms of SQLite's writer."""
CONVERSATIONS = 50
ITEMS_BEFORE_A_SEARCH = 1_000
"""Items of one's own taken in before a search is answered; more (a restored database) waits for the runner."""


def index_pending(*, now: datetime, after: UUID | None = None) -> tuple[int, UUID | None]:  # noqa: ARG001
    """Take in what is new in the next conversations behind `after` (None: from the beginning).

    Returns how many items were taken in, and the conversation to go on from (None: that was the last). An item whose
    text still grows waits until it closes.
    """
    pending = Conversation.objects.to_index().order_by("id").only("id", "title", "indexed_seq", "last_seq")
    found = list((pending.filter(pk__gt=after) if after else pending)[:CONVERSATIONS])
    taken, place = _take_in(found, ITEMS, after)
    return taken, place if place is not None or len(found) < CONVERSATIONS else found[-1].pk


def index_for(user: User) -> int:
    """Take in what is new in this person's conversations, up to a bound; returns how many items."""
    pending = Conversation.objects.to_index().filter(user=user).order_by("-updated_at", "-id")
    found = list(pending.only("id", "title", "indexed_seq", "last_seq")[:CONVERSATIONS])
    return _take_in(found, ITEMS_BEFORE_A_SEARCH, None)[0]


def index_title(conversation: Conversation) -> None:
    """Take in a title, in the caller's transaction."""
    words = tokens(conversation.title)
    titles = SearchEntry.objects.filter(conversation=conversation, item=None)
    if titles.update(tokens=words) or not words:
        return
    try:
        with transaction.atomic():
            SearchEntry.objects.create(conversation=conversation, tokens=words)
    except IntegrityError:
        # Somebody else wrote it in this moment; the later title wins, as it does in the conversation itself.
        titles.update(tokens=words)


def forget_all() -> None:
    """Empty the index and mark everything as new to it, to be taken in again by `index_pending`."""
    with transaction.atomic():
        SearchEntry.objects.all().delete()
        Conversation.objects.update(indexed_seq=-1)


def _take_in(found: list[Conversation], most: int, after: UUID | None) -> tuple[int, UUID | None]:
    """Take in at most `most` items; returns how many, and what to go on behind where that was not all."""
    taken = 0
    for conversation in found:
        if taken >= most:
            return taken, after
        number, upto = _one(conversation, most - taken)
        taken += number
        # One that could not be finished is gone on with, unless what still grows in it holds it up.
        if upto is not None and upto > conversation.indexed_seq and taken >= most:
            return taken, after
        after = conversation.pk
    return taken, None


def _one(conversation: Conversation, most: int) -> tuple[int, int | None]:
    """Take in one conversation's next items; returns how many, and up to where if that was not all of it."""
    items = list(
        ConversationItem.objects.filter(conversation=conversation, seq__gt=conversation.indexed_seq)
        .annotate(grows=Exists(ItemTail.objects.filter(item=OuterRef("pk"))))
        .only("id", "conversation_id", "event", "payload", "seq")
        .order_by("seq")[:most]
    )
    whole = len(items) < most
    upto = max(conversation.last_seq, items[-1].seq if items else 0) if whole else items[-1].seq
    # What still grows is taken in when it closes. That takes no `seq`, so the place stays before it.
    upto = min([upto, *(item.seq - 1 for item in items if item.grows)])
    entries, empty = [], []
    for item in items:
        if item.grows:
            continue
        words = tokens(searchable(item.event, item.payload))
        if words:
            entries.append(SearchEntry(conversation_id=item.conversation_id, item_id=item.pk, tokens=words))
        else:
            empty.append(item.pk)
    try:
        with transaction.atomic():
            if conversation.indexed_seq < 0:
                index_title(conversation)
            if empty:
                SearchEntry.objects.filter(item__in=empty).delete()
            if entries:
                SearchEntry.objects.bulk_create(
                    entries, update_conflicts=True, unique_fields=["item"], update_fields=["tokens"]
                )
            # Last, since it locks the row that transcripts are written under; who was faster has said the same.
            Conversation.objects.filter(pk=conversation.pk, indexed_seq=conversation.indexed_seq).update(
                indexed_seq=upto
            )
    except IntegrityError:
        # Something of it was deleted in this moment: it is looked at again.
        logger.info("deleted while it was indexed", extra={"event": "search.deleted_meanwhile"})
        return 0, None
    return len(items), None if whole else upto


__all__ = ["forget_all", "index_for", "index_pending", "index_title"]
