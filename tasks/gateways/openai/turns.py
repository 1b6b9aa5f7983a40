"""Turns of a chat: to which conversation a request belongs, and requests that come twice.

A chat client keeps the history itself and sends all of it each time. For each turn the digest of what the client will
send before its next text is kept, a person's own, and the conversation that has it goes on. Where none has (a history
from elsewhere, an edited one, another model) a new conversation begins, and its agent is given the history as text.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q

from conversations.wire import Refused
from tasks.gateways.caller import Caller
from tasks.gateways.following import Followed, submit_now
from tasks.gateways.openai.asked import Chat
from tasks.gateways.standing import outcome
from tasks.models import ChatTurn
from tasks.schemas.inputs import MessageIn
from tasks.states import PlanStatus

RETRY_WINDOW = timedelta(minutes=15)
"""A request that says that it is a retry joins the same one's run if that is not older."""
TITLE_MAX = 80


class KeyReused(Refused):
    """An idempotency key that came with another request before."""

    status = 409
    code = "idempotency_key_reused"


def begin(
    caller: Caller, chat: Chat, *, key: str, retry: bool, now: datetime, again: bool = True
) -> tuple[UUID, Followed]:
    """Give what is asked to its agent, or find the run of the same request; returns the turn's id and what to follow.

    `key` is the client's idempotency key, or empty; `retry`: the client says that it sends this once more. Raises
    KeyReused and what `tasks.requests.submit_message` raises.
    """
    known = _known(caller, chat, key=key, retry=retry, now=now)
    if known is not None:
        return known.pk, _followed(known)
    previous = _previous(caller, chat)
    message = MessageIn(
        text=chat.to_agent(known=previous is not None),
        agent_name=chat.model,
        **_answering(caller, previous),
    )
    try:
        with transaction.atomic():
            followed = submit_now(
                caller,
                message,
                now=now,
                conversation_id=previous.plan.conversation_id if previous else None,
                title="" if previous else _title(chat.text),
            )
            turn = ChatTurn.objects.create(
                user=caller.user,
                plan_id=followed.plan_id,
                asked=chat.asked,
                idempotency_key=key,
                after_seq=followed.after_seq,
                created_at=now,
            )
    except IntegrityError:
        # The same key came twice at one moment, and the other was faster: what this one began is undone.
        if not key or not again:
            raise
        return begin(caller, chat, key=key, retry=retry, now=now, again=False)
    return turn.pk, followed


def answered(turn_id: UUID, chat: Chat, answer: str) -> None:
    """The client has the whole answer: what comes behind it belongs to this conversation."""
    ChatTurn.objects.filter(pk=turn_id).update(answered=chat.answered(answer))


def _known(caller: Caller, chat: Chat, *, key: str, retry: bool, now: datetime) -> ChatTurn | None:
    turns = ChatTurn.objects.filter(user=caller.user).select_related("plan")
    if key:
        found = turns.filter(idempotency_key=key).first()
        if found is not None and found.asked != chat.asked:
            raise KeyReused("This Idempotency-Key came with another request: use a new key for a new request.")
        return found
    if retry:
        return turns.filter(asked=chat.asked, created_at__gt=now - RETRY_WINDOW).order_by("-id").first()
    return None


def _previous(caller: Caller, chat: Chat) -> ChatTurn | None:
    """The turn that left the history that came along."""
    if not chat.history:
        return None
    turns = ChatTurn.objects.filter(user=caller.user).select_related("plan").order_by("-id")
    whole = turns.filter(answered=chat.before).first()
    # Who went away before the end has a part of the answer, and sends that.
    return whole or turns.filter(Q(answered=""), asked=chat.before_unanswered).first()


def _answering(caller: Caller, previous: ChatTurn | None) -> dict[str, Any]:
    """Whose question the text answers: the one with which the previous turn ended, and no other of the conversation."""
    if previous is not None:
        was = outcome(previous.plan_id, user_id=caller.user.pk)
        if was.status == PlanStatus.WAITING_INPUT and was.asked_by is not None:
            return {"answer_to": str(was.asked_by)}
    return {"new_plan": True}


def _followed(turn: ChatTurn) -> Followed:
    return Followed(
        user_id=turn.plan.user_id,
        plan_id=turn.plan_id,
        conversation_id=turn.plan.conversation_id,
        thread_id=turn.plan.thread_id,
        after_seq=turn.after_seq,
    )


def _title(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TITLE_MAX else line[:TITLE_MAX].rsplit(" ", 1)[0].rstrip() + "…"
