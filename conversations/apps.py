"""Django's entry to the conversations app."""

from django.apps import AppConfig


class ConversationsConfig(AppConfig):
    """Conversations and their items."""

    name = "conversations"
    verbose_name = "Conversations"
