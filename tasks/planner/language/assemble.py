"""From a meaning to a schedule in the contract's JSON form, with a doubt for everything that was not said.

What is doubtful still gets a value, so that a question can carry a proposal; who calls decides by the doubts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tasks import schedules
from tasks.planner.language.english_clock import in_part
from tasks.planner.language.meaning import (
    EVERY_DAY,
    PART_TIMES,
    Bound,
    Clock,
    DayOf,
    Days,
    Doubt,
    Meaning,
    Part,
    Segment,
    weekdays_of,
)
from tasks.schedules import Schedule, ScheduleError, zones

_NAMES = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_NINE = Clock(hour=9)
_OFTEN = {2: (9, 17), 3: (9, 13, 17), 4: (9, 12, 15, 18)}
"""Hours that are proposed for so many times a day."""
_FIRST_SURE_HOUR = 7
"""A bare “at 7” is the morning's; “at 6” and less may be either half of the day and is asked about."""


@dataclass(kw_only=True)
class Assembled:
    """A schedule in JSON form with its value, or None where nothing can even be proposed; and what is not sure."""

    local: datetime
    """The person's now, in the zone that counts."""
    zone: ZoneInfo
    data: dict[str, object] | None = None
    schedule: Schedule | None = None
    doubts: list[Doubt] = field(default_factory=list)

    def doubt(self, code: str, **about: object) -> None:
        """Note that something was not said, or has two readings."""
        self.doubts.append(Doubt(code=code, about=about))


def assemble(meaning: Meaning, *, now: datetime, timezone: str) -> Assembled:
    """What `meaning` comes to for a person whose zone is `timezone` at `now` (aware)."""
    name = meaning.zone.name if meaning.zone else timezone
    zone = ZoneInfo(name)
    made = Assembled(local=now.astimezone(zone), zone=zone, doubts=list(meaning.doubts))
    if meaning.zone and not meaning.zone.sure and (meaning.zone.code == "zone" or name != timezone):
        made.doubt(meaning.zone.code, said=meaning.zone.said, zone=name, own=timezone)
    if any(doubt.code in ("vague", "unclear", "soon", "seconds") for doubt in made.doubts):
        return made
    try:
        data = _data(meaning, made, name)
        if data is not None:
            made.schedule = schedules.parse(data, now=now, default_timezone=name)
            made.data = data
    except ScheduleError as error:
        made.doubt("refused", text=" ".join(text for texts in error.fields.values() for text in texts))
    except (OverflowError, ValueError):
        # “In 99999999 days” lies beyond every calendar.
        made.doubt("no_day")
    return made


def _data(meaning: Meaning, made: Assembled, zone: str) -> dict[str, object] | None:
    """The schedule's keys; None where nothing can even be proposed."""
    if not meaning.recurring:
        moment = _moment(meaning, made)
        # A moment carries its offset: it needs no zone beside it.
        return {"start_at": moment.isoformat()} if moment else None
    data = _recurring(meaning, made)
    if data is not None:
        data["timezone"] = zone
        _bounds(meaning, made, data)
    return data


def _moment(meaning: Meaning, made: Assembled) -> datetime | None:
    """The one moment that is meant, in its zone."""
    local, zone = made.local, made.zone
    if meaning.delta is not None:
        return (local.astimezone(UTC) + timedelta(minutes=meaning.delta)).replace(microsecond=0).astimezone(zone)
    today = local.date()
    found = meaning.day(today) if meaning.day else (today,)
    if not found:
        made.doubt("no_day")
        return None
    clocks = _clocks(meaning.last, made)
    if not clocks:
        made.doubt("time")
        clocks = [_proposed(meaning.last.part)]
    if len(clocks) > 1:
        made.doubt("several", times=[clock.text for clock in clocks])
    moments = [_at(zone, day, clocks[0]) for day in found]
    ahead = [moment for moment in moments if moment > local]
    if not ahead and meaning.weekday and len(found) == 1:
        # Said on Friday at four, “Friday at three” is next week's, if it is not a slip.
        ahead = [_at(zone, found[0] + timedelta(days=7), clocks[0])]
        made.doubt("past", moment=moments[0])
    elif not ahead and meaning.day is None:
        ahead = [_at(zone, today + timedelta(days=1), clocks[0])]
        made.doubt("past", moment=moments[0])
    elif not ahead:
        made.doubt("past", moment=moments[-1])
        return None
    if len(ahead) > 1:
        made.doubt("which_day", days=[moment.date() for moment in ahead])
    return ahead[0]


def _at(zone: ZoneInfo, day: date, clock: Clock) -> datetime:
    local = datetime.combine(day, time(clock.hour, clock.minute))
    return zones.first_moment(zone, local).astimezone(zone)


def _proposed(part: Part | None) -> Clock:
    hour, minute = PART_TIMES[part] if part else (9, 0)
    return Clock(hour=hour, minute=minute)


def _clocks(segment: Segment, made: Assembled) -> list[Clock]:
    """The segment's times, read in its part of the day; a doubt for each that has two readings."""
    found: list[Clock] = []
    if choice := [clock.text for clock in segment.clocks if clock.choice]:
        made.doubt("either", times=choice)
    for number, clock in enumerate(segment.clocks):
        if segment.part:
            read = in_part(clock, segment.part)
            if read is None:
                made.doubt("part", time=clock.text, part=segment.part)
                read = clock
            found.append(read)
            continue
        later = segment.clocks[number + 1 :]
        afternoon = next((c for c in later if c.form == "exact" and c.hour > 12), None)
        unclear = clock.form == "bare" and (
            clock.hour < _FIRST_SURE_HOUR or (afternoon is not None and clock.hour + 12 < afternoon.hour)
        )
        if unclear:
            made.doubt("half", time=clock.text, later=clock.shifted().text)
        found.append(clock.shifted() if unclear else Clock(hour=clock.hour, minute=clock.minute))
    return sorted(set(found), key=lambda c: (c.hour, c.minute))


def _recurring(meaning: Meaning, made: Assembled) -> dict[str, object] | None:
    if meaning.interval:
        return _pace(meaning, made)
    other = next((doubt for doubt in made.doubts if doubt.code == "other"), None)
    if other:
        return _every_other(other, meaning, made)
    segments = _days_of(meaning, made)
    if segments is None:
        return None
    if meaning.day is not None:
        made.doubt("both")
    rules: list[tuple[Days, list[Clock]]] = []
    for segment in segments:
        clocks = _clocks(segment, made)
        if not clocks and meaning.start and meaning.start.clock:
            clocks = [meaning.start.clock]
        if not clocks and meaning.per and meaning.per[1] == "day":
            clocks = [Clock(hour=hour) for hour in _OFTEN.get(meaning.per[0], ())]
            made.doubt("often", times=meaning.per[0])
            if not clocks:
                return None
        elif meaning.per and meaning.per[1] == "day" and len(clocks) != meaning.per[0]:
            made.doubt("often", times=meaning.per[0])
        if not clocks:
            made.doubt("time")
            clocks = [_proposed(segment.part)]
        days = segment.days or EVERY_DAY
        if meaning.months:
            if days.month != "*":
                made.doubt("both")
            days = replace(days, month=",".join(map(str, meaning.months)))
        rules.append((days, clocks))
    return _calendar(rules)


def _days_of(meaning: Meaning, made: Assembled) -> list[Segment] | None:
    """The segments with their days: proposed ones where only “weekly” or “twice a week” was said."""
    segments = [segment for segment in meaning.segments if segment.days]
    if meaning.per and meaning.per[1] != "day":
        named = sum(len(segment.days.weekdays or ()) for segment in segments if segment.days)
        if meaning.per[1] != "week" or named != meaning.per[0]:
            made.doubt("which_days", times=meaning.per[0], unit=meaning.per[1])
            return None
    if segments:
        loose = [segment for segment in meaning.segments if not segment.days and segment.clocks]
        for segment in loose:
            segments[-1].clocks.extend(segment.clocks)
        return segments
    clocks, part = meaning.last.clocks, meaning.last.part
    days = {
        "week": weekdays_of(frozenset({0})),
        "month": Days(dom="1"),
        "quarter": Days(dom="1", month="1,4,7,10"),
        "year": Days(dom="1", month="1"),
    }.get(meaning.cadence or "")
    if days:
        made.doubt("which_day_of", unit=meaning.cadence)
    return [Segment(days=days or EVERY_DAY, clocks=clocks, part=part)]


def _calendar(rules: Sequence[tuple[Days, list[Clock]]]) -> dict[str, object]:
    if all(days.every_day for days, _ in rules):
        times = sorted({clock.text for _, clocks in rules for clock in clocks})
        return {"daily_time": _one_or_list(times)}
    crons: dict[str, None] = {}
    for days, clocks in rules:
        minutes: dict[int, list[int]] = {}
        for clock in clocks:
            minutes.setdefault(clock.minute, []).append(clock.hour)
        for minute, hours in minutes.items():
            crons[f"{minute} {','.join(map(str, hours))} {days.dom} {days.month} {days.dow}"] = None
    return {"cron": _one_or_list(list(crons))}


def _one_or_list(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values


def _pace(meaning: Meaning, made: Assembled) -> dict[str, object] | None:
    """An interval, or the cron expression for one that has a minute, a window, or days of the month."""
    every = meaning.interval or 0
    days = next((segment.days for segment in meaning.segments if segment.days), EVERY_DAY)
    if meaning.months:
        made.doubt("both")
    by_day = f"{days.dom} {days.month} {days.dow}"
    if meaning.day is not None and not meaning.start:
        made.doubt("both")
    if meaning.window:
        return _windowed(every, meaning.window, by_day, made)
    if meaning.minute is not None or not (days.every_day or days.weekdays):
        if every % 60 == 0 and every <= 1440 and 24 % (every // 60) == 0:
            hours = "*" if every == 60 else f"*/{every // 60}"
            return {"cron": f"{meaning.minute or 0} {hours} {by_day}"}
        if meaning.minute in (None, 0) and every < 60 and 60 % every == 0:
            return {"cron": f"*/{every} * {by_day}" if every > 1 else f"* * {by_day}"}
        made.doubt("both")
        return None
    data: dict[str, object] = {"interval_minutes": every}
    if days.weekdays:
        data["exclude"] = [_NAMES[day] for day in range(7) if day not in days.weekdays]
    clocks = _clocks(meaning.last, made)
    if clocks:
        made.doubt("start", time=clocks[0].text)
        data["start_at"] = _next_clock(made.zone, made.local, clocks[0]).isoformat()
    return data


def _windowed(every: int, window: tuple[Clock, Clock], by_day: str, made: Assembled) -> dict[str, object] | None:
    """Both ends run."""
    if window[0].form == "bare" and window[0].hour < _FIRST_SURE_HOUR:
        made.doubt("half", time=window[0].text, later=window[0].shifted().text)
    first, last = (clock.hour * 60 + clock.minute for clock in window)
    minutes = list(range(first, last + 1, every)) if every else []
    hours: dict[tuple[int, ...], list[int]] = {}
    for hour in range(24):
        found = tuple(minute % 60 for minute in minutes if minute // 60 == hour)
        if found:
            hours.setdefault(found, []).append(hour)
    if not minutes or len(hours) > 4:
        made.doubt("both")
        return None
    return {"cron": _one_or_list([f"{_minutes(found)} {_range(at)} {by_day}" for found, at in hours.items()])}


def _minutes(found: tuple[int, ...]) -> str:
    step = found[1] - found[0] if len(found) > 1 else 0
    if step and found == tuple(range(0, 60, step)) and 60 % step == 0:
        return "*" if step == 1 else f"*/{step}"
    return ",".join(map(str, found))


def _range(hours: list[int]) -> str:
    whole = len(hours) > 2 and hours == list(range(hours[0], hours[-1] + 1))
    return f"{hours[0]}-{hours[-1]}" if whole else ",".join(map(str, hours))


def _every_other(doubt: Doubt, meaning: Meaning, made: Assembled) -> dict[str, object] | None:
    """“Every other Monday” has no schedule of its own; an interval from its first day is proposed."""
    days = {"day": 1, "week": 7}.get(str(doubt.about["unit"]))
    if days is None:
        return None
    local, zone = made.local, made.zone
    clock = (_clocks(meaning.last, Assembled(local=local, zone=zone)) or [_proposed(meaning.last.part)])[0]
    weekday = doubt.about.get("weekday", min(meaning.weekday) if meaning.weekday else None)
    start = _next_clock(zone, local, clock)
    if isinstance(weekday, int):
        day = local.date() + timedelta(days=(weekday - local.weekday()) % 7)
        start = _at(zone, day, clock)
        if start <= local:
            start = _at(zone, day + timedelta(days=7), clock)
    return {"interval_minutes": int(float(doubt.about["n"]) * days * 1440), "start_at": start.isoformat()}


def _next_clock(zone: ZoneInfo, local: datetime, clock: Clock) -> datetime:
    found = _at(zone, local.date(), clock)
    return found if found > local else _at(zone, local.date() + timedelta(days=1), clock)


def _bounds(meaning: Meaning, made: Assembled, data: dict[str, object]) -> None:
    """First and last moment, number of runs, and days of rest."""
    local = begin = made.local
    if meaning.start and (start := _first_moment(meaning, meaning.start, made)) is not None:
        data["start_at"] = start.isoformat()
        begin = start
    if meaning.until and (end := _last_moment(meaning, meaning.until, made, begin)) is not None:
        data["end_at"] = end.isoformat()
    if meaning.duration and (end := _end_of(meaning, made, data, begin)) is not None:
        data["end_at"] = end.isoformat()
    if meaning.count:
        data["max_runs"] = meaning.count
    rests = list(data.get("exclude", ()))  # type: ignore[call-overload]
    for entry in meaning.exclude:
        if isinstance(entry, str):
            rests.append(entry)
        elif (day := _one_day(entry, local.date(), made)) is not None:
            rests.append(day.isoformat())
    if rests:
        data["exclude"] = list(dict.fromkeys(rests))


def _one_day(of: DayOf, today: date, made: Assembled) -> date | None:
    found = of(today)
    if len(found) > 1:
        made.doubt("which_day", days=list(found))
    if not found:
        made.doubt("no_day")
        return None
    return found[0]


def _first_moment(meaning: Meaning, start: Bound, made: Assembled) -> datetime | None:
    local, zone = made.local, made.zone
    clock = start.clock
    if clock is not None and clock.form == "bare" and clock.hour < _FIRST_SURE_HOUR:
        made.doubt("half", time=clock.text, later=clock.shifted().text)
        clock = clock.shifted()
    if start.day is None:
        # “daily starting at 9” has its time from it; only a pace needs the moment.
        return _next_clock(zone, local, clock) if clock and meaning.interval else None
    day = _one_day(start.day, local.date(), made)
    if day is None:
        return None
    if clock is None and day == local.date():
        return None
    if clock is None and any(doubt.code == "other" for doubt in made.doubts):
        # “Every other Monday at 9 from 7 December”: the pace is counted from that day's nine.
        clock = next(iter(meaning.last.clocks), None)
    return _at(zone, day, clock or Clock(hour=0))


def _last_moment(meaning: Meaning, until: Bound, made: Assembled, begin: datetime) -> datetime | None:
    zone = made.zone
    clock = until.clock
    if clock is not None and clock.form == "bare" and clock.hour < _FIRST_SURE_HOUR:
        made.doubt("half", time=clock.text, later=clock.shifted().text)
        clock = clock.shifted()
    if until.day is None:
        if not meaning.interval:
            made.doubt("until")
        return _next_clock(zone, begin, clock or _NINE)
    day = _one_day(until.day, begin.date(), made)
    if day and clock and clock.hour == clock.minute == 0:
        # The midnight at which a day ends, not the one before it.
        day += timedelta(days=1)
    return _at(zone, day, clock or Clock(hour=23, minute=59)) if day else None


def _end_of(meaning: Meaning, made: Assembled, data: dict[str, object], begin: datetime) -> datetime | None:
    """“For two weeks”: from now for a pace; whole days, the first run's included, for times of the day."""
    count, unit = meaning.duration or (1.0, "day")
    if unit in ("minute", "hour") or (meaning.interval and unit in ("day", "week")):
        if not meaning.interval:
            made.doubt("until")
        return (begin + count * timedelta(**{f"{unit}s": 1})).replace(microsecond=0)
    try:
        schedule = schedules.parse(data, now=begin, default_timezone="UTC", allow_past=True)
    except ScheduleError:
        return None
    first = schedules.first_slot(schedule, now=begin, anchor=begin)
    day = first.astimezone(made.zone).date() if first else begin.date()
    if unit in ("month", "year"):
        year, month = divmod(day.year * 12 + day.month - 1 + int(count * (12 if unit == "year" else 1)), 12)
        last = date(year, month + 1, min(day.day, 28)) - timedelta(days=1)
    else:
        last = day + timedelta(days=int(count * (7 if unit == "week" else 1)) - 1)
    return _at(made.zone, last, Clock(hour=23, minute=59))
