"""An item of a transcript, and the pieces of its text that have arrived since it was opened."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from conversations.events import STORED, Role
from conversations.ids import new_id
from conversations.models.conversation import Conversation


class ConversationItem(models.Model):
    """One thing said or shown. `position` is its place and never changes; `seq` is that of its latest change.

    The position is the `seq` of the item's first change: ordered, unique, and no second counter is needed.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="items")
    position = models.BigIntegerField()
    seq = models.BigIntegerField()
    key = models.CharField(max_length=400, blank=True)
    """What makes a later event mean this item again (a component id, a tool call, a task's controller); or empty."""
    event = models.CharField(max_length=40)
    role = models.CharField(max_length=10, choices=[(role.value, role.value) for role in Role])
    agent_name = models.CharField(max_length=200, blank=True)
    thread_id = models.UUIDField(null=True)
    task_id = models.UUIDField(null=True)
    run_id = models.UUIDField(null=True)
    payload = models.JSONField(default=dict)
    metadata = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["conversation", "position"], name="item_position"),
            models.UniqueConstraint(fields=["conversation", "key"], condition=~models.Q(key=""), name="item_key_once"),
            models.CheckConstraint(condition=models.Q(event__in=sorted(STORED)), name="item_event_is_stored_kind"),
            models.CheckConstraint(condition=models.Q(role__in=sorted(Role)), name="item_role_known"),
        ]
        indexes = [
            # What changed since N, in order: sockets, SSE and `after_seq`.
            models.Index(fields=["conversation", "seq"], name="item_changed_since"),
            # A run's part of the transcript: recovery, the run's page, retention.
            models.Index(fields=["run_id"], condition=models.Q(run_id__isnull=False), name="item_of_run"),
            # A task's controller and its results, newest first.
            models.Index(
                fields=["task_id", "-position"],
                condition=models.Q(task_id__isnull=False),
                name="item_of_task",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.position}"


class ItemTail(models.Model):
    """A piece of text that an open item has grown by; folded into the item's payload when it closes.

    Rewriting a growing text for each piece costs its square (docs/decisions/0003-growing-text.md has the figures).
    """

    item = models.ForeignKey(ConversationItem, models.CASCADE, related_name="tail")
    offset = models.IntegerField()
    """Unicode code points before this piece."""
    text = models.TextField()

    class Meta:
        ordering = ["item", "offset"]
        constraints = [models.UniqueConstraint(fields=["item", "offset"], name="tail_piece_once")]

    def __str__(self) -> str:
        return f"{self.item_id}+{self.offset}"
