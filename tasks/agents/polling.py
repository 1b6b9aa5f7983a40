"""A task that no stream tells of: looked up now and then, and at once when the agent calls back."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from a2a.types import StreamResponse, Task

from tasks.agents.callbacks import Callback
from tasks.agents.errors import AgentError
from tasks.agents.remote import remote_state

if TYPE_CHECKING:
    from tasks.agents.connection import Connection

logger = logging.getLogger(__name__)

POLL_FIRST = 0.5
POLL_MOST = 10.0
"""Seconds between two look-ups of a task at an agent that does not stream: at first, and doubled up to the most."""
POLL_CALLED = 60.0
"""Seconds between two look-ups of an agent that calls back: a heartbeat, in case a call is lost."""
CALLS_APART = 0.25
"""Seconds between two look-ups for calls: an agent that calls for each word is looked up four times a second."""


async def polled(
    connection: "Connection", before: Task, *, patience: float | None, callback: Callback | None
) -> AsyncGenerator[StreamResponse]:
    """The task whenever it has changed since `before`, until it is over, waits for somebody, or is unknown.

    patience: seconds without any change after which it counts as lost; None waits for as long as the run may.
    callback: where the agent is to call; one that does is looked up when it calls, and rarely otherwise.
    """
    if callback is not None and not await _arranged(connection, before.id, callback):
        callback = None
    wait, changed = POLL_FIRST, time.monotonic()
    while True:
        if callback is None:
            await asyncio.sleep(wait)
        else:
            await callback.wait(POLL_CALLED if callback.heard else wait)
        task = await connection.look_up(before.id)
        if task is None:
            return
        wait = POLL_FIRST if task != before else min(wait * 2, POLL_MOST)
        if task != before:
            changed, patience = time.monotonic(), None
            yield StreamResponse(task=task)
        elif patience is not None and time.monotonic() - changed > patience:
            raise connection.lost()
        state = remote_state(task.status.state)
        if state.terminal or state.interrupted:
            return
        before = task
        if callback is not None and callback.heard:
            await asyncio.sleep(CALLS_APART)


async def _arranged(connection: "Connection", task_id: str, callback: Callback) -> bool:
    """Whether the agent will call back; one that says that it can and then declines is looked up as any other."""
    if not connection.card.capabilities.push_notifications:
        return False
    try:
        await connection.call_back(task_id, callback.url, callback.token)
    except AgentError as error:
        ids = {"event": "agent.no_push", "agent": connection.ref.name, "error": error.message}
        logger.info("an agent takes no callback", extra=ids)
        return False
    return True
