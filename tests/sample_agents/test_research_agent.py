"""ResearchAgent against real HTTP servers that behave, and misbehave, as OpenAI-compatible endpoints do."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from a2a_talk import kinds, talking, text_of

from sample_agents.research import NOT_CONFIGURED, ResearchAgent, Timeouts

pytestmark = pytest.mark.database_independent


@dataclass(kw_only=True)
class Endpoint:
    """What the endpoint answers, and what it was asked."""

    answer: Callable[[BaseHTTPRequestHandler], None]
    requests: list[tuple[str, dict[str, Any], str | None]] = field(default_factory=list)
    models: bytes = b'{"data": [{"id": "small-model"}, {"id": "big-model"}]}'
    url: str = ""


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    state = Endpoint(answer=streams())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(state.models)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.requests.append((self.path, body, self.headers.get("Authorization")))
            state.answer(self)

        def log_message(self, *args: object) -> None:
            """Silence: the base class writes to stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def chunk(delta: dict[str, Any], finish: str | None = None) -> str:
    return "data: " + json.dumps({"choices": [{"delta": delta, "finish_reason": finish}]}) + "\n\n"


def streams(*pieces: str, pause: float = 0.0) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        for piece in pieces:
            try:
                handler.wfile.write(piece.encode())
                handler.wfile.flush()
            except OSError:  # The agent hung up.
                return
            time.sleep(pause)

    return answer


def replies(status: int, body: str, content_type: str = "application/json") -> Callable[[Any], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.end_headers()
        handler.wfile.write(body.encode())

    return answer


WHOLE = (
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "Leap "}),
    chunk({"content": "second."}),
)
END = (chunk({}, "stop"), "data: [DONE]\n\n")


async def test_without_an_endpoint_it_says_so_plainly(served):
    async with talking(served(ResearchAgent())) as talk:
        said = await talk.ask("What is a leap second?")
    assert text_of(said) == NOT_CONFIGURED
    assert "LLM_BASE_URL" in NOT_CONFIGURED
    assert said[-1].state == "completed"


async def test_an_answer_streams_piece_by_piece(served, endpoint):
    endpoint.answer = streams(*WHOLE, *END, pause=0.05)
    agent = ResearchAgent(base_url=endpoint.url + "/", api_key="secret", model="m-1")
    async with talking(served(agent)) as talk:
        said = await talk.ask("What is a leap second?", dependencies={"language": "de-DE"})
    assert [each.text for each in said if each.kind == "message_chunk"] == ["Leap ", "second."]
    assert said[-1].state == "completed"
    [(path, body, authorization)] = endpoint.requests
    assert (path, authorization) == ("/v1/chat/completions", "Bearer secret")
    assert (body["model"], body["stream"]) == ("m-1", True)
    assert body["messages"][-1] == {"role": "user", "content": "What is a leap second?"}
    assert "de-DE" in body["messages"][0]["content"]


async def test_a_fast_model_is_joined_into_few_events_and_nothing_is_lost(served, endpoint):
    words = [f"w{number} " for number in range(500)]
    endpoint.answer = streams(*(chunk({"content": word}) for word in words), *END)
    async with talking(served(ResearchAgent(base_url=endpoint.url, model="m"))) as talk:
        said = await talk.ask("Count")
    assert text_of(said) == "".join(words)
    assert len([each for each in said if each.kind == "message_chunk"]) < 100


async def test_thoughts_are_reasoning_and_not_answer(served, endpoint):
    endpoint.answer = streams(chunk({"reasoning_content": "Hm, "}), chunk({"reasoning": "time."}), *WHOLE, *END)
    async with talking(served(ResearchAgent(base_url=endpoint.url, model="m"))) as talk:
        said = await talk.ask("?!")
    assert kinds(said) == ["working", "reasoning", "reasoning_completed", "message_chunk", "completed"]
    assert text_of(said, "reasoning") == "Hm, time."
    assert text_of(said) == "Leap second."


async def test_without_a_model_it_takes_the_first_that_is_listed(served, endpoint):
    endpoint.answer = streams(*WHOLE, *END)
    async with talking(served(ResearchAgent(base_url=endpoint.url))) as talk:
        await talk.ask("Hello")
    assert endpoint.requests[0][1]["model"] == "small-model"


async def test_an_endpoint_that_does_not_stream_is_understood(served, endpoint):
    endpoint.answer = replies(
        200, json.dumps({"choices": [{"message": {"content": "All at once."}, "finish_reason": "stop"}]})
    )
    async with talking(served(ResearchAgent(base_url=endpoint.url, model="m"))) as talk:
        said = await talk.ask("Hello")
    assert (text_of(said), said[-1].state) == ("All at once.", "completed")


async def test_comments_and_crlf_line_ends_are_understood(served, endpoint):
    endpoint.answer = streams(": ping\r\n\r\n", *(each.replace("\n", "\r\n") for each in (*WHOLE, *END)))
    async with talking(served(ResearchAgent(base_url=endpoint.url, model="m"))) as talk:
        said = await talk.ask("Hello")
    assert (text_of(said), said[-1].state) == ("Leap second.", "completed")


async def test_an_answer_that_the_length_limit_cut_says_so(served, endpoint):
    endpoint.answer = streams(*WHOLE, chunk({}, "length"), "data: [DONE]\n\n")
    async with talking(served(ResearchAgent(base_url=endpoint.url, model="m"))) as talk:
        said = await talk.ask("Hello")
    assert text_of(said) == "Leap second.\n\n*(The model's limit on length cut this answer.)*"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            replies(401, '{"error": {"message": "Incorrect API key provided"}}'),
            "refused the key: check LLM_API_KEY (HTTP 401: Incorrect API key provided).",
        ),
        (
            replies(404, '{"error": {"message": "The model `m` does not exist"}}'),
            "does not know this address or model: check LLM_BASE_URL and LLM_MODEL "
            "(HTTP 404: The model `m` does not exist).",
        ),
        (
            replies(429, '{"error": {"message": "Slow down"}}'),
            "has had too many requests or its quota is used up: try again later (HTTP 429: Slow down).",
        ),
        (
            replies(502, "<html>Bad gateway</html>", "text/html"),
            "has a problem of its own: try again later (HTTP 502).",
        ),
        (streams(*WHOLE), "The language model's answer broke off before its end. Try again."),
        (
            streams(*WHOLE, 'data: {"error": {"message": "overloaded"}}\n\n'),
            "The language model stopped on an error: overloaded",
        ),
        (streams("data: {oops\n\n"), "The language model sent a piece that is not JSON."),
        (
            streams(chunk({}, "content_filter"), "data: [DONE]\n\n"),
            "The language model answered without any text (it stopped for: content_filter).",
        ),
    ],
)
async def test_the_endpoint_s_errors_fail_the_task_with_a_reason(served, endpoint, answer, reason):
    endpoint.answer = answer
    async with talking(served(ResearchAgent(base_url=endpoint.url, model="m", api_key="secret"))) as talk:
        said = await talk.ask("Hello")
    assert said[-1].state == "failed"
    assert said[-1].text.endswith(reason)
    assert "secret" not in said[-1].text


async def test_an_endpoint_that_nobody_serves_fails_with_its_address_but_not_its_password(served):
    agent = ResearchAgent(base_url="http://user:hunter2@127.0.0.1:9/v1", model="m")
    async with talking(served(agent)) as talk:
        said = await talk.ask("Hello")
    assert said[-1].state == "failed"
    assert said[-1].text.startswith("The language model at 127.0.0.1:9 could not be reached: ")
    assert "hunter2" not in said[-1].text


async def test_a_silent_endpoint_is_given_up(served, endpoint):
    endpoint.answer = streams(WHOLE[0], "", pause=0.6)
    timeouts = Timeouts(connect=0.2, silence=0.2, total=5)
    async with talking(served(ResearchAgent(base_url=endpoint.url, model="m", timeouts=timeouts))) as talk:
        said = await talk.ask("Hello")
    assert said[-1].state == "failed"
    assert said[-1].text.endswith("did not answer in time. Try again later.")


async def test_an_endpoint_that_never_ends_is_given_up(served, endpoint):
    endpoint.answer = streams(*(chunk({"content": "and "}) for _ in range(200)), pause=0.02)
    timeouts = Timeouts(total=0.3)
    async with talking(served(ResearchAgent(base_url=endpoint.url, model="m", timeouts=timeouts))) as talk:
        async with asyncio.timeout(3):
            said = await talk.ask("Hello")
    assert said[-1].state == "failed"
    assert "still answered after" in said[-1].text
