"""`python -m sample_agents` as a process: ports, cards, tasks that survive it, and how it ends."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from a2a.client.errors import A2AClientError
from a2a.types import TaskState
from a2a_talk import talking, text_of

from sample_agents.machine import MachineAgent
from sample_agents.market import MarketDataAgent
from sample_agents.research import ResearchAgent
from sample_agents.store import RESTARTED

pytestmark = pytest.mark.database_independent
ROOT = Path(__file__).resolve().parents[2]
NAMES = ["MachineAgent", "MarketDataAgent", "ResearchAgent"]


@contextlib.contextmanager
def running(data_dir: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The process, ready; killed at the end if it still lives."""
    command = [
        sys.executable,
        "-m",
        "sample_agents",
        "--data-dir",
        str(data_dir),
        "--pace-ms",
        "0",
        *arguments,
    ]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LLM_")}
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        wait_until_ready(process)
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def wait_until_ready(process: subprocess.Popen[str]) -> list[str]:
    """The lines printed before `ready`."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        if line == "ready\n":
            return lines
        lines.append(line)
    raise AssertionError(f"it ended before it was ready, after {lines}")


def ports(data_dir: Path) -> dict[str, int]:
    return json.loads((data_dir / "sample_agents.json").read_text())


def terminate(process: subprocess.Popen[str]) -> float:
    """Send SIGTERM; seconds until the process was gone."""
    sent = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    return time.monotonic() - sent


def test_all_agents_answer_where_their_cards_say(tmp_path):
    with running(tmp_path, "--ready-file", str(tmp_path / "ready")):
        assert list(ports(tmp_path)) == NAMES
        assert json.loads((tmp_path / "ready").read_text()) == ports(tmp_path)
        for name, port in ports(tmp_path).items():
            card = json.loads((tmp_path / "agent_cards" / f"{name}.json").read_text())
            assert card["url"] == f"http://127.0.0.1:{port}/"
            served = httpx.get(f"{card['url']}.well-known/agent-card.json").json()
            assert served["name"] == name


def test_ports_are_kept_over_a_restart(tmp_path):
    with running(tmp_path) as process:
        first = ports(tmp_path)
        terminate(process)
    with running(tmp_path):
        assert ports(tmp_path) == first
        for port in first.values():
            assert httpx.get(f"http://127.0.0.1:{port}/.well-known/agent-card.json").status_code == 200


def test_a_kept_port_that_somebody_took_is_replaced(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (tmp_path / "sample_agents.json").write_text(json.dumps({"MachineAgent": port}))
        with running(tmp_path):
            assert ports(tmp_path)["MachineAgent"] != port
            card = json.loads((tmp_path / "agent_cards" / "MachineAgent.json").read_text())
            assert card["url"] == f"http://127.0.0.1:{ports(tmp_path)['MachineAgent']}/"


def test_a_damaged_ports_file_is_replaced(tmp_path):
    (tmp_path / "sample_agents.json").write_text("{half")
    with running(tmp_path):
        assert list(ports(tmp_path)) == NAMES


def test_what_a_person_changed_in_a_card_is_kept(tmp_path):
    cards = tmp_path / "cards"
    cards.mkdir()
    (cards / "MachineAgent.json").write_text('{"name": "MachineAgent", "enabled": false, "max_concurrency": 3}')
    with running(tmp_path, "--cards-dir", str(cards)):
        card = json.loads((tmp_path / "agent_cards" / "MachineAgent.json").read_text())
    assert (card["enabled"], card["max_concurrency"]) == (False, 3)
    assert card["url"].startswith("http://127.0.0.1:")


async def test_sigterm_ends_it_within_two_seconds_even_in_mid_stream(tmp_path):
    with running(tmp_path, "--pace-ms", "400") as process:
        async with talking(f"http://127.0.0.1:{ports(tmp_path)['MachineAgent']}/") as talk:
            with contextlib.suppress(A2AClientError):  # The agent goes away under the client.
                async for said in talk.events("load"):
                    if said.kind == "reasoning":
                        seconds = terminate(process)
    assert seconds < 2


def test_it_ends_with_its_parent(tmp_path):
    started = (
        "import subprocess, sys, time; "
        f"p = subprocess.Popen([sys.executable, '-m', 'sample_agents', '--data-dir', {str(tmp_path)!r}]); "
        "print(p.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", started], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        wait_until_ready(parent)
        parent.kill()
    deadline = time.monotonic() + 4
    while alive(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # An orphan that nobody has reaped yet is over, too.
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


async def test_a_question_can_be_answered_after_a_restart(tmp_path):
    with running(tmp_path) as process:
        url = f"http://127.0.0.1:{ports(tmp_path)['MarketDataAgent']}/"
        async with talking(url) as talk:
            assert (await talk.ask("Show a price over 2009"))[-1].state == "input-required"
        process.send_signal(signal.SIGKILL)
        process.wait()
    with running(tmp_path):
        async with talking(url) as again:
            again.task_id = talk.task_id
            answered = await again.ask("AAPL")
            assert answered[-1].state == "completed"
            assert text_of(answered).startswith("**AAPL** rose by **133.8 %** from January 2009")
            assert (await again.task()).status.state == TaskState.TASK_STATE_COMPLETED


async def test_a_task_that_a_kill_cut_is_failed_and_a_finished_one_still_known(tmp_path):
    with running(tmp_path, "--pace-ms", "200") as process:
        url = f"http://127.0.0.1:{ports(tmp_path)['MachineAgent']}/"
        other_url = f"http://127.0.0.1:{ports(tmp_path)['ResearchAgent']}/"
        async with talking(url) as cut, talking(other_url) as finished:
            await finished.ask("Hello")
            with contextlib.suppress(A2AClientError):
                async for said in cut.events("load"):
                    if said.kind == "reasoning":
                        process.send_signal(signal.SIGKILL)
                        process.wait()
    with running(tmp_path):
        async with talking(url) as cut_again, talking(other_url) as finished_again:
            cut_again.task_id, finished_again.task_id = cut.task_id, finished.task_id
            task = await cut_again.task()
            assert task.status.state == TaskState.TASK_STATE_FAILED
            assert task.status.message.parts[0].text == RESTARTED
            assert (await finished_again.task()).status.state == TaskState.TASK_STATE_COMPLETED


@pytest.mark.parametrize("agent", [MachineAgent, MarketDataAgent, ResearchAgent])
def test_the_card_in_the_repository_says_what_the_agent_says_of_itself(agent):
    card = json.loads((ROOT / "agent_cards" / f"{agent.name}.json").read_text())
    assert "url" not in card
    assert (card["name"], card["description"], card["version"]) == (
        agent.name,
        agent.description,
        agent.version,
    )
    assert card["skills"] == [
        {
            "id": skill.id,
            "name": skill.name,
            "description": skill.description,
            "tags": list(skill.tags),
            "examples": list(skill.examples),
        }
        for skill in agent.skills
    ]
