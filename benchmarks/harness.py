"""What all benchmarks share: a row of the table, medians, an application of its own, people and tasks to measure with.

Each benchmark runs in a process of its own with a DATA_DIR of its own (`__main__` starts it), so that none leaves the
next a warm cache or a full table.
"""

import gc
import math
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RUNS = 5
"""Measured runs behind each median; one more before them warms up."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table. Figures are text, with their unit."""

    what: str
    ours: str
    baseline: str = ""
    ratio: str = ""
    goal: str = ""
    met: bool | None = None
    """Whether the goal is met; None where there is none."""

    def as_dict(self) -> dict[str, str | bool | None]:
        """The row as JSON carries it from the benchmark's process to the table."""
        return asdict(self)


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the smallest value that `share` (0 to 1) of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def median_seconds(action: Callable[[], object], *, runs: int = RUNS) -> float:
    """The median duration of `action` over `runs` calls after a first one, the garbage of others collected before."""
    action()
    seconds = []
    for _ in range(runs):
        gc.collect()
        begun = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def milliseconds(seconds: float) -> str:
    """Seconds as text in milliseconds."""
    return f"{1000 * seconds:,.1f} ms"


def median_of(values: Iterable[float]) -> float:
    """The median of what was measured."""
    return statistics.median(values)


def prepare() -> None:
    """Set Django up and make the schema in the DATA_DIR and DATABASE_URL of the environment."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)


def data_dir() -> Path:
    """Where the benchmark's process keeps its files."""
    from django.conf import settings

    return Path(settings.DATA_DIR)
