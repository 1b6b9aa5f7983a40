"""A person's webhooks by the JSON API: where their events are sent, whether that worked, and a test."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from ninja import Router
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic reads no other before Python 3.12

from conversations import audit
from conversations.audit import Act
from conversations.described import described
from conversations.schemas import Id, Moment, moment, moment_or_none
from conversations.wire import (
    Absent,
    PageQuery,
    Patch,
    answer,
    cursor_id,
    cursor_of,
    page,
    path_id,
    person,
    read_body,
    read_nothing,
    read_query,
)
from tasks.hooks import watching
from tasks.models import Outgoing, Webhook

router = Router(tags=["webhooks"])

EventName = Literal["run_finished", "task_failed", "waiting_for_input", "task_paused", "task_recovered"]
Events = Annotated[list[EventName], Field(min_length=1, max_length=5)]


class WebhookIn(BaseModel):
    """`POST /webhooks`: where to send, and which events; without `events` all of them."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, Field(max_length=2000, json_schema_extra={"pattern": "^https?://."})]
    events: Events | None = None


class WebhookPatch(Patch):
    """`PATCH /webhooks/{id}`: switch it on or off, or choose its events."""

    enabled: bool | None = None
    events: Events | None = None


class WebhookOut(TypedDict):
    """A webhook; its secret was shown when it was made."""

    id: Id
    url: str
    events: list[str]
    enabled: bool
    created_at: Moment


class NewWebhookOut(WebhookOut):
    """A webhook that was just made, with its secret, this once."""

    secret: str


class WebhookPage(TypedDict):
    """One page of webhooks, newest first."""

    items: list[WebhookOut]
    next_cursor: str | None


class SentOut(TypedDict):
    """An event that was or is to be sent, and what the receiver said."""

    id: Id
    event: str
    task_id: Id | None
    status: str
    attempts: int
    next_try_at: Moment | None
    response_status: int | None
    response: str | None
    created_at: Moment
    finished_at: Moment | None


class SentPage(TypedDict):
    """One page of them, newest first."""

    items: list[SentOut]
    next_cursor: str | None


def webhook_out(webhook: Webhook) -> WebhookOut:
    """A webhook as the API shows it."""
    return {
        "id": str(webhook.pk),
        "url": webhook.url,
        "events": list(webhook.events),
        "enabled": webhook.enabled,
        "created_at": moment(webhook.created_at),
    }


def sent_out(row: Outgoing) -> SentOut:
    """A row of the log as the API shows it."""
    return {
        "id": str(row.pk),
        "event": row.event,
        "task_id": str(row.task_id) if row.task_id else None,
        "status": str(row.status),
        "attempts": row.attempts,
        "next_try_at": moment_or_none(row.next_try_at),
        "response_status": row.response_status,
        "response": row.response_excerpt or None,
        "created_at": moment(row.created_at),
        "finished_at": moment_or_none(row.finished_at),
    }


def _own(request: HttpRequest, webhook_id: str) -> Webhook:
    found = Webhook.objects.filter(pk=path_id(webhook_id), user=person(request)).first()
    if found is None:
        raise Absent("There is no such webhook here: GET /api/v1/webhooks lists yours.")
    return found


def _note(act: Act, webhook: Webhook, request: HttpRequest, changed: Iterable[str] = ()) -> None:
    # By its host alone: some services' addresses are secrets.
    named = urlsplit(webhook.url).hostname or ""
    audit.record(act, now=timezone.now(), request=request, subject=webhook, named=named, changed=sorted(changed))


@router.get("", response={200: WebhookPage}, openapi_extra=described(query=PageQuery))
def list_webhooks(request: HttpRequest) -> JsonResponse:
    """The person's webhooks, newest first."""
    query = read_query(request, PageQuery)
    rows = Webhook.objects.filter(user=person(request)).order_by("-id")
    if (before := cursor_id(query.cursor, "webhooks")) is not None:
        rows = rows.filter(pk__lt=before)
    return page(
        rows[: query.limit + 1], query.limit, show=webhook_out, cursor=lambda row: cursor_of("webhooks", row.pk)
    )


@router.post("", response={201: NewWebhookOut}, openapi_extra=described(body=WebhookIn))
def create_webhook(request: HttpRequest) -> JsonResponse:
    """Have events sent to an address. The secret that they are signed with is in this answer and never again."""
    sent = read_body(request, WebhookIn)
    now = timezone.now()
    with transaction.atomic():
        webhook = watching.create(user=person(request), url=sent.url, events=sent.events or (), now=now)
        _note(Act.WEBHOOK_MADE, webhook, request)
    return answer({**webhook_out(webhook), "secret": webhook.secret}, 201)


@router.patch("/{webhook_id}", response={200: WebhookOut}, openapi_extra=described(body=WebhookPatch))
def update_webhook(request: HttpRequest, webhook_id: str) -> JsonResponse:
    """Switch it on or off, or choose its events; what waits for one that is off is not sent."""
    webhook = _own(request, webhook_id)
    sent = read_body(request, WebhookPatch)
    changes: dict[str, Any] = {}
    if sent.enabled is not None:
        changes["enabled"] = sent.enabled
    if sent.events is not None:
        changes["events"] = sorted(set(sent.events))
    for name, value in changes.items():
        setattr(webhook, name, value)
    if changes:
        with transaction.atomic():
            webhook.save(update_fields=list(changes))
            _note(Act.WEBHOOK_CHANGED, webhook, request, changed=changes)
    return answer(webhook_out(webhook))


@router.delete("/{webhook_id}", response={204: None})
def delete_webhook(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """Send nothing more to it; its log goes with it."""
    webhook = _own(request, webhook_id)
    with transaction.atomic():
        _note(Act.WEBHOOK_DELETED, webhook, request)
        webhook.delete()
    return HttpResponse(status=204)


@router.get("/{webhook_id}/deliveries", response={200: SentPage}, openapi_extra=described(query=PageQuery))
def list_sent(request: HttpRequest, webhook_id: str) -> JsonResponse:
    """What was sent, or is to be, newest first, for thirty days: attempts, and the beginning of the last answer."""
    webhook = _own(request, webhook_id)
    query = read_query(request, PageQuery)
    rows = Outgoing.objects.filter(webhook=webhook).defer("payload").order_by("-id")
    if (before := cursor_id(query.cursor, "sent")) is not None:
        rows = rows.filter(pk__lt=before)
    return page(rows[: query.limit + 1], query.limit, show=sent_out, cursor=lambda row: cursor_of("sent", row.pk))


@router.post("/{webhook_id}/test", response={201: SentOut}, openapi_extra=described())
def try_webhook(request: HttpRequest, webhook_id: str) -> JsonResponse:
    """Send it a sample event; the log says within seconds what became of it."""
    webhook = _own(request, webhook_id)
    read_nothing(request)
    return answer(sent_out(watching.send_test(webhook, now=timezone.now())), 201)
