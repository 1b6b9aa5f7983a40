"""The sample agents' supervision: who ends is started again, ever more slowly, and what changed is read anew."""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from valuecell_site.serve import agents as supervision
from valuecell_site.serve.agents import SampleAgents

pytestmark = pytest.mark.database_independent


class Counting(SampleAgents):
    """Runs a script of the test in the place of the agents, and notes when it was started."""

    def __init__(self, script: str, folder: Path) -> None:
        super().__init__(directory=folder, data_dir=folder)
        self._command = [sys.executable, "-c", script]
        self.starts: list[float] = []

    def start(self) -> None:
        self.starts.append(time.monotonic())
        super().start()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "LOOK_SECONDS", 0.02)


async def watch(agents: SampleAgents, until: asyncio.Event, came_up: Callable[[], None]) -> None:
    """Supervise until `until` is set; `came_up` is called when it is told that they are ready anew."""

    async def note() -> None:
        came_up()

    agents.start()
    watching = asyncio.ensure_future(agents.supervise(note))
    try:
        await asyncio.wait_for(until.wait(), 20)
    finally:
        watching.cancel()
        agents.stop()


async def test_who_crashes_again_and_again_is_started_ever_more_slowly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enough = asyncio.Event()

    class Crashing(Counting):
        def start(self) -> None:
            super().start()
            if len(self.starts) == 6:
                enough.set()

    # They are ready before they crash: that alone must not count as well.
    agents = Crashing("print('ready', flush=True)", tmp_path)
    monkeypatch.setattr(supervision, "RESTART_SECONDS_MAX", 0.3)
    await watch(agents, enough, lambda: None)
    waits = [later - earlier for earlier, later in zip(agents.starts[1:], agents.starts[2:], strict=False)]
    # At least 0.04, 0.08, 0.16, 0.3 s, besides what a process takes.
    assert all(wait >= least for wait, least in zip(waits, (0.04, 0.08, 0.16, 0.3), strict=True))


async def test_when_they_are_ready_again_it_is_told(tmp_path: Path) -> None:
    script = f"""
import pathlib, sys, time
mark = pathlib.Path({str(tmp_path / "second")!r})
if not mark.exists():
    mark.touch()
    sys.exit(1)
print("ready", flush=True)
time.sleep(60)
"""
    told = asyncio.Event()
    agents = Counting(script, tmp_path)
    await watch(agents, told, told.set)
    assert len(agents.starts) == 2


async def test_the_first_start_is_not_told_as_another_one(tmp_path: Path) -> None:
    agents = Counting("print('ready', flush=True); import time; time.sleep(60)", tmp_path)
    agents.start()
    assert await asyncio.to_thread(agents.wait, 10.0) == ""
    told: list[float] = []

    async def note() -> None:
        told.append(1.0)

    watching = asyncio.ensure_future(agents.supervise(note))
    await asyncio.sleep(0.1)
    watching.cancel()
    agents.stop()
    assert told == []
