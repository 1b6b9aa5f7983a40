"""A user's activity: which tasks, runs and conversations changed, as the contract's objects.

Announcements name ids only. They are gathered for a moment and looked up where somebody listens, so that a
change of a thousand tasks costs a few queries and a task that changes three times in a moment is shown once,
as it is now.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from channels.db import database_sync_to_async

from conversations.hub.codes import Close
from conversations.hub.frames import Encoded, dumps

if TYPE_CHECKING:
    from conversations.hub.core import Hub

logger = logging.getLogger(__name__)

GATHER_SECONDS = 0.1
BATCH = 200
"""Objects looked up at once."""
LIMIT = 5_000
"""Ids gathered for one user; beyond it the listeners are closed with 4408 and load the lists anew."""

Resolve = Callable[[Sequence[UUID]], list[dict[str, Any]]]


class Activity:
    """What is announced and not yet shown, by user."""

    def __init__(self, hub: Hub) -> None:
        self.resolvers: dict[str, Resolve] = {}
        self._hub = hub
        self._announced: dict[int, dict[tuple[str, str], None]] = {}
        self._showing: dict[int, asyncio.Task[None]] = {}

    def announce(self, user_id: int, event: str, ids: Sequence[str]) -> None:
        """Gather ids (hex), in the loop that serves."""
        key = ("user", str(user_id))
        log = self._hub.logs.get(key)
        if log is None or event not in self.resolvers:
            return
        waiting = self._announced.setdefault(user_id, {})
        for id_ in ids:
            waiting[event, id_] = None
        if len(waiting) > LIMIT:
            del self._announced[user_id]
            self._hub.drop(log, Close.TOO_SLOW)
        elif user_id not in self._showing or self._showing[user_id].done():
            self._showing[user_id] = asyncio.get_running_loop().create_task(self._show(user_id))

    async def _show(self, user_id: int) -> None:
        try:
            while user_id in self._announced:
                await asyncio.sleep(GATHER_SECONDS)
                waiting = list(self._announced.pop(user_id, {}))
                for start in range(0, len(waiting), BATCH):
                    events = await database_sync_to_async(self._resolve, thread_sensitive=False)(
                        waiting[start : start + BATCH]
                    )
                    log = self._hub.logs.get(("user", str(user_id)))
                    if log is not None and events:
                        log.append(events)
        except Exception:
            logger.exception("Activity of user %s could not be shown", user_id)
        finally:
            self._showing.pop(user_id, None)

    def _resolve(self, announced: Sequence[tuple[str, str]]) -> list[Encoded]:
        events: list[Encoded] = []
        by_event: dict[str, list[UUID]] = {}
        for event, id_ in announced:
            by_event.setdefault(event, []).append(UUID(id_))
        for event, ids in by_event.items():
            for data in self.resolvers[event](ids):
                events.append((None, dumps({"seq": None, "event": event, "data": data})))
        return events
