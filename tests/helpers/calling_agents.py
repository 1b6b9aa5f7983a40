"""A2A agents on the SDK's server that call back: push notifications as the SDK sends them."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes, create_rest_routes
from a2a.server.tasks import BasePushNotificationSender, InMemoryPushNotificationConfigStore, InMemoryTaskStore
from starlette.applications import Starlette

from sample_agents.base import BaseAgent
from sample_agents.server import BaseAgentExecutor, _Server, agent_card, listen


@contextmanager
def calling(
    agent: BaseAgent, *, version: str = "1.0", streaming: bool = False, binding: str = "JSONRPC"
) -> Iterator[tuple[str, list[str]]]:
    """Serve `agent` from a thread; yields its URL, and the bodies of the notifications that it has sent.

    version, binding: of the one interface that its card names.
    """
    sent: list[str] = []
    ready, stopped = threading.Event(), threading.Event()
    sock = listen()
    url = f"http://127.0.0.1:{sock.getsockname()[1]}/"

    async def note(request: httpx.Request) -> None:
        sent.append(request.content.decode())

    async def run() -> None:
        card = agent_card(agent, url)
        interfaces = [one for one in card.supported_interfaces if one.protocol_version == version]
        del card.supported_interfaces[:]
        for interface in interfaces:
            interface.protocol_binding = binding
        card.supported_interfaces.extend(interfaces)
        card.capabilities.streaming, card.capabilities.push_notifications = streaming, True
        async with httpx.AsyncClient(event_hooks={"request": [note]}) as client:
            configs = InMemoryPushNotificationConfigStore()
            handler = DefaultRequestHandler(
                agent_executor=BaseAgentExecutor(agent),
                task_store=InMemoryTaskStore(),
                agent_card=card,
                push_config_store=configs,
                push_sender=BasePushNotificationSender(client, configs),
            )
            routes = [
                *create_agent_card_routes(card),
                *create_jsonrpc_routes(handler, rpc_url="/", enable_v0_3_compat=True),
                *create_rest_routes(handler, enable_v0_3_compat=True),
            ]
            config = uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off", ws="none")
            config.timeout_graceful_shutdown = 1
            server = _Server(config)
            await agent.start()
            serving = asyncio.create_task(server.serve(sockets=[sock]))
            while not server.started:
                await asyncio.sleep(0.005)
            ready.set()
            while not stopped.is_set():
                await asyncio.sleep(0.01)
            await handler.aclose()
            server.should_exit = True
            await serving
            await agent.stop()

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield url, sent
    finally:
        stopped.set()
        thread.join(10)
