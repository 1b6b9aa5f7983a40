"""Where events from elsewhere come in: no session, no CSRF token, no page; the hook's secret is the key."""

from typing import Any
from uuid import UUID

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, JsonResponse, UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from tasks.errors import InvalidInput, NotFound, TaskError
from tasks.hooks import bodies, incoming
from tasks.models import HookDelivery

STATUSES: dict[type[TaskError], int] = {
    NotFound: 404,
    incoming.NotProven: 401,
    incoming.TooLarge: 413,
    incoming.TooMany: 429,
    InvalidInput: 422,
}


@csrf_exempt  # Whoever sends this has the hook's secret, and no session.
def receive(request: HttpRequest, hook_id: str) -> JsonResponse:
    """`POST /hooks/{id}/`: 202 with what became of the delivery; 200 with the same, if it was known."""
    if request.method != "POST":
        refused = _refused(405, "method_not_allowed", "Send events with POST.")
        refused["Allow"] = "POST"
        return refused
    try:
        taken = incoming.receive(_id(hook_id), headers=request.headers, body=_body(request), now=timezone.now())
    except TaskError as error:
        return _explained(error)
    except UnreadablePostError:
        return _refused(400, "bad_request", "The body broke off.")
    return JsonResponse(answer(taken.delivery), status=200 if taken.again else 202)


def answer(delivery: HookDelivery) -> dict[str, Any]:
    """What a sender is told of its delivery."""
    return {
        "delivery_id": str(delivery.pk),
        "outcome": str(delivery.outcome),
        "run_id": str(delivery.run_id) if delivery.run_id else None,
    }


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _body(request: HttpRequest) -> bytes:
    length = request.headers.get("Content-Length", "")
    if length.isdigit() and len(length) < 20 and int(length) > bodies.BODY_MAX:
        raise incoming.TooLarge(f"The body is too large: send at most {bodies.BODY_MAX:,} bytes.")
    try:
        return request.body
    except RequestDataTooBig:
        raise incoming.TooLarge(f"The body is too large: send at most {bodies.BODY_MAX:,} bytes.") from None


def _explained(error: TaskError) -> JsonResponse:
    status = STATUSES.get(type(error), 409)
    refused = _refused(status, error.code, error.message, getattr(error, "fields", None))
    if isinstance(error, incoming.TooMany):
        refused["Retry-After"] = str(error.wait)
    if status == 401:
        refused["WWW-Authenticate"] = "Bearer"
    return refused


def _refused(status: int, code: str, message: str, fields: dict[str, list[str]] | None = None) -> JsonResponse:
    """The API's one error shape, here too."""
    body: dict[str, Any] = {"code": code, "message": message}
    if fields:
        body["fields"] = fields
    return JsonResponse({"error": body}, status=status)
