"""Runs the sample agents: `python -m sample_agents --data-dir DIR`, all of them in one process, until
SIGTERM.

Each agent gets a port of its own on loopback, kept in DIR/sample_agents.json so that a restart finds it where
it was. For each, DIR/agent_cards/NAME.json is written: the card in agent_cards/ (what a person edits) with
the address added. Tasks are kept in DIR/sample_agents.sqlite3. It prints a line for each agent that answers,
then `ready`.
"""

import argparse
import asyncio
import contextlib
import ctypes
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sample_agents.base import BaseAgent
from sample_agents.machine import MachineAgent
from sample_agents.market import MarketDataAgent
from sample_agents.pacing import DEFAULT_PACE_MS
from sample_agents.research import ResearchAgent
from sample_agents.server import listen, serving, stop_signal
from sample_agents.store import SampleTaskStore

PORTS_FILE = "sample_agents.json"
TASKS_FILE = "sample_agents.sqlite3"
CARDS_FOLDER = "agent_cards"
STATIC_CARDS = Path(__file__).resolve().parent.parent / "agent_cards"
WAIT_FOR_PORT = 2.5
"""Seconds to wait for a kept port that is taken: as long as our own predecessor may take to leave."""
PR_SET_PDEATHSIG = 1
"""From Linux's <sys/prctl.h>."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGINT, SIGTERM or the parent's end; returns the exit status."""
    parent = os.getppid()
    parser = argparse.ArgumentParser(prog="python -m sample_agents", description="Run the sample agents.")
    parser.add_argument("--data-dir", type=Path, required=True, help="where ports, cards and tasks are kept")
    parser.add_argument("--cards-dir", type=Path, default=STATIC_CARDS, help="cards to add the addresses to")
    parser.add_argument(
        "--pace-ms",
        type=int,
        default=os.environ.get("SAMPLE_AGENT_PACE_MS") or DEFAULT_PACE_MS,
        help="milliseconds between two words (default: SAMPLE_AGENT_PACE_MS, else %(default)s)",
    )
    parser.add_argument("--ready-file", type=Path, help="a file to write, with the ports, when all answer")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    agents: list[BaseAgent] = [
        MachineAgent(pace_ms=options.pace_ms),
        MarketDataAgent(pace_ms=options.pace_ms),
        ResearchAgent(
            base_url=os.environ.get("LLM_BASE_URL"),
            api_key=os.environ.get("LLM_API_KEY"),
            model=os.environ.get("LLM_MODEL"),
        ),
    ]
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(agents, options, parent))
    return 0


async def _run(agents: Sequence[BaseAgent], options: argparse.Namespace, parent: int) -> None:
    stop = stop_signal()  # First: whoever reads `ready` may send SIGTERM at once.
    _die_with_parent()
    data_dir: Path = options.data_dir
    (data_dir / CARDS_FOLDER).mkdir(parents=True, exist_ok=True)
    kept = _read_object(data_dir / PORTS_FILE)
    give_up_at = time.monotonic() + WAIT_FOR_PORT
    sockets = {agent.name: _listen_where_it_was(kept.get(agent.name), give_up_at) for agent in agents}
    ports = {name: sock.getsockname()[1] for name, sock in sockets.items()}
    if ports != kept:
        _write(data_dir / PORTS_FILE, ports)
    async with contextlib.AsyncExitStack() as stack:
        for agent in agents:
            store = SampleTaskStore(agent.name, data_dir / TASKS_FILE)
            url = await stack.enter_async_context(serving(agent, sock=sockets[agent.name], store=store))
            static = _read_object(options.cards_dir / f"{agent.name}.json")
            card = {"name": agent.name, "description": agent.description, **static, "url": url}
            _write(data_dir / CARDS_FOLDER / f"{agent.name}.json", card)
            print(f"{agent.name} answers at {url}", flush=True)
        if options.ready_file is not None:
            _write(options.ready_file, ports)
        print("ready", flush=True)
        await _until_stopped_or_orphaned(stop, parent)


def _listen_where_it_was(port: Any, give_up_at: float) -> socket.socket:
    """A socket on the kept port if that can be had before `give_up_at` (monotonic), else on a free one."""
    while isinstance(port, int) and 0 < port < 65536:
        try:
            return listen(port)
        except OSError:
            if time.monotonic() >= give_up_at:
                break
            time.sleep(0.1)
    return listen()


def _die_with_parent() -> None:
    """Ask Linux for a SIGTERM when the parent ends, however it ends; elsewhere the look at getppid has to do.

    The kernel means the *thread* that started this process: who starts it from a thread must keep that
    thread.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


async def _until_stopped_or_orphaned(stop: asyncio.Event, parent: int) -> None:
    # Also catches a parent that ended before prctl was called, or on a system without it.
    while not stop.is_set() and os.getppid() == parent:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), timeout=1)


def _read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty when the file is absent or holds something else."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, value: dict[str, Any]) -> None:
    """Write JSON so that a reader sees the old file or the new one, never half of one."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    scratch.replace(path)


if __name__ == "__main__":
    sys.exit(main())
