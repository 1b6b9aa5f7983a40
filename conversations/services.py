"""ConversationService: what may be done to a conversation besides writing into it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Least

from conversations.hub import hub
from conversations.hub.codes import Close
from conversations.models import Conversation, ConversationShare
from conversations.search import index_title

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
        with transaction.atomic():
            conversation.save(update_fields=[*fields, "updated_at"])
            if "title" in fields:
                index_title(conversation)
        _announce([conversation])
        return conversation

    @staticmethod
    def put_away(
        conversation: Conversation, *, now: datetime, pinned: bool | None = None, archived: bool | None = None
    ) -> Conversation:
        """Pin or archive a conversation, or take that back; None leaves it. Its place in the list stays.

        What is archived is not pinned: it was put out of sight.
        """
        status = Conversation.Status
        if archived is not None and archived != (conversation.archived_at is not None):
            conversation.archived_at = now if archived else None
            if archived:
                conversation.pinned_at = None
        if pinned is not None and pinned != (conversation.pinned_at is not None):
            conversation.pinned_at = now if pinned else None
        if conversation.status != status.REQUIRE_USER_INPUT:
            conversation.status = status.INACTIVE if conversation.archived_at else status.ACTIVE
        conversation.save(update_fields=["pinned_at", "archived_at", "status"])
        _announce([conversation])
        return conversation

    @staticmethod
    def see(conversation: Conversation, seq: int) -> Conversation:
        """Note that its person has seen everything up to `seq`; an earlier one changes nothing."""
        was_unread = conversation.unread
        Conversation.objects.filter(pk=conversation.pk, seen_seq__lt=seq).update(seen_seq=Least(seq, F("last_seq")))
        conversation.refresh_from_db()
        if was_unread != conversation.unread:
            _announce([conversation])
        return conversation

    @staticmethod
    def delete_soon(conversation: Conversation, *, grace: timedelta, now: datetime) -> None:
        """Let a conversation be deleted in a while; until then `restore` takes that back, and nobody sees it."""
        Conversation.objects.filter(pk=conversation.pk).update(delete_at=now + grace)
        _gone(conversation)

    @staticmethod
    def restore(user: User, conversation_id: UUID, *, now: datetime) -> Conversation | None:
        """Take a deletion back whose time has not come; again is harmless. None where there is no such conversation.

        One that is due may be half deleted already.
        """
        rows = Conversation.objects.filter(pk=conversation_id, user=user)
        restored = rows.filter(delete_at__gt=now).update(delete_at=None)
        conversation = rows.filter(delete_at=None).first()
        if restored and conversation is not None:
            _announce([conversation])
        return conversation

    @staticmethod
    def share(conversation: Conversation, *, now: datetime) -> tuple[ConversationShare, bool]:
        """Make the link, or let the one that there is show everything until now; returns it, and whether it is new."""
        return ConversationShare.objects.update_or_create(
            conversation=conversation,
            defaults={"upto": conversation.last_seq},
            create_defaults={"upto": conversation.last_seq, "created_at": now},
        )

    @staticmethod
    def unshare(conversation: Conversation) -> bool:
        """Revoke the link: it opens nothing from now on; a new one is another one. Returns whether there was one."""
        return bool(ConversationShare.objects.filter(conversation=conversation).delete()[0])

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
            index_title(conversation)
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
        marked = Conversation.objects.filter(pk__in=[conversation.pk for conversation in changed])
        if waiting:
            # What asks for its person comes back from where it was put away.
            marked.update(status=status.REQUIRE_USER_INPUT, archived_at=None)
        else:
            marked.update(
                status=Case(When(archived_at=None, then=Value(status.ACTIVE)), default=Value(status.INACTIVE))
            )
        _announce(changed)


def _gone(conversation: Conversation) -> None:
    """Tell open pages that it is not there any more."""
    pk = conversation.pk
    transaction.on_commit(lambda: hub.close_conversation(pk, Close.NOT_FOUND))


def _announce(conversations: Iterable[Conversation]) -> None:
    by_user: dict[int, list[UUID]] = {}
    for conversation in conversations:
        by_user.setdefault(conversation.user_id, []).append(conversation.pk)
    for user_id, ids in by_user.items():
        transaction.on_commit(
            lambda user_id=user_id, ids=ids: hub.announce(user_id, "conversation_changed", ids)  # type: ignore[misc]
        )
