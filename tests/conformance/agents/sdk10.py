"""An A2A server on a2a-sdk 1.x that plays the scripts, in a thread."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import (
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    Message,
    Task,
    TaskArtifactUpdateEvent,
    TaskStatusUpdateEvent,
)
from google.protobuf.json_format import MessageToDict, ParseDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sample_agents.server import listen
from tests.conformance.agents import wire10
from tests.conformance.agents.record import Gates, Json, Record, order

PACE = 0.001
MODELS: dict[str, Any] = {
    "task": Task,
    "message": Message,
    "statusUpdate": TaskStatusUpdateEvent,
    "artifactUpdate": TaskArtifactUpdateEvent,
}


class Player(AgentExecutor):
    """Plays what the first message asks for; a task's next message plays its next turn."""

    def __init__(self, scripts: dict[str, list[list[Json]]], gates: Gates) -> None:
        self._scripts = scripts
        self._gates = gates
        self._plays: dict[str, tuple[list[list[Json]], Record]] = {}

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        message = wire10.old_message(MessageToDict(context.message))
        task_id, context_id = str(context.task_id), str(context.context_id)
        pause, key = -1, ""
        if task_id not in self._plays:
            case, key, pause, _ = order(context.get_user_input())
            self._plays[task_id] = (list(self._scripts[case]), Record(task_id, context_id))
        turns, record = self._plays[task_id]
        record.asked({**message, "taskId": task_id, "contextId": context_id})
        for sent, scripted in enumerate(turns.pop(0)):
            if sent == pause:
                await self._gates.wait(key)
            await asyncio.sleep(PACE)
            ((kind, event),) = wire10.event(record.event(scripted)).items()
            await event_queue.enqueue_event(ParseDict(event, MODELS[kind]()))

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        await TaskUpdater(event_queue, str(context.task_id), str(context.context_id)).cancel()


class SdkAgent:
    """The server."""

    version = "1.0"

    def __init__(self, scripts: dict[str, list[list[Json]]]) -> None:
        self._scripts = scripts
        self.url = ""

    def start(self) -> "SdkAgent":
        """Serve from a thread of its own."""
        ready = threading.Event()

        async def run() -> None:
            gates, sock = Gates(), listen()
            self.url = f"http://127.0.0.1:{sock.getsockname()[1]}/"
            card = AgentCard(
                name="Echo",
                description="Plays scripts.",
                version="1",
                supported_interfaces=[AgentInterface(url=self.url, protocol_binding="JSONRPC", protocol_version="1.0")],
                capabilities=AgentCapabilities(streaming=True),
            )
            handler = DefaultRequestHandler(
                agent_executor=Player(self._scripts, gates), task_store=InMemoryTaskStore(), agent_card=card
            )

            async def go(request: Request) -> JSONResponse:
                gates.open(request.path_params["key"])
                return JSONResponse({})

            routes = [Route("/go/{key}", go, methods=["POST"]), *create_jsonrpc_routes(handler, rpc_url="/")]
            config = uvicorn.Config(
                Starlette(routes=routes), log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1
            )
            self._server = uvicorn.Server(config)
            self._server.capture_signals = _no_signals  # type: ignore[method-assign]
            serving = asyncio.ensure_future(self._server.serve(sockets=[sock]))
            while not self._server.started:
                await asyncio.sleep(0.005)
            ready.set()
            await serving
            await handler.aclose()

        self._thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
        self._thread.start()
        ready.wait()
        return self

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()


@contextmanager
def _no_signals() -> Iterator[None]:
    yield
