"""A whole deployment on this machine (`deploy.cluster`), with agents of the tests' own. Reads no test database."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from sample_agents.base import Event, message_chunk
from sample_agents.server import serve_in_thread
from tests.helpers.agents import TestAgent

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Nothing here reads the test's database."""
    for item in items:
        if Path(item.fspath).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.database_independent)


class Counting(TestAgent):
    """Counts as far, and as slowly, as it is told: `[40, 0.05]`."""

    async def answer(self, query: str) -> AsyncIterator[Event]:
        number, pause = json.loads(query)
        for n in range(number):
            yield message_chunk(f"{n} ")
            await asyncio.sleep(pause)


def counted(number: int) -> str:
    """What `Counting` says in all."""
    return "".join(f"{n} " for n in range(number))


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The running deployment."""

    url: str
    token: str
    folder: Path
    agent: Counting

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """`METHOD /api/v1{path}`, its JSON; tried again while the web is being started again."""
        end = time.monotonic() + 20
        while True:
            try:
                response = httpx.request(
                    method,
                    f"{self.url}/api/v1{path}",
                    json=body,
                    headers={"Authorization": f"Bearer {self.token}"},
                    timeout=20,
                )
                break
            except httpx.TransportError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)
        assert response.is_success, response.text
        return response.json() if response.content else None

    def conversation(self) -> str:
        """The id of a new conversation."""
        return str(self.call("POST", "/conversations", {})["id"])

    def ask(self, conversation: str, number: int, pause: float, **options: Any) -> str:
        """Have the agent count; the task's id."""
        body = {"text": json.dumps([number, pause]), "agent_name": "Counting", **options}
        return str(self.call("POST", f"/conversations/{conversation}/messages", body)["tasks"][0]["id"])

    def ended(self, task_id: str, seconds: float = 60) -> Any:
        """The task, once it is over."""
        return until(
            lambda: (task := self.call("GET", f"/tasks/{task_id}"))["status"] not in ("pending", "running") and task,
            seconds,
        )

    def runs(self, task_id: str) -> list[Any]:
        """Its runs."""
        return list(self.call("GET", f"/tasks/{task_id}/runs")["items"])

    def said(self, conversation: str) -> list[str]:
        """The agent's texts in history."""
        items = self.call("GET", f"/conversations/{conversation}/items?limit=200")["items"]
        return [item["data"]["payload"]["content"] for item in items if item["event"] == "message_chunk"]

    def pid(self, name: str) -> int:
        """The process that is called `name` now."""
        return int((self.folder / f"{name}.pid").read_text())

    def manage(self, *words: str) -> str:
        """What `manage.py WORDS` prints, in this deployment."""
        return _manage(self.folder, *words)

    def signal(self, name: str, number: int) -> None:
        """Send `name` a signal, and wait until another process has its place."""
        before = self.pid(name)
        os.kill(before, number)
        until(lambda: self.pid(name) != before, 40)

    @asynccontextmanager
    async def viewer(self, conversation: str, after_seq: int = 0) -> AsyncIterator[ClientConnection]:
        """A socket that watches the conversation."""
        address = f"{self.url.replace('http', 'ws', 1)}/ws/conversations/{conversation}/?after_seq={after_seq}"
        async with connect(address, additional_headers={"Authorization": f"Bearer {self.token}"}) as socket_:
            yield socket_


def until(condition: Callable[[], Any], seconds: float) -> Any:
    """What `condition` returns, once it is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"still {found} after {seconds} s"
        time.sleep(0.1)
    return found


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One deployment for all tests here: each leaves it as it was."""
    folder = tmp_path_factory.mktemp("cluster")
    agent = Counting()
    address, stop_agent = serve_in_thread(agent)
    cards = folder / "cards"
    cards.mkdir()
    (cards / "counting.json").write_text(json.dumps({"name": "Counting", "url": address, "max_concurrency": 100}))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    environment = {
        **os.environ,
        "DATA_DIR": str(folder),
        "AGENT_CARDS_DIR": str(cards),
        "PORT": port,
        "LOG_LEVEL": "WARNING",
        "API_RATE": "0",
        "RUN_CONCURRENCY": "20",
    }
    environment.pop("DATABASE_URL", None)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "deploy.cluster"], cwd=ROOT, env=environment, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: process.poll() is not None or (folder / "worker-2.pid").exists(), START_SECONDS)
        assert process.poll() is None, (folder / "log").read_text()
        yield Cluster(url=url, token=_token(environment), folder=folder, agent=agent)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        stop_agent()


def _token(environment: dict[str, str]) -> str:
    return _manage(Path(environment["DATA_DIR"]), "create_api_token", "admin").strip().splitlines()[-1]


def _manage(folder: Path, *words: str) -> str:
    # The servers' addresses are the cluster's own: read them off the web process.
    pid = int((folder / "web.pid").read_text())
    inherited = dict(
        entry.split("=", 1) for entry in Path(f"/proc/{pid}/environ").read_text().split("\0") if "=" in entry
    )
    command = [sys.executable, "manage.py", *words]
    return subprocess.run(command, cwd=ROOT, env=inherited, capture_output=True, text=True, check=True).stdout
