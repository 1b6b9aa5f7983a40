"""Cron expressions: what is accepted, what is refused with what to write instead, and which days match.

cronsim parses the fields and matches days (day of month and weekday, `L`, `LW`, `5L`, `1#2`); the next times
are ours (`when`), because no library gives exact ones around clock changes.
"""

import calendar
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache

from cronsim import CronSim, CronSimError

NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
MAX_LENGTH = 200
_MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_MONTHS = {name: n for n, name in enumerate(_MONTH_NAMES, 1)}
_WEEKDAYS = {name: n for n, name in enumerate(["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"])}
# By month; February as in a leap year, because a 29th does come.
LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class CronError(ValueError):
    """The expression is not accepted; the text says what to write instead."""


@dataclass(frozen=True, kw_only=True)
class _Field:
    """One of the five fields: what it is called, its numbers, and its names for them."""

    name: str
    low: int
    high: int
    names: dict[str, int] = field(default_factory=dict)
    hint: str = ""


_FIELDS = (
    _Field(name="minute", low=0, high=59),
    _Field(name="hour", low=0, high=23),
    _Field(name="day of month", low=1, high=31, hint=", L (the last day) or LW (the last working day)"),
    _Field(name="month", low=1, high=12, names=_MONTHS, hint=" or JAN-DEC"),
    _Field(name="weekday", low=0, high=7, names=_WEEKDAYS, hint=", SUN-SAT, 5L (the last Friday) or 1#2"),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Cron:
    """A parsed expression. Compared by identity: `parse_cron` gives the same object for the same text."""

    fields: tuple[str, str, str, str, str]
    """Minute, hour, day of month, month, weekday, in capitals, nicknames resolved."""
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    steady: bool
    """Minute or hour starts with `*`: each real minute that matches, through gaps and repeats alike."""
    days_and: bool
    """Day of month and weekday must both match, because one of them starts with `*`; else one suffices."""
    _sim: CronSim
    _shapes: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict)

    def days_in(self, year: int, month: int) -> tuple[int, ...]:
        """The days of a month that match, in order; none where the month itself does not."""
        if month not in self.months:
            return ()
        # Which days match depends only on the month's first weekday and its length: at most 28 shapes a year
        # goes by.
        shape = calendar.monthrange(year, month)
        days = self._shapes.get(shape)
        if days is None:
            days = tuple(d for d in range(1, shape[1] + 1) if self._sim.match_day(date(year, month, d)))
            self._shapes[shape] = days
        return days


@lru_cache(maxsize=4096)
def parse_cron(text: str) -> Cron:
    """Parse five fields or a nickname, names in any case. Raises CronError, which says what to write."""
    fields = _five_fields(text)
    for spec, value in zip(_FIELDS, fields, strict=True):
        for term in value.split(","):
            _check_term(spec, value, term)
    _check_days_exist(fields)
    try:
        # cronsim reads 3-3/5 as 3/5 (from 3 to the end); a range of one is that one.
        sim = CronSim(re.sub(r"\b(\w+)-\1/[0-9]+", r"\1", " ".join(fields)), datetime(2000, 1, 1))
    except CronSimError as error:
        raise CronError(f"“{text}” is not a cron expression ({error}): write it like “0 9 * * 1-5”.") from error
    return Cron(
        fields=fields,
        minutes=tuple(sorted(m for m in sim.minutes if isinstance(m, int))),
        hours=tuple(sorted(h for h in sim.hours if isinstance(h, int))),
        months=frozenset(m for m in sim.months if isinstance(m, int)),
        steady=fields[0].startswith("*") or fields[1].startswith("*"),
        days_and=sim.day_and,
        _sim=sim,
    )


YEAR = re.compile(r"(19|20)\d\d")


def _five_fields(text: str) -> tuple[str, str, str, str, str]:
    parts = text.upper().split()
    if not parts:
        raise CronError("The cron expression is empty: write five fields, like “0 9 * * 1-5” for weekdays at 09:00.")
    if len(text) > MAX_LENGTH:
        raise CronError(f"The cron expression is longer than {MAX_LENGTH} characters: split it into a list of several.")
    if parts[0].startswith("@"):
        nickname = NICKNAMES.get(" ".join(parts).lower())
        if nickname is None:
            raise CronError(f"“{text}” is not known: write @hourly, @daily, @weekly, @monthly, @yearly or five fields.")
        parts = nickname.split()
    if len(parts) in (6, 7):
        # Which one is too many: a year stands at the end, seconds at the beginning.
        fields = text.split()
        five = " ".join(fields[:5] if len(fields) == 6 and YEAR.fullmatch(fields[5]) else fields[1:6])
        raise CronError(f"“{text}” has {len(parts)} fields: write five, without seconds and year, like “{five}”.")
    if len(parts) != 5:
        raise CronError(
            f"“{text}” has {len(parts)} field{'s' if len(parts) > 1 else ''}: write five (minute, hour, "
            "day of month, month, weekday), like “0 9 * * 1-5”."
        )
    if "?" in text:
        raise CronError(f"“?” is not used here: write “*” instead, as in “{' '.join(text.split()).replace('?', '*')}”.")
    return (parts[0], parts[1], parts[2], parts[3], parts[4])


def _check_term(spec: _Field, value: str, term: str) -> None:
    """Refuse one item of a field's list, with what to write instead."""
    others = ",".join(filter(None, value.split(",")))
    allowed = f"write {spec.low}-{spec.high}{spec.hint}"
    if not term:
        raise CronError(f"{spec.name} “{value}” has an empty item: write “{others or '*'}”.")
    if (spec.name == "day of month" and term in ("L", "LW")) or (spec.name == "weekday" and _is_special_weekday(term)):
        return
    base, slash, step = term.partition("/")
    if slash and (not _is_number(step) or int(step) == 0):
        raise CronError(f"{spec.name} “{term}”: a step is a number from 1 on, write “{base or '*'}/5” or leave it out.")
    if base == "*":
        return
    start, dash, end = base.partition("-")
    if not _number(spec, start) or (dash and not _number(spec, end)):
        raise CronError(
            f"{spec.name} “{term}” is not known: {allowed}{', or * for every one' if spec.low != 0 else ''}."
        )
    low, high = _value(spec, start), _value(spec, end if dash else start)
    for number in (low, high):
        if not spec.low <= number <= spec.high:
            raise CronError(f"{spec.name} {number} does not exist: {allowed}.")
    if dash and high < low:
        raise CronError(f"{spec.name} “{base}” runs backwards: write “{_forwards(spec, low, high)}”.")


def _forwards(spec: _Field, low: int, high: int) -> str:
    """A range that wraps round, written as cron understands it: Friday to Sunday is 5-7, not 5-0."""
    if spec.name == "weekday":
        return f"{low}-7" if high == 0 else f"{low}-7,{f'1-{high}' if high > 1 else '1'}"
    ends = [(low, spec.high), (spec.low, high)]
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ends)


def _check_days_exist(fields: tuple[str, ...]) -> None:
    """Refuse days that none of the months has, as 30 in February."""
    days, months = fields[2], fields[3]
    # With a weekday beside it and no star, the weekday alone suffices and the schedule does fire (the notes
    # say so).
    both = days.startswith("*") or fields[4].startswith("*")
    if not both or re.search(r"[*L]", days):
        return
    first = min(_value(_FIELDS[2], re.split(r"[-/]", term)[0]) for term in days.split(","))
    wanted = _numbers(_FIELDS[3], months)
    longest = max(LONGEST_MONTHS[month - 1] for month in wanted)
    if first > longest:
        names = ", ".join(name.capitalize() for name, n in _MONTHS.items() if n in wanted)
        raise CronError(f"day of month {first} does not exist in {names}: write 1-{longest}, or L for the last day.")


def _numbers(spec: _Field, value: str) -> set[int]:
    """The numbers that an already checked field stands for."""
    found: set[int] = set()
    for term in value.split(","):
        base, slash, step = term.partition("/")
        start, dash, end = base.partition("-")
        low = spec.low if base == "*" else _value(spec, start)
        high = _value(spec, end) if dash else (spec.high if base == "*" or slash else low)
        found.update(range(low, high + 1, int(step) if slash else 1))
    return found


def _is_special_weekday(term: str) -> bool:
    """`5L`, the last Friday of a month, or `1#2`, its second Monday (names are fine before `#`)."""
    if re.fullmatch(r"[0-7]L", term):
        return True
    name, mark, nth = term.partition("#")
    return bool(mark) and (name in _WEEKDAYS or re.fullmatch("[0-7]", name) is not None) and nth in tuple("12345")


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,9}", text) is not None


def _number(spec: _Field, text: str) -> bool:
    return text in spec.names or _is_number(text)


def _value(spec: _Field, text: str) -> int:
    return spec.names[text] if text in spec.names else int(text)
