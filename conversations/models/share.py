"""A conversation's read-only link, for people who have no account here."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID, uuid4

from django.db import models
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from conversations.models.conversation import Conversation

SIGNED_BYTES = 16


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
        return urlsafe_b64encode(self.key.bytes + _signature(self.key)).rstrip(b"=").decode()

    @classmethod
    def opened_by(cls, token: str) -> ConversationShare | None:
        """What `token` opens; None for what nobody signed, was revoked or deleted, and whose owner may not sign in."""
        try:
            content = urlsafe_b64decode(token + "=")
        except (binascii.Error, ValueError):
            return None
        if len(content) != 16 + SIGNED_BYTES:
            return None
        key = UUID(bytes=content[:16])
        if not constant_time_compare(content[16:], _signature(key)):
            return None
        return (
            cls.objects.select_related("conversation")
            .filter(key=key, conversation__delete_at=None, conversation__user__is_active=True)
            .first()
        )


def _signature(key: UUID) -> bytes:
    return salted_hmac("conversations.models.share", key.bytes, algorithm="sha256").digest()[:SIGNED_BYTES]
