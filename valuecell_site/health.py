"""`/healthz`: this process is up. `/readyz`: so is what it depends on, by name, as far as it can tell."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis import Redis

from tasks.services import TaskService

Response = TypeVar("Response", bound=HttpResponse)

REDIS_SECONDS = 2.0

Check = Callable[[], str]
"""Returns what is wrong, in words for an operator; nothing when all is well."""

_starting: list[str] = []
_checks: dict[str, Check] = {}


def starting(what: str) -> None:
    """`/healthz` answers 503 from now on: `what` is being waited for."""
    _starting[:] = [what]


def started() -> None:
    """`/healthz` answers 200 from now on. (So it does from the beginning under a server that starts
    nothing.)
    """
    _starting.clear()


def depends_on(name: str, check: Check) -> None:
    """`/readyz` asks `check` too."""
    _checks[name] = check


def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """200 once this process has started."""
    if _starting:
        text = f"starting: {_starting[0]}\n"
        return _quiet(HttpResponse(text, status=503, content_type="text/plain; charset=utf-8"))
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


def readyz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """`{"status": "ok" or "failing", "checks": {name: "ok" or what is wrong}}`; 503 when one fails.

    While an operator holds runs, `notes` says so: that is as it was meant, so it fails nothing.
    """
    checks: dict[str, Check] = {"database": _database, **_checks}
    if settings.REDIS_URL:
        checks["redis"] = _redis
    found = {name: _ask(check) for name, check in checks.items()}
    if _starting:
        found["start"] = f"waiting for {_starting[0]}"
    well = all(word == "ok" for word in found.values())
    body: dict[str, Any] = {"status": "ok" if well else "failing", "checks": found}
    if notes := _notes():
        body["notes"] = notes
    return _quiet(JsonResponse(body, status=200 if well else 503))


def _quiet(response: Response) -> Response:
    # Whoever asks every second gets the answer; Django would log each 503 as an error too.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _ask(check: Check) -> str:
    try:
        return check() or "ok"
    except Exception as error:
        # The kind only: an address or a password may stand in the text.
        return f"does not answer ({type(error).__name__})"


def _notes() -> dict[str, str]:
    try:
        held = TaskService.held()
    except DatabaseError:
        return {}  # `checks` says so
    notes = {}
    if held.since is not None:
        notes["runs"] = f"paused by an operator since {held.since.isoformat(timespec='seconds')}: nothing new starts"
    if held.drained:
        notes["drained"] = f"{len(held.drained)} processes take nothing new, by an operator"
    return notes


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return ""


def _redis() -> str:
    client = Redis.from_url(settings.REDIS_URL, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS)
    try:
        client.ping()
    finally:
        client.close()
    return ""
