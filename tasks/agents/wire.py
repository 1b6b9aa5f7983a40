"""The SDK's 0.3 transport, made to read what 0.3 agents in the wild really send.

The SDK validates each result against the specification's model: an absent `contextId`, `final` or `messageId`, or a
state that it does not know, ends the stream with an error, and a result of a kind that it does not know is skipped
without a word. Here absent fields are filled in before the validation, and an unknown kind becomes an empty
`StreamResponse`, which the router shows.
"""

import json
from collections.abc import AsyncGenerator
from typing import Any, NoReturn

import httpx
from a2a.client import ClientConfig
from a2a.client.client import ClientCallContext
from a2a.client.errors import A2AClientError
from a2a.client.transports.base import ClientTransport
from a2a.client.transports.http_helpers import get_http_args, send_http_request, send_http_stream_request
from a2a.client.transports.jsonrpc import JsonRpcTransport
from a2a.client.transports.rest import RestTransport
from a2a.compat.v0_3 import conversions
from a2a.compat.v0_3 import types as v03
from a2a.compat.v0_3.extension_headers import add_legacy_extension_header
from a2a.compat.v0_3.jsonrpc_transport import CompatJsonRpcTransport
from a2a.compat.v0_3.rest_transport import CompatRestTransport
from a2a.compat.v0_3.versions import is_legacy_version
from a2a.types import AgentCard, StreamResponse
from a2a.utils.constants import PROTOCOL_VERSION_0_3, VERSION_HEADER
from a2a.utils.errors import A2A_REASON_TO_ERROR
from a2a.utils.proto_utils import parse_lenient

from tasks.agents.transport import LIMIT, MAX_RUN_BYTES

SNAPSHOTS = frozenset(
    {"GetTask", "ListTasks", "SubscribeToTask", "CancelTask", "tasks/get", "tasks/resubscribe", "tasks/cancel"}
)
"""Methods whose answer holds tasks with all their messages, each as long as its whole run may be."""
_STATES = {state.value for state in v03.TaskState}


def json_rpc_transport(card: AgentCard, url: str, config: ClientConfig) -> ClientTransport:
    """For `ClientFactory.register("JSONRPC", …)`: the 1.0 or the 0.3 transport for the interface at `url`."""
    client = config.httpx_client
    if client is None:
        raise ValueError("The client configuration has no HTTP client: ours has the limits.")
    version = next((i.protocol_version for i in card.supported_interfaces if i.url == url), "")
    if is_legacy_version(version):
        return Transport03(client, card, url, is_shared_httpx=True)
    return Transport10(client, card, url, is_shared_httpx=True)


def http_json_transport(card: AgentCard, url: str, config: ClientConfig) -> ClientTransport:
    """For `ClientFactory.register("HTTP+JSON", …)`: the 1.0 or the 0.3 transport for the interface at `url`."""
    client = config.httpx_client
    if client is None:
        raise ValueError("The client configuration has no HTTP client: ours has the limits.")
    version = next((i.protocol_version for i in card.supported_interfaces if i.url == url), "")
    transport = Rest03 if is_legacy_version(version) else Rest10
    return transport(client, card, url, is_shared_httpx=True)


class Rest10(RestTransport):
    """The SDK's HTTP+JSON transport, with room for a whole task."""

    async def _send_request(self, request: httpx.Request) -> dict[str, Any]:
        request.extensions = {**request.extensions, LIMIT: MAX_RUN_BYTES}
        return await super()._send_request(request)


class Rest03(CompatRestTransport):
    """The same for 0.3; servers of 1.x that speak it answer with the errors of 1.0."""

    def _handle_http_error(self, e: httpx.HTTPStatusError) -> NoReturn:
        said = e.response.json()
        error = said.get("error") if isinstance(said, dict) else None
        if isinstance(error, dict) and isinstance(error.get("details"), list):
            for detail in error["details"]:
                known = A2A_REASON_TO_ERROR.get(str(detail.get("reason"))) if isinstance(detail, dict) else None
                if known is not None:
                    raise known(str(error.get("message"))) from e
        super()._handle_http_error(e)

    async def _send_request(self, request: httpx.Request) -> dict[str, Any]:
        request.extensions = {**request.extensions, LIMIT: MAX_RUN_BYTES}
        return await super()._send_request(request)


class Transport10(JsonRpcTransport):
    """The SDK's 1.0 transport, with room for a whole task where one is asked for."""

    async def _send_request(self, payload: dict[str, Any], context: ClientCallContext | None = None) -> dict[str, Any]:
        request = self.httpx_client.build_request(
            "POST", self.url, json=payload, extensions=_room(payload), **get_http_args(context)
        )
        return self._check_jsonrpc_response(await send_http_request(self.httpx_client, request))

    async def _send_stream_request(
        self, rpc_request_payload: dict[str, Any], context: ClientCallContext | None = None
    ) -> AsyncGenerator[StreamResponse]:
        extended = get_http_args(context) | {"extensions": _room(rpc_request_payload)}
        async for data in send_http_stream_request(
            self.httpx_client,
            "POST",
            self.url,
            None,
            self._handle_sse_error,
            json=rpc_request_payload,
            **extended,
        ):
            answer = self._check_jsonrpc_response(json.loads(data))
            result = answer["result"]
            if not isinstance(result, dict):
                raise A2AClientError("The result of an event is not an object.")
            yield parse_lenient(result, StreamResponse())


class Transport03(CompatJsonRpcTransport):
    """The SDK's 0.3 transport, tolerant."""

    async def _send_stream_request(
        self, json_data: dict[str, Any], context: ClientCallContext | None = None
    ) -> AsyncGenerator[StreamResponse]:
        async for data in send_http_stream_request(
            self.httpx_client, "POST", self.url, None, json=json_data, **self._arguments(json_data, context)
        ):
            answer = json.loads(data)
            if not isinstance(answer, dict):
                raise A2AClientError("An event is not a JSON-RPC response.")
            if isinstance(answer.get("error"), dict):
                raise self._create_jsonrpc_error(answer["error"])
            yield stream_response(answer.get("result"))

    async def _send_request(
        self, json_data: dict[str, Any], context: ClientCallContext | None = None
    ) -> dict[str, Any]:
        request = self.httpx_client.build_request(
            "POST", self.url, json=json_data, **self._arguments(json_data, context)
        )
        answer = await send_http_request(self.httpx_client, request)
        if not isinstance(answer, dict):
            raise A2AClientError("The answer is not a JSON-RPC response.")
        if isinstance(answer.get("error"), dict):
            raise self._create_jsonrpc_error(answer["error"])
        if isinstance(answer.get("result"), dict):
            answer["result"] = completed(answer["result"])[1]
        # The reader above takes no unknown members.
        return {key: answer[key] for key in ("jsonrpc", "id", "result") if key in answer}

    def _arguments(self, payload: dict[str, Any], context: ClientCallContext | None) -> dict[str, Any]:
        arguments = get_http_args(context)
        headers = arguments.setdefault("headers", {})
        headers[VERSION_HEADER.lower()] = PROTOCOL_VERSION_0_3
        add_legacy_extension_header(headers)
        return arguments | {"extensions": _room(payload)}


def stream_response(result: Any) -> StreamResponse:
    """A 0.3 `result` (Task, Message or update, as JSON) as a StreamResponse; an empty one for an unknown kind.

    Raises pydantic.ValidationError, ValueError or ParseError where it cannot be read.
    """
    if not isinstance(result, dict):
        return StreamResponse()
    kind, result = completed(result)
    core = StreamResponse()
    if kind == "task":
        core.task.CopyFrom(conversions.to_core_task(v03.Task.model_validate(result)))
    elif kind == "message":
        core.message.CopyFrom(conversions.to_core_message(v03.Message.model_validate(result)))
    elif kind == "status-update":
        core.status_update.CopyFrom(
            conversions.to_core_task_status_update_event(v03.TaskStatusUpdateEvent.model_validate(result))
        )
    elif kind == "artifact-update":
        core.artifact_update.CopyFrom(
            conversions.to_core_task_artifact_update_event(v03.TaskArtifactUpdateEvent.model_validate(result))
        )
    return core


def completed(result: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The kind of a 0.3 result, by its `kind` or its fields, and the result with what the model demands filled in."""
    kind = result.get("kind")
    if kind not in ("task", "message", "status-update", "artifact-update"):
        if "artifact" in result:
            kind = "artifact-update"
        elif "status" in result:
            kind = "status-update" if "taskId" in result else "task"
        elif "parts" in result or "messageId" in result:
            kind = "message"
        else:
            return "", result
    if kind == "message":
        return kind, _message(result)
    result = {"contextId": "", **_without_nulls(result), "kind": kind}
    if kind == "artifact-update":
        result = {"taskId": "", **result, "artifact": _artifact(result.get("artifact"))}
    else:
        result["status"] = _status(result.get("status"))
    if kind == "status-update":
        result = {"taskId": "", "final": False, **result}
    if kind == "task":
        result.setdefault("id", "")
        for key, mend in (("history", _message), ("artifacts", _artifact)):
            if isinstance(result.get(key), list):
                result[key] = [mend(entry) for entry in result[key] if isinstance(entry, dict)]
    return kind, result


def _without_nulls(value: dict[str, Any]) -> dict[str, Any]:
    return {key: inner for key, inner in value.items() if inner is not None}


def _status(status: Any) -> dict[str, Any]:
    found: dict[str, Any] = _without_nulls(status) if isinstance(status, dict) else {}
    if found.get("state") not in _STATES:
        found["state"] = "unknown"  # A state of a later version: the router has one of its own for it.
    if isinstance(found.get("message"), dict):
        found["message"] = _message(found["message"])
    found.pop("timestamp", None)  # Nothing here reads it, and one that is no RFC 3339 would end the stream.
    return found


def _message(message: dict[str, Any]) -> dict[str, Any]:
    whole = {"messageId": "", **_without_nulls(message), "kind": "message"}
    if whole.get("role") not in ("user", "agent"):
        whole["role"] = "agent"
    whole["parts"] = _parts(whole.get("parts"))
    return whole


def _artifact(artifact: Any) -> dict[str, Any]:
    whole = _without_nulls(artifact) if isinstance(artifact, dict) else {}
    return {"artifactId": "", **whole, "parts": _parts(whole.get("parts"))}


def _parts(parts: Any) -> list[Any]:
    """Parts as the model takes them: one that is none of its kinds becomes data, so that it is shown."""
    found = []
    for given in parts if isinstance(parts, list) else []:
        part = _without_nulls(given) if isinstance(given, dict) else {"value": given}
        kind = part.get("kind")
        if isinstance(part.get("text"), str) and kind in ("text", None):
            found.append({**part, "kind": "text"})
        elif isinstance(part.get("data"), dict) and kind in ("data", None):
            found.append({**part, "kind": "data"})
        elif isinstance(part.get("file"), dict) and kind in ("file", None):
            found.append({**part, "kind": "file"})
        elif kind == "data" and "data" in part:
            found.append({"kind": "data", "data": {"value": part["data"]}, "metadata": {"data_part_compat": True}})
        else:
            found.append({"kind": "data", "data": part})
    return found


def _room(payload: dict[str, Any]) -> dict[str, Any]:
    return {LIMIT: MAX_RUN_BYTES} if payload.get("method") in SNAPSHOTS else {}
