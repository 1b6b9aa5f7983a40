"""The first times of a schedule and the notes beside them: what a person should know before they save it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from tasks.schedules import zones
from tasks.schedules.cron import LONGEST_MONTHS, parse_cron
from tasks.schedules.schedule import Schedule
from tasks.schedules.when import Rule, first_slot, rests_of, rules_of, slots_between
from tasks.schedules.words import (
    city,
    days_note,
    long_day_words,
    moment_words,
    span_words,
    weekdays_open,
)

_END_OF_TIME = datetime.max.replace(tzinfo=UTC)
_YEAR = timedelta(days=366)
# A year is at most 366 days, but the first Monday of February comes after 371: only more than that is a
# warning.
_LONG_GAP = timedelta(days=400)
# Notes are read, not scrolled: the next few clock changes say what all later ones will do.
_MOST_CHANGES = 4
# How many days an interval's preview looks through for clock changes: every zone that has them has two a
# year.
_MOST_DAYS = 800


@dataclass(frozen=True, kw_only=True)
class Note:
    """A sentence beside the times; `time` (UTC) is the slot or clock change of which it speaks."""

    text: str
    time: datetime | None = None


def preview(schedule: Schedule, *, now: datetime, count: int = 10) -> tuple[list[datetime], list[Note]]:
    """The first `count` slots (UTC) and the notes to them.

    Counted from `start_at`, itself included and also where it is past, else from `now` (aware). Cut by
    `end_at`, `max_runs` and `exclude`. Notes name clock changes that touch its times (of a schedule with
    fixed times within a year, of a steady one among the times shown), gaps of more than a year, and how days
    of month and weekdays go together.
    """
    begin = (schedule.start_at or now).astimezone(UTC)
    wanted = count if schedule.max_runs is None else min(count, schedule.max_runs)
    first = first_slot(schedule, now=begin, anchor=begin)
    times = [] if first is None else [first]
    if first is not None and schedule.recurring:
        times += slots_between(schedule, first, _END_OF_TIME, anchor=begin, limit=max(wanted - 1, 0))
    times = times[:wanted]
    notes = [
        *_days_notes(schedule),
        *_gap_notes(schedule, begin, times),
        *_change_notes(schedule, begin, times),
    ]
    if schedule.on_event:
        notes.append(Note(text="Starts when one of its hooks is called, at no time of its own."))
    return times, notes


def _days_notes(schedule: Schedule) -> Iterator[Note]:
    """How day of month and weekday go together, and months that lack a day."""
    for cron in map(parse_cron, schedule.crons):
        text = days_note(cron)
        if text is not None:
            yield Note(text=text)
        day = cron.fields[2]
        if not day.isdigit() or (not weekdays_open(cron.fields[4]) and cron.days_and):
            continue
        lacking = [month for month in cron.months if int(day) > LONGEST_MONTHS[month - 1]]
        if len(lacking) == len(cron.months):
            yield Note(text=f"None of its months has a day {day}: only the weekdays count.")
        elif lacking:
            yield Note(text=f"Months without a day {day} are left out; write L for the last day of each month.")


def _gap_notes(schedule: Schedule, begin: datetime, times: list[datetime]) -> Iterator[Note]:
    """A warning where more than a year lies between two times, or before the first."""
    if not schedule.recurring or not times:
        return
    zone = ZoneInfo(schedule.timezone)
    shown = [begin, *times]
    if len(times) == 1 and (schedule.max_runs is None or schedule.max_runs > 1):
        shown += slots_between(replace(schedule, end_at=None), times[0], _END_OF_TIME, anchor=begin, limit=1)
    if any(b - a > _LONG_GAP for a, b in pairwise(shown)):
        when = moment_words(times[0].astimezone(zone))
        yield Note(text=f"Runs less than once a year. The next time is {when}.", time=times[0])


def _change_notes(schedule: Schedule, begin: datetime, times: list[datetime]) -> list[Note]:
    """What clock changes do to it, soonest first."""
    if not times:
        return []
    zone = ZoneInfo(schedule.timezone)
    last = times[-1]
    if schedule.interval_minutes is not None:
        return _interval_notes(schedule, zone, times[0], last)
    notes: dict[str, Note] = {}
    rests = rests_of(schedule.exclude)
    final = _last_moment(schedule, begin, times)
    for rule in rules_of(schedule):
        found = 0
        for day in rule.days_from(begin.astimezone(zone).toordinal()):
            if (
                day > max(last.astimezone(zone).toordinal(), final.astimezone(zone).toordinal())
                or found == _MOST_CHANGES
            ):
                break
            change = zones.change_on(zone, day)
            if change is None or change.at < begin or (rests is not None and rests.on(day)):
                continue
            note = _rule_note(rule, zone, schedule.timezone, day, change, shown=change.at <= last)
            if note is not None and note.time is not None and note.time <= max(last, final):
                notes[note.text] = note
                found += 1
    return sorted(notes.values(), key=lambda note: note.time or begin)[:_MOST_CHANGES]


def _last_moment(schedule: Schedule, begin: datetime, times: list[datetime]) -> datetime:
    """How far ahead fixed times are looked through: a year, unless the schedule ends before."""
    if schedule.max_runs is not None and len(times) == schedule.max_runs:
        return times[-1]
    ahead = begin + _YEAR
    return ahead if schedule.end_at is None else min(ahead, schedule.end_at)


def _rule_note(
    rule: Rule, zone: ZoneInfo, timezone: str, day: int, change: zones.Change, *, shown: bool
) -> Note | None:
    """What the change does to the rule's times on that day; None where it touches none of them."""
    midnight = datetime.combine(date.fromordinal(day), time.min)
    low, high = sorted((change.local_before, change.local_after))
    touched = [t for t in (midnight + timedelta(minutes=m) for m in rule.times) if low <= t < high]
    if not touched:
        return None
    skips = change.before < change.after
    listed = _listed(touched)
    one = len(touched) == 1
    clock = f"On {long_day_words(midnight.date())} the clock in {city(timezone)}"
    span = f"from {change.local_before:%H:%M} to {change.local_after:%H:%M}"
    if rule.steady:
        whole_day = len(touched) == len(rule.times)
        gone = f"It does not run that day ({listed})." if whole_day else "It does not run in between."
        text = f"skips {span}. {gone}" if skips else f"goes back {span}. It runs through that time twice."
        return Note(text=f"{clock} {text}", time=change.at) if shown or whole_day else None
    if not skips:
        runs = f"The run of {listed} happens" if one else f"The runs of {listed} happen"
        first = zones.moments(zone, touched[0])[0]
        return Note(text=f"{clock} goes back {span}. {runs} once, the first time round.", time=first)
    late = zones.after_gap(zone, touched[0])
    if late is None:
        return Note(text=f"{clock} skips the whole day. It does not run then.", time=change.at)
    starts = "A run due then" if not one else f"The run of {listed}"
    text = f"{clock} skips {span}. {starts} starts at {late.astimezone(zone):%H:%M}"
    return Note(text=f"{text}." if one else f"{text}, once for {listed}.", time=late)


def _interval_notes(schedule: Schedule, zone: ZoneInfo, first: datetime, last: datetime) -> list[Note]:
    """An interval counts elapsed time: after a change the same slots show other times of the day."""
    notes: dict[datetime, Note] = {}
    start, end = first.astimezone(zone).toordinal(), last.astimezone(zone).toordinal()
    for day in range(start, min(end, start + _MOST_DAYS) + 1):
        change = zones.change_on(zone, day)
        if change is None or not first < change.at <= last:
            continue
        way = "forward" if change.after > change.before else "back"
        by = span_words(abs((change.after - change.before).total_seconds()))
        clock = f"On {long_day_words(change.local_after.date())} the clock in {city(schedule.timezone)}"
        text = (
            f"{clock} goes {way} by {by}. "
            "An interval counts elapsed time: it keeps its distance, and its times of the day shift."
        )
        notes[change.at] = Note(text=text, time=change.at)
    return list(notes.values())[:_MOST_CHANGES]


def _listed(times: list[datetime]) -> str:
    shown = [f"{t:%H:%M}" for t in times[:4]]
    if len(times) > 4:
        return f"{', '.join(shown)} …"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
