"""A small HTTP proxy between client and agent that breaks connections as a plan says.

It forwards one request after the other, each on a connection of its own to the agent, and cuts a stream of events into
its frames, so that a fault hits at the boundary between two events, or in the middle of one.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

FRAME_END = re.compile(rb"\r?\n\r?\n")
GARBAGE = b'data: {"jsonrpc": "2.0", "id": 1, "result": {"stat\xff\xfe\x00 }}}\n\n'
BOUNDARY = ("cut", "end", "eof", "half", "stall", "silent")
"""Kinds of faults after which nothing more comes through."""
PATIENCE = 0.5
"""Seconds after a fault until the agent is told to go on in any case."""
SETTLED = 0.02
"""Seconds between the answer to a rejoin and the agent's going on: the client has read it."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that goes wrong with one request of a run."""

    kind: str
    """`cut` (reset), `end` (closed in mid-stream), `eof` (ends as if that were all), `half` (the agent's side sees that
    the client has nothing more to say, then `end`), `mid` (in the middle of an event), `delay`, `duplicate`, `swap`
    (with the next event), `garble`, `stall` (nothing more, and no end), `loris` (byte by byte), `lost` (the request
    does not reach the agent), `busy` (`status` with
    Retry-After instead of an answer), `silent` (the request arrives, and no answer comes back)."""
    request: int = 0
    """Which of the run's requests: 0 is the message."""
    after: int = 0
    """Events of the answer that come through before; -1: not even its head."""
    seconds: float = 0.0
    """How long a delay takes; what Retry-After says."""
    status: int = 503


@dataclass(kw_only=True)
class Plan:
    """What happens to one run; and what did."""

    faults: tuple[Fault, ...] = ()
    go_after: int = -1
    """How many answers after the first fault it takes until the agent is told to go on; -1: it does not wait."""
    requests: list[str] = field(default_factory=list)
    """The methods that were asked for."""
    hit: list[str] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)
    """Those of the methods that reached the agent."""
    frames: int = 0
    """Events that the first answer had."""
    _answers: int = 0


class Proxy:
    """Listens on loopback for one agent, in the loop that it is started in. Runs without a plan are left alone."""

    def __init__(self, upstream: str, key_of: Callable[[str], str]) -> None:
        """upstream: the agent's URL. key_of: the key of a run, from the text of its first message."""
        self._host, port = upstream.removeprefix("http://").rstrip("/").split(":")
        self._port = int(port)
        self._key_of = key_of
        self.plans: dict[str, Plan] = {}
        self._tasks: dict[str, str] = {}
        self._going: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._going):
            task.cancel()
        await asyncio.gather(*self._going, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        this = asyncio.current_task()
        assert this is not None
        self._going.add(this)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, _Cut):
            pass
        finally:
            self._going.discard(this)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; returns whether the connection goes on."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else b""
        request = json.loads(body) if body else {}
        key = self._key(request)
        plan = self.plans.get(key, Plan())
        number = len(plan.requests)
        plan.requests.append(str(request.get("method", "")))
        faults = [fault for fault in plan.faults if fault.request == number]
        for fault in faults:
            if fault.kind == "busy":
                plan.hit.append(f"{fault.kind} {number}")
                self._answered(plan, key, hit=True)
                status = f"HTTP/1.1 {fault.status} Busy\r\nRetry-After: {fault.seconds:g}\r\nContent-Length: 0\r\n\r\n"
                writer.write(status.encode())
                await writer.drain()
                return True
            if fault.kind == "lost":
                plan.hit.append(f"{fault.kind} {number}")
                writer.transport.abort()
                raise _Cut(reset=True)
        plan.delivered.append(plan.requests[-1])
        up_reader, up_writer = await asyncio.open_connection(self._host, self._port, limit=2**24)
        try:
            up_writer.write(_alone(head) + body)
            await up_writer.drain()
            if any(fault.kind == "half" for fault in faults):
                plan.hit.append(f"half {number}")
                up_writer.write_eof()
            forward = _Forward(self, plan, key, number, faults, reader, writer)
            await forward.answer(up_reader, first=number == 0)
            return True
        except _Cut as cut:
            self._answered(plan, key, hit=True)
            if cut.reset:
                writer.transport.abort()
            raise
        finally:
            up_writer.transport.abort()

    def _key(self, request: dict[str, Any]) -> str:
        params = request.get("params") or {}
        message = params.get("message")
        named = str(params.get("id") or (message or {}).get("taskId") or "")
        if named in self._tasks:
            return self._tasks[named]
        if message:
            return self._key_of("".join(str(part.get("text", "")) for part in message.get("parts", [])))
        return ""

    def learn(self, key: str, content: bytes) -> None:
        """Take the agent's name for the run's task out of an answer."""
        if not key:
            return
        for found in re.findall(rb'"(?:taskId|id)": *"([^"]+)"', content):
            self._tasks.setdefault(found.decode(), key)

    def _answered(self, plan: Plan, key: str, *, hit: bool = False) -> None:
        """Count the answers since the first fault, and let the agent go on."""
        if plan.go_after < 0 or not (hit or plan._answers):
            return
        if plan._answers == 0:
            self._later(self._go(key, PATIENCE))
        plan._answers += 1
        if plan._answers > plan.go_after:
            plan.go_after = -1
            self._later(self._go(key, SETTLED))

    def _later(self, action: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(action)
        self._going.add(task)
        task.add_done_callback(self._going.discard)

    async def _go(self, key: str, wait: float) -> None:
        await asyncio.sleep(wait)
        with suppress(ConnectionError):
            reader, writer = await asyncio.open_connection(self._host, self._port)
            writer.write(f"POST /go/{key} HTTP/1.1\r\nHost: agent\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
            await reader.readline()
            writer.close()


class _Cut(Exception):
    """The connection to the client is over. reset: rudely."""

    def __init__(self, *, reset: bool) -> None:
        self.reset = reset


class _Forward:
    """One answer on its way."""

    def __init__(
        self,
        proxy: Proxy,
        plan: Plan,
        key: str,
        number: int,
        faults: list[Fault],
        client: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._proxy, self._plan, self._key, self._number = proxy, plan, key, number
        self._faults = {fault.after: fault for fault in faults}
        self._client = client
        self._writer = writer
        self._eof = any(fault.kind == "eof" for fault in faults)
        self._held: bytes | None = None
        self._streams = False

    async def answer(self, reader: asyncio.StreamReader, *, first: bool) -> None:
        """Pass it on, frame by frame, with what the plan does to it. Raises _Cut."""
        head = await reader.readuntil(b"\r\n\r\n")
        streams = self._streams = b"text/event-stream" in head.lower()
        if (fault := self._faults.get(-1)) is not None:
            self._note(fault)
            await self._peek(head, reader, streams=streams)
            if fault.kind in ("silent", "stall"):
                await self._hang()
            raise _Cut(reset=fault.kind == "cut")
        if self._eof:
            self._writer.write(_without(head, rb"transfer-encoding|content-length|connection") + b"\r\n")
        else:
            self._writer.write(
                _without(head, rb"transfer-encoding|content-length|connection") + b"Transfer-Encoding: chunked\r\n\r\n"
            )
        await self._writer.drain()
        self._proxy._answered(self._plan, self._key)
        count = 0
        if 0 in self._faults:
            await self._writer.drain()
            if self._faults[0].kind in BOUNDARY:
                await self._peek(head, reader, streams=streams)
        await self._boundary(0)
        async for frame in _frames(head, reader, streams=streams):
            self._proxy.learn(self._key, frame)
            await self._frame(frame, count)
            count += 1
            if first and streams:
                self._plan.frames = count
            await self._boundary(count)
        if self._held is not None:
            await self._write(self._held)
        if self._eof:
            raise _Cut(reset=False)
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def _peek(self, head: bytes, reader: asyncio.StreamReader, *, streams: bool) -> None:
        """Learn the task's name, which the client will not hear: the run's next request has it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                async for frame in _frames(head, reader, streams=streams):
                    self._proxy.learn(self._key, frame)
                    break

    async def _frame(self, frame: bytes, index: int) -> None:
        """One event, and the faults that change it: those at the boundary before it."""
        fault = self._faults.get(index)
        kind = fault.kind if fault is not None else ""
        if kind in ("duplicate", "swap") and not self._streams:
            kind, fault = "", None  # There is but one.
        if fault is not None and kind in ("delay", "duplicate", "swap", "garble", "loris", "mid"):
            self._note(fault)
            await asyncio.sleep(fault.seconds if kind == "delay" else 0)
        if kind == "swap":
            self._held = frame
            return
        if kind == "mid":
            await self._write(frame[: len(frame) // 2])
            raise _Cut(reset=True)
        if kind == "garble":
            frame = GARBAGE
        if kind == "loris":
            for start in range(0, len(frame), 40):
                await self._write(frame[start : start + 40])
                await asyncio.sleep(0.002)
        else:
            await self._write(frame)
        if kind == "duplicate":
            await self._write(frame)
        if self._held is not None:
            held, self._held = self._held, None
            await self._write(held)

    async def _boundary(self, count: int) -> None:
        fault = self._faults.get(count)
        if fault is None or fault.kind not in BOUNDARY:
            return
        self._note(fault)
        await self._writer.drain()
        if fault.kind in ("stall", "silent"):
            await self._hang()
        raise _Cut(reset=fault.kind == "cut")

    async def _hang(self) -> None:
        """Nothing more, until the client has had enough of it."""
        self._proxy._answered(self._plan, self._key, hit=True)
        while not self._client.at_eof() and not self._writer.transport.is_closing():
            await asyncio.sleep(0.01)
        raise _Cut(reset=True)

    def _note(self, fault: Fault) -> None:
        self._plan.hit.append(f"{fault.kind} {self._number}:{fault.after}")

    async def _write(self, content: bytes) -> None:
        self._writer.write(content if self._eof else b"%x\r\n%s\r\n" % (len(content), content))
        await self._writer.drain()


async def _frames(head: bytes, reader: asyncio.StreamReader, *, streams: bool) -> AsyncIterator[bytes]:
    """The events of a stream, each with its blank line; anything else as one piece."""
    waiting = b""
    async for content in _content(head, reader):
        waiting += content
        while streams and (end := FRAME_END.search(waiting)) is not None:
            yield waiting[: end.end()]
            waiting = waiting[end.end() :]
    if waiting:
        yield waiting


async def _content(head: bytes, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """The body's bytes as they come, whichever way they are delimited."""
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    if b"transfer-encoding: chunked" in head.lower():
        while size := int((await reader.readline()).strip() or b"0", 16):
            yield await reader.readexactly(size)
            await reader.readexactly(2)
    elif length:
        yield await reader.readexactly(int(length[1]))
    else:
        while content := await reader.read(65536):
            yield content


def _without(head: bytes, names: bytes) -> bytes:
    """A head without these headers and without its blank line."""
    lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    return b"\r\n".join(line for line in lines if not re.match(rb"(?i)(" + names + rb") *:", line)) + b"\r\n"


def _alone(head: bytes) -> bytes:
    """A request's head for a connection that ends with the answer."""
    return _without(head, rb"connection") + b"Connection: close\r\n\r\n"
