"""Conversations, their items, and the tail of an item whose text still grows."""

from conversations.models.conversation import Conversation, ConversationQuerySet
from conversations.models.item import ConversationItem, ItemTail

__all__ = ["Conversation", "ConversationItem", "ConversationQuerySet", "ItemTail"]
