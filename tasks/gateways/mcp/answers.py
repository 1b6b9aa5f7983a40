"""What the tools return, key by key; a task, a run and an agent are those of the JSON API. Pure."""

from typing import Any

from pydantic import TypeAdapter
from typing_extensions import TypedDict  # pydantic reads no other before Python 3.12

from tasks.gateways.mcp.arguments import untitled
from tasks.schemas.agents import AgentOut
from tasks.schemas.outputs import RunOut, TaskOut


class Worked(TypedDict):
    """What came of a request that was waited for."""

    task_id: str | None
    conversation_id: str
    status: str
    result: str | None
    question: str | None
    error: str | None


class Agents(TypedDict):
    """Agents, by name."""

    items: list[AgentOut]


class Tasks(TypedDict):
    """Tasks, newest first."""

    items: list[TaskOut]


class Runs(TypedDict):
    """Runs, newest first."""

    items: list[RunOut]


class CancelledTask(TypedDict):
    """A task that was stopped."""

    task_id: str
    success: bool
    updated_component_ids: list[str]


def schema_of(answer: Any) -> dict[str, Any]:
    """The JSON schema of what a tool returns."""
    schema: dict[str, Any] = untitled(TypeAdapter(answer).json_schema(mode="serialization"))
    return schema
