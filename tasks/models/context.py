"""The names that A2A's clients give to conversations."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from conversations.ids import new_id
from conversations.models import Conversation

CONTEXT_MAX = 255
"""Characters of a name."""


class RemoteContext(models.Model):
    """A `contextId` that a client made up, and the conversation that it means for its person. Nobody else has it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=CONTEXT_MAX)
    conversation = models.OneToOneField(Conversation, models.CASCADE, related_name="remote_context")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="remote_context_once")]

    def __str__(self) -> str:
        return self.name
