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
        """Those that belong to `user`; other people's, and those about to be deleted, do not exist for them."""
        return self.filter(user=user, delete_at=None)

    def unread(self) -> ConversationQuerySet:
        """Those in which something came that their person has not seen."""
        return self.filter(news_seq__gt=models.F("seen_seq"))

    def to_index(self) -> ConversationQuerySet:
        """Those in which something changed that the search does not know yet."""
        return self.filter(last_seq__gt=models.F("indexed_seq"))


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
    news_seq = models.BigIntegerField(default=0, editable=False)
    """The `seq` of the latest change that is news to its person: an answer, a result, a question, a failure."""
    seen_seq = models.BigIntegerField(default=0, editable=False)
    """Up to where its person has seen it, as the page said last."""
    indexed_seq = models.BigIntegerField(default=-1, editable=False)
    """Up to where the search knows it; -1: not even its title (conversations/search)."""
    pinned_at = models.DateTimeField(null=True, editable=False)
    archived_at = models.DateTimeField(null=True, editable=False)
    delete_at = models.DateTimeField(null=True, editable=False)
    """When it will be deleted; until then that can be undone, and nobody else sees it any more."""
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ["-updated_at", "-id"]
        indexes = [
            # The list of one person's conversations, latest first.
            models.Index(fields=["user", "-updated_at", "-id"], name="conversation_list"),
            # Its pinned ones, which stand above the list.
            models.Index(
                fields=["user", "-pinned_at"],
                condition=models.Q(pinned_at__isnull=False),
                name="conversation_pinned",
            ),
            # Its archived ones, latest first.
            models.Index(
                fields=["user", "-updated_at", "-id"],
                condition=models.Q(archived_at__isnull=False),
                name="conversation_archived",
            ),
            # Those with something new, for the marks on every page.
            models.Index(
                fields=["user", "-updated_at", "-id"],
                condition=models.Q(news_seq__gt=models.F("seen_seq")),
                name="conversation_unread",
            ),
            # What the search has to take in: all of it, and before one person searches.
            models.Index(
                fields=["id"], condition=models.Q(last_seq__gt=models.F("indexed_seq")), name="conversation_to_index"
            ),
            # What is to be deleted by now.
            models.Index(
                fields=["delete_at"], condition=models.Q(delete_at__isnull=False), name="conversation_to_delete"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=["active", "inactive", "require_user_input"]),
                name="conversation_status_known",
            ),
        ]

    def __str__(self) -> str:
        return self.title or f"Conversation {self.id}"

    @property
    def unread(self) -> bool:
        """Whether something came that its person has not seen."""
        return self.news_seq > self.seen_seq
