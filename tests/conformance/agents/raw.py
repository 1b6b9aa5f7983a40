"""A2A servers without any SDK, written from the documents of 0.3 and 1.0: JSON-RPC over a bare asyncio server.

One server plays every script: the first message names the case, the run and the dress (`record.order`).
"""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from tests.conformance.agents import wire10
from tests.conformance.agents.dress import DRESSES, Dress, dressed, frame, pieces
from tests.conformance.agents.record import ENDED, WAITS, Gates, Json, Record, order, text_of

PACE = 0.001
"""Seconds between two events: others get their turn."""
METHODS = {
    "message/send": "send",
    "message/stream": "stream",
    "tasks/get": "get",
    "tasks/resubscribe": "subscribe",
    "tasks/cancel": "cancel",
    "SendMessage": "send",
    "SendStreamingMessage": "stream",
    "GetTask": "get",
    "SubscribeToTask": "subscribe",
    "CancelTask": "cancel",
    "ListTasks": "list",
}
NOT_FOUND = {"code": -32001, "message": "Task not found"}
UNSUPPORTED = {"code": -32004, "message": "This operation is not supported"}
NO_METHOD = {"code": -32601, "message": "Method not found"}
PAGE = b"<!doctype html><title>404</title><h1>Not Found</h1>"


class Play:
    """One task: its record, and all that was sent of it in order."""

    def __init__(self, record: Record, dress: Dress) -> None:
        self.record = record
        self.dress = dress
        self.sent: list[Json] = []
        self.named = True
        """There is a task, not a message alone."""
        self.turns_begun = 0
        self.resting = False
        """Nothing more comes until the person says something."""
        self.news = asyncio.Condition()

    async def follow(self, begin: int) -> AsyncIterator[tuple[Json, bool]]:
        """The events from the `begin`th on, each with whether it is the last."""
        at = begin
        while True:
            async with self.news:
                while at >= len(self.sent) and not self.resting:
                    await self.news.wait()
                events, resting = self.sent[at:], self.resting
            for index, event in enumerate(events):
                last = resting and index == len(events) - 1
                yield event, last
            at += len(events)
            if resting:
                return


class RawAgent:
    """The server. `version` is 0.3 or 1.0; `received` counts the messages of each run."""

    def __init__(self, version: str, scripts: dict[str, list[list[Json]]]) -> None:
        self.version = version
        self.scripts = scripts
        self.received: dict[str, int] = {}
        self.url = ""
        self._plays: dict[str, Play] = {}
        self._going: set[asyncio.Task[None]] = set()

    def start(self) -> "RawAgent":
        """Serve from a thread of its own."""
        ready = threading.Event()

        async def run() -> None:
            self._loop, self._stop, self._gates = asyncio.get_running_loop(), asyncio.Event(), Gates()
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            ready.set()
            await self._stop.wait()
            server.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

        self._thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
        self._thread.start()
        ready.wait()
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    # --- HTTP ---

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            path = head[0].split(" ")[1]
            headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:] if ": " in line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            if path.startswith("/go/"):
                self._gates.open(path.removeprefix("/go/"))
                writer.write(_http(b"{}"))
            else:
                await self._answer(json.loads(body), writer)
            await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def _answer(self, request: Json, writer: asyncio.StreamWriter) -> None:
        method, params = METHODS.get(request["method"], ""), request.get("params", {})
        if method in ("send", "stream"):
            await self._told(request, writer, live=method == "stream")
            return
        if method == "list" and self.version == "1.0":
            found = [
                wire10.task(play.record.task)
                for play in self._plays.values()
                if play.record.task["contextId"] == params.get("contextId") and play.named
            ]
            writer.write(self._json(Dress(), request, {"tasks": found, "nextPageToken": "", "totalSize": len(found)}))
            return
        play = self._plays.get(str(params.get("id")))
        if not method or method == "list":
            writer.write(_error(request, NO_METHOD))
        elif play is None:
            writer.write(_error(request, NOT_FOUND))
        elif method == "subscribe":
            await self._subscribed(play, request, writer)
        else:
            if method == "cancel" and play.record.state not in ENDED:
                play.record.task["status"] = {"state": "canceled"}
            task = play.record.snapshot()
            writer.write(self._json(play.dress, request, task if self.version == "0.3" else wire10.task(task)))

    async def _subscribed(self, play: Play, request: Json, writer: asyncio.StreamWriter) -> None:
        if play.dress.refuses == "page":
            writer.write(_http(PAGE, status="404 Not Found", kind="text/html"))
        elif play.dress.refuses == "cut":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n{")
        elif play.record.state in ENDED or play.dress.refuses:
            writer.write(_error(request, UNSUPPORTED))
        else:
            first = [play.record.snapshot()] if self.version == "1.0" else []
            await self._stream(play, request, writer, first=first, begin=len(play.sent))

    # --- messages ---

    async def _told(self, request: Json, writer: asyncio.StreamWriter, *, live: bool) -> None:
        params = request["params"]
        message = params["message"] if self.version == "0.3" else wire10.old_message(params["message"])
        task_id = str(message.get("taskId") or "")
        if task_id and task_id not in self._plays:
            writer.write(_error(request, NOT_FOUND))
            return
        if task_id:
            play = self._plays[task_id]
        else:
            case, key, pause, dress = order(text_of(message))
            task_id = f"task-{key}"
            while task_id in self._plays:
                task_id += "+"
            record = Record(task_id, str(message.get("contextId") or f"context-{key}"))
            play = self._plays[task_id] = Play(record, DRESSES[dress])
            play.named = self.scripts[case][0][0]["kind"] != "message"
            self._start(play, case, key, pause)
        key = task_id.removeprefix("task-").rstrip("+")
        self.received[key] = self.received.get(key, 0) + 1
        begin = len(play.sent)
        play.record.asked({**message, "taskId": task_id, "contextId": play.record.task["contextId"]})
        play.turns_begun += 1
        play.resting = False
        async with play.news:
            play.news.notify_all()
        if live:
            await self._stream(play, request, writer, first=[], begin=begin)
            return
        configuration = params.get("configuration") or {}
        at_once = configuration.get("returnImmediately") or configuration.get("blocking") is False
        async for event, _ in play.follow(begin):
            if event["kind"] == "message":
                writer.write(self._json(play.dress, request, self._result(event)))
                return
            if at_once:
                break
        writer.write(self._json(play.dress, request, self._result(play.record.snapshot())))

    def _start(self, play: Play, case: str, key: str, pause: int) -> None:
        going = asyncio.ensure_future(self._played(play, case, key, pause))
        self._going.add(going)
        going.add_done_callback(self._going.discard)

    async def _played(self, play: Play, case: str, key: str, pause: int) -> None:
        for turn, events in enumerate(self.scripts[case]):
            async with play.news:
                while play.turns_begun <= turn:
                    await play.news.wait()
            for scripted in events:
                if len(play.sent) == pause:
                    await self._gates.wait(key)
                await asyncio.sleep(PACE)
                event = play.record.event(scripted)
                async with play.news:
                    play.sent.append(event)
                    play.news.notify_all()
            async with play.news:
                play.resting = True
                play.news.notify_all()

    # --- streams ---

    async def _stream(
        self, play: Play, request: Json, writer: asyncio.StreamWriter, *, first: list[Json], begin: int
    ) -> None:
        dress = play.dress
        kind = "Text/Event-Stream" if dress.no_charset else "text/event-stream; charset=utf-8"
        writer.write(f"HTTP/1.1 200 OK\r\nCONTENT-TYPE: {kind}\r\nCache-Control: no-cache\r\n\r\n".encode())
        for event in first:
            await self._send(play, request, writer, event, last=False)
        async for event, last in play.follow(begin):
            over = _state_of(event) in ENDED | WAITS
            if dress.no_end and over:
                return
            for copy in range(2 if dress.twice else 1):
                is_last = last and not dress.snapshots and copy == dress.twice
                await self._send(play, request, writer, event, last=is_last)
            if dress.snapshots and event["kind"] != "message":
                await self._send(play, request, writer, play.record.snapshot(), last=last)

    async def _send(self, play: Play, request: Json, writer: asyncio.StreamWriter, event: Json, *, last: bool) -> None:
        answer = {"jsonrpc": "2.0", "id": request["id"], "result": self._result(event)}
        for piece in pieces(play.dress, frame(play.dress, dressed(play.dress, answer), last=last)):
            writer.write(piece)
            await writer.drain()

    def _result(self, event: Json) -> Json:
        if self.version == "0.3":
            return event
        return wire10.event(event)

    def _json(self, dress: Dress, request: Json, result: Json) -> bytes:
        answer = dressed(dress, {"jsonrpc": "2.0", "id": request["id"], "result": result})
        return _http(json.dumps(answer, ensure_ascii=False).encode())


def _state_of(event: Json) -> str:
    return str(event["status"]["state"]) if "status" in event else ""


def _error(request: Json, error: Json) -> bytes:
    return _http(json.dumps({"jsonrpc": "2.0", "id": request.get("id"), "error": error}).encode())


def _http(body: bytes, *, status: str = "200 OK", kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def served_card(name: str, url: str, version: str, *, streaming: bool) -> dict[str, Any]:
    """A card that says how to talk, so that nothing is fetched."""
    return {
        "name": name,
        "supportedInterfaces": [{"url": url, "protocolBinding": "JSONRPC", "protocolVersion": version}],
        "capabilities": {"streaming": streaming},
    }
