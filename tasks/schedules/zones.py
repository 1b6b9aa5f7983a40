"""Clock changes: from local times to moments, where a local time may come once, twice or not at all."""

import zoneinfo
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

# In the system's zone folder, but not zones: one means "not set up", the other whatever this machine is set
# to.
_NOT_ZONES = frozenset({"Factory", "localtime"})
# Days at the ends of Python's calendar, where adding an offset would overflow.
FIRST_DAY, LAST_DAY = date(1, 1, 3).toordinal(), date(9999, 12, 29).toordinal()


@dataclass(frozen=True, kw_only=True)
class Change:
    """A clock change: its moment (UTC) and the offsets before and after it."""

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def local_before(self) -> datetime:
        """What the clock would have shown without the change (naive)."""
        return self.at.replace(tzinfo=None) + self.before

    @property
    def local_after(self) -> datetime:
        """What the clock shows instead (naive)."""
        return self.at.replace(tzinfo=None) + self.after

    def moments(self, local: datetime) -> tuple[datetime, ...]:
        """As `moments` of the zone, for a naive local time on the day of this change."""
        utc = local.replace(tzinfo=UTC)
        passes = []
        if local < self.local_before:
            passes.append(utc - self.before)
        if local >= self.local_after:
            passes.append(utc - self.after)
        return tuple(passes)


def zone_names() -> frozenset[str]:
    """The names that `timezone` may have: the IANA names that this Python knows."""
    return _zone_names(tuple(zoneinfo.TZPATH))


@lru_cache(maxsize=4)
def _zone_names(_path: tuple[str, ...]) -> frozenset[str]:
    # Keyed by the search path, because `reset_tzpath` changes the answer; walking the folders takes 20 ms and
    # more.
    return frozenset(zoneinfo.available_timezones()) - _NOT_ZONES


@lru_cache(maxsize=32768)
def plain_offset(zone: ZoneInfo, day: int) -> timedelta | None:
    """The one UTC offset of a whole local day (an ordinal); None where a clock change touches it or its ends.

    No zone has had two changes within three days since 1970, so equal offsets at both ends mean no change
    between.
    """
    offsets = {
        datetime.combine(date.fromordinal(d), time(fold=fold), zone).utcoffset()
        for d in (day, day + 1)
        for fold in (0, 1)
    }
    return offsets.pop() if len(offsets) == 1 else None


def moments(zone: ZoneInfo, local: datetime) -> tuple[datetime, ...]:
    """The moments (UTC) at which the clock shows the naive `local`: one, two in order, or none (skipped)."""
    first, second = _offsets(zone, local)
    utc = local.replace(tzinfo=UTC)
    if first == second:
        return (utc - first,)
    return (utc - first, utc - second) if first > second else ()


def after_gap(zone: ZoneInfo, local: datetime) -> datetime | None:
    """The first full local minute after the gap in which the naive `local` lies, in UTC.

    None where the whole calendar day was skipped (Apia had no 30 December 2011): a day that did not exist had
    no times either, and its end belongs to the next day, which has its own.
    """
    first, second = _offsets(zone, local)
    utc = local.replace(tzinfo=UTC)
    change = _change_between(zone, utc - second, utc - first)
    midnight = datetime.combine(local.date(), time.min)
    if change.local_before <= midnight and midnight + timedelta(days=1) <= change.local_after:
        return None
    seconds = change.local_after.second
    return change.at + timedelta(seconds=60 - seconds if seconds else 0)


def first_moment(zone: ZoneInfo, local: datetime) -> datetime:
    """The moment that a person means by the naive `local`: its first pass, or the end of its gap."""
    found = moments(zone, local)
    if found:
        return found[0]
    first, _ = _offsets(zone, local)
    return after_gap(zone, local) or local.replace(tzinfo=UTC) - first


def change_on(zone: ZoneInfo, day: int) -> Change | None:
    """The clock change that touches the local day (an ordinal), its two midnights included, or None."""
    if plain_offset(zone, day) is not None:
        return None
    ends = []
    for d in (day, day + 1):
        midnight = datetime.combine(date.fromordinal(d), time.min)
        ends.append([midnight.replace(tzinfo=UTC) - offset for offset in _offsets(zone, midnight)])
    earliest, latest = min(ends[0]), max(ends[1])
    if _offset(zone, earliest) == _offset(zone, latest):
        return None
    return _change_between(zone, earliest, latest)


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    """A zone's offset at an aware moment, or for a naive local time read in it (with its fold)."""
    local = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)
    # Never None for a full datetime in a ZoneInfo; the fallback is for the type only.
    return local.utcoffset() or timedelta(0)


def _offsets(zone: ZoneInfo, local: datetime) -> tuple[timedelta, timedelta]:
    """The offsets of a local time's first and second reading (PEP 495): in a gap the first is the smaller."""
    return _offset(zone, local.replace(fold=0)), _offset(zone, local.replace(fold=1))


def _change_between(zone: ZoneInfo, low: datetime, high: datetime) -> Change:
    """The one change in (low, high], two UTC moments with different offsets, to the second."""
    before, after = _offset(zone, low), _offset(zone, high)
    steps = int((high - low).total_seconds())
    same, changed = 0, steps
    while changed - same > 1:
        middle = (same + changed) // 2
        if _offset(zone, low + timedelta(seconds=middle)) == before:
            same = middle
        else:
            changed = middle
    return Change(at=low + timedelta(seconds=changed), before=before, after=after)
