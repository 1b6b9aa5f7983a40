"""The sample agents' process: started beside the server, started again when it ends, stopped with it."""

import asyncio
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO

logger = logging.getLogger(__name__)

READY_SECONDS = 30.0
"""How long the first start may take before the server goes on without them."""
LOOK_SECONDS = 1.0
RESTART_SECONDS_MAX = 60.0
"""Longest pause before another attempt."""
STEADY_SECONDS = 60.0
"""Who ran for so long did not end for the reason for which they were started."""
STOP_SECONDS = 2.0
"""How long they get to end after SIGTERM."""


class SampleAgents:
    """One child in this POSIX session, in a process group of its own.

    Its own group, since a signal to ours (Ctrl-C, `kill -TERM -PGID`) must not cut the agents' answers while
    the runs that read them are being drained. It ends by itself when this process does.
    """

    def __init__(self, *, directory: Path, data_dir: Path) -> None:
        self._command = [sys.executable, "-m", "sample_agents", "--data-dir", str(data_dir)]
        self._directory = directory
        self._process: subprocess.Popen[str] | None = None
        self._said: threading.Event = threading.Event()
        self._ready = False
        self._started = 0.0

    @property
    def up(self) -> bool:
        """Whether they said `ready` and still run."""
        return self._ready and self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start them; does not wait. Call it from the main thread: they watch the thread that started
        them.
        """
        self._ready = False
        self._said = threading.Event()
        self._started = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603
            self._command,
            cwd=self._directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        assert self._process.stdout is not None  # noqa: S101
        threading.Thread(
            target=self._listen, args=(self._process.stdout, self._said), name="sample-agents", daemon=True
        ).start()

    def wait(self, seconds: float = READY_SECONDS) -> str:
        """Wait until they are ready; returns why they are not, or nothing."""
        if self._said.wait(seconds) and self._ready:
            return ""
        status = self._process.poll() if self._process is not None else None
        return f"not ready after {seconds:g} s" if status is None else f"ended with exit status {status}"

    async def supervise(self, came_up: Callable[[], Awaitable[None]]) -> None:
        """Start them again whenever they end; for ever. `came_up` is awaited each time that they are ready anew.

        The first time they are started at once; while they end again before STEADY_SECONDS have passed, each attempt
        waits twice as long as the one before.
        """
        pause, told = 0.0, self.up
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._process is not None and (status := self._process.poll()) is not None:
                if time.monotonic() - self._started >= STEADY_SECONDS:
                    pause = 0.0
                logger.warning(
                    "The sample agents ended (exit status %s): starting them again%s",
                    status,
                    f" in {pause:g} s" if pause else "",
                    extra={"event": "sample_agents.ended"},
                )
                await asyncio.sleep(pause)
                self.start()
                pause = min(max(pause, LOOK_SECONDS) * 2, RESTART_SECONDS_MAX)
                told = False
            elif self.up and not told:
                told = True
                await came_up()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL for who does not leave."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _listen(self, output: IO[str], said: threading.Event) -> None:
        for line in output:
            if line.strip() == "ready":
                self._ready = True
                said.set()
            else:
                print(line, end="", flush=True)
        said.set()
