"""An A2A server on a2a-sdk 0.3.x that plays the scripts: `python sdk03.py SCRIPTS.json`, in an environment of its own.

Prints its address, and ends when its standard input does.
"""

import asyncio
import socket
import sys
import threading
from typing import Any

import uvicorn
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.apps import A2AStarletteApplication
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.tasks import InMemoryTaskStore
from a2a.types import (
    AgentCapabilities,
    AgentCard,
    Message,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)
from record import Gates, Json, Record, loaded, order
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

PACE = 0.001
MODELS = {
    "task": Task,
    "message": Message,
    "status-update": TaskStatusUpdateEvent,
    "artifact-update": TaskArtifactUpdateEvent,
}


class Player(AgentExecutor):
    """Plays what the first message asks for; a task's next message plays its next turn."""

    def __init__(self, scripts: dict[str, list[list[Json]]], gates: Gates) -> None:
        self._scripts = scripts
        self._gates = gates
        self._plays: dict[str, tuple[list[list[Json]], Record]] = {}

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        message = context.message.model_dump(mode="json", by_alias=True, exclude_none=True)
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
            event = record.event(scripted)
            await event_queue.enqueue_event(MODELS[event["kind"]].model_validate(event))

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        status = TaskStatus(state=TaskState.canceled)
        names = {"task_id": str(context.task_id), "context_id": str(context.context_id)}
        await event_queue.enqueue_event(TaskStatusUpdateEvent(**names, status=status, final=True))


async def main(path: str) -> None:
    """Serve until standard input ends."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{sock.getsockname()[1]}/"
    gates = Gates()
    card: Any = AgentCard(
        name="Echo",
        description="Plays scripts.",
        url=url,
        version="1",
        capabilities=AgentCapabilities(streaming=True),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[],
    )
    handler = DefaultRequestHandler(agent_executor=Player(loaded(path), gates), task_store=InMemoryTaskStore())
    app = A2AStarletteApplication(agent_card=card, http_handler=handler).build()

    async def go(request: Request) -> JSONResponse:
        gates.open(request.path_params["key"])
        return JSONResponse({})

    app.router.routes.insert(0, Route("/go/{key}", go, methods=["POST"]))
    config = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)

    def leave() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=leave, daemon=True).start()
    print(url, flush=True)
    await server.serve(sockets=[sock])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
