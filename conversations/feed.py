"""What a viewer sees: the items changed since a `seq`, a page before a position, and the history before going
live.

An item whose text still grows is its row and its tail of pieces (models/item.py). They are joined in the
statement that reads the row, so that an envelope never shows a text and a `seq` of two different moments.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from uuid import UUID

from channels.db import database_sync_to_async
from django.db import connection
from django.db.models import QuerySet, TextField
from django.db.models.expressions import RawSQL

from conversations import store
from conversations.events import Envelope
from conversations.models import Conversation, ConversationItem

PAGE = 200
"""Items read at once for a viewer that connects."""

_PIECES = {
    "sqlite": (
        "(SELECT group_concat(piece, '') FROM (SELECT tail.text AS piece FROM conversations_itemtail AS tail"
        ' WHERE tail.item_id = conversations_conversationitem.id ORDER BY tail."offset"))'
    ),
    "postgresql": (
        "(SELECT string_agg(tail.text, '' ORDER BY tail.\"offset\") FROM conversations_itemtail AS tail"
        " WHERE tail.item_id = conversations_conversationitem.id)"
    ),
}
"""An item's tail as one text, null without one: a look into the index of (item, offset) for each row."""


def with_tail(items: QuerySet[ConversationItem]) -> QuerySet[ConversationItem]:
    """Annotate items with `grown`, the text beyond their payload's content, or None."""
    pieces = RawSQL(_PIECES[connection.vendor], (), output_field=TextField(null=True))  # noqa: S611
    return items.annotate(grown=pieces)


def item_envelope(item: ConversationItem) -> Envelope:
    """The whole item as history shows it. Reads its tail unless it came through `with_tail`."""
    grown: str | None = (
        item.grown if hasattr(item, "grown") else "".join(item.tail.order_by("offset").values_list("text", flat=True))
    )
    if not grown:
        return store.item_envelope(item)
    content = (item.payload.get("content") or "") + grown
    return store.item_envelope(item, payload={**item.payload, "content": content})


def changed_since(conversation_id: UUID, after_seq: int, limit: int) -> list[Envelope]:
    """At most `limit` whole items whose latest change is after `after_seq`, in `seq` order."""
    items = ConversationItem.objects.filter(conversation_id=conversation_id, seq__gt=after_seq)
    return [item_envelope(item) for item in with_tail(items).order_by("seq")[:limit]]


def page_before(conversation_id: UUID, before_position: int | None, limit: int) -> list[Envelope]:
    """The `limit` items before a position (None: the newest ones), newest last."""
    items = ConversationItem.objects.filter(conversation_id=conversation_id)
    if before_position is not None:
        items = items.filter(position__lt=before_position)
    return [item_envelope(item) for item in reversed(with_tail(items).order_by("-position")[:limit])]


def whole(conversation_id: UUID) -> Iterator[Envelope]:
    """All items in order, read page by page."""
    after = 0
    while True:
        items = ConversationItem.objects.filter(conversation_id=conversation_id, position__gt=after)
        page = list(with_tail(items).order_by("position")[:PAGE])
        yield from (item_envelope(item) for item in page)
        if len(page) < PAGE:
            return
        after = page[-1].position


def last_seq(conversation_id: UUID) -> int:
    """The conversation's counter. Raises Conversation.DoesNotExist."""
    return Conversation.objects.values_list("last_seq", flat=True).get(pk=conversation_id)


def belongs_to(conversation_id: UUID, user_id: int) -> bool:
    """Whether that conversation is there and the user's."""
    return Conversation.objects.filter(pk=conversation_id, user_id=user_id, delete_at=None).exists()


async def history(
    conversation_id: UUID, user_id: int, after_seq: int, reached: Callable[[int], bool]
) -> AsyncIterator[tuple[list[Envelope], int | None]]:
    """What changed since `after_seq`, in pages; the last page comes with N, the `seq` that it shows everything up to.

    `reached(N)` is called as soon as N is known; when it says False, more is read. N may be less than `after_seq` where
    that lies beyond the end. Raises Conversation.DoesNotExist when it is deleted, or not the user's.
    """
    last: int | None = None
    while last is None:
        envelopes, end = await database_sync_to_async(_history_page, thread_sensitive=False)(
            conversation_id, user_id, after_seq
        )
        if envelopes:
            after_seq = envelopes[-1]["seq"] or after_seq
        if end is not None and reached(end):
            last = end
        yield envelopes, last


def _history_page(conversation_id: UUID, user_id: int, after_seq: int) -> tuple[list[Envelope], int | None]:
    # The counter first: a change that commits between the two statements is in the second one's answer, and a page
    # that is not full shows everything up to its own last seq.
    counter = Conversation.objects.values_list("last_seq", flat=True).get(
        pk=conversation_id, user_id=user_id, delete_at=None
    )
    envelopes = changed_since(conversation_id, after_seq, PAGE)
    if len(envelopes) == PAGE:
        return envelopes, None
    return envelopes, max(counter, (envelopes[-1]["seq"] or 0) if envelopes else 0)
