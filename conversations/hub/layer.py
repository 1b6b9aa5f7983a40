"""Between processes: one Redis channel a process, in the group of each conversation that is watched here.

Channels' pub/sub layer carries it. A message that gets lost is a gap in `seq`, which closes the viewers with
4408, so nothing here is retried.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import InMemoryChannelLayer, get_channel_layer

logger = logging.getLogger(__name__)

CONTROL = "hub.control"
"""The group of every process that has viewers: closing of users and conversations."""
QUEUE_LIMIT = 10_000
"""Messages that wait for Redis; older ones are dropped, which their viewers notice by `seq`."""

Message = dict[str, Any]


def shared_layer() -> Any | None:
    """The channel layer if it joins processes; None for the in-memory one."""
    layer = get_channel_layer()
    return None if layer is None or isinstance(layer, InMemoryChannelLayer) else layer


class Bridge:
    """This process's end of the layer, in one event loop."""

    def __init__(self, layer: Any, loop: asyncio.AbstractEventLoop, receive: Callable[[Message], None]) -> None:
        self._layer = layer
        self._loop = loop
        self._receive = receive
        self._channel = ""
        self._groups: set[str] = set()
        self._lock = asyncio.Lock()
        self._queue: deque[tuple[str, Message]] = deque(maxlen=QUEUE_LIMIT)
        self._sender: asyncio.Task[None] | None = None
        self._receiver: asyncio.Task[None] | None = None

    async def join(self, group: str) -> None:
        """Receive what is sent to `group`."""
        async with self._lock:
            if not self._channel:
                self._channel = await self._layer.new_channel()
                self._receiver = self._loop.create_task(self._receive_all())
            for name in (CONTROL, group):
                if name not in self._groups:
                    await self._layer.group_add(name, self._channel)
                    self._groups.add(name)

    async def leave(self, group: str, wanted: Callable[[], bool]) -> None:
        """Receive it no more, unless it is wanted again."""
        async with self._lock:
            if group in self._groups and not wanted():
                self._groups.discard(group)
                await self._layer.group_discard(group, self._channel)

    def send(self, group: str, message: Message) -> None:
        """Send in order, from the loop."""
        self._queue.append((group, message))
        if self._sender is None or self._sender.done():
            self._sender = self._loop.create_task(self._send_all())

    async def _send_all(self) -> None:
        while self._queue:
            group, message = self._queue.popleft()
            try:
                await self._layer.group_send(group, message)
            except Exception as error:
                logger.warning("Frames could not be sent to Redis: %s", error)
                await asyncio.sleep(0.5)

    async def _receive_all(self) -> None:
        while True:
            message = await self._layer.receive(self._channel)
            try:
                self._receive(message)
            except Exception:
                logger.exception("A message from another process was not understood")


def send_from_anywhere(layer: Any, group: str, message: Message) -> None:
    """Send from a thread without a loop of ours: a management command, a shell."""
    try:
        async_to_sync(layer.group_send)(group, message)
    except RuntimeError:
        # Called inside a loop that serves nobody: let it be sent there.
        task = asyncio.get_running_loop().create_task(layer.group_send(group, message))
        _sending.add(task)
        task.add_done_callback(_sending.discard)
    except Exception as error:
        logger.warning("Frames could not be sent to Redis: %s", error)


_sending: set[asyncio.Task[None]] = set()
