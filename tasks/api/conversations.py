"""What changes a conversation, and with it its tasks: on the router of `conversations.api`, which reads them."""

from contextlib import suppress
from datetime import timedelta

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from pydantic import ValidationError

from conversations import audit
from conversations.api import own_conversation, router
from conversations.audit import Act
from conversations.described import described
from conversations.schemas import ConversationIn, ConversationOut, ConversationPatch, DeleteQuery, conversation_out
from conversations.services import ConversationService
from conversations.wire import Invalid, Refused, answer, person, read_body, read_nothing, read_query
from tasks import requests
from tasks.api.owned import own_plan
from tasks.api.whole import read_task
from tasks.models import Agent
from tasks.schemas.inputs import MessageIn
from tasks.schemas.outputs import CountOut, PlanOut, plan_out
from tasks.services import TaskService

__all__ = ["consult_about_message", "router"]

ADVICE = "planner_advice"
"""Attribute of a request: what the planner was told about its message (`requests.Advice`), or None."""


@router.post("", response={201: ConversationOut}, openapi_extra=described(body=ConversationIn))
def create_conversation(request: HttpRequest) -> JsonResponse:
    """Start a conversation; without a title it is named after its first message."""
    sent = read_body(request, ConversationIn)
    _check_agent(sent.agent_name)
    conversation = ConversationService.create(
        user=person(request), title=sent.title or "", agent_name=sent.agent_name or "", now=timezone.now()
    )
    return answer(conversation_out(conversation), 201)


@router.patch("/{conversation_id}", response={200: ConversationOut}, openapi_extra=described(body=ConversationPatch))
def update_conversation(request: HttpRequest, conversation_id: str) -> JsonResponse:
    """Rename it, give it another agent (null clears), pin or archive it, or take that back."""
    conversation = own_conversation(request, conversation_id)
    sent = read_body(request, ConversationPatch)
    _check_agent(sent.agent_name)
    now = timezone.now()
    fields = {name: getattr(sent, name) or "" for name in ("title", "agent_name") if name in sent.model_fields_set}
    if fields:
        conversation = ConversationService.update(conversation, now=now, **fields)
    put_away = {name: getattr(sent, name) for name in ("pinned", "archived") if name in sent.model_fields_set}
    if put_away:
        conversation = ConversationService.put_away(conversation, now=now, **put_away)
    return answer(conversation_out(conversation))


@router.delete("/{conversation_id}", response={204: None}, openapi_extra=described(query=DeleteQuery))
def delete_conversation(request: HttpRequest, conversation_id: str) -> HttpResponse:
    """Delete it with all that is in it; what runs is cancelled. With `grace_seconds` it can be restored until then."""
    conversation = own_conversation(request, conversation_id)
    query = read_query(request, DeleteQuery)
    now = timezone.now()
    if query.grace_seconds:
        ConversationService.delete_soon(conversation, grace=timedelta(seconds=query.grace_seconds), now=now)
    else:
        TaskService.delete_conversation(conversation, user=person(request), now=now)
    return HttpResponse(status=204)


@router.post("/{conversation_id}/messages", response={202: PlanOut}, openapi_extra=described(body=MessageIn))
def send_message(request: HttpRequest, conversation_id: str) -> JsonResponse:
    """Say something: it becomes a plan, or answers the question that is open."""
    conversation = own_conversation(request, conversation_id)
    sent = read_task(request, MessageIn, lambda rest: requests.refusals(rest, now=timezone.now()))
    if not hasattr(request, ADVICE):
        consult_about_message(request, conversation_id)
    advice: requests.Advice | None = getattr(request, ADVICE)
    plan = requests.submit_message(conversation, sent, user=person(request), now=timezone.now(), advice=advice)
    return answer(plan_out(own_plan(request, str(plan.pk))), 202)


def consult_about_message(request: HttpRequest, conversation_id: str) -> None:
    """Let the planner consult about a message, and keep what it is told at the request for `send_message`.

    Called beforehand where the view will run in a transaction, in which nobody may be waited for. What is wrong with
    the request is told by the view.
    """
    advice = None
    with suppress(Refused, ValidationError):
        conversation = own_conversation(request, conversation_id)
        advice = requests.consult(conversation, read_body(request, MessageIn), now=timezone.now())
    setattr(request, ADVICE, advice)


@router.post("/{conversation_id}/cancel", response={200: CountOut})
def cancel_conversation(request: HttpRequest, conversation_id: str) -> JsonResponse:
    """Cancel every unfinished task of the conversation."""
    conversation = own_conversation(request, conversation_id)
    read_nothing(request)
    now = timezone.now()
    count = TaskService.cancel_conversation_tasks([conversation.pk], actor=person(request), now=now)
    audit.record(
        Act.TASKS_ACTED_ON, now=now, request=request, subject=conversation, named="", count=count, action="cancel"
    )
    return answer({"cancelled": count})


def _check_agent(name: str | None) -> None:
    if name and not Agent.objects.filter(name=name).exists():
        raise Invalid.at("agent_name", f"There is no agent “{name}”: GET /api/v1/agents lists them.")
