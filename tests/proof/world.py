"""A made-up world for the simulated year: tasks, what people do to them, downtimes, and how long runs take.

Everything follows from a seed, so that the product and the oracle live through the same two years. Nothing here knows
what a schedule means.
"""

import random
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

ZONES = (
    *("UTC", "Europe/Berlin", "Europe/London", "Europe/Lisbon", "America/New_York", "America/Los_Angeles"),
    *("America/St_Johns", "America/Santiago", "America/Havana", "America/Nuuk", "Africa/Cairo", "Asia/Beirut"),
    *("Asia/Jerusalem", "Asia/Kolkata", "Asia/Shanghai", "Australia/Lord_Howe", "Australia/Sydney"),
    *("Pacific/Auckland", "Pacific/Chatham", "Antarctica/Troll"),
)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86400))
GRID = 30
"""Seconds between two looks of the runner, each up to two seconds late."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

CRONS: tuple[tuple[str, int], ...] = (
    # Each with the minutes that lie between two of its slots, about.
    *(("*/15 2 * * *", 360), ("0,30 2 * * *", 720), ("30 2 * * *", 1440), ("30 1 * * *", 1440)),
    *(("0 * * * *", 60), ("*/30 * * * *", 30), ("*/20 0-3 * * *", 120), ("7 */3 * * *", 180)),
    *(("30 0 * * *", 1440), ("0 0 * * *", 1440), ("59 23 * * *", 1440), ("15 2,3 * * *", 720)),
    *(("0 9 * * 1-5", 2000), ("0 9 15 * 1", 9000), ("0 9 */2 * 1", 20000), ("0 9 31 * *", 60000)),
    *(("0 0 29 2 *", 500000), ("15 0 L * *", 43200), ("0 18 * * 5L", 43200), ("30 1 * * SUN#2", 43200)),
    *(("30 2 LW * *", 43200), ("0 22-23 * * SAT", 5000), ("0 3 1-7 * sun", 2500), ("10-40/10 2 * * 0", 2500)),
    *(("0 12 1 JAN,JUL *", 260000), ("*/5 12 * * 3", 800), ("5 4 * * 7", 10080), ("0 0 1 * *", 43200)),
)
INTERVALS = (1, 5, 7, 15, 25, 30, 45, 60, 90, 360, 720, 1440, 1440, 2880, 10080)


@dataclass(frozen=True, kw_only=True)
class Deed:
    """Something that a person does to a task."""

    at: datetime
    what: str
    """`pause`, `pause_until`, `resume`, `trigger`, `edit` or `cancel`."""
    value: Any = None


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A task as a person asks for it."""

    number: int
    created_at: datetime
    zone: str
    schedule: dict[str, Any]
    options: dict[str, Any]
    pace: timedelta
    """About the time between two slots, to which the lengths of its runs relate."""
    fails: float
    deeds: tuple[Deed, ...] = ()

    @property
    def recurring(self) -> bool:
        return bool({"interval_minutes", "daily_time", "cron"} & set(self.schedule))


@dataclass(kw_only=True)
class World:
    """The wishes of `tasks` tasks between two moments, and what happens around them."""

    seed: int
    tasks: int
    start: datetime
    end: datetime
    slots_wanted: int = 70
    """About so many slots has a task in its life."""
    downs: list[tuple[datetime, datetime]] = field(init=False)
    wishes: list[Wish] = field(init=False)

    def __post_init__(self) -> None:
        self._changes = {zone: _changes(zone, self.start, self.end) for zone in ZONES}
        self.downs = self._downtimes()
        self._down_starts = [begin for begin, _ in self.downs]
        self.wishes = [self._wish(number) for number in range(self.tasks)]

    # --- when the server looks ---

    def up(self, moment: datetime) -> datetime:
        """`moment`, or the end of the downtime in which it lies."""
        place = bisect_right(self._down_starts, moment) - 1
        return max(moment, self.downs[place][1]) if place >= 0 else moment

    def look(self, moment: datetime) -> datetime:
        """The first moment from `moment` on at which the runner looks for what is due."""
        number = (moment - EPOCH) // timedelta(seconds=GRID)
        while True:
            at = EPOCH + timedelta(seconds=number * GRID, milliseconds=(number * 7919 + self.seed) % 2000)
            if at >= moment:
                later = self.up(at)
                if later == at:
                    return at
                number = (later - EPOCH) // timedelta(seconds=GRID)
                moment = later
            else:
                number += 1

    # --- how runs go ---

    def length(self, wish: Wish, moment: datetime) -> timedelta:
        """How long the run of a slot (or the run now of a moment) takes."""
        rng = self._rng("length", wish.number, moment)
        share = rng.choice((0.001, 0.01, 0.02, 0.1, 0.3, 0.8, 1.2, 2.5, 6.0)) if rng.random() < 0.5 else 0.02
        seconds = max(1.0, wish.pace.total_seconds() * share * rng.uniform(0.8, 1.2))
        return timedelta(seconds=round(min(seconds, 3 * 86400), 3))

    def ends_well(self, wish: Wish, moment: datetime) -> bool:
        """Whether that run succeeds."""
        return self._rng("end", wish.number, moment).random() >= wish.fails

    def _rng(self, *names: object) -> random.Random:
        return random.Random(" ".join(map(str, (self.seed, *names))))

    # --- how it comes about ---

    def _downtimes(self) -> list[tuple[datetime, datetime]]:
        rng = self._rng("downtimes")
        days = (self.end - self.start) // DAY
        nights = [change for changes in self._changes.values() for change in changes]
        found: list[tuple[datetime, datetime]] = []
        for _ in range(max(4, days // 4)):
            begin = self.start + timedelta(seconds=rng.randrange(days * 86400))
            if nights and rng.random() < 0.2:
                begin = rng.choice(nights) - timedelta(seconds=rng.randrange(4 * 3600))
            length = timedelta(seconds=round(20 * (10_000 ** rng.random()) * (0.2 + rng.random()), 3))
            found.append((begin, begin + length))
        merged: list[tuple[datetime, datetime]] = []
        for begin, end in sorted(found):
            if merged and begin <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((begin, end))
        return merged

    def _wish(self, number: int) -> Wish:
        rng = self._rng("wish", number)
        zone = ZONES[number % len(ZONES)]
        schedule, minutes = _kind(rng)
        pace = timedelta(minutes=minutes)
        life = pace * rng.randint(self.slots_wanted // 4, self.slots_wanted * 2)
        room = self.end - self.start
        created = self.start + room * rng.random() * 0.97
        near = [change for change in self._changes[zone] if self.start + DAY < change < self.end - DAY]
        if near and rng.random() < 0.6:
            created = rng.choice(near) - min(life, 3 * DAY) * rng.random()
        created = self.up(_to_ms(created.replace(second=rng.choice((0, 0, rng.randrange(60))), microsecond=0)))
        over = min(self.end, created + life)
        if schedule == {}:
            if rng.random() < 0.8:
                local = (created + timedelta(minutes=rng.randint(1, 60 * 24 * 30))).astimezone(ZoneInfo(zone))
                schedule["start_at"] = local.replace(second=0, microsecond=0).isoformat()
        else:
            _bounds(rng, schedule, created, over, pace, zone)
        schedule["timezone"] = zone
        options: dict[str, Any] = {
            "overlap": rng.choice(("skip", "skip", "queue", "cancel_running", "parallel")),
            "catch_up": rng.choice(("one", "none", "all")),
            "catch_up_window_minutes": rng.choice((1, 5, 60, 180, 1440, 1440, 10080, 525600)),
            "max_attempts": 1,
        }
        if len(schedule) > 1 and rng.random() < 0.08:
            options["max_runs_per_day"] = rng.randint(1, 5)
        return Wish(
            number=number,
            created_at=created,
            zone=zone,
            schedule=schedule,
            options=options,
            pace=pace,
            fails=rng.choice((0.0, 0.0, 0.1, 0.6)),
            deeds=self._deeds(rng, schedule, created, over),
        )

    def _deeds(
        self, rng: random.Random, schedule: dict[str, Any], created: datetime, over: datetime
    ) -> tuple[Deed, ...]:
        def some_time() -> datetime:
            return self.up(
                _to_ms(created + (over - created) * rng.random()) + timedelta(milliseconds=rng.randrange(1000))
            )

        recurring = bool({"interval_minutes", "daily_time", "cron"} & set(schedule))
        deeds: list[Deed] = []
        if rng.random() < 0.35:
            for _ in range(rng.randint(1, 3)):
                begin, end = sorted((some_time(), some_time()))
                if rng.random() < 0.3:
                    deeds.append(Deed(at=begin, what="pause_until", value=end + SECOND))
                else:
                    deeds += [Deed(at=begin, what="pause"), Deed(at=end, what="resume")]
        deeds += [Deed(at=some_time(), what="resume") for _ in range(rng.randint(0, 2))]
        if rng.random() < 0.2:
            deeds += [Deed(at=some_time(), what="trigger") for _ in range(rng.randint(1, 3))]
        if recurring and "jitter_seconds" not in schedule and rng.random() < 0.25:
            other, minutes = _kind(rng)
            if other and minutes >= 30:
                deeds.append(Deed(at=some_time(), what="edit", value=other))
        if recurring and not {"end_at", "max_runs"} & set(schedule):
            deeds.append(Deed(at=self.up(over), what="cancel"))
        return tuple(sorted(deeds, key=lambda deed: deed.at))


def _kind(rng: random.Random) -> tuple[dict[str, Any], int]:
    """A kind of schedule, and about how many minutes lie between two slots."""
    match rng.choices(("interval", "daily", "cron", "once"), (30, 25, 32, 13))[0]:
        case "interval":
            minutes = rng.choice((*INTERVALS, rng.randint(2, 3000)))
            return {"interval_minutes": minutes}, minutes
        case "daily":
            hours = rng.sample((0, 1, 2, 2, 3, 3, 9, 12, 18, 23), rng.choice((1, 1, 1, 2, 3)))
            times = sorted({f"{hour:02}:{rng.choice((0, 0, 15, 30, 30, 45, 59)):02}" for hour in hours})
            return {"daily_time": times if len(times) > 1 else times[0]}, 1440 // len(times)
        case "cron":
            text, minutes = rng.choice(CRONS)
            if rng.random() < 0.2:
                other, more = rng.choice(CRONS)
                return {"cron": [text, other]}, min(minutes, more)
            if rng.random() < 0.2:
                text, minutes = f"{rng.randrange(60)} {rng.choice((0, 1, 2, 2, 3, 23))} * * *", 1440
            return {"cron": text}, minutes
    return {}, 1440


def _bounds(
    rng: random.Random, schedule: dict[str, Any], created: datetime, over: datetime, pace: timedelta, zone: str
) -> None:
    """Start, end, number, jitter and exclusions of a recurring schedule."""
    local = ZoneInfo(zone)
    if rng.random() < 0.3:
        begin = created + (over - created) * rng.uniform(-0.05, 0.2)
        schedule["start_at"] = begin.replace(microsecond=0).astimezone(local).isoformat()
    if rng.random() < 0.45:
        schedule["end_at"] = over.replace(microsecond=0).astimezone(local).isoformat()
    elif rng.random() < 0.5:
        schedule["max_runs"] = rng.randint(1, max(2, (over - created) // pace))
    if rng.random() < 0.25:
        schedule["jitter_seconds"] = rng.choice((5, 50, 200, 290, 290))
        if pace >= 2 * HOUR and "interval_minutes" in schedule:
            schedule["jitter_seconds"] = rng.choice((600, 3600))
        if "interval_minutes" in schedule:
            schedule["jitter_seconds"] = min(schedule["jitter_seconds"], 60 * schedule["interval_minutes"])
    if rng.random() < 0.2:
        days = rng.sample(("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"), rng.randint(1, 3))
        dates = [(created + (over - created) * rng.random()).astimezone(local).date().isoformat() for _ in range(2)]
        schedule["exclude"] = days + dates


def _to_ms(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _changes(zone: str, start: datetime, end: datetime) -> list[datetime]:
    """The hours in which the zone's clock changes."""
    local = ZoneInfo(zone)
    hours = [start + n * HOUR for n in range((end - start) // HOUR)]
    offsets = [hour.astimezone(local).utcoffset() for hour in hours]
    return [hours[n] for n in range(1, len(hours)) if offsets[n] != offsets[n - 1]]
