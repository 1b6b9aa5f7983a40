"""APScheduler alone, in a process of its own: `python -m benchmarks.alone '[moment, …]'` prints how late each was.

One job for each moment (Unix time), each a no-op that looks at the clock: what the library costs before any work of
ours.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger


async def fire(moments: Sequence[float]) -> list[float]:
    """Seconds by which each job was late."""
    scheduler = AsyncIOScheduler(event_loop=asyncio.get_running_loop(), timezone=UTC)
    late: list[float] = []

    async def job(moment: float) -> None:
        late.append(time.time() - moment)

    for moment in moments:
        trigger = DateTrigger(run_date=datetime.fromtimestamp(moment, UTC), timezone=UTC)
        scheduler.add_job(job, trigger, args=[moment], misfire_grace_time=None)
    scheduler.start()
    await asyncio.sleep(max(moments) - time.time() + 1)
    scheduler.shutdown()
    return late


class AloneProcess:
    """`fire` beside a benchmark."""

    def __init__(self, moments: Sequence[float]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.alone", json.dumps(list(moments))], stdout=subprocess.PIPE, text=True
        )

    def late(self) -> list[float]:
        """What it measured; waits for its end."""
        output, _ = self._process.communicate(timeout=120)
        found: list[float] = json.loads(output)
        return found


if __name__ == "__main__":
    print(json.dumps(asyncio.run(fire(json.loads(sys.argv[1])))))
