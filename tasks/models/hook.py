"""A hook: an address at which an event elsewhere starts a task, and what became of each delivery to it."""

from __future__ import annotations

import secrets
from base64 import b64encode
from enum import StrEnum

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from conversations.ids import new_id
from tasks.models.run import TaskRun
from tasks.models.task import Task

SECRET_PREFIX = "whsec_"  # noqa: S105 (the prefix of Standard Webhooks, no secret)


def new_salt() -> str:
    """What tells one secret from another. Not secret itself: without `SECRET_KEY` it says nothing."""
    return secrets.token_hex(16)


def derived_secret(purpose: str, salt: str) -> str:
    """The secret that belongs to `salt`, in the form of Standard Webhooks: `whsec_` and 32 bytes in base64.

    Derived from `SECRET_KEY`, so that signatures can be checked and nothing secret is stored (design.md, section 4).
    `purpose` keeps secrets of different kinds apart.
    """
    key = salted_hmac(f"tasks.{purpose}", salt, algorithm="sha256").digest()
    return SECRET_PREFIX + b64encode(key).decode()


class Outcome(StrEnum):
    """What became of a delivery (contract, "deliveries")."""

    STARTED = "started"
    """It has a run."""
    QUEUED = "queued"
    """It has a run, which waits behind the one that still goes."""
    SKIPPED = "skipped"
    """The task did not take it: it rests, its overlap or a limit says so, or it has ended."""
    FILTERED = "filtered"
    """The hook's filter does not want it."""
    LIMITED = "limited"
    """The hook had its deliveries of that minute."""
    FAILED = "failed"
    """The task's text could not be made with it."""


TAKEN = frozenset({Outcome.STARTED, Outcome.QUEUED, Outcome.SKIPPED})
"""Outcomes of deliveries that reached the task, which is what a rate limit counts."""


class TaskHook(models.Model):
    """An address of a task, with its own secret. Any number a task, so that a secret is changed without a gap: make a
    second one, move the sender to it, delete the first.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    task = models.ForeignKey(Task, models.CASCADE, related_name="hooks")
    salt = models.CharField(max_length=32, default=new_salt, editable=False)
    filter = models.JSONField(default=dict, blank=True)
    """Fields of the event that must be as said (`tasks.hooks.filters`); empty: every event."""
    rate_limit = models.PositiveIntegerField(null=True, blank=True)
    """Deliveries a minute that reach the task; the others are `limited`. None: the API's own limit alone."""
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "hook"
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=~Q(rate_limit=0), name="hook_rate_limit_positive")]

    def __str__(self) -> str:
        return self.url

    @property
    def url(self) -> str:
        """The address to give to a sender."""
        return f"{settings.PUBLIC_URL}/hooks/{self.pk}/"

    @property
    def secret(self) -> str:
        """Shown once, when the hook is made; derived anew for each check."""
        return derived_secret("hook", self.salt)


class HookDelivery(models.Model):
    """One delivery whose signature was right, and what became of it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hook = models.ForeignKey(TaskHook, models.CASCADE, related_name="deliveries", db_index=False)
    key = models.CharField(max_length=255, blank=True)
    """The sender's own id of it, by which a redelivery is recognised; empty where it sent none."""
    received_at = models.DateTimeField(default=timezone.now)
    outcome = models.CharField(max_length=8, choices=[(o.value, o.value) for o in Outcome])
    reason = models.CharField(max_length=500, blank=True)
    run = models.ForeignKey(TaskRun, models.SET_NULL, null=True, related_name="+")
    payload = models.JSONField(null=True)
    """What was sent, read; None where it is larger than is kept (`tasks.hooks.incoming.KEPT_BYTES`)."""

    class Meta:
        verbose_name = "delivery"
        verbose_name_plural = "deliveries"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["hook", "key"], condition=~Q(key=""), name="delivery_once"),
            models.CheckConstraint(condition=Q(outcome__in=sorted(Outcome)), name="delivery_outcome_known"),
        ]
        indexes = [
            # The rate limit counts a hook's last minute; the list is newest first.
            models.Index(fields=["hook", "received_at"], name="delivery_of_hook_by_time"),
            models.Index(fields=["hook", "-id"], name="delivery_of_hook"),
            # Retention.
            models.Index(fields=["received_at"], name="delivery_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} {self.received_at:%Y-%m-%d %H:%M}"
