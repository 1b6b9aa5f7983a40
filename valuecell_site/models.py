"""Ways in: API tokens, signed-in devices, tries that failed; the keys that make a repeated POST harmless; and the
audit of who did what.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime
from hashlib import sha256
from typing import Any, NoReturn

from django.conf import settings
from django.db import models
from django.utils import timezone

from conversations.audit import Act
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


class AppendOnly(TypeError):
    """A row of the audit was to be changed or deleted."""

    def __init__(self) -> None:
        super().__init__("The audit is only added to; what is older than AUDIT_RETENTION_DAYS goes by itself.")


class AuditQuerySet(models.QuerySet["AuditRecord"]):
    """Rows to look at."""

    def update(self, **columns: Any) -> NoReturn:  # noqa: ARG002 (Django's signature)
        """Refused: raises `AppendOnly`."""
        raise AppendOnly

    def delete(self) -> NoReturn:
        """Refused: raises `AppendOnly`."""
        raise AppendOnly


class AuditRecord(models.Model):
    """Who did what, when, from where. Written by `valuecell_site.auditing` alone, and never changed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    at = models.DateTimeField()
    act = models.CharField(max_length=30, choices=[(act.value, act.value.replace("_", " ")) for act in Act])
    # Not the database's to enforce: the row outlives the account, and deleting an account changes no row.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    """Who; null for a command, and for whoever is not known."""
    actor_name = models.CharField(max_length=150, blank=True)
    """As it was then; of a sign-in that failed, the name where there is such an account."""
    via = models.CharField(max_length=20)
    """`session`, `command`, or how the API token begins."""
    address = models.CharField(max_length=45, blank=True)
    subject_kind = models.CharField(max_length=60, blank=True)
    """`app.model`."""
    subject_id = models.CharField(max_length=64, blank=True)
    subject_name = models.CharField(max_length=200, blank=True)
    count = models.PositiveIntegerField(null=True)
    """Of how many it was done, where it was done to many."""
    details = models.JSONField(default=dict)

    objects = AuditQuerySet.as_manager()

    class Meta:
        verbose_name = "audit record"
        ordering = ["-id"]
        indexes = [
            # Admin's filters, each newest first; days go by the primary key.
            models.Index(fields=["act", "-id"], name="audit_by_act"),
            models.Index(fields=["actor", "-id"], name="audit_by_actor"),
            models.Index(fields=["subject_id", "-id"], name="audit_by_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor_name or 'somebody'}: {self.get_act_display()}"

    def save(self, *args: Any, **options: Any) -> None:
        """Adds it, once. Raises `AppendOnly` for a row that is there."""
        if not self._state.adding:
            raise AppendOnly
        super().save(*args, **{**options, "force_insert": True})

    def delete(self, *args: Any, **options: Any) -> NoReturn:  # noqa: ARG002 (Django's signature)
        """Refused: raises `AppendOnly`."""
        raise AppendOnly
