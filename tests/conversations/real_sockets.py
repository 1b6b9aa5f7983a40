"""Talking to a server of its own (publishing_server.py) over real sockets."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

ROOT = Path(__file__).resolve().parent.parent.parent


class PublishingServer:
    """The server of publishing_server.py, in a process of its own."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        environment = {**os.environ, "DATA_DIR": str(data_dir), "DATABASE_URL": "", "REDIS_URL": "", "API_RATE": "0"}
        environment |= {"MAX_SOCKETS_PER_USER": "0", **settings}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.conversations.publishing_server"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self._hear())
        self.token = self.ask("token")

    def _hear(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def ask(self, do: str, **values: Any) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **values}) + "\n")
        self.process.stdin.flush()
        return self._hear()

    async def tell(self, do: str, **values: Any) -> Any:
        return await asyncio.to_thread(lambda: self.ask(do, **values))

    def path(self, conversation: str) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/conversations/{conversation}/"

    @asynccontextmanager
    async def viewer(self, conversation: str, after: int = 0, token: str = "") -> AsyncIterator[ClientConnection]:
        """A socket that has said `ready`, history left out."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        async with connect(f"{self.path(conversation)}?after_seq={after}", additional_headers=headers) as viewer:
            while "ready" not in json.loads(await asyncio.wait_for(viewer.recv(), 5)):
                pass
            yield viewer

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


async def seqs(viewer: ClientConnection, count: int) -> list[int]:
    got: list[int] = []
    while len(got) < count:
        got += [event["seq"] for event in json.loads(await asyncio.wait_for(viewer.recv(), 10))["events"]]
    return got


async def code(viewer: ClientConnection, within: float = 10) -> int:
    """The close code; what comes before it is read."""
    try:
        async with asyncio.timeout(within):
            while True:
                await viewer.recv()
    except ConnectionClosed as ended:
        assert ended.rcvd is not None, ended
        return ended.rcvd.code
