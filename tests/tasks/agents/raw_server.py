"""A server that sends exactly the bytes that a test gives it: for everything that no SDK would ever send."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

CARD_PATH = "/.well-known/agent-card.json"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any

    @property
    def rpc(self) -> str:
        """The JSON-RPC method, empty for anything else."""
        return str(self.body.get("method", "")) if isinstance(self.body, dict) else ""


Answer = Iterable[bytes] | AsyncIterator[bytes]


@dataclass(kw_only=True)
class RawServer:
    """Answers each request with the bytes that `respond` gives, then closes the connection."""

    respond: Callable[[Asked], Answer]
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    sent: int = 0
    """Bytes that were handed to the network."""
    url: str = ""
    _loop: asyncio.AbstractEventLoop | None = None
    _thread: threading.Thread | None = None

    def start(self) -> "RawServer":
        ready = threading.Event()

        async def run() -> None:
            self._loop = asyncio.get_running_loop()
            self._stop = asyncio.Event()
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
        assert self._loop is not None and self._thread is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:] if ": " in line)}
            raw = await reader.readexactly(int(headers.get("content-length", 0)))
            form = "urlencoded" in headers.get("content-type", "")
            body = raw.decode() if form else json.loads(raw) if raw else None
            asked = Asked(method=method, path=path, headers=headers, body=body)
            self.asked.append(asked)
            answer = self.respond(asked)
            if isinstance(answer, AsyncIterator):
                async for piece in answer:
                    await self._write(writer, piece)
            else:
                for piece in answer:
                    await self._write(writer, piece)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def _write(self, writer: asyncio.StreamWriter, piece: bytes) -> None:
        writer.write(piece)
        await writer.drain()
        self.sent += len(piece)


def http(
    status: int = 200, body: bytes = b"", kind: str = "application/json", headers: Sequence[str] = ()
) -> list[bytes]:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close"]
    return ["\r\n".join([*lines, *headers, "", ""]).encode() + body]


def answered(value: Any) -> list[bytes]:
    return http(body=json.dumps(value).encode())


def result(value: Any) -> list[bytes]:
    return answered({"jsonrpc": "2.0", "id": "1", "result": value})


def rpc_error(code: int, message: str, status: int = 200) -> list[bytes]:
    body = {"jsonrpc": "2.0", "id": "1", "error": {"code": code, "message": message}}
    return http(status, json.dumps(body).encode())


STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
"""The head of a stream; it ends when the connection does."""


def event(value: Any, *, end: bytes = b"\n\n") -> bytes:
    """One event of a stream, with `value` as its result."""
    return b"data: " + json.dumps({"jsonrpc": "2.0", "id": "1", "result": value}).encode() + end


def streamed(*values: Any) -> list[bytes]:
    return [STREAM, *(event(value) for value in values)]


def chunked(*pieces: bytes, end: bool = True) -> list[bytes]:
    """A stream in chunked encoding; without its end it is a cut one, which the client can tell."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    return [head, *(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces), *([b"0\r\n\r\n"] if end else [])]
