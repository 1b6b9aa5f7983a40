"""Once a second while somebody is connected: stuck viewers, gaps, other processes' commits, ended
sessions.
"""

from __future__ import annotations

import asyncio
import logging
from time import monotonic
from typing import TYPE_CHECKING
from uuid import UUID

from channels.db import database_sync_to_async

from conversations.hub.codes import Close
from conversations.models import Conversation

if TYPE_CHECKING:
    from conversations.hub.core import Hub

logger = logging.getLogger(__name__)

TICK_SECONDS = 1.0
GAP_SECONDS = 2.0
"""A `seq` that others wait for is given up after so long."""
CHECK_TICKS = 2
"""Credentials are looked at every second tick: a session that ended closes its sockets within seconds."""
QUERY = 500
"""Conversations asked about in one statement."""


class Watchdog:
    """A task that ends when nobody is connected any more."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._task: asyncio.Task[None] | None = None
        self._behind: dict[UUID, int] = {}

    def wake(self) -> None:
        """Somebody connected."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        tick = 0
        while self._hub.logs or self._hub.sockets:
            await asyncio.sleep(TICK_SECONDS)
            tick += 1
            try:
                self.look(monotonic())
                await self.reconcile()
                if tick % CHECK_TICKS == 0:
                    await self.check_credentials()
            except Exception:
                logger.exception("The sockets' watchdog met an error")

    def look(self, now: float) -> None:
        """Close who lags too far, cut who is stuck, give up gaps that do not fill."""
        for log in tuple(self._hub.logs.values()):
            if log.gap_since is not None and now - log.gap_since > GAP_SECONDS:
                self._hub.drop(log, Close.TOO_SLOW)
                continue
            for viewer in tuple(log.slow):
                viewer.check(now)
            log.release()

    async def reconcile(self) -> None:
        """Find commits that nobody published here: another process on this database, without Redis.

        A conversation whose counter is ahead of its log at two ticks in a row, the log not having moved,
        closes its viewers, who come back by `seq`.
        """
        heads = {
            UUID(log.key[1]): log
            for log in self._hub.logs.values()
            if log.key[0] == "conversation" and log.order.head is not None
        }
        if not heads:
            self._behind.clear()
            return
        stored = await database_sync_to_async(_last_seqs, thread_sensitive=False)(list(heads))
        behind: dict[UUID, int] = {}
        for conversation_id, log in heads.items():
            if conversation_id not in stored:
                self._hub.drop(log, Close.NOT_FOUND)
                continue
            head = log.order.head or 0
            if stored[conversation_id] > head:
                if self._behind.get(conversation_id) == head:
                    self._hub.drop(log, Close.TOO_SLOW)
                else:
                    behind[conversation_id] = head
        self._behind = behind

    async def check_credentials(self) -> None:
        """Close what was opened with a session or token that has ended."""
        if credentials := self._hub.sockets.credentials():
            ended = await database_sync_to_async(self._hub.check, thread_sensitive=False)(credentials)
            self._hub.sockets.close_credentials(ended, Close.SIGNED_OUT)


def _last_seqs(ids: list[UUID]) -> dict[UUID, int]:
    found: dict[UUID, int] = {}
    for start in range(0, len(ids), QUERY):
        part = Conversation.objects.filter(pk__in=ids[start : start + QUERY])
        found.update(part.values_list("pk", "last_seq"))
    return found
