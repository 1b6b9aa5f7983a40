"""The JSON form of a schedule: read, checked with all its faults at once, merged by PATCH, and written."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from tasks.schedules import zones
from tasks.schedules.cron import CronError, parse_cron
from tasks.schedules.schedule import Schedule, ScheduleError
from tasks.schedules.when import WEEKDAYS, first_slot, slots_between
from tasks.schedules.words import moment_words

KINDS = ("interval_minutes", "daily_time", "cron", "on_event")
KEYS = (*KINDS, "timezone", "start_at", "end_at", "max_runs", "jitter_seconds", "exclude")
MAX_INTERVAL = 525_600
MAX_RUNS = 1_000_000
MAX_JITTER = 86_400
MAX_TIMES = 96
MAX_CRONS = 24
MAX_EXCLUSIONS = 400
_YEARS = range(1970, 9990)


def parse(data: Mapping[str, object], *, now: datetime, default_timezone: str, allow_past: bool = False) -> Schedule:
    """Read and check a schedule in the contract's JSON form; null counts as absent.

    `now` is aware: at creation the times that lie before it are refused, unless `allow_past` (a preview may
    look back). `default_timezone` is the zone where `timezone` is not named; a `start_at` or `end_at` without
    an offset is read in the schedule's zone. No kind means a once schedule. Raises ScheduleError with every
    bad key.
    """
    given = {key: value for key, value in data.items() if value is not None}
    fresh = frozenset() if allow_past else frozenset(KEYS)
    return _checked(given, default_timezone, now=now, anchor=now, fresh=fresh)


def from_dict(data: Mapping[str, object]) -> Schedule:
    """Read what `to_dict` wrote: each key is checked, but not whether it has times to come."""
    return _read(data, "UTC")


def merge(old: Schedule, patch: Mapping[str, object], *, now: datetime, anchor: datetime | None = None) -> Schedule:
    """Apply a PATCH: a new kind takes the old one's place, null removes a key, the zone stays unless named.

    Only what the patch touches is refused for lying before `now` (aware). `anchor` is the task's creation,
    from which an interval without `start_at` counts (`now` where it is not given). Raises ScheduleError with
    every bad key.
    """
    merged = to_dict(old)
    named = [kind for kind in KINDS if patch.get(kind) is not None and patch[kind] is not False]
    removed = [kind for kind in KINDS if kind in merged and kind in patch and kind not in named]
    for kind in KINDS:
        if named or kind in removed:
            merged.pop(kind, None)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = value
    # Without a kind the schedule would run once, and at once: nobody who takes a kind away asked for that.
    if removed and not named and patch.get("start_at") is None:
        text = f"Taken away without another: name one of {_or(KINDS)}, or start_at for a single run."
        raise ScheduleError({removed[0]: [text]})
    fresh = frozenset(patch) | (frozenset({"start_at"}) if removed else frozenset())
    return _checked(merged, old.timezone, now=now, anchor=anchor or now, fresh=fresh)


def to_dict(schedule: Schedule) -> dict[str, object]:
    """The contract's JSON form: no absent keys, a single entry bare, times in the zone's offset."""
    data: dict[str, object] = {}
    if schedule.interval_minutes is not None:
        data["interval_minutes"] = schedule.interval_minutes
    if schedule.daily_times:
        data["daily_time"] = _one_or_list([t.strftime("%H:%M") for t in schedule.daily_times])
    if schedule.crons:
        data["cron"] = _one_or_list(list(schedule.crons))
    if schedule.on_event:
        data["on_event"] = True
    data["timezone"] = schedule.timezone
    zone = ZoneInfo(schedule.timezone)
    if schedule.start_at is not None:
        data["start_at"] = schedule.start_at.astimezone(zone).isoformat()
    if schedule.end_at is not None:
        data["end_at"] = schedule.end_at.astimezone(zone).isoformat()
    if schedule.max_runs is not None:
        data["max_runs"] = schedule.max_runs
    if schedule.jitter_seconds:
        data["jitter_seconds"] = schedule.jitter_seconds
    if schedule.exclude:
        data["exclude"] = list(schedule.exclude)
    return data


class _Faults:
    """Collects what is wrong, key by key, so that a person hears it all at once."""

    def __init__(self) -> None:
        self.fields: dict[str, list[str]] = {}

    def add(self, key: str, text: str) -> None:
        texts = self.fields.setdefault(key, [])
        if text not in texts:
            texts.append(text)

    def stop_if_any(self) -> None:
        if self.fields:
            raise ScheduleError(self.fields)


def _checked(
    given: Mapping[str, object], default_timezone: str, *, now: datetime, anchor: datetime, fresh: frozenset[str]
) -> Schedule:
    """The schedule, its keys checked alone and together. Raises ScheduleError with all that can be said at once."""
    try:
        schedule = _read(given, default_timezone)
    except ScheduleError as error:
        fields = dict(error.fields)
        rest = {key: value for key, value in given.items() if key not in fields}
        # Times are counted by these: without one that is right, nothing true can be said of the others together.
        if not fields.keys() & {*KINDS, "timezone", "start_at"}:
            try:
                _check_together(_read(rest, default_timezone), now=now, anchor=anchor, fresh=fresh)
            except ScheduleError as more:
                fields |= more.fields
        raise ScheduleError(fields) from None
    _check_together(schedule, now=now, anchor=anchor, fresh=fresh)
    return schedule


def _read(given: Mapping[str, object], default_timezone: str) -> Schedule:
    """Each key by itself. Raises ScheduleError with all the bad ones."""
    faults = _Faults()
    for key in given:
        if key not in KEYS:
            faults.add(str(key), _unknown_key(str(key)))
    zone_name = _timezone(given.get("timezone", default_timezone), faults)
    zone = ZoneInfo(zone_name)
    schedule = Schedule(
        interval_minutes=_whole(given, "interval_minutes", 1, MAX_INTERVAL, what="minutes, as 30", faults=faults),
        daily_times=_daily_times(given.get("daily_time"), faults),
        crons=_crons(given.get("cron"), faults),
        on_event=_on_event(given.get("on_event"), faults),
        timezone=zone_name,
        start_at=_moment(given, "start_at", zone, faults),
        end_at=_moment(given, "end_at", zone, faults),
        max_runs=_whole(given, "max_runs", 1, MAX_RUNS, what="runs, or leave it out for no limit", faults=faults),
        jitter_seconds=_whole(given, "jitter_seconds", 0, MAX_JITTER, what="seconds, as 60", faults=faults) or 0,
        exclude=_exclude(given.get("exclude"), faults),
    )
    kinds = [kind for kind in KINDS if kind in given and given[kind] is not False]
    for kind in kinds if len(kinds) > 1 else []:
        faults.add(kind, f"Only one of {_or(KINDS)} is possible: keep one and leave out the other.")
    faults.stop_if_any()
    return schedule


def _check_together(schedule: Schedule, *, now: datetime, anchor: datetime, fresh: frozenset[str]) -> None:
    """What keys allow alone and not together; those in `fresh` must not lie before `now`."""
    faults = _Faults()
    start, end = schedule.start_at, schedule.end_at
    if "start_at" in fresh and not schedule.recurring and start is not None and start < now:
        faults.add("start_at", f"{_at(schedule, start)} is past: write a later time, or leave it out to run at once.")
    if "end_at" in fresh and end is not None and end < now:
        faults.add("end_at", f"{_at(schedule, end)} is past: write a later time, or leave it out.")
    if start is not None and end is not None and end < start:
        faults.add("end_at", f"Lies before start_at ({_at(schedule, start)}): write a later time.")
    if not schedule.recurring and schedule.max_runs is not None and schedule.max_runs > 1:
        faults.add("max_runs", f"Without a kind it runs once: leave it out, or name one of {_or(KINDS)}.")
    if schedule.on_event:
        faults.stop_if_any()
        return
    begin = start or anchor
    if fresh and (schedule.daily_times or schedule.crons):
        begin = max(begin, now)
    # An end that is wrong already is not called too early for the first time as well.
    sound = replace(schedule, end_at=None) if "end_at" in faults.fields else schedule
    _check_it_fires(sound, begin, faults)
    # Of what never comes no two times lie apart.
    if schedule.jitter_seconds and schedule.recurring and not faults.fields.keys() & {"cron", "exclude"}:
        _check_jitter(schedule, begin, faults)
    faults.stop_if_any()


def _check_it_fires(schedule: Schedule, begin: datetime, faults: _Faults) -> None:
    """Refuse a schedule without any slot, naming the key that takes the last one away."""
    if first_slot(schedule, now=begin, anchor=begin) is not None:
        return
    endless = replace(schedule, end_at=None)
    first = first_slot(endless, now=begin, anchor=begin)
    if first is not None:
        faults.add(
            "end_at",
            f"Lies before the first time, {_at(schedule, first)}: write that or later, or leave it out.",
        )
    elif first_slot(replace(endless, exclude=()), now=begin, anchor=begin) is not None:
        faults.add("exclude", "Takes away every time: leave out at least one of the days on which it would run.")
    else:
        faults.add("cron", "Never comes: no day matches it; write other days or months, like “0 9 1 * *”.")


def _check_jitter(schedule: Schedule, begin: datetime, faults: _Faults) -> None:
    """Jitter longer than the distance of two slots would let a later one start first."""
    # Four distances see through the usual patterns; the longest year between two slots is no reason to look
    # further.
    slots = slots_between(
        replace(schedule, end_at=None), begin - timedelta(microseconds=1), _far(begin), anchor=begin, limit=5
    )
    shortest = min((b - a for a, b in pairwise(slots)), default=None)
    if shortest is not None and timedelta(seconds=schedule.jitter_seconds) > shortest:
        most = int(shortest.total_seconds())
        faults.add("jitter_seconds", f"Longer than the time between two runs: write {most} at most.")


def _far(begin: datetime) -> datetime:
    return begin + timedelta(days=3660) if begin.year < 9980 else begin


def _unknown_key(key: str) -> str:
    close = difflib.get_close_matches(key, KEYS, n=1, cutoff=0.5)
    return f"Not a key of a schedule: write {close[0] if close else 'one of ' + _or(KEYS)}."


def _whole(given: Mapping[str, object], key: str, low: int, high: int, *, what: str, faults: _Faults) -> int | None:
    value = given.get(key)
    if value is None:
        return None
    # bool is an int in Python, and nobody means "every True minutes".
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        faults.add(key, f"{_shown(value)} is not possible: write a whole number from {low:,} to {high:,} ({what}).")
        return None
    return value


def _timezone(value: object, faults: _Faults) -> str:
    """A known zone's name; UTC and a fault where it is not one."""
    names = zones.zone_names()
    if isinstance(value, str) and value in names:
        return value
    close: list[str] = []
    if isinstance(value, str) and len(value) <= 100:
        wanted = value.strip().replace(" ", "_").casefold()
        close = sorted(n for n in names if n.casefold() == wanted or n.casefold().endswith("/" + wanted))
        close = close or difflib.get_close_matches(value, names, n=1, cutoff=0.7)
    better = close[0] if close else "a name like Europe/Berlin or UTC"
    faults.add(
        "timezone",
        f"{_shown(value)} is not a time zone: write {better}.",
    )
    return "UTC"


def _daily_times(value: object, faults: _Faults) -> tuple[time, ...]:
    times: set[time] = set()
    for entry in _entries(value, "daily_time", MAX_TIMES, "times like 09:05", faults):
        match = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])", entry) if isinstance(entry, str) else None
        if match:
            times.add(time(int(match[1]), int(match[2])))
        else:
            faults.add("daily_time", f"{_shown(entry)} is not a time of the day: write {_daily_hint(entry)}.")
    return tuple(sorted(times))


def _daily_hint(entry: object) -> str:
    if isinstance(entry, str):
        match = re.fullmatch(r"\s*([0-9]{1,2})[:.hH]?([0-9]{2})?(?::00)?\s*([aApP])?[mM]?\s*", entry)
        if match:
            hour, minute = int(match[1]), int(match[2] or 0)
            if match[3]:
                hour = hour % 12 + (12 if match[3] in "pP" else 0)
            if hour == 24 and minute == 0:
                hour = 0
            if hour < 24 and minute < 60:
                return f"“{hour:02}:{minute:02}”"
    return "HH:MM from 00:00 to 23:59, as “09:05”"


def _crons(value: object, faults: _Faults) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for entry in _entries(value, "cron", MAX_CRONS, "expressions like “0 9 * * 1-5”", faults):
        if not isinstance(entry, str):
            faults.add("cron", f"{_shown(entry)} is not a cron expression: write it like “0 9 * * 1-5”.")
            continue
        expression = " ".join(entry.split())
        try:
            parse_cron(expression)
        except CronError as error:
            faults.add("cron", str(error))
        else:
            found[expression] = None
    return tuple(found)


def _on_event(value: object, faults: _Faults) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    faults.add("on_event", f"{_shown(value)} is not possible: write true, or leave it out.")
    return False


def _exclude(value: object, faults: _Faults) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for entry in _entries(value, "exclude", MAX_EXCLUSIONS, "dates and weekdays", faults, empty=True):
        name = entry.strip().upper() if isinstance(entry, str) else ""
        if name in WEEKDAYS or _is_date(name):
            found[name] = None
        else:
            hint = name[:3] if name[:3] in WEEKDAYS else "a date like 2026-12-25 or a weekday MON to SUN"
            faults.add("exclude", f"{_shown(entry)} is neither a date nor a weekday: write {hint}.")
    if set(WEEKDAYS) <= set(found):
        faults.add("exclude", "All seven weekdays leave no day to run on: leave out at least one.")
    return tuple(found)


def _is_date(text: str) -> bool:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _entries(value: object, key: str, most: int, what: str, faults: _Faults, *, empty: bool = False) -> list[object]:
    """A value that may stand bare or in a list."""
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        return [value]
    if not value and not empty:
        faults.add(key, f"An empty list never runs: write {what}, or leave it out.")
    if len(value) > most:
        faults.add(key, f"{len(value)} entries are too many: write at most {most} {what}.")
        return []
    return list(value)


def _moment(given: Mapping[str, object], key: str, zone: ZoneInfo, faults: _Faults) -> datetime | None:
    """An ISO time, in UTC; without an offset it is the schedule's local time."""
    value = given.get(key)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) and len(value) > 10 else value
    except ValueError:
        moment = None
    if not isinstance(moment, datetime):
        faults.add(key, f"{_shown(value)} is not a time: write it like “2026-11-26T09:00:00+01:00”.")
        return None
    if moment.year not in _YEARS:
        faults.add(key, f"{_shown(value)} is out of reach: write a time from {_YEARS.start} to {_YEARS.stop - 1}.")
        return None
    return moment.astimezone(UTC) if moment.tzinfo is not None else zones.first_moment(zone, moment)


def _one_or_list(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values


def _or(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _at(schedule: Schedule, moment: datetime) -> str:
    return moment_words(moment.astimezone(ZoneInfo(schedule.timezone)))


def _shown(value: object) -> str:
    text = f"“{value}”" if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
