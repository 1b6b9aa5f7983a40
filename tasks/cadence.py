"""Whether a schedule keeps its pace: how often it was meant to run, and how often it really did. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

TICKS = 50
"""So many of the last slots are looked at."""
FEWEST = 6
"""With fewer nothing can be said about a pace."""
SHARE = 0.2
"""A pace differs where at least this part of the slots did not run. One that was skipped is no pattern."""


@dataclass(frozen=True, kw_only=True)
class Tick:
    """What became of one slot, or of several neighbouring ones that a row stands for."""

    slot: datetime
    slots: int = 1
    skipped: bool = False
    """It did not run, since the run before it still went."""
    cut: bool = False
    """Its run was stopped for the next one."""
    took: timedelta | None = None
    """How long its run took, from start to end; None while it goes on, and where there was none."""


@dataclass(frozen=True, kw_only=True)
class Slow:
    """A schedule that runs more seldom than it says, since its runs take longer than the time between two slots."""

    planned: timedelta
    """The usual time between two slots."""
    real: timedelta
    """The mean time between two runs that came to their end."""
    took: timedelta | None
    """How long a run usually takes; None where none ended."""
    lost: int
    """Slots that were skipped or cut."""
    of: int
    """Slots that were looked at."""
    cut: bool
    """Whether they were cut rather than skipped."""


def pace(ticks: Sequence[Tick], planned: timedelta | None) -> Slow | None:
    """How the last slots of a schedule (in any order) were kept; None where its pace is kept, or cannot be told.

    `planned` is the usual time between two of its slots, None where it has none. Slots that were missed in a downtime
    or a pause say nothing about the pace: leave them out.
    """
    newest = sorted(ticks, key=lambda tick: tick.slot, reverse=True)
    seen: list[Tick] = []
    total = 0
    for tick in newest:
        if total >= TICKS:
            break
        seen.append(tick)
        total += tick.slots
    lost = sum(tick.slots for tick in seen if tick.skipped or tick.cut)
    if planned is None or total < FEWEST or lost < SHARE * total:
        return None
    took = [tick.took.total_seconds() for tick in seen if tick.took is not None and not tick.cut]
    return Slow(
        planned=planned,
        real=planned * total / max(1, total - lost),
        took=timedelta(seconds=median(took)) if took else None,
        lost=lost,
        of=total,
        cut=sum(tick.cut for tick in seen) > sum(tick.skipped for tick in seen),
    )
