"""0.3 as agents without any SDK of ours speak it (a2a.md, "Agents that no SDK of ours wrote")."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from conversations.changes import Response
from tasks.agents.connections import RemoteConnections
from tasks.agents.errors import AgentLost
from tasks.agents.remote import Attached, RemoteState
from tasks.agents.router import Router
from tests.tasks.agents.conftest import message, ref
from tests.tasks.agents.events import short, texts
from tests.tasks.agents.raw_server import STREAM, Answer, Asked, RawServer, result, rpc_error, streamed

pytestmark = pytest.mark.database_independent

Start = Callable[[Callable[[Asked], Answer]], RawServer]


def update(text: str, state: str = "working", **more: Any) -> dict[str, Any]:
    """The least that a status update can be."""
    said = {"parts": [{"text": text}]} if text else None
    return {"kind": "status-update", "taskId": "t", "status": {"state": state, "message": said}, **more}


async def heard(raw: Start, remote: RemoteConnections, *values: Any) -> tuple[list[Response], Router]:
    """Stream the values from a 0.3 server and route them."""
    server = raw(lambda _: streamed(*values))
    connection, router = await remote.get(ref(server.url, version="0.3.0")), Router()
    return [r async for e in connection.send(message()) for r in router.route(e).responses], router


async def test_the_request_is_of_the_old_form(raw: Start, remote: RemoteConnections) -> None:
    server = raw(lambda _: streamed(update("", "completed")))
    connection = await remote.get(ref(server.url, version="0.3.0"))
    assert [event async for event in connection.send(message("Hello", metadata={"metadata": {}}))]
    sent = server.asked[0].body
    assert sent["method"] == "message/stream"
    assert sent["params"]["message"]["parts"] == [{"kind": "text", "text": "Hello"}]
    assert sent["params"]["message"]["metadata"] == {"metadata": {}}
    assert sent["params"]["message"]["contextId"] == "context-1"


async def test_absent_and_unknown_fields_are_no_reason_to_stop(raw: Start, remote: RemoteConnections) -> None:
    said, router = await heard(
        raw,
        remote,
        {"kind": "task", "id": "t", "status": {"state": "submitted"}, "history": None, "surprise": 1},
        update("Hel", surprise={"a": 1}),
        update("lo", final=None),
        update("", "completed", final=True),
    )
    assert texts(said) == "Hello"
    assert (router.task_id, router.state) == ("t", RemoteState.COMPLETED)


async def test_results_without_a_kind_are_told_by_their_fields(raw: Start, remote: RemoteConnections) -> None:
    said, router = await heard(
        raw,
        remote,
        {"id": "t", "status": {"state": "working"}},
        {"taskId": "t", "artifact": {"artifactId": "a", "parts": [{"text": "x"}]}},
        {"taskId": "t", "status": {"state": "completed"}},
    )
    assert short(said) == [("component_generator", "x")]
    assert router.state is RemoteState.COMPLETED


async def test_a_message_alone_is_the_answer(raw: Start, remote: RemoteConnections) -> None:
    said, router = await heard(raw, remote, {"role": "agent", "parts": [{"kind": "text", "text": "Hi"}]})
    assert (texts(said), router.state) == ("Hi", RemoteState.COMPLETED)


async def test_a_kind_of_a_later_version_is_shown(raw: Start, remote: RemoteConnections) -> None:
    said, _ = await heard(raw, remote, {"kind": "thought", "text": "hm"}, update("", "completed"))
    assert [str(response.event) for response in said] == ["message"]


async def test_a_state_of_a_later_version_is_no_end(raw: Start, remote: RemoteConnections) -> None:
    said, router = await heard(raw, remote, update("Soon", "contemplating"), update("", "completed"))
    assert (texts(said), router.state) == ("Soon", RemoteState.COMPLETED)


async def test_parts_of_every_kind_arrive(raw: Start, remote: RemoteConnections) -> None:
    parts = [
        {"kind": "text", "text": "See "},
        {"kind": "data", "data": {"n": 7}},
        {"kind": "data", "data": [1, 2]},
        {"kind": "file", "file": {"uri": "https://example.org/a.pdf", "mimeType": "application/pdf"}},
        {"kind": "file", "file": {"bytes": base64.b64encode(b"abc").decode(), "name": "b.txt"}},
        {"kind": "hologram", "url": "x"},
    ]
    said, _ = await heard(
        raw, remote, {"kind": "artifact-update", "taskId": "t", "artifact": {"artifactId": "a", "parts": parts}}
    )
    assert said[0].payload == {
        "component_type": "artifact",
        "artifact_id": "a",
        "name": "",
        "media_type": "text/plain",
        "content": "See ",
        "data": [{"n": 7}, [1, 2], {"kind": "hologram", "url": "x"}],
        "files": [
            {"name": "a.pdf", "media_type": "application/pdf", "size": None, "url": "https://example.org/a.pdf"},
            {"name": "b.txt", "media_type": "application/octet-stream", "size": 3, "url": ""},
        ],
    }


async def test_metadata_survives_with_whole_numbers_and_nulls(raw: Start, remote: RemoteConnections) -> None:
    metadata = {"response_event": "component_generator", "component_type": "report", "component_id": None, "n": 7}
    (response,), _ = await heard(raw, remote, update("{}", metadata=metadata))
    assert response.payload == {"component_type": "report", "content": "{}"}
    assert dict(response.metadata) == {"n": 7}


async def test_an_agent_that_refuses_to_be_cancelled_is_asked_how_it_stands(
    raw: Start, remote: RemoteConnections
) -> None:
    def respond(asked: Asked) -> Answer:
        if asked.rpc == "tasks/cancel":
            return rpc_error(-32004, "This operation is not supported")
        return result({"id": "t", "status": {"state": "working"}})

    connection = await remote.get(ref(raw(respond).url, version="0.3.0"))
    assert await connection.cancel("t") is RemoteState.WORKING


@pytest.mark.parametrize("subscribes", [True, False])
async def test_a_task_that_died_with_its_connection_is_lost_and_not_waited_for(
    raw: Start, remote: RemoteConnections, monkeypatch: pytest.MonkeyPatch, subscribes: bool
) -> None:
    monkeypatch.setattr("tasks.agents.connection.PATIENCE_AFTER_CUT", 0.1)

    async def pings() -> AsyncIterator[bytes]:
        yield STREAM
        while True:
            await asyncio.sleep(0.02)
            yield b": ping\n\n"

    def respond(asked: Asked) -> Answer:
        if asked.rpc == "tasks/resubscribe":
            return pings() if subscribes else rpc_error(-32001, "Task not found")
        return result({"id": "t", "status": {"state": "working"}})

    connection = await remote.get(ref(raw(respond).url, version="0.3.0"))
    joined = connection.rejoin("t")
    assert (await anext(joined)).task.id == "t"
    with pytest.raises(AgentLost, match="detached"):
        await anext(joined)


async def test_a_rejoined_task_tells_everything_once_and_in_order(raw: Start, remote: RemoteConnections) -> None:
    def say(n: int, text: str) -> dict[str, Any]:
        return {"messageId": f"m{n}", "role": "agent", "parts": [{"kind": "text", "text": text}]}

    def respond(asked: Asked) -> Answer:
        if asked.rpc == "tasks/resubscribe":
            both = [say(2, "two "), say(3, "three")]
            return streamed(*({"taskId": "t", "status": {"state": "working", "message": said}} for said in both))
        first = sum(a.rpc == "tasks/get" for a in server.asked) == 1
        history = [say(1, "one "), say(2, "two ")] + ([] if first else [say(3, "three")])
        return result({"id": "t", "status": {"state": "working" if first else "completed"}, "history": history})

    server = raw(respond)
    connection, router = await remote.get(ref(server.url, version="0.3.0")), Router()
    said = [r async for e in connection.rejoin("t") for r in router.route(e).responses]
    assert [content for _, content in short(said)] == ["one ", "two ", "three"]
    assert [asked.rpc for asked in server.asked] == ["tasks/resubscribe", "tasks/get", "tasks/get"]
    assert router.state is RemoteState.COMPLETED


async def test_a_file_goes_out_in_the_old_form(raw: Start, remote: RemoteConnections) -> None:
    server = raw(lambda _: streamed(update("", "completed")))
    connection = await remote.get(ref(server.url, version="0.3.0"))
    file = Attached(name="map.png", media_type="image/png", content=b"\x89PNG")
    assert [event async for event in connection.send(message("Look", files=[file]))]
    _text, part = server.asked[0].body["params"]["message"]["parts"]
    assert part["kind"] == "file"
    assert part["file"] == {"bytes": base64.b64encode(b"\x89PNG").decode(), "mimeType": "image/png", "name": "map.png"}
