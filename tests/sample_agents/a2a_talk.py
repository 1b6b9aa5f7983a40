"""A real A2A client for the tests of the sample agents, and the pieces of its answers that they compare."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from a2a.client import Client, ClientConfig, create_client
from a2a.helpers import get_message_text, new_text_part
from a2a.types import (
    CancelTaskRequest,
    GetTaskRequest,
    Message,
    Role,
    SendMessageRequest,
    StreamResponse,
    Task,
    TaskState,
)
from google.protobuf.json_format import MessageToDict


@dataclass(frozen=True, kw_only=True)
class Said:
    """One update as a client sees it."""

    state: str
    """In ValueCell's spelling: `working`, `completed`, `input-required`…"""
    kind: str | None
    """`response_event`."""
    text: str
    metadata: dict[str, Any]


class Talk:
    """A conversation with one agent."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.task_id = ""
        self.context_id = "conversation-1"

    async def events(self, text: str, **metadata: Any) -> AsyncIterator[Said]:
        """Send `text` (on the task that waits, if any) and yield the updates as they come."""
        message = Message(
            role=Role.ROLE_USER,
            message_id=f"m-{text}-{self.task_id}",
            context_id=self.context_id,
            task_id=self.task_id,
            parts=[new_text_part(text)],
            metadata={"metadata": {}, "dependencies": {"timezone": "Europe/Berlin"}, **metadata},
        )
        async for response in self.client.send_message(SendMessageRequest(message=message)):
            said = self._read(response)
            if said is not None:
                yield said

    async def ask(self, text: str, **metadata: Any) -> list[Said]:
        """Send `text` and return all updates of the turn."""
        return [said async for said in self.events(text, **metadata)]

    async def task(self) -> Task:
        return await self.client.get_task(GetTaskRequest(id=self.task_id))

    async def cancel(self) -> Task:
        return await self.client.cancel_task(CancelTaskRequest(id=self.task_id))

    def _read(self, response: StreamResponse) -> Said | None:
        match response.WhichOneof("payload"):
            case "task":
                self.task_id = response.task.id
                return None
            case "status_update":
                update = response.status_update
                metadata = MessageToDict(update.metadata)
                return Said(
                    state=state_name(update.status.state),
                    kind=metadata.get("response_event"),
                    text=get_message_text(update.status.message),
                    metadata=metadata,
                )
            case other:
                raise AssertionError(f"unexpected {other}")


def state_name(state: int) -> str:
    return TaskState.Name(state).removeprefix("TASK_STATE_").lower().replace("_", "-")


def kinds(said: list[Said]) -> list[str]:
    """The kinds in order, neighbours of one kind once; updates without a kind by their state."""
    found: list[str] = []
    for each in said:
        kind = each.kind or each.state
        if not found or found[-1] != kind:
            found.append(kind)
    return found


def text_of(said: list[Said], kind: str | None = "message_chunk") -> str:
    return "".join(each.text for each in said if each.kind == kind)


def history_of(task: Task) -> list[tuple[str | None, str]]:
    """What the agent said by get_task, in order, with its kinds: the history and the last status."""
    messages = [*task.history, *([task.status.message] if task.status.HasField("message") else [])]
    return [
        (MessageToDict(message.metadata).get("response_event"), get_message_text(message))
        for message in messages
        if message.role == Role.ROLE_AGENT
    ]


@asynccontextmanager
async def talking(url: str) -> AsyncIterator[Talk]:
    async with (
        httpx.AsyncClient(timeout=20) as http,
        await create_client(url, ClientConfig(httpx_client=http)) as client,
    ):
        yield Talk(client)
