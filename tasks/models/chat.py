"""A turn of a chat that a client keeps itself: by it the next turn finds the conversation that it belongs to."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from conversations.ids import new_id
from tasks.models.plan import ExecutionPlan


class ChatTurn(models.Model):
    """One request to the chat completions, by digests of the history with which it came and which it left."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    plan = models.ForeignKey(ExecutionPlan, models.CASCADE, related_name="+")
    asked = models.CharField(max_length=64)
    """The digest of everything that was sent, this turn's own text included."""
    answered = models.CharField(max_length=64, blank=True)
    """The digest of that and of the answer: what the client will send before its next text. Empty until it has it."""
    idempotency_key = models.CharField(max_length=255, blank=True)
    after_seq = models.BigIntegerField()
    """Where in the conversation the answer begins, for a request that is sent again."""
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "idempotency_key"], condition=~Q(idempotency_key=""), name="chat_turn_key_once"
            )
        ]
        indexes = [
            # The turn before, by what the client sends; newest last.
            models.Index(fields=["user", "answered", "id"], name="chat_turn_answered"),
            models.Index(fields=["user", "asked", "id"], name="chat_turn_asked"),
        ]

    def __str__(self) -> str:
        return f"{self.asked[:8]} {self.answered[:8]}"
