"""The JSON API: one NinjaAPI that mounts both apps' endpoints, and the description of it that is true."""

from functools import cache
from typing import Any, NotRequired

from django.http import HttpRequest
from ninja import NinjaAPI, Swagger
from ninja.openapi.schema import OpenAPISchema
from ninja.security import APIKeyCookie, HttpBearer
from pydantic import TypeAdapter
from typing_extensions import TypedDict

from conversations.described import component_schemas, describe_body
from tasks.api import routers
from tasks.schemas.schedule_in import ScheduleIn
from valuecell_site import problems, tokens
from valuecell_site.views import docs_policy


class Bearer(HttpBearer):
    """A token made in Settings, by `POST /tokens` or `manage.py create_api_token`. The gate looked at it."""

    def authenticate(self, request: HttpRequest, token: str) -> Any:  # noqa: ARG002 (the gate has looked at it)
        return request.user if request.user.is_authenticated else None


class Session(APIKeyCookie):
    """The cookie of a signed-in browser. The gate has looked at it, and at its CSRF token."""

    param_name = "vct_session"

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:  # noqa: ARG002 (the gate has looked at it)
        return request.user if request.user.is_authenticated else None


class ErrorBody(TypedDict):
    """What went wrong."""

    code: str
    message: str
    fields: NotRequired[dict[str, list[str]]]


class Error(TypedDict):
    """The one error shape."""

    error: ErrorBody


DESCRIPTION = """
Conversations with remote agents, their plans, tasks, schedules and runs. Sign in with `Authorization: Bearer TOKEN`
(made in Settings, or by `python manage.py create_api_token USERNAME`), or be signed in with a session and send its CSRF
token.

Lists answer `{"items": […], "next_cursor": …}`. Errors are `{"error": {"code", "message", "fields"?}}`. A POST may
carry an `Idempotency-Key`: sent again within 24 hours, it is answered as it was the first time.
"""

ALWAYS = {401: "Nobody is signed in.", 422: "Something in what was sent is wrong.", 429: "Too many requests."}
UNSAFE = {403: "Not for your role, or the session's CSRF token is missing."}
IDEMPOTENCY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "description": "Sent again within 24 hours, the same request gets the same answer; another body is a 409.",
    "schema": {"type": "string", "maxLength": 255, "pattern": "^[ -~]+$"},
}


class Api(NinjaAPI):
    """NinjaAPI, with what holds for every endpoint added to its description."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:  # noqa: ARG002 (there is one prefix)
        """The description, made once a process."""
        return _describe(self)


@cache
def _describe(api: Api) -> OpenAPISchema:
    schema = NinjaAPI.get_openapi_schema(api)
    components = schema["components"]["schemas"]
    describe_body(ScheduleIn)
    components.update(component_schemas())
    for name in ("TaskIn", "TaskPatch", "CloneIn", "MessageIn"):
        # Read by `tasks.schedules`, which words what is wrong; described here as what it takes.
        ref = {"$ref": "#/components/schemas/ScheduleIn"}
        components[name]["properties"]["schedule"] = (
            ref if name in ("TaskPatch", "CloneIn") else {"anyOf": [ref, {"type": "null"}], "default": None}
        )
    error = TypeAdapter(Error).json_schema(ref_template="#/components/schemas/{model}")
    components.update(error.pop("$defs"))
    components["Error"] = error
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            refusals = dict(ALWAYS)
            if "{" in path:
                refusals[404] = "Not there, or not yours."
            if method != "get":
                refusals |= UNSAFE
            if method == "post":
                refusals[409] = "Not at this moment, or the Idempotency-Key was used for another body."
                operation["parameters"] = [*operation["parameters"], IDEMPOTENCY]
            if method in ("patch", "delete") and "{" in path:
                refusals[409] = "Not at this moment: says what happened."
            for status, text in refusals.items():
                operation["responses"].setdefault(
                    status,
                    {
                        "description": text,
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
                    },
                )
            for parameter in operation["parameters"]:
                # Ids are read by the endpoint, so that what is no UUID is a 404.
                if parameter["in"] == "path" and parameter["name"].endswith("_id"):
                    parameter["schema"] = {"type": "string", "format": "uuid"}
    return schema


api = Api(
    title="ValueCell Tasks",
    version="1",
    description=DESCRIPTION.strip(),
    urls_namespace="api-v1",
    openapi_url="/openapi.json",
    docs_url="/docs",
    docs=Swagger(settings={"persistAuthorization": True}),
    docs_decorator=docs_policy,
    auth=[Bearer(), Session()],
)
api.add_exception_handler(Exception, problems.problem)
for _prefix, _router in routers():
    api.add_router(_prefix, _router)
api.add_router("/tokens", tokens.router)
for _known in tuple(api._exception_handlers):
    # Ninja looks for the nearest class: its own handlers for refusals would win over ours.
    api.add_exception_handler(_known, problems.problem)
