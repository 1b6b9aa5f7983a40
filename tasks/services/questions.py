"""Questions to the person: which one a message answers, and whether a conversation still waits for an answer."""

from collections.abc import Iterable
from uuid import UUID

from conversations.events import Event
from conversations.models import Conversation, ConversationItem
from conversations.services import ConversationService
from tasks.errors import InvalidInput, NotWaiting
from tasks.models import ExecutionPlan, Task, TaskRun
from tasks.schemas.inputs import MessageIn
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


def meant(conversation: Conversation, message: MessageIn) -> Task | ExecutionPlan | None:
    """The task or plan whose question `message` answers (the contract's section 3, `answer_to`); None: none.

    One that starts a `new_plan` answers none: whoever says so saw the question, and leaves it open.

    Raises `InvalidInput` (no such task or plan in this conversation) and `NotWaiting`.
    """
    if message.new_plan and message.answer_to:
        raise InvalidInput(
            {"new_plan": ["A message answers a question, or starts a plan of its own: send one of both."]}
        )
    if message.answer_to:
        return _named(conversation, message.answer_to)
    if message.new_plan or message.schedule is not None:
        return None
    waiting = {
        run.pk: run
        for run in TaskRun.objects.filter(conversation=conversation, status=RunStatus.WAITING_INPUT).select_related(
            "task__plan"
        )
    }
    plans = {
        plan.thread_id: plan for plan in ExecutionPlan.objects.filter(conversation=conversation).exclude(question="")
    }
    newest = (
        ConversationItem.objects.filter(conversation=conversation, event=Event.PLAN_REQUIRE_USER_INPUT)
        .order_by("-position")
        .values_list("run_id", "thread_id")
    )
    if not waiting and not plans:
        return None
    for run_id, thread_id in newest:
        if run_id in waiting:
            task = waiting[run_id].task
            return task if message.agent_name in (None, task.agent_name) else None
        if thread_id in plans and run_id is None:
            plan = plans[thread_id]
            # Only where the planner asks who, an agent beside the text is an answer.
            return plan if message.agent_name is None or plan.draft.get("asks") == "agent" else None
    return None


def _named(conversation: Conversation, answer_to: str) -> Task | ExecutionPlan:
    unknown = InvalidInput({"answer_to": ["There is no such task or plan in this conversation."]})
    try:
        wanted = UUID(answer_to)
    except ValueError:
        raise unknown from None
    task = Task.objects.select_related("plan").filter(pk=wanted, user=conversation.user_id).first()
    if task is not None:
        here = conversation.pk in (task.conversation_id, task.plan.conversation_id)
        if not here and not task.runs.filter(conversation=conversation).exists():
            raise unknown
        return task
    plan = ExecutionPlan.objects.filter(pk=wanted, conversation=conversation).first()
    if plan is None:
        raise unknown
    if plan.question:
        return plan
    asking = plan.tasks.filter(runs__status=RunStatus.WAITING_INPUT).select_related("plan").order_by("place").first()
    if asking is None:
        raise NotWaiting("This plan asks nothing any more: its question was answered or dropped.")
    return asking
