"""The private link under which a person's calendar is read by programs that cannot sign in."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID, uuid4

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

SIGNED_BYTES = 16
"""Of the signature: 128 bits are not guessed, and keep the link short."""


class CalendarFeed(models.Model):
    """A person's link to their coming runs. The link is the key, signed with `SECRET_KEY`: who reads the database
    cannot make it. A new key, or no row, and the old link opens nothing.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="calendar_feed"
    )
    key = models.UUIDField(unique=True, default=uuid4, editable=False)
    """Random (version 4): an id in the order of time would say when the link was made."""
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"calendar of {self.user}"

    @property
    def token(self) -> str:
        """What stands in the link: URL-safe, 43 characters."""
        return urlsafe_b64encode(self.key.bytes + _signature(self.key)).rstrip(b"=").decode()

    @classmethod
    def opened_by(cls, token: str) -> CalendarFeed | None:
        """The feed that `token` opens; None for what nobody signed, what was revoked, and who may not sign in."""
        try:
            content = urlsafe_b64decode(token + "=")
        except (binascii.Error, ValueError):
            return None
        if len(content) != 16 + SIGNED_BYTES:
            return None
        key = UUID(bytes=content[:16])
        if not constant_time_compare(content[16:], _signature(key)):
            return None
        return cls.objects.select_related("user").filter(key=key, user__is_active=True).first()


def _signature(key: UUID) -> bytes:
    return salted_hmac("tasks.models.feed", key.bytes, algorithm="sha256").digest()[:SIGNED_BYTES]
