"""A conversation's read-only link, for people who have no account here."""

from __future__ import annotations

from uuid import uuid4

from django.db import models
from django.utils import timezone

from conversations.models.conversation import Conversation
from conversations.signed_links import key_of, token_of

KIND = "conversations.models.share"
"""Of link, in its signature."""


class ConversationShare(models.Model):
    """The link is the key, signed with `SECRET_KEY`: who reads the database cannot make it. No row, and the link opens
    nothing. It shows what stood there when it was made: `upto` is the last position that it shows.
    """

    conversation = models.OneToOneField(Conversation, models.CASCADE, primary_key=True, related_name="share")
    key = models.UUIDField(unique=True, default=uuid4, editable=False)
    """Random (version 4): an id in the order of time would say when the link was made."""
    upto = models.BigIntegerField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"link to {self.conversation_id}"

    @property
    def token(self) -> str:
        """What stands in the link: URL-safe, 43 characters."""
        return token_of(self.key, kind=KIND)

    @classmethod
    def opened_by(cls, token: str) -> ConversationShare | None:
        """What `token` opens; None for what nobody signed, was revoked or deleted, and whose owner may not sign in."""
        key = key_of(token, kind=KIND)
        if key is None:
            return None
        return (
            cls.objects.select_related("conversation")
            .filter(key=key, conversation__delete_at=None, conversation__user__is_active=True)
            .first()
        )
