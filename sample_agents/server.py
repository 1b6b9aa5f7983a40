"""Everything between a BaseAgent and the network: its card, the A2A executor, the web server.

An agent speaks A2A 1.0 over JSON-RPC at `/`, and 0.3 at the same address for older clients; its card is at
`/.well-known/agent-card.json`. A client may drop its connection at any time: the SDK's server works on, and
the client may subscribe again or fetch the task.
"""

import asyncio
import contextlib
import inspect
import logging
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any, cast

import uvicorn
from a2a.helpers import get_message_text, new_task_from_user_message, new_text_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import TaskUpdater
from a2a.types import (
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    AgentSkill,
    Message,
    Role,
    TaskState,
)
from a2a.utils.errors import InvalidParamsError
from google.protobuf.json_format import MessageToDict
from starlette.applications import Starlette

from sample_agents.base import BaseAgent, Event
from sample_agents.store import SampleTaskStore

logger = logging.getLogger(__name__)

ANSWER_KINDS = (None, "message_chunk", "message")
"""`response_event`s whose text a person was told, as against reasoning, tool calls and components."""
CLOSE_CONNECTIONS_AFTER = 1
"""Seconds that open connections get to end when the server stops."""
PARKED_AFTER = 600.0
"""Seconds after which a task that waits for an answer is kept in the store alone, without coroutines."""


def agent_card(agent: BaseAgent, url: str) -> AgentCard:
    """The card that the agent answering at `url` shows."""
    return AgentCard(
        name=agent.name,
        description=agent.description,
        version=agent.version,
        supported_interfaces=[
            AgentInterface(url=url, protocol_binding="JSONRPC", protocol_version="1.0"),
            AgentInterface(url=url, protocol_binding="JSONRPC", protocol_version="0.3"),
        ],
        capabilities=AgentCapabilities(streaming=True, push_notifications=False),
        default_input_modes=list(agent.input_modes),
        default_output_modes=["text/plain", "application/json"],
        skills=[
            AgentSkill(
                id=skill.id,
                name=skill.name,
                description=skill.description,
                tags=list(skill.tags) or [skill.id],
                examples=list(skill.examples),
            )
            for skill in agent.skills
        ],
    )


class BaseAgentExecutor(AgentExecutor):
    """Runs a BaseAgent's stream and reports its events as the A2A task's updates."""

    def __init__(self, agent: BaseAgent) -> None:
        self._agent = agent
        self._cancelled: dict[str, bool] = {}
        """Each task at work, and whether it was cancelled meanwhile."""

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        """One turn: a new task, or the answer to a question that the task asked."""
        message, task_id, context_id = _required(context)
        updater = TaskUpdater(event_queue, task_id, context_id)
        if context.current_task is None:
            try:
                task = new_task_from_user_message(message)
            except ValueError as error:
                raise InvalidParamsError(message=f"The message says nothing: {error}") from error
            await event_queue.enqueue_event(task)
        self._cancelled[task_id] = False
        try:
            await updater.start_work()
            await self._run(context, message, updater)
        except Exception as error:
            logger.exception("%s failed on task %s", self._agent.name, task_id)
            reason = f"{self._agent.name} stopped on an error: {type(error).__name__}: {error}"
            await updater.failed(_say(updater, reason))
        finally:
            self._cancelled.pop(task_id, None)

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        """Mark the task as canceled; the handler then cancels `execute`, which closes the generator."""
        task_id, context_id = context.task_id or "", context.context_id or ""
        if task_id in self._cancelled:
            self._cancelled[task_id] = True
        await TaskUpdater(event_queue, task_id, context_id).cancel()

    async def _run(self, context: RequestContext, message: Message, updater: TaskUpdater) -> None:
        # What the client sent beside the text: on the message, as ValueCell does, or on the request.
        wanted = {**context.metadata, **MessageToDict(message.metadata)}
        dependencies = {**(wanted.get("dependencies") or {}), "history": _turns_before(context, message)}
        files = [
            {"name": part.filename, "media_type": part.media_type, "content": part.raw}
            for part in message.parts
            if part.HasField("raw")
        ]
        if files:
            dependencies["files"] = files
        answer = self._agent.notify if wanted.get("notify") is True else self._agent.stream
        stream = answer(context.get_user_input(), updater.context_id, updater.task_id, dependencies)
        if inspect.iscoroutine(stream):
            stream.close()
            raise TypeError("stream must be an async generator: it yields no event")
        async with aclosing(cast("Any", stream)) as events:
            async for event in events:
                if self._cancelled[updater.task_id]:
                    return  # An update after the final one would violate the protocol.
                if not isinstance(event, Event):
                    raise TypeError(f"stream yielded {event!r}: yield events, such as message_chunk(text)")
                await _report(event, updater)
                if event.state != "working":
                    return
        await updater.complete()


async def _report(event: Event, updater: TaskUpdater) -> None:
    if event.state == "failed":
        await updater.failed(_say(updater, event.text))
    elif event.state == "input-required":
        await updater.requires_input(_say(updater, event.text))
    else:
        # The metadata goes on the update, where a client of the live stream looks, and on its message too: of
        # an update the server keeps only the message (in the task's history), and merges the updates'
        # metadata into the task's, the last value winning. Without the copy nobody who lost the connection
        # could tell an answer from a piece of reasoning.
        metadata = dict(event.metadata)
        said = _say(updater, event.text, metadata)
        await updater.update_status(TaskState.TASK_STATE_WORKING, said, metadata=metadata)


def _required(context: RequestContext) -> tuple[Message, str, str]:
    """Message, task id and context id, which the SDK's request handler sets before it calls execute."""
    if context.message is None or context.task_id is None or context.context_id is None:
        raise InvalidParamsError(message="A message, a task id and a context id are needed.")
    return context.message, context.task_id, context.context_id


def _say(updater: TaskUpdater, text: str, metadata: dict[str, Any] | None = None) -> Message:
    return updater.new_agent_message([new_text_part(text)], metadata=metadata)


def _turns_before(context: RequestContext, message: Message) -> list[dict[str, str]]:
    """The task's turns before this message, oldest first. Read from the task: they survive a restart."""
    task = context.current_task
    if task is None:
        return []
    messages = [*task.history, *([task.status.message] if task.status.HasField("message") else [])]
    turns: list[dict[str, str]] = []
    for said in messages:
        if said.message_id == message.message_id:
            continue
        role = "user" if said.role == Role.ROLE_USER else "agent"
        kind = MessageToDict(said.metadata).get("response_event")
        if role == "agent" and kind not in ANSWER_KINDS:
            continue
        text = get_message_text(said)
        if turns and role == turns[-1]["role"] == "agent":
            # Pieces join as they are; a question, which has no kind, begins on a line of its own.
            turns[-1]["text"] += text if kind else f"\n{text}"
        else:
            turns.append({"role": role, "text": text})
    return turns


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: several servers share a loop, and the caller stops them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(port: int = 0, host: str = "127.0.0.1") -> socket.socket:
    """A bound socket; port 0 takes a free one. Raises OSError if the port is taken."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # A port whose last connections are still in TIME_WAIT may be bound again, one with a listener may
        # not.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


@asynccontextmanager
async def serving(
    agent: BaseAgent, *, sock: socket.socket | None = None, store: SampleTaskStore | None = None
) -> AsyncIterator[str]:
    """Serve `agent` in this event loop while the context lasts; yields its URL once it answers.

    sock: where to listen, a free port on loopback by default; closed at the end.
    store: where its tasks are kept, in memory by default; closed at the end.
    """
    sock = sock or listen()
    store = store or SampleTaskStore(agent.name)
    host, port = sock.getsockname()[:2]
    url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}/"
    card = agent_card(agent, url)
    handler = DefaultRequestHandler(
        agent_executor=BaseAgentExecutor(agent),
        task_store=store,
        agent_card=card,
        interrupted_task_timeout=PARKED_AFTER,
    )
    app = Starlette(
        routes=[
            *create_agent_card_routes(card),
            *create_jsonrpc_routes(handler, rpc_url="/", enable_v0_3_compat=True),
        ]
    )
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=CLOSE_CONNECTIONS_AFTER,
        )
    )
    await agent.start()
    running = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        while not server.started:
            if running.done():
                await running
                raise RuntimeError(f"{agent.name}'s server ended before it answered")
            await asyncio.sleep(0.005)
        yield url
    finally:
        await handler.aclose()  # First, as it ends the open streams, which the server would wait for.
        server.should_exit = True
        await running
        await agent.stop()
        store.close()


def stop_signal() -> asyncio.Event:
    """From this call on, SIGINT and SIGTERM set the event that is returned instead of ending the process."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Windows has no loop signal handlers; Ctrl-C is a KeyboardInterrupt there.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    return stop


def serve(agent: BaseAgent, *, host: str = "127.0.0.1", port: int = 0) -> None:
    """Serve `agent` until SIGINT or SIGTERM; prints its address. Port 0 takes a free one."""

    async def run() -> None:
        stop = stop_signal()
        async with serving(agent, sock=listen(port, host)) as url:
            print(f"{agent.name} answers at {url}", flush=True)
            await stop.wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())


def serve_in_thread(agent: BaseAgent, *, port: int = 0) -> tuple[str, Callable[[], None]]:
    """Serve `agent` from a thread of its own, for tests. Returns its URL, once it answers, and a function
    that stops it.

    Raises what kept the agent from starting.
    """
    ready = threading.Event()
    state: dict[str, Any] = {}

    async def run() -> None:
        stop = state["stop"] = asyncio.Event()
        state["loop"] = asyncio.get_running_loop()
        async with serving(agent, sock=listen(port)) as url:
            state["url"] = url
            ready.set()
            await stop.wait()

    def target() -> None:
        try:
            asyncio.run(run())
        except Exception as error:
            state["error"] = error
        finally:
            ready.set()

    thread = threading.Thread(target=target, name=f"agent-{agent.name}", daemon=True)
    thread.start()
    ready.wait()
    if "url" not in state:
        raise state.get("error") or RuntimeError(f"{agent.name} ended before it answered")

    def stop() -> None:
        if thread.is_alive():
            state["loop"].call_soon_threadsafe(state["stop"].set)
            thread.join()

    return state["url"], stop
