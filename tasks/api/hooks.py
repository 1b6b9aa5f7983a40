"""Hooks of a task by the JSON API: make, list, remove, try, and see what became of each delivery."""

from typing import Annotated, Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from ninja import Router
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic reads no other before Python 3.12

from conversations import audit
from conversations.audit import Act
from conversations.described import described
from conversations.schemas import Id, Moment, moment
from conversations.wire import (
    Absent,
    PageQuery,
    answer,
    cursor_id,
    cursor_of,
    page,
    path_id,
    person,
    read_body,
    read_query,
)
from tasks.api.owned import own_task
from tasks.hooks import incoming, keeping
from tasks.models import HookDelivery, TaskHook

router = Router(tags=["hooks"])

SAMPLE: dict[str, Any] = {"test": True, "message": "A test delivery."}
"""What the test sends where it is given nothing."""


class HookIn(BaseModel):
    """`POST /tasks/{id}/hooks`: which events it wants, and how many of them a minute."""

    model_config = ConfigDict(extra="forbid")

    filter: dict[str, Any] | None = None
    rate_limit: Annotated[int, Field(ge=1, le=keeping.RATE_MAX)] | None = None


class SampleIn(BaseModel):
    """`POST /tasks/{id}/hooks/{hook_id}/test`: the event to try it with."""

    model_config = ConfigDict(extra="forbid")

    event: dict[str, Any] | None = None


class HookOut(TypedDict):
    """A hook; its secret was shown when it was made."""

    id: Id
    url: str
    filter: dict[str, Any]
    rate_limit: int | None
    created_at: Moment


class NewHookOut(HookOut):
    """A hook that was just made, with its secret, this once."""

    secret: str


class HookPage(TypedDict):
    """One page of hooks, newest first."""

    items: list[HookOut]
    next_cursor: str | None


class DeliveryOut(TypedDict):
    """A delivery and what became of it."""

    id: Id
    received_at: Moment
    outcome: str
    reason: str | None
    run_id: Id | None


class DeliveryPage(TypedDict):
    """One page of deliveries, newest first."""

    items: list[DeliveryOut]
    next_cursor: str | None


def hook_out(hook: TaskHook) -> HookOut:
    """A hook as the API shows it."""
    return {
        "id": str(hook.pk),
        "url": hook.url,
        "filter": hook.filter,
        "rate_limit": hook.rate_limit,
        "created_at": moment(hook.created_at),
    }


def delivery_out(delivery: HookDelivery) -> DeliveryOut:
    """A delivery as the API shows it."""
    return {
        "id": str(delivery.pk),
        "received_at": moment(delivery.received_at),
        "outcome": str(delivery.outcome),
        "reason": delivery.reason or None,
        "run_id": str(delivery.run_id) if delivery.run_id else None,
    }


def _own_hook(request: HttpRequest, task_id: str, hook_id: str) -> TaskHook:
    task = own_task(request, task_id)
    found = TaskHook.objects.filter(pk=path_id(hook_id), task=task).first()
    if found is None:
        raise Absent("This task has no such hook: GET /api/v1/tasks/{id}/hooks lists them.")
    return found


@router.get("/{task_id}/hooks", response={200: HookPage}, openapi_extra=described(query=PageQuery))
def list_hooks(request: HttpRequest, task_id: str) -> JsonResponse:
    """The task's hooks, newest first."""
    task = own_task(request, task_id)
    query = read_query(request, PageQuery)
    rows = TaskHook.objects.filter(task=task).order_by("-id")
    if (before := cursor_id(query.cursor, "hooks")) is not None:
        rows = rows.filter(pk__lt=before)
    return page(rows[: query.limit + 1], query.limit, show=hook_out, cursor=lambda hook: cursor_of("hooks", hook.pk))


@router.post("/{task_id}/hooks", response={201: NewHookOut}, openapi_extra=described(body=HookIn))
def create_hook(request: HttpRequest, task_id: str) -> JsonResponse:
    """Make an address at which events start the task. Its secret is in this answer and never again."""
    task = own_task(request, task_id)
    sent = read_body(request, HookIn)
    now = timezone.now()
    with transaction.atomic():
        hook = keeping.create(
            task.pk, wanted=sent.filter or {}, rate_limit=sent.rate_limit, actor=person(request), now=now
        )
        audit.record(Act.HOOK_MADE, now=now, request=request, subject=hook, named="", task=str(task.pk))
    return answer({**hook_out(hook), "secret": hook.secret}, 201)


@router.delete("/{task_id}/hooks/{hook_id}", response={204: None})
def delete_hook(request: HttpRequest, task_id: str, hook_id: str) -> HttpResponse:
    """Remove a hook: its address answers 404 from now on. Runs that it started stay."""
    hook, now = _own_hook(request, task_id, hook_id), timezone.now()
    with transaction.atomic():
        audit.record(Act.HOOK_DELETED, now=now, request=request, subject=hook, named="", task=str(hook.task_id))
        keeping.delete(hook, actor=person(request), now=now)
    return HttpResponse(status=204)


@router.get(
    "/{task_id}/hooks/{hook_id}/deliveries", response={200: DeliveryPage}, openapi_extra=described(query=PageQuery)
)
def list_deliveries(request: HttpRequest, task_id: str, hook_id: str) -> JsonResponse:
    """What came in, newest first, for thirty days: what became of each, and why."""
    hook = _own_hook(request, task_id, hook_id)
    query = read_query(request, PageQuery)
    rows = HookDelivery.objects.filter(hook=hook).defer("payload").order_by("-id")
    if (before := cursor_id(query.cursor, "deliveries")) is not None:
        rows = rows.filter(pk__lt=before)
    return page(
        rows[: query.limit + 1], query.limit, show=delivery_out, cursor=lambda row: cursor_of("deliveries", row.pk)
    )


@router.post("/{task_id}/hooks/{hook_id}/test", response={201: DeliveryOut}, openapi_extra=described(body=SampleIn))
def try_hook(request: HttpRequest, task_id: str, hook_id: str) -> JsonResponse:
    """Deliver an event to it, as if it came from outside: what the filter and the task make of it is real."""
    hook = _own_hook(request, task_id, hook_id)
    sent = read_body(request, SampleIn)
    event = SAMPLE if sent.event is None else sent.event
    return answer(delivery_out(incoming.receive_sample(hook, event, now=timezone.now())), 201)
