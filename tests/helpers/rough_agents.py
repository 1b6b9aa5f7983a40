"""Agents that no SDK would make: raw HTTP answers, scripted line by line."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

Answer = Callable[[dict[str, Any], asyncio.StreamWriter], Awaitable[None]]
"""What a rough agent does with one JSON-RPC request: write what it likes, and return (the connection is closed)."""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


class RoughAgent:
    """An HTTP server in the test's event loop that answers with bytes of the test's choice. Speaks A2A 0.3."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.methods: list[str] = []
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "RoughAgent":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/"

    @property
    def card(self) -> dict[str, Any]:
        """A card that says how to talk, so that nothing is fetched."""
        return {
            "name": "Echo",
            "url": self.url,
            "protocolVersion": "0.3.0",
            "preferredTransport": "JSONRPC",
            "capabilities": {"streaming": True},
        }

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = 0
            for line in head.split(b"\r\n"):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            body = await reader.readexactly(length) if length else b"{}"
            request = json.loads(body)
            self.methods.append(str(request.get("method")))
            await self.answer(request, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def event(request: dict[str, Any], result: dict[str, Any]) -> bytes:
    """One server-sent event with a JSON-RPC result."""
    return b"data: " + json.dumps({"jsonrpc": "2.0", "id": request.get("id"), "result": result}).encode() + b"\n\n"


def task(state: str = "working", **fields: Any) -> dict[str, Any]:
    """A task object of 0.3."""
    return {"kind": "task", "id": "remote-1", "contextId": "context-1", "status": {"state": state}, **fields}


def said(text: str, state: str = "working", **metadata: Any) -> dict[str, Any]:
    """A status update of 0.3 that says something."""
    message = {
        "kind": "message",
        "role": "agent",
        "messageId": f"m-{text[:20]}-{state}",
        "parts": [{"kind": "text", "text": text}],
    }
    return {
        "kind": "status-update",
        "taskId": "remote-1",
        "contextId": "context-1",
        "final": state != "working",
        "status": {"state": state, "message": message},
        "metadata": metadata,
    }


def ended(state: str = "completed") -> dict[str, Any]:
    """A status update of 0.3 that ends the task without a word."""
    return {
        "kind": "status-update",
        "taskId": "remote-1",
        "contextId": "context-1",
        "final": True,
        "status": {"state": state},
    }
