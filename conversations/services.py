"""ConversationService: what may be done to a conversation besides writing into it."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from conversations.hub import hub
from conversations.models import Conversation

TITLE_MAX = 80
"""Characters of a title that is made from the first message."""


class ConversationService:
    """Creates, renames and marks conversations; each method tells the owner's open pages after the commit."""

    @staticmethod
    def create(*, user: User, title: str = "", agent_name: str = "", now: datetime) -> Conversation:
        """Start an empty conversation of `user`."""
        conversation = Conversation.objects.create(
            user=user, title=title, agent_name=agent_name, created_at=now, updated_at=now
        )
        _announce([conversation])
        return conversation

    @staticmethod
    def update(conversation: Conversation, *, now: datetime, **fields: str) -> Conversation:
        """Set `title` or `agent_name`."""
        for name, value in fields.items():
            setattr(conversation, name, value)
        conversation.updated_at = now
        conversation.save(update_fields=[*fields, "updated_at"])
        _announce([conversation])
        return conversation

    @staticmethod
    def name_after(conversation: Conversation, text: str) -> None:
        """Give a conversation without a title the first line of what was asked, cut at a word."""
        if conversation.title:
            return
        line = " ".join(text.split())
        if len(line) > TITLE_MAX:
            line = line[:TITLE_MAX].rsplit(" ", 1)[0].rstrip() + "…"
        if Conversation.objects.filter(pk=conversation.pk, title="").update(title=line):
            conversation.title = line
            _announce([conversation])

    @staticmethod
    def set_waiting(conversation_ids: Iterable[UUID], *, waiting: bool) -> None:
        """Mark conversations as waiting for their person, or not any more. Takes no `seq`."""
        status = Conversation.Status
        rows = Conversation.objects.filter(pk__in=list(conversation_ids))
        # One that its person put aside is not taken up again by the end of a question.
        rows = (
            rows.exclude(status=status.REQUIRE_USER_INPUT) if waiting else rows.filter(status=status.REQUIRE_USER_INPUT)
        )
        changed = list(rows)
        if not changed:
            return
        Conversation.objects.filter(pk__in=[conversation.pk for conversation in changed]).update(
            status=status.REQUIRE_USER_INPUT if waiting else status.ACTIVE
        )
        _announce(changed)


def _announce(conversations: Iterable[Conversation]) -> None:
    by_user: dict[int, list[UUID]] = {}
    for conversation in conversations:
        by_user.setdefault(conversation.user_id, []).append(conversation.pk)
    for user_id, ids in by_user.items():
        transaction.on_commit(
            lambda user_id=user_id, ids=ids: hub.announce(user_id, "conversation_changed", ids)  # type: ignore[misc]
        )
