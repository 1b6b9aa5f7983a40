"""A2A over HTTP+JSON, under `/a2a/`: version 1.0 (specification, section 11)."""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from a2a.types import a2a_pb2
from a2a.utils import errors as sdk
from a2a.utils.constants import A2A_JSON_MEDIA_TYPE
from a2a.utils.proto_utils import parse_params, to_stream_response
from google.protobuf.json_format import MessageToDict, ParseError
from starlette.datastructures import QueryParams

from tasks.gateways.a2a import errors, operations, reading, versions
from tasks.gateways.a2a.jsonrpc import foreseen, listed, parsed
from tasks.gateways.a2a.operations import Asker
from tasks.gateways.exchange import Exchange

Call = Callable[[Asker, Any], Awaitable[Any]]
Stream = Callable[[Asker, Any], AsyncGenerator[Any]]


@dataclass(frozen=True, kw_only=True)
class Route:
    """An address: its request, read of path, query and body, and what answers it."""

    method: str
    path: re.Pattern[str]
    takes: type[Any]
    call: Call | None = None
    stream: Stream | None = None
    told: Callable[[Any], Any] = MessageToDict


def _route(method: str, path: str, takes: type[Any], **more: Any) -> Route:
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/:]+)", path)
    return Route(method=method, path=re.compile(pattern), takes=takes, **more)


def _sent(answer: a2a_pb2.Task | a2a_pb2.Message) -> Any:
    name = "message" if isinstance(answer, a2a_pb2.Message) else "task"
    return {name: MessageToDict(answer)}


_CONFIGS = "/tasks/{task_id}/pushNotificationConfigs"
ROUTES = (
    _route("POST", "/message:send", a2a_pb2.SendMessageRequest, call=operations.send_message, told=_sent),
    _route("POST", "/message:stream", a2a_pb2.SendMessageRequest, stream=operations.stream_message),
    _route("GET", "/tasks", a2a_pb2.ListTasksRequest, call=operations.list_tasks, told=listed),
    _route("GET", "/tasks/{id}", a2a_pb2.GetTaskRequest, call=operations.get_task),
    _route("POST", "/tasks/{id}:cancel", a2a_pb2.CancelTaskRequest, call=operations.cancel_task),
    _route("GET", "/tasks/{id}:subscribe", a2a_pb2.SubscribeToTaskRequest, stream=operations.subscribe),
    _route("POST", "/tasks/{id}:subscribe", a2a_pb2.SubscribeToTaskRequest, stream=operations.subscribe),
    _route("GET", "/extendedAgentCard", a2a_pb2.GetExtendedAgentCardRequest, call=operations.extended_card),
    _route("POST", _CONFIGS, a2a_pb2.TaskPushNotificationConfig, call=operations.push_config),
    _route("GET", _CONFIGS, a2a_pb2.ListTaskPushNotificationConfigsRequest, call=operations.push_config),
    _route("GET", f"{_CONFIGS}/{{id}}", a2a_pb2.GetTaskPushNotificationConfigRequest, call=operations.push_config),
    _route(
        "DELETE", f"{_CONFIGS}/{{id}}", a2a_pb2.DeleteTaskPushNotificationConfigRequest, call=operations.push_config
    ),
)


async def answer(exchange: Exchange, asker: Asker, path: str) -> None:
    """Answer one request to `path`, below `/a2a`."""
    try:
        route, named = _found(exchange.method, path)
        version = versions.named(exchange)
        if version not in ("", versions.V1):
            raise versions.mismatch(version, wanted=versions.V1, what="HTTP+JSON here")
        sent = _read(exchange, route, named)
        if route.stream is not None:
            await _stream(exchange, route.stream(asker, sent))
        else:
            assert route.call is not None  # noqa: S101
            await exchange.json(route.told(await route.call(asker, sent)), media_type=A2A_JSON_MEDIA_TYPE)
    except _Wrong as wrong:
        await exchange.json(errors.refused_in_http(405, "method_not_allowed", wrong.message), 405, wrong.headers)
    except Exception as error:
        status, told = errors.in_http(foreseen(error))
        if exchange.begun:
            await exchange.event(told)
            await exchange.end()
        else:
            await exchange.json(told, status)


class _Wrong(Exception):
    """The address is there, and takes another method."""

    def __init__(self, methods: list[str]) -> None:
        allowed = ", ".join(methods)
        super().__init__(allowed)
        self.message = f"Send {allowed} to this address."
        self.headers = [(b"allow", allowed.encode())]


def _found(method: str, path: str) -> tuple[Route, dict[str, str]]:
    at = [(route, found) for route in ROUTES if (found := route.path.fullmatch(path))]
    for route, found in at:
        if route.method == method:
            return route, {name: unquote(value) for name, value in found.groupdict().items()}
    if at:
        raise _Wrong([route.method for route, _found in at])
    raise sdk.MethodNotFoundError("There is no such address: the agent card says which there are.")


def _read(exchange: Exchange, route: Route, named: dict[str, str]) -> Any:
    """The request of body or query, with what the path names."""
    if exchange.method == "POST":
        try:
            return reading.read(route.takes, parsed(exchange.body) if exchange.body.strip() else {}, named)
        except sdk.JSONParseError as error:
            raise sdk.InvalidRequestError(error.message) from None
    query = QueryParams(exchange.scope.get("query_string", b""))
    reading.look(route.takes.DESCRIPTOR, dict(query))
    sent = route.takes()
    try:
        parse_params(query, sent)
    except (ParseError, ValueError, TypeError) as error:
        raise reading.unreadable(error) from None
    for name, value in named.items():
        setattr(sent, name, value)
    return sent


async def _stream(exchange: Exchange, events: AsyncGenerator[Any]) -> None:
    async with aclosing(events):
        async for event in events:
            if exchange.gone:
                return
            if event is None:
                await exchange.still_here()
                continue
            if not exchange.begun:
                await exchange.begin()
            await exchange.event(MessageToDict(to_stream_response(event)))
    await exchange.end()
