"""What is told to the world outside: a person's webhooks, and the outbox of what waits to be sent.

The rows of the outbox are written in the transaction of what they tell of, and sent after it by the runner.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from conversations.ids import new_id
from tasks.models.hook import derived_secret, new_salt
from tasks.models.task import Task


class WebhookEvent(StrEnum):
    """What a webhook can be told of."""

    RUN_FINISHED = "run_finished"
    """A run ended, well or not; a failed attempt that is tried again is no end."""
    TASK_FAILED = "task_failed"
    """A task ended by a failure."""
    WAITING_FOR_INPUT = "waiting_for_input"
    """An agent asked something."""
    TASK_PAUSED = "task_paused"
    """A task rests, and was not put to rest by its owner."""
    TASK_RECOVERED = "task_recovered"
    """A task that rested for its failures succeeded again."""


TEST_EVENT = "test"
"""What the test button sends."""


class Webhook(models.Model):
    """An address that one person's events are sent to."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="webhooks")
    url = models.URLField(max_length=2000)
    events = models.JSONField(default=list)
    """Names of `WebhookEvent`."""
    salt = models.CharField(max_length=32, default=new_salt, editable=False)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.url

    @property
    def secret(self) -> str:
        """Shown once, when the webhook is made; signs what is sent (Standard Webhooks)."""
        return derived_secret("webhook", self.salt)


class SendStatus(StrEnum):
    """How far something to be sent is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    """Given up, after the last attempt or because nobody will ever take it."""


class OutboxQuerySet(models.QuerySet["Outgoing"]):
    """The question that the sender asks."""

    def ripe(self, now: datetime) -> OutboxQuerySet:
        """What is to be tried now, the longest waiting first. To people whose account is not active nothing is sent:
        it waits until it is.
        """
        return self.filter(next_try_at__lte=now, user__is_active=True).order_by("next_try_at")


class Outgoing(models.Model):
    """One thing to send: to a webhook, or (without one) by mail to `user`."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    webhook = models.ForeignKey(Webhook, models.CASCADE, null=True, related_name="deliveries", db_index=False)
    task = models.ForeignKey(Task, models.SET_NULL, null=True, related_name="+")
    event = models.CharField(max_length=20)
    payload = models.JSONField()
    """For a webhook the body as sent; for a mail its `subject` and `text`."""
    status = models.CharField(
        max_length=9, choices=[(s.value, s.value) for s in SendStatus], default=SendStatus.PENDING
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, default=timezone.now)
    """None: never again."""
    response_status = models.PositiveSmallIntegerField(null=True)
    response_excerpt = models.CharField(max_length=500, blank=True)
    """The beginning of the last answer, or why there was none."""
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    objects = OutboxQuerySet.as_manager()

    class Meta:
        verbose_name = "outgoing delivery"
        verbose_name_plural = "outgoing deliveries"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=sorted(SendStatus)), name="outgoing_status_known"),
            models.CheckConstraint(
                condition=Q(status="pending") | Q(next_try_at=None), name="outgoing_ended_is_not_tried"
            ),
        ]
        indexes = [
            # What the sender asks for every second.
            models.Index(fields=["next_try_at"], condition=Q(next_try_at__isnull=False), name="outgoing_ripe"),
            models.Index(fields=["webhook", "-id"], name="outgoing_of_webhook"),
            # Retention.
            models.Index(fields=["created_at"], name="outgoing_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.status}"
