"""Real sockets of the real server: order under load, slow and dead viewers, limits, and the way down."""

import asyncio
import json
import signal
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from conversations.hub import Close
from tests.conversations.real_sockets import PublishingServer, code, seqs

pytestmark = pytest.mark.database_independent  # Each server here has an SQLite file of its own.


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PublishingServer]:
    running = PublishingServer(tmp_path_factory.mktemp("serve"))
    yield running
    running.end()


@pytest.fixture
def conversation(server: PublishingServer) -> str:
    made: str = server.ask("conversation")
    return made


async def test_a_hundred_viewers_get_every_frame_once_and_in_order(server: PublishingServer, conversation: str) -> None:
    async with asyncio.TaskGroup() as group:
        ready = asyncio.Barrier(101)

        async def watch() -> None:
            async with server.viewer(conversation) as viewer:
                await ready.wait()
                assert await seqs(viewer, 300) == list(range(1, 301))

        for _ in range(100):
            group.create_task(watch())
        await ready.wait()
        await server.tell("publish", conversation=conversation, first=1, count=300, size=200)


async def test_commits_reach_those_who_watch_and_those_who_come_later(
    server: PublishingServer, conversation: str
) -> None:
    async with server.viewer(conversation) as viewer:
        await server.tell("commit", conversation=conversation, count=3, size=10)
        await server.tell("journal", conversation=conversation, count=5)
        assert await seqs(viewer, 8) == list(range(1, 9))
    headers = {"Authorization": f"Bearer {server.token}"}
    async with connect(f"{server.path(conversation)}?after_seq=6", additional_headers=headers) as later:
        assert await seqs(later, 2) == [7, 8]
        assert json.loads(await later.recv()) == {"ready": True, "seq": 8}


async def test_viewers_that_come_while_it_is_written_miss_nothing_and_see_nothing_twice(
    server: PublishingServer, conversation: str
) -> None:
    headers = {"Authorization": f"Bearer {server.token}"}
    writing = asyncio.create_task(server.tell("commit", conversation=conversation, count=150, size=10, pause=0.002))

    async def come_and_go() -> None:
        seen, live = 0, False
        while seen < 150:
            async with connect(f"{server.path(conversation)}?after_seq={seen}", additional_headers=headers) as viewer:
                for _ in range(7):
                    if seen == 150:
                        break
                    frame = json.loads(await asyncio.wait_for(viewer.recv(), 10))
                    live = "ready" in frame or live
                    for event in frame.get("events", []):
                        # No item is changed twice here, so history is as gapless as live frames are.
                        assert event["seq"] == seen + 1
                        seen = event["seq"]
        assert live

    await asyncio.gather(*(come_and_go() for _ in range(8)))
    await writing


def stuck(server: PublishingServer, conversation: str) -> socket.socket:
    """A client that shakes hands and then reads nothing at all."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.connect(("127.0.0.1", server.port))
    client.sendall(
        (
            f"GET /ws/conversations/{conversation}/ HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {server.token}\r\n\r\n"
        ).encode()
    )
    return client


async def test_a_viewer_that_reads_nothing_holds_nobody_up_and_is_left_behind(
    server: PublishingServer, conversation: str
) -> None:
    async with server.viewer(conversation) as healthy:
        await healthy.ping()
        dead = await asyncio.to_thread(stuck, server, conversation)
        await asyncio.sleep(0.3)
        before = await server.tell("memory")
        for first in range(1, 501, 50):
            await server.tell("publish", conversation=conversation, first=first, count=50, size=40_000)
            assert await seqs(healthy, 50) == list(range(first, first + 50))
        # 20 MB went by; the ring holds 4 of them for the dead one.
        assert await server.tell("memory") - before < 16_000
        # It reads again, too late: what it gets ends in a close frame with 4408.
        with dead:
            dead.settimeout(5)
            data = await asyncio.to_thread(drain, dead)
        assert data[-4:] == b"\x88\x02" + int(Close.TOO_SLOW).to_bytes(2, "big")


def drain(client: socket.socket) -> bytes:
    """Everything up to a close frame, checked frame by frame."""
    data = b""
    while chunk := client.recv(65_536):
        data += chunk
        if data[-4:-2] == b"\x88\x02":
            break
    at = data.index(b"\r\n\r\n") + 4
    while at < len(data):
        opcode, length, begin = data[at], data[at + 1], at + 2
        if length == 126:
            length, begin = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
        elif length == 127:
            length, begin = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
        assert opcode in (0x81, 0x88, 0x89), f"no frame begins at {at}"
        at = begin + length
    assert at == len(data)
    return data


async def test_a_viewer_that_pauses_catches_up_without_a_gap(server: PublishingServer, conversation: str) -> None:
    headers = {"Authorization": f"Bearer {server.token}"}
    async with connect(server.path(conversation), additional_headers=headers, max_queue=1) as viewer:
        assert json.loads(await viewer.recv())["ready"]
        await server.tell("publish", conversation=conversation, first=1, count=100, size=20_000)
        await asyncio.sleep(0.2)
        assert await seqs(viewer, 100) == list(range(1, 101))
        await server.tell("publish", conversation=conversation, first=101, count=5, size=10)
        assert await seqs(viewer, 5) == [101, 102, 103, 104, 105]


async def test_a_missing_seq_closes_with_4408_within_seconds(server: PublishingServer, conversation: str) -> None:
    async with server.viewer(conversation) as viewer:
        await server.tell("publish", conversation=conversation, first=5, count=1, size=10)
        assert await code(viewer, within=6) == Close.TOO_SLOW


async def test_a_revoked_token_closes_with_4401_within_seconds(server: PublishingServer, conversation: str) -> None:
    token = await server.tell("token")
    async with server.viewer(conversation, token=token) as viewer, server.viewer(conversation) as other:
        await server.tell("revoke", token=token)
        assert await code(viewer, within=6) == Close.SIGNED_OUT
        await server.tell("publish", conversation=conversation, first=1, count=1, size=10)
        assert await seqs(other, 1) == [1]


@pytest.mark.parametrize("origin", ["null", "https://evil.example"])
async def test_a_foreign_origin_gets_403_in_the_handshake(
    server: PublishingServer, conversation: str, origin: str
) -> None:
    # `null` is what a sandboxed frame or a file sends.
    token = await server.tell("token")
    headers = {"Authorization": f"Bearer {token}", "Origin": origin}
    with pytest.raises(InvalidStatus) as refused:
        await connect(server.path(conversation), additional_headers=headers)
    assert refused.value.response.status_code == 403


async def test_a_deleted_conversation_closes_with_4404(server: PublishingServer, conversation: str) -> None:
    async with server.viewer(conversation) as viewer:
        await server.tell("delete", conversation=conversation)
        assert await code(viewer) == Close.NOT_FOUND


async def test_a_frame_larger_than_64_kilobytes_closes_with_1009(server: PublishingServer, conversation: str) -> None:
    async with server.viewer(conversation) as viewer:
        await viewer.send("x" * 65_537)
        assert await code(viewer) == Close.TOO_BIG


async def test_a_flood_closes_with_4400(server: PublishingServer, conversation: str) -> None:
    async with server.viewer(conversation) as viewer:
        for _ in range(101):
            await viewer.send("hello?")
        assert await code(viewer) == Close.BAD_REQUEST


async def test_a_long_history_is_read_by_a_client_with_usual_limits(
    server: PublishingServer, conversation: str
) -> None:
    await server.tell("commit", conversation=conversation, count=60, size=60_000)
    headers = {"Authorization": f"Bearer {server.token}"}
    async with connect(server.path(conversation), additional_headers=headers) as viewer:  # 1 MB a message at most
        assert await seqs(viewer, 60) == list(range(1, 61))
        assert json.loads(await viewer.recv()) == {"ready": True, "seq": 60}


async def test_nothing_is_left_of_sockets_that_went_away(server: PublishingServer, conversation: str) -> None:
    async with server.viewer(conversation), server.viewer(conversation):
        assert (await server.tell("state"))["sockets"] >= 2
    async with asyncio.timeout(5):
        while (await server.tell("state")) != {"logs": 0, "sockets": 0}:
            await asyncio.sleep(0.05)


async def test_the_stream_of_events_has_the_same_order_as_the_socket(
    server: PublishingServer, conversation: str
) -> None:
    await server.tell("commit", conversation=conversation, count=3, size=10)
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/api/v1/conversations/{conversation}/events",
        headers={"Authorization": f"Bearer {server.token}", "Last-Event-ID": "1"},
    )
    response = await asyncio.to_thread(urllib.request.urlopen, request, timeout=10)

    async def event() -> dict[str, str]:
        fields: dict[str, str] = {}
        while (line := (await asyncio.to_thread(response.readline)).decode().rstrip("\n")) or not fields:
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value
        return fields

    with response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        for seq in (2, 3):
            shown = await event()
            assert (shown["id"], json.loads(shown["data"])["seq"]) == (str(seq), seq)
        assert await event() == {"event": "ready", "data": '{"ready":true,"seq":3}'}
        await server.tell("commit", conversation=conversation, count=1, size=10)
        shown = await event()
        assert (shown["id"], json.loads(shown["data"])["data"]["payload"]) == ("4", {"content": "x" * 10})
        await server.tell("delete", conversation=conversation)
        assert await asyncio.to_thread(response.read) == b""


async def test_sigterm_tells_every_viewer_that_it_restarts(tmp_path: Path) -> None:
    server = await asyncio.to_thread(PublishingServer, tmp_path)
    try:
        conversation = await server.tell("conversation")
        async with server.viewer(conversation) as one, server.viewer(conversation) as two:
            server.process.send_signal(signal.SIGTERM)
            assert await code(one) == await code(two) == Close.RESTARTING
        assert await asyncio.to_thread(server.process.wait, 10) == 0
    finally:
        server.end()
