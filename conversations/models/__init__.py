"""Conversations, their items, the tail of an item whose text still grows, what the search knows, and shared links."""

from conversations.models.conversation import Conversation, ConversationQuerySet
from conversations.models.item import ConversationItem, ItemTail
from conversations.models.search import SearchEntry
from conversations.models.share import ConversationShare

__all__ = [
    "Conversation",
    "ConversationItem",
    "ConversationQuerySet",
    "ConversationShare",
    "ItemTail",
    "SearchEntry",
]
