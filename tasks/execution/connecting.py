"""Reaching the agent of a run, and what the transcript shows of that."""

from collections.abc import Awaitable, Callable
from typing import Any

from conversations.changes import Response
from conversations.events import Event
from tasks.agents.connection import Connection
from tasks.agents.connections import connections
from tasks.execution.admission import admitted
from tasks.execution.context import RunContext
from tasks.execution.outcome import AgentUnreachableForGood
from tasks.services import Lease


async def connected(
    found: RunContext, lease: Lease, *, show: Callable[[Response], None], in_thread: Callable[..., Awaitable[Any]]
) -> Connection:
    """The connection to the run's agent; a tool call shows it, for the first run of a recurring task only.

    show: puts a response into the transcript. in_thread: calls a function of the ORM. Raises AgentError.
    """
    shown = (not found.recurring or found.first) and not found.was_sent
    # The run's, not the lease's: a worker that died before it was through leaves a call that the next one ends.
    call_id = f"connect-{lease.run_id}"
    call = {"tool_call_id": call_id, "tool_name": "connect_agent"}
    attempt = {"attempt": found.attempt} if found.attempt > 1 else {}
    if shown:
        payload = {**call, "tool_result": None}
        show(Response(event=Event.TOOL_CALL_STARTED, payload=payload, metadata=attempt, key=call_id))
    result = f"ERROR: could not connect to agent {found.agent_name}"
    try:
        if found.agent is None:
            raise AgentUnreachableForGood(f"There is no agent {found.agent_name} here any more, or it is disabled.")
        if not found.was_sent:
            await admitted(found.agent, in_thread)
        connection = await connections.get(found.agent)
        result = "connected"
    finally:
        if shown:
            payload = {**call, "tool_result": result}
            show(Response(event=Event.TOOL_CALL_COMPLETED, payload=payload, metadata=attempt, key=call_id))
    return connection
