"""The official A2A client as tests use it on the application: connected, asking, and reading what came."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
from a2a.client import ClientConfig, create_client
from a2a.helpers import get_artifact_text
from a2a.types import (
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    TaskState,
)
from google.protobuf.json_format import ParseDict

BINDINGS = ["JSONRPC", "HTTP+JSON"]
COMPLETED, FAILED = TaskState.TASK_STATE_COMPLETED, TaskState.TASK_STATE_FAILED
WORKING, CANCELED = TaskState.TASK_STATE_WORKING, TaskState.TASK_STATE_CANCELED
ASKS = TaskState.TASK_STATE_INPUT_REQUIRED


@asynccontextmanager
async def connected(site: str, token: str, *, binding: str = "JSONRPC", polling: bool = False) -> AsyncIterator[Any]:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(headers=headers, timeout=30) as http:
        config = ClientConfig(
            httpx_client=http, streaming=not polling, polling=polling, supported_protocol_bindings=[binding]
        )
        async with await create_client(site, config) as client:
            yield client


def says(
    text: str = "", *, data: Any = None, metadata: Any = None, wait: bool = True, **ids: Any
) -> SendMessageRequest:
    message = Message(message_id=str(uuid4()), role=Role.ROLE_USER, **ids)
    if text:
        message.parts.append(Part(text=text))
    if data is not None:
        message.parts.append(ParseDict({"data": data}, Part()))
    if metadata is not None:
        message.metadata.update(metadata)
    return SendMessageRequest(message=message, configuration=SendMessageConfiguration(return_immediately=not wait))


def to(agent_name: str) -> dict[str, Any]:
    return {"agent_name": agent_name}


async def stream(client: Any, sent: SendMessageRequest) -> list[Any]:
    return [event async for event in client.send_message(sent)]


def folded(events: list[Any]) -> list[str]:
    """The texts of the artifacts, as a client puts them together."""
    texts: dict[str, str] = {}
    for event in events:
        for artifact in event.task.artifacts:
            texts[artifact.artifact_id] = get_artifact_text(artifact)
        if event.HasField("artifact_update"):
            update = event.artifact_update
            before = texts.get(update.artifact.artifact_id, "") if update.append else ""
            texts[update.artifact.artifact_id] = before + get_artifact_text(update.artifact)
    return list(texts.values())


def state_of(events: list[Any]) -> Any:
    """The last state that was told."""
    told = [e.task.status if e.HasField("task") else e.status_update.status for e in events if not is_artifact(e)]
    return told[-1].state


def is_artifact(event: Any) -> bool:
    return bool(event.HasField("artifact_update"))
