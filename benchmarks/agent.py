"""An agent that answers at once, in a process of its own, and tells when each message reached it.

`python -m benchmarks.agent` prints its URL, then a line of JSON for each message: its text and the moment (Unix time).
"""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from sample_agents.base import BaseAgent, Event, Skill, message_chunk
from sample_agents.server import serving, stop_signal


class BenchAgent(BaseAgent):
    """Says hello."""

    description = "Answers at once."
    skills = (Skill(id="hello", name="Hello", description="Says hello.", tags=("bench",)),)

    async def stream(
        self,
        query: str,
        conversation_id: str,  # noqa: ARG002
        task_id: str,  # noqa: ARG002
        dependencies: Mapping[str, Any],  # noqa: ARG002
    ) -> AsyncIterator[Event]:
        """One chunk."""
        print(json.dumps({"text": query, "at": time.time()}), flush=True)
        yield message_chunk("Hello!")


async def main() -> None:
    """Serve until SIGTERM."""
    stop = stop_signal()
    async with serving(BenchAgent()) as url:
        print(url, flush=True)
        await stop.wait()


class AgentProcess:
    """The agent beside a benchmark; a context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-m", "benchmarks.agent"], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        self.reached: dict[str, list[float]] = {}
        """By text, the moments (Unix time) at which such messages came."""
        self._changed = threading.Condition()
        threading.Thread(target=self._read, name="agent", daemon=True).start()

    def __enter__(self) -> "AgentProcess":
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        self._process.wait()

    def wait_for(self, text: str, *, seconds: float = 10.0) -> float:
        """The moment at which the first message `text` came. Raises AssertionError if it does not."""
        with self._changed:
            assert self._changed.wait_for(lambda: text in self.reached, seconds), f"{text!r} did not come"
            return self.reached[text][0]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            with self._changed:
                self.reached.setdefault(said["text"], []).append(said["at"])
                self._changed.notify_all()


if __name__ == "__main__":
    asyncio.run(main())
