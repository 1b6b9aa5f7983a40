"""A conversation: one person's transcript, with the counter that orders its changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone

from conversations.ids import new_id

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class ConversationQuerySet(models.QuerySet["Conversation"]):
    """The questions that pages and API ask of conversations."""

    def for_user(self, user: User) -> ConversationQuerySet:
        """Those that belong to `user`; other people's do not exist for them."""
        return self.filter(user=user)


class Conversation(models.Model):
    """A transcript of one person. `last_seq` is taken under this row's lock, so readers see no gap and no disorder."""

    class Status(models.TextChoices):
        """Whether somebody is waited for."""

        ACTIVE = "active", "Active"
        """Nothing is asked of the person."""
        INACTIVE = "inactive", "Inactive"
        """Put aside by the person."""
        REQUIRE_USER_INPUT = "require_user_input", "Asks for input"
        """A plan or an agent waits for the person's answer."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="conversations")
    title = models.CharField(max_length=200, blank=True)
    agent_name = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=24, choices=Status, default=Status.ACTIVE)
    last_seq = models.BigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ["-updated_at", "-id"]
        indexes = [
            # The list of one person's conversations, latest first.
            models.Index(fields=["user", "-updated_at", "-id"], name="conversation_list"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=["active", "inactive", "require_user_input"]),
                name="conversation_status_known",
            ),
        ]

    def __str__(self) -> str:
        return self.title or f"Conversation {self.id}"
