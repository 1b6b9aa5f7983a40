"""What stands before the views: the gate of the API, admin's policy, and the person's time zone."""

import time
import zoneinfo
from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware

from conversations.wire import Refused
from tasks import language
from tasks.api.conversations import consult_about_message
from tasks.hooks import secrets
from tasks.scopes import Scope, missing
from valuecell_site import problems
from valuecell_site.auth import bearer_of, user_of
from valuecell_site.idempotency import SecretOf, once
from valuecell_site.ratelimit import RateLimit

API_PREFIX = "/api/"
GUARDED_PREFIX = "/api/v1/"
PUBLIC_NAMES = frozenset({"openapi-json", "openapi-view"})
"""Addresses of the API that need nobody: what it can do is no secret."""

CREATORS = frozenset(
    {
        "list_conversations",
        "send_message",
        "list_plans",
        "list_tasks",
        "trigger_task",
        "run_again",
        "backfill",
        "clone",
        "list_hooks",
        "try_hook",
        "list_webhooks",
        "try_webhook",
        "list_tokens",
    }
)
"""Addresses (by their first endpoint's name) whose POST makes something and only talks to the database: under an
`Idempotency-Key` it and its stored answer are one transaction. The others are harmless twice, wait for another
machine, or change so much that they commit in batches.
"""

BEFOREHAND: dict[str, Callable[..., None]] = {"send_message": consult_about_message}
"""What a creator must ask of other machines, done before that transaction begins; called as the view is."""

WORK = frozenset(
    {
        "list_conversations",
        "send_message",
        "list_plans",
        "list_tasks",
        "trigger_task",
        "run_again",
        "backfill",
        "clone",
    }
)
"""Addresses (by their first endpoint's name) whose POST gives work: a token needs the scope `run`."""
LOOKS = frozenset({"parse_schedule", "preview_schedule", "preview_text"})
"""Addresses whose POST only looks."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

PRIVATE = frozenset({"list_tokens"})
"""Addresses where looking needs as much as changing: a token that may only read shall not learn of the others."""

SECRETS: dict[str, SecretOf] = {
    "list_hooks": secrets.of_hook,
    "list_webhooks": secrets.of_webhook,
    "list_tokens": lambda _id: None,  # only its digest is kept: a repeat is answered without
}
"""Addresses whose POST answers with a secret, this once."""

Answer = Callable[[HttpRequest], HttpResponseBase]
Middleware = Callable[[HttpRequest], Any]

_rate = RateLimit()


class _NeedsCsrfToken(CsrfViewMiddleware):
    """Django's own check, asked directly: it returns the reason instead of a page."""

    def _reject(self, request: HttpRequest, reason: str) -> Any:  # noqa: ARG002 (Django's signature)
        return reason


class ApiGate:
    """Before every endpoint of the API, on every verb: 401 for nobody, 403 for a session without its CSRF token, 429
    for too many; then an `Idempotency-Key` is honoured. Whatever leaves is in the one error shape.

    A middleware and not the framework's authentication, since that runs after the method and the path are known to
    exist, and a nobody shall learn neither.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Middleware) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if self.is_async:
            return self._later(request)
        return self._left(request, self.get_response(request))

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        return self._left(request, await self.get_response(request))

    @staticmethod
    def _left(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return problems.shaped(response) if request.path_info.startswith(API_PREFIX) else response

    def process_view(
        self, request: HttpRequest, view: Answer, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        """Runs in a thread, after the path was resolved."""
        match = request.resolver_match
        if not request.path_info.startswith(GUARDED_PREFIX) or match is None or match.url_name in PUBLIC_NAMES:
            return None
        refused = _refusal(request, match.url_name or "")
        if refused is not None:
            return refused
        key = request.headers.get("Idempotency-Key")
        if request.method != "POST" or key is None:
            return None
        try:
            before = BEFOREHAND.get(match.url_name or "")
            return once(
                request,
                cast(User, request.user),
                key,
                lambda: view(request, *args, **kwargs),
                in_transaction=match.url_name in CREATORS,
                secret_of=SECRETS.get(match.url_name or ""),
                before=(lambda: before(request, *args, **kwargs)) if before else None,
            )
        except (Refused, RequestDataTooBig, UnreadablePostError) as exc:
            return problems.problem(request, exc)


def scope_needed(method: str, name: str) -> Scope:
    """The scope that a token needs for `method` at the address whose first endpoint is `name`."""
    if name in PRIVATE:
        return Scope.MANAGE
    if method in SAFE_METHODS or (method == "POST" and name in LOOKS):
        return Scope.READ
    return Scope.RUN if method == "POST" and name in WORK else Scope.MANAGE


def too_many(user_id: int) -> int | None:
    """Count a request of this person; None if it may pass, else whole seconds to wait."""
    return _rate.retry_after(user_id, settings.API_RATE, now=time.monotonic())


def _refusal(request: HttpRequest, name: str) -> HttpResponseBase | None:
    """Why `request` may not pass; else None, and `request.user` is who sent it."""
    user, scopes = user_of(request)
    if user is None:
        refused = problems.error(401)
        refused["WWW-Authenticate"] = "Bearer"
        return refused
    if scopes is None and (reason := _csrf_fault(request)):
        return problems.error(
            403, code="csrf_failed", message=f"The session's CSRF token is missing or wrong ({reason})."
        )
    wait = too_many(user.pk)
    if wait is not None:
        refused = problems.error(429, message=f"Too many requests: at most {settings.API_RATE:,} a minute.")
        refused["Retry-After"] = str(wait)
        return refused
    if scopes is not None and (needed := scope_needed(request.method or "", name)) not in scopes:
        return problems.error(403, code="scope_missing", message=missing(needed, scopes))
    request.user = user
    if scopes is not None:
        # For the audit: how the token begins says which it was, and is no secret (`ApiToken.prefix`).
        request.token_prefix = (bearer_of(request.headers["Authorization"]) or "")[:10]  # type: ignore[attr-defined]
    return None


def _csrf_fault(request: HttpRequest) -> str:
    """Why a session's unsafe request is refused; empty where it may pass."""
    check = _NeedsCsrfToken(_no_view)
    check.process_request(request)
    return str(check.process_view(request, _no_view, (), {}) or "")


def _no_view(_request: HttpRequest) -> HttpResponse:
    raise AssertionError("the check calls no view")


@sync_and_async_middleware
def admin_policy(get_response: Middleware) -> Middleware:
    """Put admin's own Content-Security-Policy (settings say why it is wider) on admin's pages."""

    def mark(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if request.path_info.startswith("/admin/"):
            response._csp_config = settings.ADMIN_CONTENT_SECURITY_POLICY  # type: ignore[attr-defined]
        return response

    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> HttpResponseBase:
            return mark(request, await get_response(request))

        return later
    return lambda request: mark(request, get_response(request))


@sync_and_async_middleware
def person_time_zone(get_response: Middleware) -> Middleware:
    """Show times in the zone of the browser, which a script keeps in the cookie `tz`; else in `TIME_ZONE`.

    And keep the language that it asks for: what is asked of agents here is asked in it.
    """

    def activate(request: HttpRequest) -> None:
        language.activate(language.preferred(request.headers.get("Accept-Language", "")))
        name = request.COOKIES.get("tz", "")
        try:
            timezone.activate(zoneinfo.ZoneInfo(name) if name else timezone.get_default_timezone())
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            # Anybody can send any cookie: "../etc/passwd" is a ValueError, a folder's name an OSError.
            timezone.deactivate()

    if iscoroutinefunction(get_response):
        waiting = cast(Callable[[HttpRequest], Awaitable[HttpResponseBase]], get_response)

        async def later(request: HttpRequest) -> HttpResponseBase:
            activate(request)
            return await waiting(request)

        return later

    def now(request: HttpRequest) -> HttpResponseBase:
        activate(request)
        return cast(HttpResponseBase, get_response(request))

    return now
