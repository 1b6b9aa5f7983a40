"""The oracle's times: all slots of many schedules of one zone, by a walk over every real minute.

It never turns a local time into UTC: it asks what the zone's clock shows at each minute, and whether that was shown
before. No code of the product is used.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.tasks.schedule_oracle import Expression

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


@dataclass(kw_only=True)
class Stretch:
    """A schedule for as long as it held: from its creation or edit to the next edit."""

    schedule: dict[str, Any]
    zone: str
    since: datetime
    """When it was made."""
    anchor: datetime
    """What an interval counts from."""
    inclusive: bool
    """Whether a slot may lie at `since` itself: at creation, not after an edit."""
    slots: list[datetime] = field(default_factory=list)

    @property
    def start(self) -> datetime | None:
        return _read(self.schedule, "start_at")

    @property
    def end(self) -> datetime | None:
        return _read(self.schedule, "end_at")

    @property
    def expressions(self) -> list[str]:
        """The times of the calendar as cron expressions."""
        daily, cron = self.schedule.get("daily_time", []), self.schedule.get("cron", [])
        texts = [cron] if isinstance(cron, str) else list(cron)
        for at in [daily] if isinstance(daily, str) else daily:
            hour, minute = at.split(":")
            texts.append(f"{int(minute)} {int(hour)} * * *")
        return texts

    def rests_on(self, local: datetime) -> bool:
        exclude = self.schedule.get("exclude", ())
        return WEEKDAYS[local.weekday()] in exclude or local.date().isoformat() in exclude

    def takes(self, moment: datetime, local: datetime) -> bool:
        """Whether a time of the kind is a slot."""
        if moment < self.since or (moment == self.since and not self.inclusive):
            return False
        if (self.start and moment < self.start) or (self.end and moment > self.end):
            return False
        return not self.rests_on(local)


def _read(schedule: dict[str, Any], key: str) -> datetime | None:
    return datetime.fromisoformat(schedule[key]).astimezone(UTC) if schedule.get(key) else None


def find_slots(stretches: Iterable[Stretch], until: datetime) -> None:
    """Fill in the slots of each stretch up to `until`."""
    by_zone: dict[str, list[Stretch]] = defaultdict(list)
    for stretch in stretches:
        if "interval_minutes" in stretch.schedule:
            stretch.slots = _of_interval(stretch, until)
        elif stretch.expressions:
            by_zone[stretch.zone].append(stretch)
        else:
            stretch.slots = [stretch.start or stretch.since]
    for zone, several in by_zone.items():
        _walk(ZoneInfo(zone), several, until)


def _of_interval(stretch: Stretch, until: datetime) -> list[datetime]:
    """Anchor + k times the interval. A start in the past is the first slot all the same."""
    zone = ZoneInfo(stretch.zone)
    step = timedelta(minutes=stretch.schedule["interval_minutes"])
    moment, found = stretch.start or stretch.anchor, []
    last = min(until, stretch.end) if stretch.end else until
    while moment <= last:
        before = moment <= stretch.since and not stretch.inclusive
        if not before and not stretch.rests_on(moment.astimezone(zone)):
            found.append(moment)
        moment += step
    return found


def _walk(zone: ZoneInfo, stretches: list[Stretch], until: datetime) -> None:
    table: dict[tuple[int, int], list[tuple[Expression, Stretch]]] = defaultdict(list)
    for stretch in stretches:
        for text in stretch.expressions:
            expression = Expression(text)
            for hour in expression.hours:
                for minute in expression.minutes:
                    table[hour, minute].append((expression, stretch))
    found: dict[int, set[datetime]] = {id(stretch): set() for stretch in stretches}
    moment = min(stretch.since for stretch in stretches).replace(second=0, microsecond=0) - 2 * DAY
    before = (moment - MINUTE).astimezone(zone).replace(tzinfo=None)
    latest = before
    """The latest time that the clock has shown: what is not later was shown before."""
    while moment <= until:
        local = moment.astimezone(zone).replace(tzinfo=None)
        new = local > latest
        for expression, stretch in table.get((local.hour, local.minute), ()):
            if (new or expression.steady) and expression.matches(local) and stretch.takes(moment, local):
                found[id(stretch)].add(moment)
        skipped = before + MINUTE
        while skipped < local:
            for expression, stretch in table.get((skipped.hour, skipped.minute), ()):
                if not expression.steady and expression.matches(skipped) and stretch.takes(moment, local):
                    found[id(stretch)].add(moment)
            skipped += MINUTE
        before = local
        latest = max(latest, local)
        moment += MINUTE
    for stretch in stretches:
        stretch.slots = sorted(found[id(stretch)])
