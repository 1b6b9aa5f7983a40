"""Conversations and items in Django admin, and what every admin page of this project shares (`lists`)."""

from conversations.admin.conversations import ConversationAdmin, ConversationItemAdmin

__all__ = ["ConversationAdmin", "ConversationItemAdmin"]
