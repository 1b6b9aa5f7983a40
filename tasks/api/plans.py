"""Plans by the JSON API: several tasks at once, in order."""

from typing import Annotated

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Router
from pydantic import Field

from conversations import audit
from conversations.audit import Act
from conversations.described import described
from conversations.wire import (
    PageQuery,
    answer,
    cursor_id,
    cursor_of,
    optional_id,
    page,
    person,
    read_body,
    read_nothing,
    read_query,
)
from tasks import requests
from tasks.api.owned import named_conversation, own_plan, own_plans
from tasks.errors import InvalidInput
from tasks.schemas.inputs import PlanIn
from tasks.schemas.outputs import CountOut, PlanOut, PlanPage, plan_out
from tasks.services import TaskService

router = Router(tags=["plans"])


class PlansQuery(PageQuery):
    """`GET /plans`."""

    conversation_id: Annotated[str, Field(max_length=200)] | None = None


@router.get("", response={200: PlanPage}, openapi_extra=described(query=PlansQuery))
def list_plans(request: HttpRequest) -> JsonResponse:
    """The person's plans, newest first."""
    query = read_query(request, PlansQuery)
    plans = own_plans(request)
    if query.conversation_id is not None:
        conversation_id = optional_id(query.conversation_id)
        plans = plans.filter(conversation_id=conversation_id) if conversation_id else plans.none()
    if (before := cursor_id(query.cursor, "plans")) is not None:
        plans = plans.filter(pk__lt=before)
    return page(plans[: query.limit + 1], query.limit, show=plan_out, cursor=lambda plan: cursor_of("plans", plan.pk))


@router.post("", response={201: PlanOut}, openapi_extra=described(body=PlanIn))
def create_plan(request: HttpRequest) -> JsonResponse:
    """Make a plan of given tasks: they run in order, a failed one does not stop the next."""
    sent = read_body(request, PlanIn)
    conversation = named_conversation(request, sent.conversation_id)
    try:
        plan = requests.submit_tasks(
            conversation, sent.tasks, user=person(request), now=timezone.now(), query=sent.query or ""
        )
    except InvalidInput as error:
        if len(sent.tasks) > 1:
            raise
        # A single task's fields come without a number; here it was sent in a list.
        raise InvalidInput({f"tasks.0.{name}": texts for name, texts in error.fields.items()}) from None
    return answer(plan_out(own_plan(request, str(plan.pk))), 201)


@router.get("/{plan_id}", response={200: PlanOut})
def get_plan(request: HttpRequest, plan_id: str) -> JsonResponse:
    """One plan with its tasks."""
    return answer(plan_out(own_plan(request, plan_id)))


@router.post("/{plan_id}/cancel", response={200: CountOut})
def cancel_plan(request: HttpRequest, plan_id: str) -> JsonResponse:
    """Cancel every unfinished task of the plan."""
    plan = own_plan(request, plan_id)
    read_nothing(request)
    now = timezone.now()
    count = TaskService.cancel_plan(plan.pk, actor=person(request), now=now)
    audit.record(Act.TASKS_ACTED_ON, now=now, request=request, subject=plan, named="", count=count, action="cancel")
    return answer({"cancelled": count})
