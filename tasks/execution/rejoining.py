"""Taking up what an agent has of a run: which task its message became, and that task's events.

A message of which nothing came back is never sent again on a guess: the agent is asked for it (a2a's `ListTasks`).
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing

from a2a.types import StreamResponse, Task

from tasks.agents.callbacks import Callback
from tasks.agents.connection import Connection
from tasks.agents.errors import AgentError, AgentRefused
from tasks.execution.context import RunContext
from tasks.execution.message import possible_ids
from tasks.execution.outcome import AgentForgot

logger = logging.getLogger(__name__)

LOOKS = 4
"""Times that the agent is asked: it may be starting again, or list the task a moment later."""
LOOK_DELAY = 0.5
"""Seconds before the second time; doubled each time."""


async def find(connection: Connection, run: RunContext, *, looks: int = LOOKS) -> Task | None:
    """The agent's task that the run's message became; None: nobody can tell.

    An agent that lists no such task may have the message all the same (lists are late, kept by one of several servers,
    or without messages), so None never means that it may be sent again. Raises nothing but cancellation.
    """
    asked_for = 0.0
    for look in range(looks):
        if look:
            await asyncio.sleep(max(LOOK_DELAY * 2 ** (look - 1), asked_for))
        try:
            task = await connection.find(possible_ids(run), run.context_id)
        except AgentRefused:
            return None
        except AgentError as error:
            asked_for = getattr(error, "retry_after", None) or 0.0
            logger.info("the agent could not be asked for a message: %s", error, extra={"event": "run.look_up"})
            continue
        if task is not None:
            return task
    return None


async def rejoin(
    connection: Connection, task_id: str, callback: Callback, *, watch: bool = False
) -> AsyncIterator[StreamResponse]:
    """What the agent has of its task `task_id`, then what follows live. Raises AgentForgot, and AgentError.

    callback: where the agent is to call, if it can, while no stream tells what follows. watch: do without a stream.
    """
    known = False
    following = connection.watch(task_id, callback) if watch else connection.rejoin(task_id, callback)
    async with aclosing(following) as events:
        async for event in events:
            known = True
            yield event
    if not known:
        raise AgentForgot(f"{connection.ref.name} does not know this task any more.")
