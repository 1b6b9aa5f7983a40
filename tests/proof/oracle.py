"""The oracle of the simulated year: what docs/schedules.md says becomes of each slot, one task at a time.

Written from the document, without code of the product. A task lives through its own small events: what people do, the
ends of its runs, and the looks of the runner at which something of it is due.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from tests.proof.walk import Stretch, find_slots
from tests.proof.world import Deed, Wish, World

ON_TIME = timedelta(seconds=60)
CAUGHT_UP_AT_MOST = 500

LATE_ONE = "Nothing could run it in time; one run stands for all."
LATE_NONE = "Nothing could run it in time, and the schedule does not catch up."
LATE_WINDOW = "Nothing could run it within the catch-up window."
ONCE_PASSED = "Its moment passed while nothing could run it."
PAUSED = "The schedule was paused."
EDITED = "The schedule was changed before it could run."
WAITS = "One run waits already behind the one that still goes."
NEWER = "A newer slot took its place."
GOES = "The run before it was still going."
LIMIT = "The limit of runs a day was reached."


@dataclass(kw_only=True)
class Run:
    """A run, as it should be in the end."""

    slot: datetime
    trigger: str
    made_at: datetime
    status: str = "queued"
    started_at: datetime | None = None
    ends_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def by_hand(self) -> bool:
        return self.trigger == "manual"


@dataclass(frozen=True, kw_only=True, order=True)
class Kept:
    """A row for slots that did not run."""

    slot: datetime
    last: datetime
    slots: int
    status: str
    reason: str
    finished_at: datetime


@dataclass(kw_only=True)
class Life:
    """What became of a task."""

    status: str = "pending"
    runs: list[Run] = field(default_factory=list)
    fates: list[tuple[datetime, str, str, datetime]] = field(default_factory=list)
    """Slots that did not run: slot, status, reason, when that was written."""
    next_slot: datetime | None = None
    paused: bool = False
    count: int = 0
    """Slots that were given a run."""

    def rows(self) -> list[Kept]:
        """Their rows: neighbours with the same fate share one."""
        ran = [(run.slot, "run", "", run.made_at) for run in self.runs if not run.by_hand]
        rows = []
        for (status, reason), group in groupby(sorted([*self.fates, *ran]), key=lambda fate: fate[1:3]):
            if status != "run":
                several = list(group)
                rows.append(
                    Kept(
                        slot=several[0][0],
                        last=several[-1][0],
                        slots=len(several),
                        status=status,
                        reason=reason,
                        finished_at=several[-1][3],
                    )
                )
        return rows


def stretches_of(wish: Wish) -> list[Stretch]:
    """The schedule of a task and those that took its place, without their slots."""
    schedule = dict(wish.schedule)
    start = schedule.get("start_at")
    anchor = datetime.fromisoformat(start).astimezone(UTC) if start else wish.created_at
    found = [Stretch(schedule=schedule, zone=wish.zone, since=wish.created_at, anchor=anchor, inclusive=True)]
    for deed in wish.deeds:
        if deed.what == "edit":
            kept = {k: v for k, v in schedule.items() if k not in ("interval_minutes", "daily_time", "cron")}
            if "interval_minutes" not in schedule:
                anchor = deed.at
            schedule = {**kept, **deed.value}
            found.append(Stretch(schedule=schedule, zone=wish.zone, since=deed.at, anchor=anchor, inclusive=False))
    return found


def live_all(world: World, wishes: Iterable[Wish], names: dict[int, str], until: datetime) -> dict[int, Life]:
    """What becomes of the tasks of `wishes`, whose ids are `names`, up to `until`."""
    stretches = {wish.number: stretches_of(wish) for wish in wishes}
    find_slots((stretch for several in stretches.values() for stretch in several), until)
    return {
        wish.number: _Living(world, wish, names[wish.number], stretches[wish.number], until).live() for wish in wishes
    }


class _Living:
    def __init__(self, world: World, wish: Wish, name: str, stretches: list[Stretch], until: datetime) -> None:
        self.world, self.wish, self.name, self.until = world, wish, name, until
        self.stretches = stretches
        self.now = wish.created_at
        self.life = Life()
        self.deeds = list(wish.deeds)
        self.failures = 0
        self.paused_until: datetime | None = None
        self.limited = False
        """It rests because it had its runs of the day."""
        self.armed = True
        self._take_up(stretches.pop(0))

    def _take_up(self, stretch: Stretch) -> None:
        self.schedule = stretch.schedule
        self.pending = list(stretch.slots)
        self.endless = self.wish.recurring and stretch.end is None

    def moment(self, slot: datetime) -> datetime:
        """When a slot's run may start: every machine computes the same delay from task and slot."""
        most = self.schedule.get("jitter_seconds", 0)
        if not most:
            return slot
        text = f"{self.name} {slot.astimezone(UTC).isoformat()}".encode()
        number = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())
        return slot + timedelta(milliseconds=number % (most * 1000 + 1))

    @property
    def active(self) -> list[Run]:
        return [run for run in self.life.runs[-1200:] if run.finished_at is None]

    @property
    def ended(self) -> bool:
        return self.life.status in ("completed", "failed", "cancelled")

    @property
    def waits_for_time(self) -> bool:
        return self.armed and (bool(self.pending) or self.endless)

    def live(self) -> Life:
        while (now := self._next_event()) is not None and now <= self.until:
            self.now = now
            while self.deeds and self.deeds[0].at <= now:
                self._do(self.deeds.pop(0))
            for run in self.active:
                if run.ends_at is not None and run.ends_at <= now:
                    self._end(run)
            if self.world.look(now) == now and not self.ended:
                if self.life.paused and self.paused_until is not None and self.paused_until <= now:
                    self._resume()
                if not self.life.paused and self._due():
                    self._claim()
            self._start()
        self.life.next_slot = self.pending[0] if self.pending and self.armed and not self.ended else None
        return self.life

    def _next_event(self) -> datetime | None:
        if self.ended:
            return None
        times = [deed.at for deed in self.deeds[:1]]
        times += [run.ends_at for run in self.active if run.ends_at is not None]
        if self.pending and self.armed and not self.life.paused:
            times.append(self.world.look(max(self.moment(self.pending[0]), self.now)))
        if self.life.paused and self.paused_until is not None:
            times.append(self.world.look(max(self.paused_until, self.now)))
        return min(times, default=None)

    # --- what people do ---

    def _do(self, deed: Deed) -> None:
        if self.ended:
            return
        match deed.what:
            case "pause" | "pause_until":
                if deed.value is None or deed.value > self.now:
                    self.life.paused, self.paused_until, self.limited = True, deed.value, False
            case "resume":
                if self.life.paused:
                    self._resume()
            case "trigger":
                self.life.runs.append(Run(slot=self.now, trigger="manual", made_at=self.now))
                self.life.status = "running"
                if not self.wish.recurring:
                    self.pending = []
            case "edit":
                self._edit()
            case "cancel":
                self._stop_all()
                self.life.status = "cancelled"

    def _edit(self) -> None:
        stretch = self.stretches.pop(0)
        if not stretch.slots and stretch.end is not None:
            return  # refused: it has no time left
        if self.limited:
            self._miss(self._due_in_limit(), LIMIT, "skipped")
        self._miss(self._due(), PAUSED if self.life.paused and not self.limited else EDITED)
        self._take_up(stretch)

    def _resume(self) -> None:
        if self.limited:
            # What came since midnight is due as ever.
            self._miss(self._due_in_limit(), LIMIT, "skipped")
        elif self.wish.recurring:
            self._miss(self._due(), PAUSED)
        self.failures = self.failures if self.limited else 0
        self.life.paused, self.paused_until, self.limited = False, None, False
        if self.wish.recurring and not self.waits_for_time and not self.active:
            self.life.status = "completed"

    # --- what time does ---

    def _due_in_limit(self) -> list[datetime]:
        """Those that came before the midnight at which there is room again."""
        assert self.paused_until is not None
        return self._due(min(self.now, self.paused_until - timedelta(microseconds=1)))

    def _due(self, end: datetime | None = None) -> list[datetime]:
        """The slots whose moment has come by now, or by `end`."""
        if not self.armed:
            return []
        end = end or self.now
        come = bisect_right(self.pending, end)
        # Of those whose time has come, the last may still be put off by its jitter.
        while come and self.moment(self.pending[come - 1]) > end:
            come -= 1
        return self.pending[:come]

    def _miss(self, slots: list[datetime], reason: str, status: str = "missed") -> None:
        self.life.fates += [(slot, status, reason, self.now) for slot in slots]
        taken = set(slots)
        self.pending = [slot for slot in self.pending if slot not in taken]

    def _claim(self) -> None:
        due = self._due()
        late = {slot: self.now - self.moment(slot) for slot in due}
        window = timedelta(minutes=self.wish.options["catch_up_window_minutes"])
        if not self.wish.recurring:
            self._claim_once(due[0], late[due[0]], window)
            return
        keep, missed, why = self._catch_up(due, late, window)
        self._miss(missed, why)
        keep = self._overlap(keep)
        keep, over = self._limit_of_the_day(keep)
        most = self.schedule.get("max_runs")
        if most is not None and self.life.count + len(keep) >= most:
            keep = keep[: most - self.life.count]
            # The schedule ends with that run: what was skipped behind it was no slot.
            self.life.fates = [fate for fate in self.life.fates if not keep or fate[0] < keep[-1]]
            self.armed = False
        if keep and self.wish.options["overlap"] == "cancel_running":
            self._stop_all()
        self.pending = [slot for slot in self.pending if slot not in set(keep)]
        for slot in keep:
            self._run(slot, late[slot])
        if over and self.waits_for_time:
            zone = ZoneInfo(self.wish.zone)
            tomorrow = self.now.astimezone(zone).date() + timedelta(days=1)
            self.life.paused, self.limited = True, True
            self.paused_until = datetime.combine(tomorrow, time(), zone).astimezone(UTC)
        if not self.waits_for_time and not self.active:
            self.life.status = "completed"

    def _claim_once(self, slot: datetime, late: timedelta, window: timedelta) -> None:
        if late > ON_TIME and (self.wish.options["catch_up"] == "none" or late > window):
            self._miss([slot], ONCE_PASSED)
            if not self.active:
                self.life.status = "failed"
        else:
            self.pending = []
            self._run(slot, late)

    def _run(self, slot: datetime, late: timedelta) -> None:
        trigger = "schedule" if late <= ON_TIME else "catch_up"
        self.life.runs.append(Run(slot=slot, trigger=trigger, made_at=self.now))
        self.life.count += 1
        self.life.status = "running"

    def _catch_up(
        self, due: list[datetime], late: dict[datetime, timedelta], window: timedelta
    ) -> tuple[list[datetime], list[datetime], str]:
        rule = self.wish.options["catch_up"]
        in_window = [slot for slot in due if late[slot] <= max(window, ON_TIME)]
        if rule == "all":
            keep = in_window[-CAUGHT_UP_AT_MOST:]
        elif rule == "one":
            keep = in_window[-1:]
        else:
            keep = [slot for slot in due if late[slot] <= ON_TIME][-1:]
        why = LATE_NONE if rule == "none" else LATE_ONE if rule == "one" and keep else LATE_WINDOW
        return keep, [slot for slot in due if slot not in set(keep)], why

    def _overlap(self, keep: list[datetime]) -> list[datetime]:
        """While a run still goes."""
        if not self.active or not keep:
            return keep
        match self.wish.options["overlap"]:
            case "skip":
                self._miss(keep, GOES, "skipped")
                return []
            case "queue":
                waits = any(run.status == "queued" for run in self.active)
                self._miss(keep if waits else keep[1:], WAITS, "skipped")
                return [] if waits else keep[:1]
            case "cancel_running":
                self._miss(keep[:-1], NEWER, "skipped")
                return keep[-1:]
        return keep

    def _limit_of_the_day(self, keep: list[datetime]) -> tuple[list[datetime], bool]:
        """What there is room for today, and whether that was not all."""
        most = self.wish.options.get("max_runs_per_day")
        if most is None:
            return keep, False
        zone = ZoneInfo(self.wish.zone)
        today = self.now.astimezone(zone).date()
        of_today = [run for run in self.life.runs if run.made_at.astimezone(zone).date() == today]
        left = max(0, most - sum(not run.by_hand for run in of_today))
        self._miss(keep[left:], LIMIT, "skipped")
        return keep[:left], len(keep) > left

    # --- what runs do ---

    def _start(self) -> None:
        """One run of a task at a time, unless they go side by side; a paused schedule starts none by time."""
        if self.ended:
            return
        for run in self.active:
            alone = self.wish.options["overlap"] != "parallel"
            if run.status != "queued" or (self.life.paused and not self.limited and not run.by_hand):
                continue
            if alone and any(other.status == "running" for other in self.active):
                return
            run.status, run.started_at = "running", self.now
            run.ends_at = self.world.up(self.now + self.world.length(self.wish, run.slot))

    def _end(self, run: Run) -> None:
        well = self.world.ends_well(self.wish, run.slot)
        run.status, run.finished_at, run.ends_at = "succeeded" if well else "failed", self.now, None
        if self.wish.recurring:
            self.failures = 0 if well else self.failures + 1
            if self.failures >= 5 and not self.life.paused:
                self.life.paused, self.paused_until = True, None
        if self.active:
            return
        if not self.wish.recurring:
            self.life.status = "completed" if well else "failed"
        elif not self.waits_for_time:
            self.life.status = "completed"

    def _stop_all(self) -> None:
        for run in self.active:
            run.status, run.finished_at, run.ends_at = "cancelled", self.now, None
