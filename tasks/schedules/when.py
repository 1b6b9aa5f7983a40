"""The next times of a schedule: one walk over local days, exact through every clock change.

For each matching calendar day all its local times are turned into UTC (a repeated one into its first pass, or
both where the schedule is steady; a skipped one into the end of the gap, or nothing where it is steady),
sorted, and the first after the question is taken. On the many days without a clock change that is one look-up
in a sorted tuple.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import takewhile
from zoneinfo import ZoneInfo

from tasks.schedules import zones
from tasks.schedules.cron import Cron, parse_cron
from tasks.schedules.schedule import Schedule

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
# The Gregorian calendar repeats after 400 years: what has not matched by then never does.
_CYCLE_YEARS = 400
_FIRST, _LAST = datetime(1, 1, 4, tzinfo=UTC), datetime(9999, 12, 27, tzinfo=UTC)
_DAY_ONE = datetime(1, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Rule:
    """Local times on local days: one cron expression, or all daily times. Compared by identity."""

    times: tuple[int, ...]
    """Minutes since local midnight, sorted."""
    steady: bool
    """Whether it keeps its pace through clock changes (see `Cron.steady`) instead of once a local time."""
    cron: Cron | None = None
    """What decides its days; None means every day."""

    def days_from(self, day: int) -> Iterator[int]:
        """The matching days (ordinals) from `day` on, through one whole cycle of the calendar."""
        start = date.fromordinal(day)
        last = min(zones.LAST_DAY, day + _CYCLE_YEARS * 366)
        if self.cron is None:
            yield from range(day, last + 1)
            return
        year, month = start.year, start.month
        while True:
            if month in self.cron.months:
                before_first = date(year, month, 1).toordinal() - 1
                for n in self.cron.days_in(year, month):
                    if before_first + n > last:
                        return
                    if before_first + n >= day:
                        yield before_first + n
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
            if year > 9999 or year > start.year + _CYCLE_YEARS:
                return


@dataclass(frozen=True, kw_only=True)
class Rests:
    """The local days on which a schedule rests."""

    weekdays: frozenset[int]
    days: frozenset[int]

    def on(self, day: int) -> bool:
        """Whether the schedule rests on this local day (an ordinal). Ordinal 1 was a Monday."""
        return (day - 1) % 7 in self.weekdays or day in self.days


@lru_cache(maxsize=4096)
def rests_of(exclude: tuple[str, ...]) -> Rests | None:
    """The exclusions of a schedule, ready to be asked; None where there are none."""
    if not exclude:
        return None
    return Rests(
        weekdays=frozenset(WEEKDAYS.index(entry) for entry in exclude if entry in WEEKDAYS),
        days=frozenset(date.fromisoformat(entry).toordinal() for entry in exclude if entry not in WEEKDAYS),
    )


def why_at_rest(schedule: Schedule, moment: datetime) -> str:
    """Why nothing that comes at `moment` (aware), an event for instance, may start a run; empty where it may."""
    _must_be_aware(moment)
    local = moment.astimezone(ZoneInfo(schedule.timezone))
    rests = rests_of(schedule.exclude)
    if schedule.start_at is not None and moment < schedule.start_at:
        return f"It starts at {schedule.start_at.astimezone(local.tzinfo):%Y-%m-%d %H:%M} only (start_at)."
    if schedule.end_at is not None and moment > schedule.end_at:
        return f"It ended at {schedule.end_at.astimezone(local.tzinfo):%Y-%m-%d %H:%M} (end_at)."
    if rests is not None and rests.on(local.toordinal()):
        return f"It rests on {local:%A, %Y-%m-%d} (exclude)."
    return ""


@lru_cache(maxsize=4096)
def _daily_rule(times: tuple[time, ...]) -> Rule:
    return Rule(times=tuple(sorted({t.hour * 60 + t.minute for t in times})), steady=False)


@lru_cache(maxsize=4096)
def _cron_rule(expression: str) -> Rule:
    cron = parse_cron(expression)
    times = tuple(hour * 60 + minute for hour in cron.hours for minute in cron.minutes)
    return Rule(times=times, steady=cron.steady, cron=cron)


def rules_of(schedule: Schedule) -> tuple[Rule, ...]:
    """The calendar rules of a schedule: none for an interval, a once or an event schedule."""
    if schedule.daily_times:
        return (_daily_rule(schedule.daily_times),)
    return tuple(_cron_rule(expression) for expression in schedule.crons)


def next_after(schedule: Schedule, after: datetime, *, anchor: datetime) -> datetime | None:
    """The first slot strictly after `after`, or None when there is none.

    Honours `start_at` (itself a possible slot), `end_at` (inclusive) and `exclude`; `max_runs` is the
    caller's to count. `anchor` is the task's creation: what an interval counts from, and when a once schedule
    is due, where there is no `start_at`. Both are aware; the answer is UTC and lies after the question,
    always (docs/schedules.md).
    """
    _must_be_aware(after, anchor)
    start = schedule.start_at or anchor
    zone, rests = ZoneInfo(schedule.timezone), rests_of(schedule.exclude)
    found: datetime | None
    if schedule.interval_minutes is not None:
        found = _next_of_interval(timedelta(minutes=schedule.interval_minutes), zone, rests, after, start)
    elif not schedule.recurring:
        resting = rests is not None and rests.on(start.astimezone(zone).toordinal())
        found = start if start > after and not resting else None
    else:
        if schedule.start_at is not None and after < schedule.start_at:
            after = schedule.start_at - _INSTANT
        found = None
        for rule in _likely_first(rules_of(schedule), rests):
            candidate = _next_of_rule(rule, zone, rests, after, found)
            if candidate is not None and (found is None or candidate < found):
                found = candidate
    if found is None or (schedule.end_at is not None and found > schedule.end_at):
        return None
    return found.astimezone(UTC)


def first_slot(schedule: Schedule, *, now: datetime, anchor: datetime) -> datetime | None:
    """The first slot of a task that is created at `now`, which may be `now` itself.

    An interval and a once schedule: `start_at`, else `anchor`. A calendar schedule: the first time at or
    after `now` and `start_at`. Both are aware; None where there is none (an event schedule, or all days
    excluded).
    """
    calendar = bool(schedule.daily_times or schedule.crons)
    begin = now if calendar else schedule.start_at or anchor
    return next_after(schedule, begin - _INSTANT, anchor=anchor)


def slots_between(
    schedule: Schedule, after: datetime, until: datetime, *, anchor: datetime, limit: int
) -> list[datetime]:
    """The slots in (after, until], oldest first, at most `limit`. Times as in `next_after`."""
    slots: list[datetime] = []
    while len(slots) < limit:
        slot = next_after(schedule, after, anchor=anchor)
        if slot is None or slot > until:
            break
        slots.append(slot)
        after = slot
    return slots


def count_between(schedule: Schedule, after: datetime, until: datetime, *, anchor: datetime, limit: int) -> int:
    """How many slots lie in (after, until], up to `limit`: by arithmetic or whole days where possible."""
    rules = rules_of(schedule)
    if rules:
        return min(limit, _count_of_rules(schedule, rules, after, until))
    if schedule.interval_minutes is None:
        return len(slots_between(schedule, after, until, anchor=anchor, limit=limit))
    step = timedelta(minutes=schedule.interval_minutes)
    end = until if schedule.end_at is None else min(until, schedule.end_at)
    first = next_after(schedule, after, anchor=anchor)
    if first is None or first > end:
        return 0
    if schedule.exclude:
        return min(limit, _count_of_interval(schedule, step, first, end))
    return max(0, min(limit, (end - first) // step + 1))


def jitter_for(schedule: Schedule, task_key: str, slot: datetime) -> timedelta:
    """How much later than its slot a run may start: 0 to `jitter_seconds`, in milliseconds, evenly spread.

    The same task and slot always give the same answer, on every machine, so that two runners agree.
    """
    if schedule.jitter_seconds <= 0:
        return timedelta(0)
    name = f"{task_key} {slot.astimezone(UTC).isoformat()}".encode()
    number = int.from_bytes(hashlib.blake2b(name, digest_size=8).digest())
    return timedelta(milliseconds=number % (schedule.jitter_seconds * 1000 + 1))


def _must_be_aware(*times: datetime) -> None:
    if any(t.tzinfo is None for t in times):
        raise ValueError("times without a zone would be read in this machine's: pass aware ones")


def _next_of_interval(
    step: timedelta, zone: ZoneInfo, rests: Rests | None, after: datetime, start: datetime
) -> datetime | None:
    """The first of start, start + step, start + 2 step … after `after` and on a day without rest."""
    start = start.astimezone(UTC)
    if not after < _LAST:
        return None
    slot = start if after < start else start + ((after - start) // step + 1) * step
    horizon = slot + timedelta(days=_CYCLE_YEARS * 366) if slot.year < 9000 else _LAST
    while rests is not None:
        if slot > min(horizon, _LAST):
            return None
        today = slot.astimezone(zone).toordinal()
        if not rests.on(today):
            break
        if step >= _DAY:
            slot += step
            continue
        # On to the first slot of the next day at once: a resting day of minutes is one step, not 1,440.
        tomorrow = zones.first_moment(zone, datetime.combine(date.fromordinal(today + 1), time.min))
        slot += max(step, -((slot - tomorrow) // step) * step)
    return slot if slot <= _LAST else None


@lru_cache(maxsize=4096)
def _likely_first(rules: tuple[Rule, ...], rests: Rests | None) -> tuple[Rule, ...]:
    """The rules, those last whose every day is a resting one: their walk need not go further than what others found.

    (They may have a slot all the same: a gap puts off the end of a resting day into the next.)
    """
    if rests is None or len(rules) == 1:
        return rules
    return tuple(sorted(rules, key=lambda rule: all(rests.on(day) for day in rule.days_from(_DAY_ONE.toordinal()))))


def _next_of_rule(
    rule: Rule, zone: ZoneInfo, rests: Rests | None, after: datetime, before: datetime | None = None
) -> datetime | None:
    """The first slot of a calendar rule after `after`, by the walk that this module's docstring describes.

    What does not lie before `before` is not looked for.
    """
    if not _FIRST < after < _LAST:
        return None
    local = after.astimezone(zone)
    today, minute = local.toordinal(), local.hour * 60 + local.minute
    # The day before can still have slots to come only where a clock change touches its end (St. John's went
    # from 00:01 back to 23:01 of the day before, until 2011).
    start = today if zones.plain_offset(zone, today - 1) is not None else today - 1
    found: datetime | None = None
    found_on = 0
    last = zones.LAST_DAY if before is None else before.astimezone(zone).toordinal() + 1
    for day in rule.days_from(start):
        if day > last:
            break
        if found is not None and day > found_on + 1:
            break
        offset = zones.plain_offset(zone, day)
        candidate: datetime | None = None
        if offset is None:
            candidate = next((t for t in _slots_on_changed_day(rule, zone, rests, day) if t > after), None)
        elif day >= today and not (rests is not None and rests.on(day)):
            at = bisect_right(rule.times, minute) if day == today else 0
            if at < len(rule.times):
                candidate = _DAY_ONE + timedelta(days=day - 1, minutes=rule.times[at]) - offset
        if candidate is not None and (found is None or candidate < found):
            found, found_on = candidate, day
        # A changed day's times may come after the next day's first, so that one is looked at too.
        if found is not None and offset is not None:
            break
    return found


def _count_of_interval(schedule: Schedule, step: timedelta, first: datetime, end: datetime) -> int:
    """How many of first, first + step … up to `end` lie on days without rest, by whole days."""
    zone, rests = ZoneInfo(schedule.timezone), rests_of(schedule.exclude)
    if rests is None or step >= _DAY:
        number = (end - first) // step + 1
        return sum(
            rests is None or not rests.on((first + n * step).astimezone(zone).toordinal()) for n in range(number)
        )
    count = 0
    begin = first
    while begin <= end:
        today = begin.astimezone(zone).toordinal()
        tomorrow = zones.first_moment(zone, datetime.combine(date.fromordinal(today + 1), time.min))
        # The first slot of the next day: at least a step on, where midnight comes twice.
        following = begin + max(1, -((begin - tomorrow) // step)) * step
        if not rests.on(today):
            count += (min(following - step, end) - begin) // step + 1
        begin = following
    return count


def _count_of_rules(schedule: Schedule, rules: tuple[Rule, ...], after: datetime, until: datetime) -> int:
    """How many slots of a calendar schedule lie in (after, until], by whole days."""
    zone, rests = ZoneInfo(schedule.timezone), rests_of(schedule.exclude)
    if schedule.start_at is not None:
        after = max(after, schedule.start_at - _INSTANT)
    if schedule.end_at is not None:
        until = min(until, schedule.end_at)
    if after >= until or after <= _FIRST or until >= _LAST:
        return 0
    first, last = after.astimezone(zone).toordinal(), until.astimezone(zone).toordinal()
    by_day: dict[int, tuple[Rule, ...]] = {}
    for rule in rules:
        # A clock change may put times of the day before after `after`, and of the day after before `until`.
        for day in takewhile(lambda day: day <= last + 1, rule.days_from(first - 1)):
            by_day[day] = (*by_day.get(day, ()), rule)
    count = 0
    irregular: set[datetime] = set()
    for day in sorted(by_day):
        offset = zones.plain_offset(zone, day)
        if offset is None:
            for rule in by_day[day]:
                irregular.update(t for t in _slots_on_changed_day(rule, zone, rests, day) if after < t <= until)
        elif rests is None or not rests.on(day):
            times = _times_of(by_day[day])
            midnight = _DAY_ONE + timedelta(days=day - 1) - offset
            if first < day < last:
                count += len(times)
            else:
                count += sum(after < midnight + minutes * _MINUTE <= until for minutes in times)
            # A gap that ends at this midnight puts the last times of the day before on this day's first.
            irregular.discard(midnight + times[0] * _MINUTE)
    return count + len(irregular)


@lru_cache(maxsize=512)
def _times_of(rules: tuple[Rule, ...]) -> tuple[int, ...]:
    """The times of a day on which several rules match."""
    return tuple(sorted({minutes for rule in rules for minutes in rule.times}))


@lru_cache(maxsize=512)
def _slots_on_changed_day(rule: Rule, zone: ZoneInfo, rests: Rests | None, day: int) -> tuple[datetime, ...]:
    """All slots of a local day that a clock change touches, in UTC and in order."""
    slots: set[datetime] = set()
    midnight = datetime.combine(date.fromordinal(day), time.min)
    change = zones.change_on(zone, day)
    for minutes in rule.times:
        local = midnight + minutes * _MINUTE
        passes = change.moments(local) if change is not None else zones.moments(zone, local)
        if rule.steady:
            slots.update(passes)
        elif passes:
            slots.add(passes[0])
        else:
            late = zones.after_gap(zone, local)
            if late is not None:
                slots.add(late)
    if rests is not None:
        # By the day that the clock shows then: a run that a gap before midnight puts off lies on the next
        # day.
        slots = {t for t in slots if not rests.on(t.astimezone(zone).toordinal())}
    return tuple(sorted(slots))
