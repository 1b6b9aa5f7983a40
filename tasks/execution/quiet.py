"""A stream that says nothing: the agent is asked meanwhile, so that a dead connection is told from a quiet agent."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from a2a.types import Task

from tasks.agents.errors import AgentError
from tasks.agents.remote import remote_state

QUIET_AFTER = 30.0
"""Seconds without an event until the agent is asked, and between two questions: the pings of most servers come every 15
seconds, and are not seen here, so that this holds for those that send none and for proxies that swallow all."""


@asynccontextmanager
async def watched(
    heard: Callable[[], int],
    ask: Callable[[], Awaitable[Task | None]],
    tell: Callable[[Task], Awaitable[object]],
) -> AsyncIterator[asyncio.Timeout]:
    """While the context lasts, ask about a quiet stream; the timeout that is yielded has expired if it is dead.

    heard: how many events have come. ask: the agent's task as it is. tell: takes what a task says that went on without
    a word here. A task that is over, or waits, while its stream says nothing ends the context with TimeoutError.
    """
    async with asyncio.timeout(None) as limit:
        watching = asyncio.ensure_future(_watch(limit, heard, ask, tell))
        try:
            yield limit
        finally:
            watching.cancel()
            await asyncio.wait([watching])


async def _watch(
    limit: asyncio.Timeout,
    heard: Callable[[], int],
    ask: Callable[[], Awaitable[Task | None]],
    tell: Callable[[Task], Awaitable[object]],
) -> None:
    count, before = heard(), None
    while True:
        await asyncio.sleep(QUIET_AFTER)
        if heard() != count:
            count, before = heard(), None
            continue
        try:
            task = await ask()
        except AgentError:
            continue  # One that lets nobody ask may be well all the same; the run's own timeout is the limit.
        if task is None or heard() != count:
            continue
        state = remote_state(task.status.state)
        if state.terminal or state.interrupted:
            limit.reschedule(asyncio.get_running_loop().time())
            return
        if before is not None and task != before:
            await tell(task)
            count = heard()
        before = task
