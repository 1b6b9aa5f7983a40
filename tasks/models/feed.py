"""The private link under which a person's calendar is read by programs that cannot sign in."""

from __future__ import annotations

from uuid import uuid4

from django.conf import settings
from django.db import models
from django.utils import timezone

from conversations.signed_links import key_of, token_of

KIND = "tasks.models.feed"
"""Of link, in its signature."""


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
        return token_of(self.key, kind=KIND)

    @classmethod
    def opened_by(cls, token: str) -> CalendarFeed | None:
        """The feed that `token` opens; None for what nobody signed, what was revoked, and who may not sign in."""
        key = key_of(token, kind=KIND)
        if key is None:
            return None
        return cls.objects.select_related("user").filter(key=key, user__is_active=True).first()
