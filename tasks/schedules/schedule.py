"""The schedule itself: a frozen value, and the one error that refuses a wrong one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time


class ScheduleError(ValueError):
    """A schedule was refused. `fields` maps each bad key to sentences that say what to write instead."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self.fields: dict[str, list[str]] = dict(fields)
        super().__init__("; ".join(f"{key}: {' '.join(texts)}" for key, texts in self.fields.items()))


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When a task is due. At most one kind is set; with none it runs once. Made by `parse`, which checks it.

    The meaning of each kind, with examples, is in docs/schedules.md.
    """

    interval_minutes: int | None = None
    """Elapsed minutes between two slots, 1 to 525,600, counted from the anchor."""
    daily_times: tuple[time, ...] = ()
    """Times of the day in `timezone`, sorted, each once a calendar day (`daily_time` in JSON)."""
    crons: tuple[str, ...] = ()
    """Five-field expressions or nicknames, as they were written; a slot of any of them is a slot."""
    on_event: bool = False
    """Started by hooks alone: it has no slots."""
    timezone: str = "UTC"
    """IANA name of the zone in which times of the day, days and exclusions are read."""
    start_at: datetime | None = None
    """UTC. The first possible slot; the anchor of an interval; the moment of a once schedule."""
    end_at: datetime | None = None
    """UTC. The last moment at which a slot may lie (inclusive)."""
    max_runs: int | None = None
    """Ends after so many runs. Counting them is the caller's: this module knows slots, not runs."""
    jitter_seconds: int = 0
    """A slot may start up to this much late (see `jitter_for`); the slot itself does not move."""
    exclude: tuple[str, ...] = ()
    """Local days without slots: dates `YYYY-MM-DD` and weekdays `MON` to `SUN`."""

    @property
    def recurring(self) -> bool:
        """Whether more than one slot or event may come (`pattern` is `recurring`, else `once`)."""
        return self.interval_minutes is not None or bool(self.daily_times or self.crons) or self.on_event
