"""The hub: from what was committed to those who watch, in this process and through Redis in others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

from conversations.events import Envelope
from conversations.hub.activity import Activity, Resolve
from conversations.hub.codes import Close
from conversations.hub.frames import Encoded, dumps
from conversations.hub.layer import CONTROL, Bridge, Message, send_from_anywhere, shared_layer
from conversations.hub.log import Key, Log
from conversations.hub.sequence import DisorderError
from conversations.hub.sockets import Credential, Socket, Sockets
from conversations.hub.viewers import DirectViewer, StreamViewer, Transport, Viewer
from conversations.hub.watchdog import Watchdog

logger = logging.getLogger(__name__)

Check = Callable[[Collection[Credential]], Collection[Credential]]
"""Which of these credentials have ended (sync; called in a thread every few seconds)."""


def conversation_key(conversation_id: UUID) -> Key:
    """The log of a conversation."""
    return ("conversation", conversation_id.hex)


def user_key(user_id: int) -> Key:
    """The log of a user's activity."""
    return ("user", str(user_id))


def _group(key: Key) -> str:
    return f"hub.{key[0]}.{key[1]}"


class Hub:
    """One a process. Reading belongs to the loop that serves; publishing may come from any thread."""

    def __init__(self) -> None:
        self.logs: dict[Key, Log] = {}
        self.sockets = Sockets()
        self.check: Check = lambda _: ()
        self.activity = Activity(self)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bridge: Bridge | None = None
        self._watchdog: Watchdog | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    # --- publishing: any thread
    # -------------------------------------------------------------------------------
    def publish(self, conversation_id: UUID, envelopes: Sequence[Envelope]) -> None:
        """Show committed envelopes to whoever watches the conversation. Call it after the commit."""
        key = conversation_key(conversation_id)
        layer = shared_layer()
        if not envelopes or (layer is None and key not in self.logs):
            return
        events: list[Encoded] = [(envelope["seq"], dumps(envelope)) for envelope in envelopes]
        if layer is None:
            self._call(self._publish, key, events)
        else:
            self._send(layer, _group(key), {"type": "hub.events", "key": list(key), "events": events})

    def watched(self, conversation_id: UUID) -> bool:
        """Whether somebody watches. Where processes share Redis nobody can tell, so the answer is yes."""
        return conversation_key(conversation_id) in self.logs or shared_layer() is not None

    def announce(self, user_id: int, event: str, ids: Sequence[UUID]) -> None:
        """Tell the user's activity sockets that these objects changed. Call it after the commit."""
        key = user_key(user_id)
        layer = shared_layer()
        if not ids or (layer is None and key not in self.logs):
            return
        if layer is None:
            self._call(self.activity.announce, user_id, event, [id_.hex for id_ in ids])
        else:
            message = {
                "type": "hub.announce",
                "user": user_id,
                "event": event,
                "ids": [id_.hex for id_ in ids],
            }
            self._send(layer, _group(key), message)

    def register_activity(self, event: str, resolve: Resolve) -> None:
        """`resolve` turns the ids of an announced event into the contract's objects (sync; called in a
        thread).
        """
        self.activity.resolvers[event] = resolve

    def close_user(self, user_id: int, code: int) -> None:
        """Close every socket of a user, in every process."""
        self._control({"type": "hub.close", "user": user_id, "code": code})

    def close_conversation(self, conversation_id: UUID, code: int) -> None:
        """Close everybody who watches a conversation, in every process."""
        self._control({"type": "hub.close", "key": list(conversation_key(conversation_id)), "code": code})

    def _control(self, message: Message) -> None:
        if (layer := shared_layer()) is not None:
            self._send(layer, CONTROL, message)
        elif self.logs or self.sockets:
            self._call(self._receive, message)

    def _send(self, layer: Any, group: str, message: Message) -> None:
        if self._bridge is None or self._loop is None or self._loop.is_closed():
            send_from_anywhere(layer, group, message)
        else:
            self._call(self._bridge.send, group, message)

    def _call(self, function: Callable[..., None], *args: Any) -> None:
        """In the loop that serves, in the order of the calls."""
        if self._loop is not None:
            with suppress(RuntimeError):  # The loop is closed: nobody watches any more.
                self._loop.call_soon_threadsafe(function, *args)

    # --- reading: the loop that serves
    # ------------------------------------------------------------------------
    def bind(self) -> None:
        """Take the running loop as the one that serves."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self.logs, self.sockets = {}, Sockets()
            self._loop = loop
            layer = shared_layer()
            self._bridge = Bridge(layer, loop, self._receive) if layer is not None else None
            self._watchdog = None

    async def open(self, key: Key, transport: Transport | None = None) -> Viewer:
        """Begin to keep what is published for `key`: call it before the history is read, then `seek` and read
        on.

        With a transport the viewer is a DirectViewer (`start` it), without one a StreamViewer (`read` it). It
        must be given back with `close`.
        """
        self.bind()
        assert self._loop is not None  # noqa: S101
        log = self.logs.get(key)
        if log is None:
            log = self.logs[key] = Log(key, self._loop)
        viewer = StreamViewer(log) if transport is None else DirectViewer(log, transport)
        self._watch()
        if self._bridge is not None:
            try:
                await self._bridge.join(_group(key))
            except BaseException:
                self.close(viewer)
                raise
        return viewer

    def close(self, viewer: Viewer) -> None:
        """Give a viewer back; the log of a key that nobody reads is forgotten."""
        viewer.leave()
        log = viewer.log
        if not log.viewers and self.logs.get(log.key) is log:
            self._forget(log)

    @contextmanager
    def connected(self, user_id: int, credential: Credential, close: Callable[[int], None]) -> Iterator[None]:
        """Count a socket of the user while the context lasts, and close it with `close(code)` when its
        session ends.
        """
        self.bind()
        socket = Socket(user_id=user_id, credential=credential, close=close)
        sockets = self.sockets
        sockets.add(socket)
        self._watch()
        try:
            yield
        finally:
            sockets.remove(socket)

    def drop(self, log: Log, code: int) -> None:
        """Close everybody who reads `log`, and forget it: who comes back reads the history first."""
        if self.logs.get(log.key) is log:
            self._forget(log)
        for viewer in tuple(log.viewers):
            viewer.shut(code)

    def _forget(self, log: Log) -> None:
        del self.logs[log.key]
        if self._bridge is not None and self._loop is not None:
            task = self._loop.create_task(self._bridge.leave(_group(log.key), wanted=lambda: log.key in self.logs))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    def _watch(self) -> None:
        if self._watchdog is None:
            self._watchdog = Watchdog(self)
        self._watchdog.wake()

    def _publish(self, key: Key, events: Sequence[Encoded]) -> None:
        log = self.logs.get(key)
        if log is not None:
            try:
                log.publish(events)
            except DisorderError:
                self.drop(log, Close.TOO_SLOW)

    def _receive(self, message: Message) -> None:
        """What the layer brings, or what would go through it."""
        kind = message["type"]
        if kind == "hub.events":
            self._publish(tuple(message["key"]), [(seq, text) for seq, text in message["events"]])
        elif kind == "hub.announce":
            self.activity.announce(message["user"], message["event"], message["ids"])
        elif "user" in message:
            self.sockets.close_user(message["user"], message["code"])
        elif (log := self.logs.get(tuple(message["key"]))) is not None:
            self.drop(log, message["code"])
