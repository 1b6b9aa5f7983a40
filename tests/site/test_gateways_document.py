"""Every example of docs/gateways.md is carried out as it stands, against `manage.py serve` with its sample agents."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sample_agents.server import serve_in_thread
from tests.helpers.agents import Waiting
from tests.site.test_serve import ROOT, Serve

pytestmark = pytest.mark.database_independent  # The server has an SQLite file of its own.

TEXT = (ROOT / "docs" / "gateways.md").read_text()
SHELL = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    made = Serve(tmp_path_factory.mktemp("data"), command="serve", API_RATE="0")
    try:
        yield made.up()
    finally:
        made.end()


@pytest.fixture(scope="module")
def token(server: Serve) -> str:
    command = SHELL[0].replace("$(python", f'$("{sys.executable}"')
    return run(server, ["bash", "-c", f'{command}\necho "$TOKEN"'])


def run(server: Serve, command: list[str], **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(server.log.parent), "DATABASE_URL": "", "REDIS_URL": "", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def at(server: Serve, example: str) -> str:
    return example.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")


def test_there_are_as_many_examples_as_are_looked_at() -> None:
    assert (len(SHELL), len(PYTHON)) == (4, 3)


def test_a_token_is_made(token: str) -> None:
    assert re.fullmatch(r"vct_[\w-]{40,}", token)


def test_a_tool_is_called_by_hand(server: Serve, token: str) -> None:
    answer = run(server, ["bash", "-c", at(server, SHELL[1])], TOKEN=token)
    assert '"isError":false' in answer.replace(" ", "")
    assert "MachineAgent" in answer


def test_a_tool_is_called_from_python(server: Serve, token: str) -> None:
    answer = run(server, [sys.executable, "-c", at(server, PYTHON[0])], TOKEN=token)
    assert answer.startswith("completed ")
    assert "load" in answer.lower()


def test_a_chat_is_had_from_python(server: Serve, token: str) -> None:
    assert "CPU" in run(server, [sys.executable, "-c", at(server, PYTHON[1])], TOKEN=token)


def test_models_are_listed_and_a_chat_is_streamed_by_hand(server: Serve, token: str) -> None:
    answer = run(server, ["bash", "-c", at(server, SHELL[2])], TOKEN=token)
    assert '"id":"MarketDataAgent","object":"model"' in answer
    assert "chat.completion.chunk" in answer
    assert "AAPL" in answer
    assert answer.endswith("data: [DONE]")


def test_an_agent_is_asked_over_a2a_from_python(server: Serve, token: str) -> None:
    assert "load" in run(server, [sys.executable, "-c", at(server, PYTHON[2])], TOKEN=token).lower()


def test_an_agent_is_asked_over_a2a_by_hand(server: Serve, token: str) -> None:
    answer = run(server, ["bash", "-c", at(server, SHELL[3])], TOKEN=token)
    assert json.loads(answer)["result"]["task"]["status"]["state"] == "TASK_STATE_COMPLETED"


def test_a_server_that_is_told_to_end_lets_go_of_what_waits(server: Serve, token: str, tmp_path: Path) -> None:
    """Last, since it ends the server."""
    agent = Waiting()
    url, stop = serve_in_thread(agent)
    (tmp_path / "slow.json").write_text(json.dumps({"name": "Slow", "url": url}))
    run(server, [sys.executable, "manage.py", "load_agent_cards", str(tmp_path)])
    site = f"http://127.0.0.1:{server.port}"
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2025-11-25",
    }
    chat = {"model": "Slow", "stream": True, "messages": [{"role": "user", "content": "count"}]}
    call = {"name": "run_task", "arguments": {"text": "count", "agent_name": "Slow"}, "_meta": {"progressToken": 1}}
    parts = [{"data": {"skill": "run", "agent_name": "Slow", "text": "count"}}]
    params = {"message": {"messageId": "1", "role": "ROLE_USER", "parts": parts}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "SendStreamingMessage", "params": params}
    posted = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    try:
        with (
            httpx.Client(headers=headers, timeout=30) as http,
            http.stream("POST", f"{site}/v1/chat/completions", json=chat) as streamed,
            http.stream("POST", f"{site}/mcp/", json=posted) as called,
            http.stream("POST", f"{site}/a2a/", json=message) as sent,
        ):
            for answer in (streamed, called, sent):
                assert any("One, " in line for line in answer.iter_lines())
            server.server.terminate()
            assert server.shell.wait(timeout=15) is not None
    finally:
        agent.go.set()
        stop()
    log = server.log.read_text()
    assert "Traceback" not in log, log
    assert "destroyed" not in log, log
