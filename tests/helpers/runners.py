"""Runners with short intervals, in the test's loop; and waiting for what they do."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from channels.db import database_sync_to_async

from conversations.journal import journal
from tasks.execution import following, recovery, rejoining
from tasks.models import TaskRun
from tasks.runner import Runner, clock
from tasks.services import outcomes

PATIENCE = 15.0
"""Seconds after which something that should have happened has not."""


def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make everything that waits for time wait little: polls, heartbeats, retries, rejoins."""
    monkeypatch.setattr(clock, "POLL_EVERY", 0.1)
    monkeypatch.setattr(recovery, "HEARTBEAT_EVERY", 0.2)
    monkeypatch.setattr(outcomes, "BACKOFF_FIRST", timedelta(milliseconds=30))
    monkeypatch.setattr(following, "REJOIN_DELAY", 0.02)
    monkeypatch.setattr(rejoining, "LOOK_DELAY", 0.02)


@asynccontextmanager
async def working_runner() -> AsyncIterator[Runner]:
    """A runner that works while the context lasts, and is drained at its end."""
    runner = Runner()
    await runner.start()
    try:
        yield runner
    finally:
        await runner.drain(2.0)


async def sync(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call database code from a test's coroutine, in a thread."""
    return await database_sync_to_async(function, thread_sensitive=False)(*args, **kwargs)


async def until(condition: Callable[[], Any], what: str = "", *, timeout: float = PATIENCE) -> Any:
    """Ask the database until `condition()` is true; returns what it returned."""
    end = time.monotonic() + timeout
    while not (found := await sync(condition)):
        assert time.monotonic() < end, what or f"{condition} did not come true in {timeout} s"
        await asyncio.sleep(0.02)
    return found


async def until_over(*tasks: Any) -> None:
    """Wait until these tasks have no run that goes on, and at least one that ended."""
    ids = [task.pk for task in tasks]

    def over() -> bool:
        # In this order: a run that is made between the two questions goes on.
        begun = TaskRun.objects.filter(task__in=ids).values("task").distinct().count() == len(ids)
        return begun and not TaskRun.objects.active().filter(task__in=ids).exists()

    await until(over, "runs did not end")
    # What a commit holds can be read before it was pushed.
    await journal.flush()
