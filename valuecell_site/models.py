"""Ways in: API tokens, signed-in devices, tries that failed; and the keys that make a repeated POST harmless."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime
from hashlib import sha256

from django.conf import settings
from django.db import models
from django.utils import timezone

from conversations.ids import new_id
from tasks.scopes import Scope

TOKEN_PREFIX = "vct_"  # noqa: S105  (what tokens begin with, so that scanners of leaked secrets know them)


def token_digest(token: str) -> str:
    """What is stored of a token. A fast hash suffices: a token is 256 random bits, not a password."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class ApiToken(models.Model):
    """A bearer token of one person. The token itself is shown once, when it is made, and never stored."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=200, blank=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField(max_length=12, editable=False)
    """The token's first characters, so that its owner can tell which one a line in a list is."""
    scopes = models.JSONField(default=list, blank=True)
    """What it may be used for (`tasks.scopes`); empty: everything that its owner may do."""
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API token"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.prefix}… {self.name}".rstrip()

    @classmethod
    def issue(
        cls, *, user_id: int, name: str = "", expires_at: datetime | None = None, scopes: Collection[Scope] = ()
    ) -> tuple[ApiToken, str]:
        """Make a token for `user_id`; returns the row and the token's text, which is nowhere else.

        Without `scopes` it may be used for everything.
        """
        text = TOKEN_PREFIX + secrets.token_urlsafe(32)
        row = cls.objects.create(
            user_id=user_id,
            name=name,
            digest=token_digest(text),
            prefix=text[:10],
            expires_at=expires_at,
            scopes=sorted(set(scopes)),
        )
        return row, text

    def valid(self, now: datetime) -> bool:
        """Whether it opens anything at `now`."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


class IdempotencyKey(models.Model):
    """One POST that carried an `Idempotency-Key`, and its answer once it is there (docs/api.md, "Sending twice")."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    method = models.CharField(max_length=7)
    path = models.CharField(max_length=500)
    key = models.CharField(max_length=255)
    body_digest = models.CharField(max_length=64)
    lease = models.UUIDField(default=new_id)
    """Who carries it out; taken over from a process that died, whose late answer then counts no more."""
    status = models.PositiveSmallIntegerField(null=True)
    """Null while it is being carried out."""
    answer = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "method", "path", "key"], name="idempotency_key_once")]
        # Housekeeping: what is older than its 24 hours.
        indexes = [models.Index(fields=["created_at"], name="idempotency_key_age")]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.key}"


class Device(models.Model):
    """A browser that holds a session of one person (`valuecell_site.devices`)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    session_key = models.CharField(max_length=40, unique=True)
    user_agent = models.CharField(max_length=300, blank=True)
    address = models.CharField(max_length=45, blank=True)
    signed_in_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.user_agent[:40]} {self.address}".strip()


class Attempt(models.Model):
    """A try to sign in that failed, or is not decided yet (`valuecell_site.throttle`). Who tried what is a digest."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["digest", "at"], name="attempt_of_one"),
            # What is too old to count.
            models.Index(fields=["at"], name="attempt_age"),
        ]

    def __str__(self) -> str:
        return f"{self.digest[:8]} {self.at:%Y-%m-%d %H:%M:%S}"
