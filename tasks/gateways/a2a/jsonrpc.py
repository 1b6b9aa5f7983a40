"""A2A over JSON-RPC 2.0, at `/a2a/`: version 1.0, and 0.3 by its own method names."""

import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from a2a.compat.v0_3 import conversions
from a2a.compat.v0_3 import types as v03
from a2a.types import a2a_pb2
from a2a.utils import errors as sdk
from a2a.utils.errors import A2AError
from a2a.utils.proto_utils import to_stream_response, validate_proto_required_fields
from google.protobuf.json_format import MessageToDict, ParseError
from pydantic import ValidationError

from conversations.wording import joined, worded
from tasks.gateways.a2a import errors, operations, reading, versions
from tasks.gateways.a2a.operations import Asker
from tasks.gateways.exchange import Exchange
from tasks.gateways.refusals import FORESEEN

logger = logging.getLogger(__name__)

DEPTH_MAX = 60
"""Levels of nesting in a request: more than any message needs, fewer than what exhausts a recursive reader."""
Json = dict[str, Any]
Answer = Callable[[Any], Any]


@dataclass(frozen=True, kw_only=True)
class Method:
    """A method: how its parameters are read, what answers it, and how the answer is told."""

    read: Callable[[Json], Any]
    """From the whole request to the specification's request of 1.0."""
    call: Callable[[Asker, Any], Awaitable[Any]] | None = None
    told: Answer = MessageToDict
    stream: Callable[[Asker, Any], AsyncGenerator[Any]] | None = None
    told_event: Callable[[Any, Any], Any] = lambda event, _request_id: MessageToDict(to_stream_response(event))
    version: str = versions.V1


def _params(model: type[Any]) -> Callable[[Json], Any]:
    return lambda request: reading.read(model, request.get("params", {}))


def _old(model: type[Any], convert: Callable[[Any], Any]) -> Callable[[Json], Any]:
    def read(request: Json) -> Any:
        try:
            sent = convert(model.model_validate(request))
        except ValidationError as error:
            fields = worded(error.errors(include_url=False, include_input=False))
            wrong = [(name, text) for name, texts in fields.items() for text in texts]
            raise errors.invalid(joined(fields), wrong) from None
        except (ParseError, ValueError, TypeError, OverflowError) as error:
            raise reading.unreadable(error) from None
        if hasattr(sent, "DESCRIPTOR"):
            validate_proto_required_fields(sent)
        return sent

    return read


def _in_03(result: Any) -> Any:
    return result.model_dump(mode="json", by_alias=True, exclude_none=True)


def _answer_03(answer: a2a_pb2.Task | a2a_pb2.Message) -> Any:
    if isinstance(answer, a2a_pb2.Message):
        return _in_03(conversions.to_compat_message(answer))
    return _in_03(conversions.to_compat_task(answer))


def _event_03(event: Any, request_id: Any) -> Any:
    told = _in_03(conversions.to_compat_stream_response(to_stream_response(event), request_id))["result"]
    if told["kind"] == "status-update" and told["status"]["state"] == v03.TaskState.input_required:
        # A stream of ours ends with a question, which is what `final` says.
        told["final"] = True
    return told


def _sent(answer: a2a_pb2.Task | a2a_pb2.Message) -> Any:
    name = "message" if isinstance(answer, a2a_pb2.Message) else "task"
    return {name: MessageToDict(answer)}


def listed(answer: a2a_pb2.ListTasksResponse) -> Any:
    """A page of tasks in JSON: its token and sizes are there also where they are empty (specification, 3.1.4)."""
    return {
        "tasks": [MessageToDict(task) for task in answer.tasks],
        "nextPageToken": answer.next_page_token,
        "pageSize": answer.page_size,
        "totalSize": answer.total_size,
    }


def _push(model: type[Any]) -> Method:
    return Method(read=_params(model), call=operations.push_config)


def _push_03(model: type[Any]) -> Method:
    return Method(read=_old(model, lambda sent: sent), call=operations.push_config, version=versions.V03)


METHODS: dict[str, Method] = {
    "SendMessage": Method(read=_params(a2a_pb2.SendMessageRequest), call=operations.send_message, told=_sent),
    "SendStreamingMessage": Method(read=_params(a2a_pb2.SendMessageRequest), stream=operations.stream_message),
    "GetTask": Method(read=_params(a2a_pb2.GetTaskRequest), call=operations.get_task),
    "ListTasks": Method(read=_params(a2a_pb2.ListTasksRequest), call=operations.list_tasks, told=listed),
    "CancelTask": Method(read=_params(a2a_pb2.CancelTaskRequest), call=operations.cancel_task),
    "SubscribeToTask": Method(read=_params(a2a_pb2.SubscribeToTaskRequest), stream=operations.subscribe),
    "GetExtendedAgentCard": Method(read=_params(a2a_pb2.GetExtendedAgentCardRequest), call=operations.extended_card),
    "CreateTaskPushNotificationConfig": _push(a2a_pb2.TaskPushNotificationConfig),
    "GetTaskPushNotificationConfig": _push(a2a_pb2.GetTaskPushNotificationConfigRequest),
    "ListTaskPushNotificationConfigs": _push(a2a_pb2.ListTaskPushNotificationConfigsRequest),
    "DeleteTaskPushNotificationConfig": _push(a2a_pb2.DeleteTaskPushNotificationConfigRequest),
    "message/send": Method(
        read=_old(v03.SendMessageRequest, conversions.to_core_send_message_request),
        call=operations.send_message,
        told=_answer_03,
        version=versions.V03,
    ),
    "message/stream": Method(
        read=_old(v03.SendStreamingMessageRequest, conversions.to_core_send_message_request),
        stream=operations.stream_message,
        told_event=_event_03,
        version=versions.V03,
    ),
    "tasks/get": Method(
        read=_old(v03.GetTaskRequest, conversions.to_core_get_task_request),
        call=operations.get_task,
        told=_answer_03,
        version=versions.V03,
    ),
    "tasks/cancel": Method(
        read=_old(v03.CancelTaskRequest, conversions.to_core_cancel_task_request),
        call=operations.cancel_task,
        told=_answer_03,
        version=versions.V03,
    ),
    "tasks/resubscribe": Method(
        read=_old(v03.TaskResubscriptionRequest, conversions.to_core_subscribe_to_task_request),
        stream=operations.subscribe,
        told_event=_event_03,
        version=versions.V03,
    ),
    "agent/getAuthenticatedExtendedCard": Method(
        read=_old(v03.GetAuthenticatedExtendedCardRequest, conversions.to_core_get_extended_agent_card_request),
        call=operations.extended_card,
        told=lambda card: _in_03(conversions.to_compat_agent_card(card)),
        version=versions.V03,
    ),
    "tasks/pushNotificationConfig/set": _push_03(v03.SetTaskPushNotificationConfigRequest),
    "tasks/pushNotificationConfig/get": _push_03(v03.GetTaskPushNotificationConfigRequest),
    "tasks/pushNotificationConfig/list": _push_03(v03.ListTaskPushNotificationConfigRequest),
    "tasks/pushNotificationConfig/delete": _push_03(v03.DeleteTaskPushNotificationConfigRequest),
}


async def answer(exchange: Exchange, asker: Asker) -> None:
    """Answer one request: with a result or an error, or with a stream of results whose last may be an error."""
    request_id: str | int | None = None
    try:
        request = parsed(exchange.body)
        request_id = _id(request)
        method = _method(request, versions.named(exchange))
        sent = method.read(request)
        if method.stream is not None:
            await _stream(exchange, method, method.stream(asker, sent), request_id)
        else:
            assert method.call is not None  # noqa: S101
            result = method.told(await method.call(asker, sent))
            await exchange.json({"jsonrpc": "2.0", "id": request_id, "result": result})
    except Exception as error:
        failed = foreseen(error)
        status = failed.status if isinstance(failed, errors.Barred) else 200
        await exchange.json(errors.in_json_rpc(failed, request_id), status)


def parsed(body: bytes) -> Any:
    """The body's JSON. Raises `JSONParseError`."""
    try:
        value = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        words = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)[:200]
        raise sdk.JSONParseError(f"The request is not JSON: {words}.") from None
    if _deep(value):
        raise sdk.InvalidRequestError(f"The request is nested too deeply: at most {DEPTH_MAX} levels.")
    return value


def foreseen(error: Exception) -> A2AError:
    """An error in A2A's words. What nobody foresaw is written down, and told without its words."""
    if isinstance(error, A2AError):
        return error
    if isinstance(error, FORESEEN):
        return errors.a2a_error(error)
    logger.exception("an A2A request failed", extra={"event": "gateway_failed"})
    return sdk.InternalError(errors.FAULT)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _deep(value: Any, depth: int = 0) -> bool:
    if depth > DEPTH_MAX:
        return True
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_deep(part, depth + 1) for part in parts)


def _id(request: Any) -> str | int | None:
    if isinstance(request, list):
        raise sdk.InvalidRequestError("Send one request at a time: batches are not taken.")
    if not isinstance(request, dict):
        raise sdk.InvalidRequestError("A request is an object.")
    request_id = request.get("id")
    if request_id is not None and (isinstance(request_id, bool) or not isinstance(request_id, str | int)):
        raise sdk.InvalidRequestError("The id of a request is a text or a whole number.")
    return request_id


def _method(request: Json, version: str) -> Method:
    if request.get("jsonrpc") != "2.0":
        raise sdk.InvalidRequestError('Write "jsonrpc": "2.0".')
    name = request.get("method")
    if not isinstance(name, str) or not name:
        raise sdk.InvalidRequestError("Write which method.")
    method = METHODS.get(name)
    if method is None:
        raise sdk.MethodNotFoundError(f"There is no method “{name[:100]}”: there are {', '.join(METHODS)}.")
    if version and version != method.version:
        raise versions.mismatch(version, wanted=method.version, what=name)
    return method


async def _stream(
    exchange: Exchange, method: Method, events: AsyncGenerator[Any], request_id: str | int | None
) -> None:
    """Each event as it comes, in a stream that is one also where it brings nothing but an error: clients wait for it.

    Who may not, or may not now, is told by HTTP.
    """
    async with aclosing(events):
        try:
            async for event in events:
                if exchange.gone:
                    return
                if event is None:
                    await exchange.still_here()
                    continue
                if not exchange.begun:
                    await exchange.begin()
                result = method.told_event(event, request_id)
                await exchange.event({"jsonrpc": "2.0", "id": request_id, "result": result})
        except Exception as error:
            failed = foreseen(error)
            if isinstance(failed, errors.Barred) and not exchange.begun:
                raise
            if not exchange.begun:
                await exchange.begin()
            await exchange.event(errors.in_json_rpc(failed, request_id))
    await exchange.end()
