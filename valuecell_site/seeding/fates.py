"""What becomes of seeded tasks: which share ends how, and how many runs each may have had. Pure."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from random import Random


class NotPossible(ValueError):
    """The numbers asked for do not fit together; the message says what to ask for instead."""


class Fate(IntEnum):
    """What became of a task."""

    DONE = 0
    """Once, and its run succeeded."""
    FAILED = 1
    """Once, and its run failed."""
    DROPPED = 2
    """Once, cancelled before it ran."""
    PLANNED = 3
    """Once, at a moment in the future."""
    ASKING = 4
    """Once, and its agent waits for an answer."""
    ARMED = 5
    """Recurring, with its next run in the future."""
    NEW = 6
    """Recurring, its first run still to come."""
    RESTING = 7
    """Recurring and paused."""
    OVER = 8
    """Recurring, and its schedule has no time left."""
    STOPPED = 9
    """Recurring and cancelled."""


WEIGHTS = {
    Fate.DONE: 28,
    Fate.FAILED: 5,
    Fate.DROPPED: 5,
    Fate.PLANNED: 6,
    Fate.ASKING: 1,
    Fate.ARMED: 24,
    Fate.NEW: 5,
    Fate.RESTING: 13,
    Fate.OVER: 4,
    Fate.STOPPED: 9,
}
"""Of a hundred tasks. About half of them are unfinished, and none of those is due within the first hours."""

NEEDS_RUN = frozenset({Fate.DONE, Fate.FAILED, Fate.ASKING})
"""Those that make no sense without exactly one run."""
FREQUENT = frozenset({Fate.RESTING, Fate.OVER, Fate.STOPPED})
"""Schedules that start nothing any more: these may have run every few minutes."""
ARMED_RUNS_MAX = 8
"""Past runs of a schedule that still goes: those run daily or weekly, so that they do not fire in masses."""
RUNS_MAX = 100_000
"""Past runs of one schedule: every minute for as long as finished runs are kept."""


@dataclass(frozen=True, kw_only=True)
class Shares:
    """The fate and the number of past runs of each task, by its number."""

    fates: Sequence[int]
    runs: Sequence[int]


def shares(tasks: int, runs: int, random: Random) -> Shares:
    """Deal `tasks` their fates and exactly `runs` runs. Raises `NotPossible` if so many runs find no task."""
    if runs and not tasks:
        raise NotPossible("Runs belong to tasks: ask for at least one task.")
    fates = array("B", random.choices(list(WEIGHTS), weights=list(WEIGHTS.values()), k=tasks))
    left = runs
    for number, fate in enumerate(fates):
        if fate in NEEDS_RUN:
            if left:
                left -= 1
            else:
                fates[number] = Fate.DROPPED
    if left and not any(fate in FREQUENT for fate in fates):
        # Few tasks and many runs: somebody must have had them.
        last = tasks - 1
        left += fates[last] in NEEDS_RUN
        fates[last] = Fate.RESTING
    armed = sum(fate == Fate.ARMED for fate in fates)
    frequent = sum(fate in FREQUENT for fate in fates)
    each = min(ARMED_RUNS_MAX, left // (armed + frequent)) if left else 0
    rest = left - each * armed
    if frequent and rest > frequent * RUNS_MAX:
        raise NotPossible(f"{runs:,} runs are too many for {tasks:,} tasks: ask for more tasks, or fewer runs.")
    dealt = array("L", bytes(tasks * array("L").itemsize))
    nth = 0
    for number, fate in enumerate(fates):
        if fate in NEEDS_RUN:
            dealt[number] = 1
        elif fate == Fate.ARMED:
            dealt[number] = each
        elif fate in FREQUENT:
            dealt[number] = rest * (nth + 1) // frequent - rest * nth // frequent
            nth += 1
    return Shares(fates=fates, runs=dealt)
