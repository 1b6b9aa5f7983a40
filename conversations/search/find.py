"""What is found in one person's conversations, the best first, with the found words marked."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import connection

from conversations.models import Conversation, ConversationItem, ConversationQuerySet
from conversations.search.text import Part, Term, excerpt, marked, searchable, terms

HITS = 2_000
"""Hits that are ranked: the newest. A word that stands in half of everything is asked for by nobody who needs more."""
ITEMS_SHOWN = 3
"""Items of one conversation that an answer shows."""
TITLE_WEIGHT = 4.0
"""How much more a title counts than an item."""

_SQLITE = """
SELECT entry.id, entry.conversation_id, entry.item_id, -bm25(conversations_searchindex)
FROM conversations_searchindex
CROSS JOIN conversations_searchentry AS entry ON entry.id = conversations_searchindex.rowid
CROSS JOIN conversations_conversation AS talk ON talk.id = entry.conversation_id
WHERE conversations_searchindex MATCH %s AND talk.user_id = %s AND talk.delete_at IS NULL AND entry.id <= %s
ORDER BY conversations_searchindex.rowid DESC LIMIT %s
"""
# CROSS JOIN: SQLite would otherwise begin with the person's conversations and look each of their entries up.

_POSTGRESQL = """
SELECT id, conversation_id, item_id, ts_rank(vector, query, 1) FROM (
    SELECT entry.id, entry.conversation_id, entry.item_id, entry.vector, query
    FROM (SELECT %s::tsquery AS query) AS asked, conversations_searchentry AS entry
    JOIN conversations_conversation AS talk ON talk.id = entry.conversation_id
    WHERE entry.vector @@ query AND talk.user_id = %s AND talk.delete_at IS NULL AND entry.id <= %s
    ORDER BY entry.id DESC LIMIT %s
) AS hits
"""


@dataclass(frozen=True, kw_only=True)
class FoundItem:
    """An item in which the words stand."""

    item: ConversationItem
    excerpt: list[Part]


@dataclass(frozen=True, kw_only=True)
class Found:
    """A conversation in which something was found."""

    conversation: Conversation
    title: list[Part]
    items: list[FoundItem]
    hits: int
    """Items that were found in it."""


@dataclass(kw_only=True)
class _Group:
    best: float = 0.0
    newest: int = 0
    hits: list[tuple[float, int, UUID]] = field(default_factory=list)


def find(
    user: User, asked: str, *, within: ConversationQuerySet, offset: int, limit: int, upto: int | None = None
) -> tuple[list[Found], int]:
    """The best conversations of `user` for a question, from the `offset`-th on; empty for one without words.

    `within` narrows the conversations. `upto` freezes what is searched to what was indexed at the first page; returned
    beside what was found, to be sent back with the next.
    """
    words = terms(asked)
    if not words:
        return [], 0
    hits = _hits(user, words, upto)
    groups: dict[UUID, _Group] = defaultdict(_Group)
    for entry_id, conversation_id, item_id, rank in hits:
        group = groups[conversation_id]
        group.best = max(group.best, rank * (1 if item_id else TITLE_WEIGHT))
        group.newest = max(group.newest, entry_id)
        if item_id is not None:
            group.hits.append((rank, entry_id, item_id))
    ranked = sorted(groups, key=lambda pk: (groups[pk].best, groups[pk].newest), reverse=True)
    meant = set(within.filter(pk__in=ranked).values_list("pk", flat=True))
    page = [pk for pk in ranked if pk in meant][offset : offset + limit]
    known = within.in_bulk(page)
    page = [pk for pk in page if pk in known]
    best = {pk: [hit[2] for hit in sorted(groups[pk].hits, reverse=True)[:ITEMS_SHOWN]] for pk in page}
    items = ConversationItem.objects.in_bulk([item_id for ids in best.values() for item_id in ids])
    found = [
        Found(
            conversation=known[pk],
            title=marked(known[pk].title, words),
            items=[
                FoundItem(item=item, excerpt=excerpt(searchable(item.event, item.payload), words))
                for item_id in best[pk]
                if (item := items.get(item_id))
            ],
            hits=len(groups[pk].hits),
        )
        for pk in page
    ]
    return found, upto or max((hit[0] for hit in hits), default=0)


def _hits(user: User, words: Sequence[Term], upto: int | None) -> list[tuple[int, UUID, UUID | None, float]]:
    postgresql = connection.vendor == "postgresql"
    query = _tsquery(words) if postgresql else _match(words)
    arguments: list[Any] = [query, user.pk, 2**62 if upto is None else upto, HITS]
    with connection.cursor() as cursor:
        cursor.execute(_POSTGRESQL if postgresql else _SQLITE, arguments)
        rows: list[Any] = cursor.fetchall()
    if postgresql:
        return [(entry, talk, item, rank) for entry, talk, item, rank in rows]
    # SQLite knows no ids: it keeps them as hexadecimal digits.
    return [(entry, UUID(talk), UUID(item) if item else None, rank) for entry, talk, item, rank in rows]


def _match(words: Sequence[Term]) -> str:
    """FTS5's words (sqlite.org/fts5.html section 3). Tokens are letters and digits: none is escaped."""
    return " AND ".join(f'"{" ".join(term.tokens)}"{"*" if term.begins else ""}' for term in words)


def _tsquery(words: Sequence[Term]) -> str:
    """PostgreSQL's (datatype-textsearch, `tsquery`), written out and not parsed: words are cut in one place only."""
    return " & ".join(
        "(" + " <-> ".join(f"'{token}'{':*' if term.begins else ''}" for token in term.tokens) + ")" for term in words
    )
