"""Where agents call back: no session, no CSRF token, no page; the run's token is the key."""

from uuid import UUID

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from tasks.errors import NotFound
from tasks.services import pushes

TOKEN_HEADER = "X-A2A-Notification-Token"  # noqa: S105  (its name)


@csrf_exempt  # Whoever sends this has the run's token, and no session.
def receive(request: HttpRequest, run_id: str) -> HttpResponse:
    """`POST /push/{run}/`: 204, also when the same comes again; 401 with a wrong token or one whose run is over."""
    if request.method != "POST":
        refused = _refused(405, "method_not_allowed", "Send notifications with POST.")
        refused["Allow"] = "POST"
        return refused
    try:
        pushes.receive(_id(run_id), token=_token(request), body=_body(request))
    except pushes.NotProven as error:
        refused = _refused(401, error.code, error.message)
        refused["WWW-Authenticate"] = "Bearer"
        return refused
    except NotFound as error:
        return _refused(404, error.code, error.message)
    except UnreadablePostError:
        return _refused(400, "bad_request", "The body broke off.")
    return HttpResponse(status=204)


def _token(request: HttpRequest) -> str:
    """Where 1.0 and 0.3 put it; 1.0 sends both."""
    kind, _, bearer = request.headers.get("Authorization", "").partition(" ")
    return request.headers.get(TOKEN_HEADER) or (bearer.strip() if kind.lower() == "bearer" else "")


def _body(request: HttpRequest) -> bytes:
    """What it says; nothing where that is too long to be read: it is a nudge all the same."""
    length = request.headers.get("Content-Length", "")
    if length.isdigit() and len(length) < 20 and int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        return b""
    try:
        return request.body
    except RequestDataTooBig:
        return b""


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _refused(status: int, code: str, message: str) -> JsonResponse:
    """The API's one error shape, here too."""
    return JsonResponse({"error": {"code": code, "message": message}}, status=status)
