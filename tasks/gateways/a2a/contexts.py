"""Which conversation a client's `contextId` means. Synchronously, in a thread.

It is the id of a conversation, or a name that the client made up for one: that is taken, kept, and told again as it
was (specification, 3.4.1). What looks like one of our ids and is none of the person's is refused.
"""

from datetime import datetime
from uuid import UUID

from conversations.models import Conversation
from tasks.gateways.a2a.errors import invalid
from tasks.gateways.caller import Caller
from tasks.models import RemoteContext
from tasks.models.context import CONTEXT_MAX

NONE = "There is no such context: leave contextId out to begin one, or send the one that an answer named."


def meant(caller: Caller, context_id: str) -> UUID | None:
    """The caller's conversation; None: a new one is to be begun. Raises `InvalidParamsError`."""
    if not context_id:
        return None
    if (wanted := _as_id(context_id)) is not None:
        if Conversation.objects.for_user(caller.user).filter(pk=wanted).exists():
            return wanted
        raise invalid(NONE, [("message.contextId", NONE)])
    if len(context_id) > CONTEXT_MAX or not context_id.isprintable():
        told = f"A contextId has at most {CONTEXT_MAX} printable characters."
        raise invalid(told, [("message.contextId", told)])
    return found(caller, context_id)


def found(caller: Caller, context_id: str) -> UUID | None:
    """The caller's conversation of that id or name; None where there is none."""
    if (wanted := _as_id(context_id)) is not None:
        return wanted if Conversation.objects.for_user(caller.user).filter(pk=wanted).exists() else None
    named = RemoteContext.objects.filter(user=caller.user, name=context_id, conversation__delete_at=None)
    return named.values_list("conversation_id", flat=True).first()


def remember(caller: Caller, context_id: str, conversation_id: UUID, *, now: datetime) -> None:
    """Keep the name of a conversation that was just begun. Raises IntegrityError where another request was faster.

    A name whose conversation is about to be deleted means the new one from now on.
    """
    if context_id and _as_id(context_id) is None:
        RemoteContext.objects.filter(user=caller.user, name=context_id, conversation__delete_at__isnull=False).delete()
        RemoteContext.objects.create(user=caller.user, name=context_id, conversation_id=conversation_id, created_at=now)


def _as_id(context_id: str) -> UUID | None:
    try:
        return UUID(context_id)
    except ValueError:
        return None
