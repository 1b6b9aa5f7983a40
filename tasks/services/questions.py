"""Whether a conversation still waits for its person, once one of its questions is open no more."""

from collections.abc import Iterable
from uuid import UUID

from conversations.services import ConversationService
from tasks.models import ExecutionPlan, TaskRun
from tasks.states import RunStatus


def closed(conversation_ids: Iterable[UUID]) -> None:
    """A question of each of these conversations was answered or dropped: those in which no other is open are told so.

    Questions are asked by parked runs, in the run's own conversation, and by plans. Call it after the change.
    """
    ids = set(conversation_ids)
    if not ids:
        return
    parked = TaskRun.objects.filter(conversation__in=ids, status=RunStatus.WAITING_INPUT)
    plans = ExecutionPlan.objects.filter(conversation__in=ids).exclude(question="")
    asking = {
        *parked.order_by().values_list("conversation_id", flat=True),
        *plans.order_by().values_list("conversation_id", flat=True),
    }
    ConversationService.set_waiting(ids - asking, waiting=False)
