"""Pages that belong to no app: what a person or a program sees when something went wrong, and the API's edges."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.views.decorators.csrf import csrf_exempt

from valuecell_site import problems

logger = logging.getLogger(__name__)

API_PREFIX = "/api/"


def _answer(request: HttpRequest, status: int, title: str, text: str, *, code: str = "") -> HttpResponseBase:
    """The error shape for programs; for people the page of that status.

    It is rendered without the request: who is signed in would be asked of the database, which may be what failed.
    """
    if request.path_info.startswith(API_PREFIX):
        return problems.error(status, code=code)
    try:
        return HttpResponse(render_to_string(f"{status}.html", {"title": title, "text": text}), status=status)
    except Exception:
        logger.exception("the page for status %d cannot be made", status, extra={"event": "error_page.failed"})
        return HttpResponse(f"{title}\n\n{text}\n", status=status, content_type="text/plain; charset=utf-8")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:  # noqa: ARG001 (Django passes it)
    """400."""
    return _answer(request, 400, "The request could not be read", "Go back and try again.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponseBase:  # noqa: ARG001 (Django passes it)
    """403."""
    return _answer(request, 403, "Not for you", "Your account may not open this page.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:  # noqa: ARG001 (Django passes it)
    """404."""
    return _answer(request, 404, "There is nothing here", "It was deleted, is somebody else's, or never existed.")


def server_error(request: HttpRequest) -> HttpResponseBase:
    """500."""
    return _answer(request, 500, "The server made a mistake", "It was written to the log; try again in a moment.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:  # noqa: ARG001 (Django passes it)
    """403 for a form whose CSRF token is missing or old (`CSRF_FAILURE_VIEW`)."""
    return _answer(
        request,
        403,
        "The page was open for too long",
        "Go back, load the page again, and send it once more.",
        code="csrf_failed",
    )


@csrf_exempt  # The gate has looked at the token; here there is nothing left to protect.
def no_such_endpoint(request: HttpRequest) -> HttpResponseBase:
    """404 for a path under the API that none of its endpoints has."""
    if request.path_info.endswith("/"):
        return problems.error(404, message="The API's addresses end without a slash: leave it out.")
    return problems.error(404, message="The API has no such address: /api/v1/docs lists them.")


def docs_policy(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Let the API's documentation page have the style attributes that its library writes; scripts stay ours only."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response._csp_update = {"style-src": ["'self'", "'unsafe-inline'"]}  # type: ignore[attr-defined]
        return response

    return wrapped
