"""A real HTTP server on loopback that speaks chat completions: notes what it is asked, answers as it is told."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behaviour = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]
"""Answers one POST, given its handler and the body that was read."""


@dataclass
class ChatModel:
    """`behaves` are the answers to come, each used once, but the last one stays. `asked` are the bodies posted."""

    url: str = ""
    behaves: list[Behaviour] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=lambda: ["small", "large"])

    def will(self, *behaviours: Behaviour) -> None:
        """Answer so from now on."""
        self.behaves = list(behaviours)

    @property
    def told(self) -> dict[str, Any]:
        """What the model was told last of request and agents."""
        return json.loads(self.asked[-1]["messages"][-1]["content"])


def says(content: Any) -> Behaviour:
    """A completion with this text, or this object as JSON."""
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return answers(json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode())


def plans(*tasks: tuple[str, str] | tuple[str, str, list[str]], **more: Any) -> Behaviour:
    """A completion with tasks (agent, text, the keys that it depends on) whose keys are a, b, c …."""
    rows = [
        {"key": key, "agent_name": agent, "query": query, "depends_on": after[0] if after else []}
        for key, (agent, query, *after) in zip("abcdefghijkl", tasks, strict=False)
    ]
    return says({"tasks": rows, "schedule": None, "question": None, **more})


def answers(body: bytes, status: int = 200) -> Behaviour:
    """These bytes."""

    def answer(handler: BaseHTTPRequestHandler, _asked: dict[str, Any]) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def knows_no_schema(otherwise: Behaviour) -> Behaviour:
    """A 400 where a JSON schema is asked for, as servers say it that know none."""

    def answer(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
        if asked["response_format"]["type"] == "json_schema":
            answers(b'{"error": "response_format.type must be json_object"}', 400)(handler, asked)
        else:
            otherwise(handler, asked)

    return answer


def drips(before: bytes = b"") -> Behaviour:
    """Never comes to an end: sends `before`, then a blank every hundredth of a second, until the server stops."""

    def answer(handler: BaseHTTPRequestHandler, _asked: dict[str, Any]) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(before)
        while not _stopped(handler).wait(0.01):
            handler.wfile.write(b" ")

    return answer


def waits() -> Behaviour:
    """Takes the question and says nothing at all, until the server stops."""

    def answer(handler: BaseHTTPRequestHandler, _asked: dict[str, Any]) -> None:
        _stopped(handler).wait(10)

    return answer


class _Server(ThreadingHTTPServer):
    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.stopped = threading.Event()


def _stopped(handler: BaseHTTPRequestHandler) -> threading.Event:
    assert isinstance(handler.server, _Server)
    return handler.server.stopped


@contextmanager
def chatting() -> Iterator[ChatModel]:
    """A server that lives as long as the context."""
    model = ChatModel()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers(json.dumps({"data": [{"id": name} for name in model.models]}).encode())(self, {})

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            model.asked.append(asked)
            model.keys.append(self.headers.get("Authorization") or "")
            behaviour = model.behaves.pop(0) if len(model.behaves) > 1 else model.behaves[0]
            with suppress(BrokenPipeError, ConnectionResetError):  # who asked has gone
                behaviour(self, asked)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = _Server(Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    model.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield model
    finally:
        server.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
