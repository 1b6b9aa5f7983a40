"""What the search knows of one item, or of a conversation's title."""

from __future__ import annotations

from django.db import models

from conversations.models.conversation import Conversation
from conversations.models.item import ConversationItem


class SearchEntry(models.Model):
    """The words of one item, or of the title where there is no item, as `conversations.search.text` cuts them.

    Migration 0003 hangs the databases' own full-text indexes on `tokens`: an FTS5 table that triggers keep, or a
    generated `tsvector` column. A migration that makes this table anew on SQLite must make the triggers anew too.
    """

    id = models.BigAutoField(primary_key=True)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="+")
    item = models.OneToOneField(ConversationItem, models.CASCADE, null=True, related_name="+")
    tokens = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["conversation"], condition=models.Q(item__isnull=True), name="search_entry_title_once"
            ),
        ]

    def __str__(self) -> str:
        return f"words of {self.item_id or self.conversation_id}"
