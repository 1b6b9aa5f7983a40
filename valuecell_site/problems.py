"""What went wrong, in the API's one error shape: `problem` maps every exception, and nothing else does.

{"error": {"code": "invalid", "message": "…", "fields": {"schedule.cron": ["…"]}}}
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, JsonResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from ninja.errors import HttpError
from ninja.errors import ValidationError as ParameterError
from pydantic import ValidationError

from conversations.wire import Refused
from conversations.wording import joined, worded
from tasks.errors import InvalidInput, NotFound, TaskError, WrongMoment
from tasks.schedules import ScheduleError

logger = logging.getLogger(__name__)

CODES = {
    400: ("bad_request", "The request could not be read."),
    401: ("not_signed_in", "Sign in, or send a valid token: Authorization: Bearer TOKEN."),
    403: ("forbidden", "You may not do this."),
    404: ("not_found", "There is no such thing here."),
    405: ("method_not_allowed", "This address does not take that method."),
    422: ("invalid", "Something in the request is wrong."),
    429: ("too_many_requests", "Too many requests: wait a moment, then go on."),
    500: ("internal", "Something went wrong here. It was written down; try again."),
}
"""For each status that no exception of ours words: its code, and what a person reads."""


def error(
    status: int, *, code: str = "", message: str = "", fields: Mapping[str, Sequence[str]] | None = None
) -> JsonResponse:
    """An answer in the error shape; code and message default to the status's."""
    usual_code, usual_message = CODES.get(status, ("refused", "The request was refused."))
    body: dict[str, Any] = {"code": code or usual_code, "message": message or usual_message}
    if fields:
        body["fields"] = {name: list(texts) for name, texts in fields.items()}
    # Escaped to ASCII: a message may quote half a character that the sender wrote, which UTF-8 cannot say.
    return JsonResponse({"error": body}, status=status)


def problem(request: HttpRequest, exc: Exception | type[Exception]) -> JsonResponse:  # noqa: PLR0912 (all in one place)
    """The answer to `exc`, whatever it is. Only what nobody foresaw is logged, with its traceback, and is a 500."""
    match exc:
        case Refused():
            return error(exc.status, code=exc.code, message=exc.message, fields=exc.fields)
        case InvalidInput():
            return error(422, code=exc.code, message=exc.message, fields=exc.fields)
        case ScheduleError():
            return error(422, message=joined(exc.fields), fields=exc.fields)
        case NotFound():
            return error(404, code=exc.code, message=exc.message)
        case WrongMoment():
            return error(409, code=exc.code, message=exc.message)
        case TaskError():
            return error(422, code=exc.code, message=exc.message)
        case ValidationError():
            fields = worded(exc.errors(include_url=False, include_input=False))
            return error(422, message=joined(fields), fields=fields)
        case ParameterError():
            fields = worded([{**fault, "loc": fault["loc"][1:]} for fault in exc.errors])
            return error(422, message=joined(fields), fields=fields)
        case Http404():
            return error(404)
        case PermissionDenied():
            return error(403)
        case RequestDataTooBig():
            return error(422, code="too_large", message="The body is too large: send at most 2 MB.")
        case UnreadablePostError() | SuspiciousOperation():
            return error(400)
        case HttpError():
            return error(exc.status_code, message=str(exc) if exc.status_code not in CODES else "")
        case _:
            logger.exception(
                "unhandled error in %s %s",
                request.method,
                request.path,
                extra={"event": "api_error"},
                exc_info=exc if isinstance(exc, Exception) else None,
            )
            return error(500)


def shaped(response: HttpResponseBase) -> HttpResponseBase:
    """`response`, or the error shape in place of a refusal that the framework wrote as HTML or plain text."""
    if response.status_code < 400 or response.get("Content-Type", "").startswith("application/json"):
        return response
    mended = error(response.status_code)
    for header in ("Allow", "Retry-After"):
        if header in response:
            mended[header] = response[header]
    return mended
