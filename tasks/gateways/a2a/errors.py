"""What is refused, in A2A's words: its error types, as JSON-RPC and as HTTP+JSON tell them (specification, 3.3.2)."""

from collections.abc import Iterable
from typing import Any

from a2a.server.request_handlers.response_helpers import build_error_response
from a2a.utils import errors as sdk
from a2a.utils.error_handlers import build_rest_error_payload
from a2a.utils.errors import A2AError

from tasks.gateways.refusals import Refusal, refusal

FAULT = "Something went wrong here. It was written down; try again."
CUSTOM = -32000
"""From here down by the HTTP status: JSON-RPC codes of what the specification leaves to the server (401 is -32401)."""
GRPC = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    429: "RESOURCE_EXHAUSTED",
}


class Barred(A2AError):
    """Refused for who calls or how often, for which A2A has no type of its own: by its HTTP status."""

    def __init__(self, refused: Refusal) -> None:
        super().__init__(refused.message)
        self.status = refused.status
        self.code = refused.code


def a2a_error(error: Exception) -> A2AError:
    """One of the foreseen errors (`tasks.gateways.refusals.FORESEEN`) as A2A's. Raises what is none of them."""
    refused = refusal(error)
    if refused.status in (401, 403, 429):
        return Barred(refused)
    if refused.status == 404:
        return sdk.TaskNotFoundError(refused.message)
    if refused.status == 409:
        return sdk.UnsupportedOperationError(refused.message)
    return invalid(refused.message, ((name, text) for name, texts in refused.fields.items() for text in texts))


def invalid(message: str, fields: Iterable[tuple[str, str]] = ()) -> A2AError:
    """Wrong parameters; `fields` are names and what is wrong with each."""
    wrong = [{"field": name, "message": text} for name, text in fields]
    return sdk.InvalidParamsError(message, {"errors": wrong} if wrong else None)


def in_json_rpc(error: A2AError, request_id: str | int | None) -> dict[str, Any]:
    """The JSON-RPC answer."""
    if isinstance(error, Barred):
        return refused_in_json_rpc(error.status, error.code, error.message, request_id)
    if isinstance(error, sdk.JSONParseError):
        # The SDK's writer knows no such type (1.3.0).
        return {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": error.message}}
    answer: dict[str, Any] = build_error_response(request_id, error)
    return answer


def refused_in_json_rpc(status: int, code: str, message: str, request_id: str | int | None = None) -> dict[str, Any]:
    """The JSON-RPC answer to what the specification leaves to the server."""
    told = {"code": CUSTOM - status, "message": message, "data": {"code": code}}
    return {"jsonrpc": "2.0", "id": request_id, "error": told}


def in_http(error: A2AError) -> tuple[int, dict[str, Any]]:
    """Status and JSON for HTTP+JSON (google.rpc.Status in JSON, as the specification's 11.6 has it)."""
    if isinstance(error, Barred):
        return error.status, refused_in_http(error.status, error.code, error.message)
    payload: dict[str, Any] = build_rest_error_payload(error)
    return payload["error"]["code"], payload


def refused_in_http(status: int, code: str, message: str) -> dict[str, Any]:
    """The JSON of a refusal for HTTP+JSON."""
    detail = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": code.upper(),
        "domain": "valuecell-tasks",
        "metadata": {},
    }
    usual = "INTERNAL" if status >= 500 else "INVALID_ARGUMENT"
    return {"error": {"code": status, "status": GRPC.get(status, usual), "message": message, "details": [detail]}}
