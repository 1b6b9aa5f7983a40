"""Whatever an agent's address does wrong becomes one named error with words that a person understands."""

import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from sample_agents.base import BaseAgent
from sample_agents.machine import MachineAgent
from tasks.agents import transport
from tasks.agents.connections import RemoteConnections
from tasks.agents.errors import (
    AgentBroken,
    AgentBusy,
    AgentCut,
    AgentError,
    AgentRefused,
    AgentTimeout,
    AgentUnreachable,
)
from tasks.agents.remote import AgentRef, RemoteState
from tasks.agents.router import Router
from tests.tasks.agents.conftest import message, ref
from tests.tasks.agents.events import texts
from tests.tasks.agents.raw_server import (
    STREAM,
    Answer,
    Asked,
    RawServer,
    chunked,
    event,
    http,
    result,
    rpc_error,
    streamed,
)

pytestmark = pytest.mark.database_independent

Start = Callable[[Callable[[Asked], Answer]], RawServer]
WORKING: dict[str, Any] = {
    "statusUpdate": {
        "taskId": "t",
        "contextId": "c",
        "status": {
            "state": "TASK_STATE_WORKING",
            "message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "Hi"}]},
        },
    }
}
DONE: dict[str, Any] = {"statusUpdate": {"taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_COMPLETED"}}}
EMPTY_PORT = "http://127.0.0.1:{}/"


async def told(remote: RemoteConnections, agent: AgentRef, router: Router | None = None) -> str:
    connection, router = await remote.get(agent), router or Router()
    return texts([r async for e in connection.send(message()) for r in router.route(e).responses])


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


HTML = b"<!doctype html><html><body>Welcome to nginx!</body></html>"


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (http(200, HTML, "text/html"), AgentBroken, "web page (HTML)"),
        (http(404, HTML, "text/html"), AgentRefused, "no A2A endpoint"),
        (http(401, b"", "text/plain"), AgentRefused, "credential"),
        (http(403, b"no", "text/plain"), AgentRefused, "credential"),
        (http(400, b"no", "text/plain"), AgentRefused, "HTTP 400"),
        (http(500, HTML, "text/html"), AgentBroken, "HTTP 500"),
        (http(502, HTML, "text/html"), AgentBroken, "HTTP 502"),
        (http(504, HTML, "text/html"), AgentTimeout, "HTTP 504"),
        (http(302, b"", headers=["Location: http://example.org/"]), AgentRefused, "http://example.org/"),
        (http(200, b"not json at all"), AgentBroken, "not JSON"),
        (http(200, b"[1, 2]"), AgentBroken, "expected an object"),
        (http(200, b'{"jsonrpc": "2.0", "id": 1}'), AgentBroken, "neither"),
        (http(200, b""), AgentBroken, "not JSON"),
        (http(200, b"\x1f\x8b", headers=["Content-Encoding: gzip"]), AgentBroken, "compressed"),
        (http(200, b"[" * 100_000 + b"]" * 100_000), AgentBroken, "not A2A"),
        (rpc_error(-32603, "The model is gone"), AgentBroken, "The model is gone"),
        (rpc_error(-32602, "parts is empty"), AgentRefused, "parts is empty"),
        (rpc_error(-32602, "parts is empty", 400), AgentRefused, "parts is empty"),
        (rpc_error(-32009, "0.9 only"), AgentRefused, "version"),
        (rpc_error(-32000, "Something of its own"), AgentBroken, "Something of its own"),
        ([STREAM, b"data: {nonsense\n\n"], AgentBroken, "not JSON"),
        ([STREAM, b'data: {"jsonrpc": "2.0", "id": 1, "result": [1]}\n\n'], AgentBroken, "not an object"),
        ([STREAM, b"data: \xff\xfe\n\n"], AgentBroken, "not UTF-8"),
        ([STREAM, event({"statusUpdate": {"status": {"state": [1]}}})], AgentBroken, "not A2A"),
        (chunked(event(WORKING), end=False), AgentCut, "broke off"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"], AgentCut, "broke off"),
        ([b"SSH-2.0-OpenSSH_9.6\r\n"], AgentCut, "broke off"),
        ([], AgentCut, "broke off"),
    ],
)  # fmt: skip
async def test_a_wrong_answer_has_its_error(
    raw: Start, remote: RemoteConnections, answer: list[bytes], error: type[AgentError], words: str
) -> None:
    server = raw(lambda _: answer)
    with pytest.raises(error) as raised:
        await told(remote, ref(server.url))
    assert words in raised.value.message
    assert raised.value.message.startswith("Probe ")
    assert type(raised.value) is error or error is AgentRefused


@pytest.mark.parametrize(("status", "header", "seconds"), [(429, "7", 7.0), (503, "0", 0.0), (503, "soon", None)])
async def test_a_busy_agent_says_when_to_come_back(
    raw: Start, remote: RemoteConnections, status: int, header: str, seconds: float | None
) -> None:
    server = raw(lambda _: http(status, b"", headers=[f"Retry-After: {header}"]))
    with pytest.raises(AgentBusy) as raised:
        await told(remote, ref(server.url))
    assert raised.value.retry_after == seconds
    assert (raised.value.retryable, raised.value.may_have_arrived) == (True, False)


async def test_nobody_there_is_tried_again_and_said_plainly(
    remote: RemoteConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.agents.connection.CONNECT_BACKOFF", 0.001)
    url = EMPTY_PORT.format(free_port())
    with pytest.raises(AgentUnreachable) as raised:
        await told(remote, ref(url, name="MachineAgent"))
    assert raised.value.message == f"MachineAgent did not answer at {url}: connection refused."
    assert not raised.value.may_have_arrived


async def test_an_unknown_host_is_said_plainly(remote: RemoteConnections, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.agents.connection.CONNECT_BACKOFF", 0.001)
    with pytest.raises(AgentUnreachable, match="host name is not known"):
        await told(remote, ref("http://no-such-host.invalid/"))


async def test_plain_http_behind_https_is_said_plainly(
    served: Callable[[BaseAgent], str], remote: RemoteConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.agents.connection.CONNECT_BACKOFF", 0.001)
    with pytest.raises(AgentUnreachable, match="TLS failed"):
        await told(remote, ref(served(MachineAgent()).replace("http://", "https://")))


async def test_an_oversized_event_is_not_read_to_its_end(raw: Start, remote: RemoteConnections) -> None:
    def huge(asked: Asked) -> Iterator[bytes]:
        yield STREAM + b'data: {"text": "'
        for _ in range(200):
            yield b"x" * 1_000_000

    server = raw(huge)
    with pytest.raises(AgentBroken, match=r"more than 4,194,304 bytes in one event"):
        await told(remote, ref(server.url))
    # What it may have sent beyond the limit lies in the sockets' buffers.
    assert server.sent < 20_000_000


async def test_an_event_just_below_the_limit_arrives(raw: Start, remote: RemoteConnections) -> None:
    text = "x" * (transport.MAX_EVENT_BYTES - 1_000)
    big = json.loads(json.dumps(WORKING))
    big["statusUpdate"]["status"]["message"]["parts"] = [{"text": text}]
    server = raw(lambda _: streamed(big, DONE))
    assert await told(remote, ref(server.url)) == text


async def test_a_whole_stream_has_a_limit_too(
    raw: Start, remote: RemoteConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_RUN_BYTES", 100_000)

    def endless(asked: Asked) -> Iterator[bytes]:
        yield STREAM
        for n in range(1_000_000):
            other = json.loads(json.dumps(WORKING))
            other["statusUpdate"]["status"]["message"]["messageId"] = f"m{n}"
            yield event(other)

    with pytest.raises(AgentBroken, match="more than 100,000 bytes in one answer"):
        await told(remote, ref(raw(endless).url))


async def test_silence_becomes_a_timeout(
    raw: Start, remote: RemoteConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.agents.connections.STREAM_TIMEOUT", 0.1)

    async def silent(asked: Asked) -> AsyncIterator[bytes]:
        import asyncio

        yield STREAM
        await asyncio.sleep(1)

    with pytest.raises(AgentTimeout, match="said nothing for too long"):
        await told(remote, ref(raw(silent).url))


async def test_what_was_said_before_a_cut_is_kept(raw: Start, remote: RemoteConnections) -> None:
    server = raw(lambda _: chunked(event(WORKING), end=False))
    connection, said = await remote.get(ref(server.url)), []
    with pytest.raises(AgentBroken):
        async for got in connection.send(message()):
            said.append(got)
    assert [got.status_update.status.message.parts[0].text for got in said] == ["Hi"]


async def test_an_error_after_the_end_is_ignored(raw: Start, remote: RemoteConnections) -> None:
    server = raw(lambda _: chunked(event(WORKING), event(DONE), end=False))
    router = Router()
    assert await told(remote, ref(server.url), router) == "Hi"
    assert router.state is RemoteState.COMPLETED


async def test_a_last_event_without_its_blank_line_counts(raw: Start, remote: RemoteConnections) -> None:
    server = raw(lambda _: [STREAM, event(WORKING, end=b"\r\n\r\n"), event(DONE, end=b"\n")])
    router = Router()
    assert await told(remote, ref(server.url), router) == "Hi"
    assert router.state is RemoteState.COMPLETED


async def test_pings_and_several_data_lines_are_read(raw: Start, remote: RemoteConnections) -> None:
    whole = json.dumps({"jsonrpc": "2.0", "id": "1", "result": WORKING}, indent=1).splitlines()
    lines = b": ping\n\n" + b"".join(b"data: " + line.encode() + b"\r\n" for line in whole) + b"\r\n"
    server = raw(lambda _: [STREAM, lines, event(DONE)])
    assert await told(remote, ref(server.url)) == "Hi"


async def test_a_subscription_that_is_refused_is_polled(raw: Start, remote: RemoteConnections) -> None:
    working = {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}}
    done = {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_COMPLETED"}}

    def respond(asked: Asked) -> Answer:
        if asked.rpc == "SubscribeToTask":
            return rpc_error(-32004, "This operation is not supported")
        polls = sum(a.rpc == "GetTask" for a in server.asked)
        return result(working if polls < 3 else done)

    server = raw(respond)
    connection, router = await remote.get(ref(server.url)), Router()
    states = [router.route(e).state async for e in connection.rejoin("t")]
    assert states == [RemoteState.WORKING, RemoteState.COMPLETED]


async def test_a_version_that_is_not_ours_is_said_before_anything_is_sent(remote: RemoteConnections) -> None:
    with pytest.raises(AgentRefused, match=r"speaks A2A 0\.2\.6, and this application speaks 1\.0 and 0\.3"):
        await remote.get(ref("http://127.0.0.1:1/", version="0.2.6"))


async def test_the_credential_of_the_variable_is_sent_and_only_there(
    raw: Start, remote: RemoteConnections, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("PROBE_TOKEN", "s3cret-value")
    server = raw(lambda _: streamed(WORKING, DONE))
    await told(remote, ref(server.url, credential_env="PROBE_TOKEN"))
    assert server.asked[0].headers["authorization"] == "Bearer s3cret-value"
    assert "s3cret-value" not in caplog.text
    other = raw(lambda _: streamed(WORKING, DONE))
    await told(remote, ref(other.url, name="Other"))
    assert "authorization" not in other.asked[0].headers


async def test_a_missing_credential_is_named_before_anything_is_sent(raw: Start, remote: RemoteConnections) -> None:
    server = raw(lambda _: streamed(WORKING, DONE))
    with pytest.raises(AgentRefused, match="set the environment variable PROBE_UNSET"):
        await told(remote, ref(server.url, credential_env="PROBE_UNSET"))
    assert server.asked == []


async def test_an_agent_added_by_address_is_not_reached_on_a_private_one(raw: Start, remote: RemoteConnections) -> None:
    server = raw(lambda _: streamed(WORKING, DONE))
    agent = ref(server.url, public_only=True)
    with pytest.raises(AgentRefused, match=r"private address 127\.0\.0\.1"):
        await told(remote, agent)
    assert server.connections == 0
