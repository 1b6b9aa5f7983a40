"""An oracle for calendar schedules that shares nothing with the product: a walk over every real minute.

Slow and plain on purpose. Its cron reader is its own, and it never turns a local time into UTC: it only ever
asks what a zone's clock shows at a real minute, and compares that with what it showed a minute before.
"""

import calendar
import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
_NAMES = {
    **{name: n for n, name in enumerate(["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"])},
    **{name.upper(): n for n, name in enumerate(calendar.month_abbr) if n},
}
_ENDS = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]


class Expression:
    """A cron expression as documented: sets of numbers, with L, LW, 5L and 1#2 as predicates."""

    def __init__(self, text: str) -> None:
        self.parts = text.upper().split()
        minute, hour, dom, month, dow = self.parts
        self.minutes, self.hours, self.months = (
            self._numbers(0, minute),
            self._numbers(1, hour),
            self._numbers(3, month),
        )
        self.steady = minute[0] == "*" or hour[0] == "*"
        self.both = dom[0] == "*" or dow[0] == "*"
        self.dom, self.dow = dom, dow
        self._days: dict[date, bool] = {}

    @staticmethod
    def _numbers(place: int, text: str) -> set[int]:
        found: set[int] = set()
        low, high = _ENDS[place]
        for part in text.split(","):
            body, _, step = part.partition("/")
            if body == "*":
                start, end = low, high
            elif "-" in body:
                start, end = (_NAMES.get(x, -1) if x in _NAMES else int(x) for x in body.split("-"))
            else:
                start = _NAMES[body] if body in _NAMES else int(body)
                end = high if step else start
            found |= {n for n in range(start, end + 1) if (n - start) % int(step or 1) == 0}
        return found

    def _dom_matches(self, day: date) -> bool:
        last = calendar.monthrange(day.year, day.month)[1]
        working = max(d for d in range(last - 3, last + 1) if date(day.year, day.month, d).isoweekday() < 6)
        for part in self.dom.split(","):
            if part == "L":
                hit = day.day == last
            elif part == "LW":
                hit = day.day == working
            else:
                hit = day.day in self._numbers(2, part)
            if hit:
                return True
        return False

    def _dow_matches(self, day: date) -> bool:
        for part in self.dow.split(","):
            if part.endswith("L"):
                hit = day.isoweekday() % 7 == int(part[0]) % 7 and (day + timedelta(days=7)).month != day.month
            elif "#" in part:
                name, nth = part.split("#")
                wanted = _NAMES[name] if name in _NAMES else int(name)
                hit = day.isoweekday() % 7 == wanted % 7 and (day.day - 1) // 7 + 1 == int(nth)
            else:
                hit = day.isoweekday() % 7 in {n % 7 for n in self._numbers(4, part)}
            if hit:
                return True
        return False

    def matches(self, local: datetime) -> bool:
        if local.hour not in self.hours or local.minute not in self.minutes or local.month not in self.months:
            return False
        day = local.date()
        if day not in self._days:
            dom, dow = self._dom_matches(day), self._dow_matches(day)
            self._days[day] = (dom and dow) if self.both else (dom or dow)
        return self._days[day]


def minutes_of(zone: ZoneInfo, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Every real minute in [start, end) with what the zone's clock shows (naive)."""
    found = []
    moment = start
    while moment < end:
        found.append((moment, moment.astimezone(zone).replace(tzinfo=None)))
        moment += MINUTE
    return found


def slots(expression: Expression, minutes: list[tuple[datetime, datetime]]) -> Iterator[datetime]:
    """All slots among the real minutes, as docs/schedules.md means them; the first is only a start."""
    seen: set[datetime] = {minutes[0][1]}
    for (_, before), (moment, local) in itertools.pairwise(minutes):
        due = expression.matches(local)
        if not expression.steady:
            due = due and local not in seen
            skipped = local - before - MINUTE
            if skipped > timedelta(0):
                missing = (before + MINUTE * n for n in range(1, skipped // MINUTE + 1))
                due = due or any(expression.matches(gone) for gone in missing)
        seen.add(local)
        if due:
            yield moment


def clock_changes(zone: ZoneInfo, year: int) -> list[datetime]:
    """The real hours of a year in which the zone's offset changes."""
    start = datetime(year, 1, 1, tzinfo=UTC)
    hours = [start + timedelta(hours=h) for h in range(366 * 24)]
    offsets = [hour.astimezone(zone).utcoffset() for hour in hours]
    return [hours[n] for n in range(1, len(hours)) if offsets[n] != offsets[n - 1]]
