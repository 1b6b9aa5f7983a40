"""The English grammar: every piece of a text that says when something comes again, or when it happens once."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import cast

from tasks.planner.language import english_days as days
from tasks.planner.language.english_bounds import BOUNDS
from tasks.planner.language.english_clock import clocks
from tasks.planner.language.meaning import EVERY_DAY, WEEKENDS, WORKDAYS, Days, Doubt, Part, Piece, weekdays_of
from tasks.planner.language.numbers import NUMBER, ORDINAL, number, ordinal

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], Iterable[Piece]]]

_UNITS = {"s": 1 / 60, "m": 1, "h": 60, "d": 1440, "w": 10080}
UNIT = r"(?:seconds?|secs?|minutes?|mins?|min|hours?|hrs?|hr|days?|weeks?|months?|years?)"
_EVERY = r"(?:every|each)(?:\s+single)?"
_OF_MONTH = r"(?:day\s+)?(?:of|in)\s+(?:each|every|the|a)\s+(?:calendar\s+)?month\b"
_PART = r"(morning|afternoon|evening|night)s?"
_ORDINALS = rf"{ORDINAL}(?:\s*(?:,\s*and\b|,|\band\b|&)\s*(?:the\s+)?{ORDINAL})*"
_NTH = r"(?:first|second|third|fourth|fifth|last|1st|2nd|3rd|4th|5th)"
_NTHS = rf"{_NTH}(?:\s*(?:,\s*and\b|,|\band\b|&)\s*(?:the\s+)?{_NTH})*"
_SETS = (
    r"(weekdays?|week\s+days?|work\s?days?|working\s+days?|business\s+days?|trading\s+days?|school\s+days?|weekends?)"
)
CADENCES = {
    "daily": "day",
    "day": "day",
    "weekly": "week",
    "week": "week",
    "monthly": "month",
    "month": "month",
    "quarterly": "quarter",
    "quarter": "quarter",
    "yearly": "year",
    "annually": "year",
    "year": "year",
    "nightly": "day",
}


def _piece(match: re.Match[str], kind: str, value: object, *, loose: bool = False) -> Piece:
    return Piece(start=match.start(), end=match.end(), kind=kind, value=value, anchor=True, loose=loose)


def _doubt(match: re.Match[str], code: str, **about: object) -> Piece:
    return _piece(match, "doubt", Doubt(code=code, about=about))


def _part(match: re.Match[str], said: str | None) -> Iterator[Piece]:
    if said:
        yield Piece(start=match.start(), end=match.end(), kind="part", value=cast(Part, said.lower()))


def _interval(match: re.Match[str]) -> Iterator[Piece]:
    unit = match["unit"].lower()
    count = number(match["n"]) if match["n"] else 1.0
    if unit[:2] in ("mo", "ye"):
        cadence = "month" if unit[0] == "m" else "year"
        yield _piece(match, "cadence", cadence) if count == 1 else _doubt(match, "other", n=count, unit=cadence)
        return
    if unit[0] in "dw" and count == 1:
        yield _piece(match, "cadence", CADENCES[unit.rstrip("s")])
        return
    half = 30 if match["half"] else 0
    yield from _minutes(match, count * _UNITS[unit[0]] + half)


def _compact(match: re.Match[str]) -> Iterator[Piece]:
    yield from _minutes(match, number(match[1]) * _UNITS[match[2][0].lower()])


def _minutes(match: re.Match[str], minutes: float) -> Iterator[Piece]:
    if minutes < 1 or minutes != int(minutes):
        yield _doubt(match, "seconds", minutes=minutes)
    else:
        yield _piece(match, "interval", int(minutes))


def _fraction(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "interval", 30 if "half" in match[0].lower() else 15)


def _hour_and_half(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "interval", 90)


def _named_days(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "days", weekdays_of(days.weekdays(match[1])))
    yield from _either(match)
    yield from _part(match, match[2])


def _either(match: re.Match[str]) -> Iterator[Piece]:
    """“Every Monday or Tuesday”: one of them, or both?"""
    if re.search(r"\bor\b", match[1], re.I):
        yield _doubt(match, "either_day", said=match[1])


def _plural_days(match: re.Match[str]) -> Iterator[Piece]:
    plural = any(len(name) > 4 and name.lower().endswith("days") for name in re.findall(days.DAY, match[1], re.I))
    # “Friday afternoons” come again, “Friday afternoon” is one.
    if plural or (match[2] and match[0].lower().endswith("s")):
        yield _piece(match, "days", weekdays_of(days.weekdays(match[1])), loose=not match[0].lower().startswith("on"))
        yield from _either(match)
        yield from _part(match, match[2])


def _range(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "days", weekdays_of(days.weekdays(match[1])), loose=True)


def _listed_days(match: re.Match[str]) -> Iterator[Piece]:
    """“On Monday and Thursday”: both this week, or every week?"""
    found = days.weekdays(match[1])
    if len(found) > 1 and not re.search(r"days\b", match[1], re.I):
        yield _piece(match, "days", weekdays_of(found), loose=True)
        yield _doubt(match, "weekly")


def _workweek(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "days", WORKDAYS, loose=True)


def _fortnight(match: re.Match[str]) -> Iterator[Piece]:
    yield _doubt(match, "other", n=2, unit="week")


def _set(match: re.Match[str]) -> Iterator[Piece]:
    name = match[2].lower()
    again = bool(match[1]) or name.endswith("s") or bool(match[3])
    if not again:
        return
    loose = not match[1] and not match[0].lower().startswith(("on ", "at "))
    yield _piece(match, "days", WEEKENDS if name.startswith("weekend") else WORKDAYS, loose=loose)
    if name.startswith(("trading", "school")):
        yield _doubt(match, "holidays", days=name)
    yield from _part(match, match[3])


def _every_part(match: re.Match[str]) -> Iterator[Piece]:
    said = match[1].lower()
    if said == "day":
        yield _piece(match, "days", EVERY_DAY)
        return
    yield _piece(match, "days", EVERY_DAY)
    yield Piece(start=match.start(), end=match.end(), kind="part", value="noon" if said.startswith("lunch") else said)


def _every_fixed(match: re.Match[str]) -> Iterator[Piece]:
    from tasks.planner.language.meaning import Clock

    yield _piece(match, "days", EVERY_DAY)
    hour = 0 if match[1].lower() == "midnight" else 12
    yield Piece(start=match.start(), end=match.end(), kind="times", value=(Clock(hour=hour),))


def _adverb(match: re.Match[str]) -> Iterator[Piece]:
    said = match[1].lower()
    if said == "hourly":
        yield _piece(match, "interval", 60, loose=True)
        return
    yield _piece(match, "cadence", CADENCES[said], loose=True)
    if said == "nightly":
        yield from _part(match, "night")


def _dates_of_month(match: re.Match[str]) -> Iterator[Piece]:
    found = sorted(set(days.ordinals(match["list"])))
    if all(1 <= day <= 31 for day in found):
        yield _piece(match, "days", Days(dom=",".join(map(str, found))))


def _number_of_month(match: re.Match[str]) -> Iterator[Piece]:
    if 1 <= int(match[1]) <= 31:
        yield _piece(match, "days", Days(dom=match[1]))


def _end_of_month(match: re.Match[str]) -> Iterator[Piece]:
    which, working = match[1].lower(), match[2]
    if which in ("last", "final"):
        yield _piece(match, "days", Days(dom="LW" if working else "L"))
    elif working:
        yield _doubt(match, "first_workday")
    else:
        yield _piece(match, "days", Days(dom="1"))


def _month_end(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "days", Days(dom="L"))


def _month_start(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "days", Days(dom="1"))


def _nth_days(match: re.Match[str]) -> Iterator[Piece]:
    weekday = (days.weekday(match[2]) + 1) % 7
    terms = []
    for word in re.findall(_NTH, match[1], re.I):
        terms.append(f"{weekday}L" if word.lower() == "last" else f"{weekday}#{ordinal(word)}")
    yield _piece(match, "days", Days(dow=",".join(terms)))


def _quarter_start(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "days", Days(dom="1", month="1,4,7,10"))


def _yearly(match: re.Match[str]) -> Iterator[Piece]:
    month, day = days.month_day(match["date"])
    if 1 <= day <= 31:
        yield _piece(match, "days", Days(dom=str(day), month=str(month)))


def _other(match: re.Match[str]) -> Iterator[Piece]:
    word, unit = match[1].lower(), match[2].lower()
    every = {"other": 2, "alternate": 2, "2nd": 2, "second": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4}[word]
    if unit in ("minute", "hour"):
        yield _piece(match, "interval", every * (60 if unit == "hour" else 1))
        return
    if re.fullmatch(days.DAY, unit):
        yield _doubt(match, "other", n=every, unit="week", weekday=days.weekday(unit))
        return
    if unit == "weekend":
        yield _doubt(match, "other", n=every, unit="week", weekday=5)
        return
    part = unit if unit in ("morning", "afternoon", "evening", "night") else None
    yield _doubt(match, "other", n=every, unit="day" if part else unit)
    yield from _part(match, part)


def _per(match: re.Match[str]) -> Iterator[Piece]:
    word, unit = match[1].lower(), match[2].lower()
    unit = "hour" if unit == "hourly" else CADENCES.get(unit, unit)
    times = 1 if word == "once" else 2 if word == "twice" else int(number(word.split()[0]))
    if unit in ("hour", "minute"):
        whole = 60 if unit == "hour" else 1
        if times and whole % times == 0:
            yield _piece(match, "interval", whole // times)
        else:
            yield _doubt(match, "seconds", minutes=whole / times if times else 0)
    else:
        yield _piece(match, "per", (times, unit))


def _vague(match: re.Match[str]) -> Iterator[Piece]:
    yield _doubt(match, "vague", said=match[0].strip())


def _unclear(match: re.Match[str]) -> Iterator[Piece]:
    """Days with two meanings, whatever stands beside them: biweekly is said for twice a week too."""
    yield _doubt(match, "unclear", said=match[0].strip())


def _minute(match: re.Match[str]) -> Iterator[Piece]:
    if match["half"]:
        yield Piece(start=match.start(), end=match.end(), kind="minute", value=30)
        return
    figure = match[2] or match[3] or match[5]
    minute = 0 if figure is None else int(figure)
    quarter = {"quarter past": 15, "half past": 30, "quarter to": 45}.get((match[4] or "").lower())
    minute = quarter if quarter is not None else minute
    if minute < 60:
        yield Piece(start=match.start(), end=match.end(), kind="minute", value=minute)


def _rule(pattern: str, make: Callable[[re.Match[str]], Iterable[Piece]]) -> Rule:
    return re.compile(pattern, re.I), make


RULES: tuple[Rule, ...] = (
    _rule(
        rf"\b(?:{_EVERY}|once\s+(?:every|in)|once\s+in\s+every)\s+(?:(?P<n>{NUMBER})\s*-?\s*)?(?P<unit>{UNIT})\b"
        r"(?P<half>\s+and\s+a\s+half)?(?!['’]s|-)",
        _interval,
    ),
    _rule(r"\bevery\s+(\d+)\s?(m|h|d|w|s)\b", _compact),
    _rule(
        rf"\b{_EVERY}\s+(?:half(?:\s+an?|-)?\s*-?hour|(?:a\s+)?quarter(?:\s+of\s+an|\s+of\s+the|-)?\s*-?hour)\b"
        r"|\bhalf-?hourly\b",
        _fraction,
    ),
    _rule(rf"\b{_EVERY}\s+(?:one|1|an?)\s+and\s+a\s+half\s+hours?\b", _hour_and_half),
    _rule(rf"\b(?:on\s+)?{_EVERY}\s+({days.DAY_RANGE}|{days.DAYS_CLOSE})\b(?:\s+{_PART}\b)?(?!['’]s)", _named_days),
    _rule(rf"\b(?:on\s+)?({days.DAYS})\b(?:\s+{_PART}\b)?(?!['’])", _plural_days),
    _rule(rf"\b(?:from\s+|on\s+)?({days.DAY_RANGE})\b", _range),
    _rule(rf"\b(?:on\s+)?({days.DAYS})\b", _listed_days),
    _rule(r"\b(?:M-F|m-f|Mo-Fr)\b", _workweek),
    _rule(
        rf"\b(?:on\s+)?(?:{_EVERY}\s+weeknight|weeknights)\b|\b(?:biweekly|bi-weekly|bimonthly|bi-monthly)\b", _unclear
    ),
    _rule(r"\b(?:fortnightly|every\s+fortnight)\b", _fortnight),
    _rule(rf"\b(?:(?:on|at)\s+)?(?:(?:the\s+)?({_EVERY}|all)\s+)?{_SETS}\b(?:\s+{_PART}\b)?(?!['’])", _set),
    _rule(
        rf"\b(?:in\s+the\s+|on\s+)?{_EVERY}\s*(day|morning|afternoon|evening|night|lunch\s?time|lunch)\b"
        r"(?:\s+of\s+the\s+week\b)?(?!['’]s)",
        _every_part,
    ),
    _rule(rf"\b(?:at\s+)?{_EVERY}\s+(noon|midday|midnight)\b", _every_fixed),
    _rule(r"\b(hourly|daily|nightly|weekly|monthly|quarterly|yearly|annually)\b(?!['’]s|-)", _adverb),
    _rule(rf"\b{_EVERY}\s+(quarter)\b(?!\s*-?\s*(?:of|hour))", _adverb),
    _rule(rf"\b(?:on\s+)?(?:the\s+)?(?:{_EVERY}\s+)?(?P<list>{_ORDINALS})\s+{_OF_MONTH}", _dates_of_month),
    _rule(
        rf"\b(?:{_EVERY}\s+month|monthly),?\s+on\s+(?:the\s+)?(?P<list>{_ORDINALS})(?!\s+(?:{days.DAY}|of\b))\b",
        _dates_of_month,
    ),
    _rule(rf"\b(?:on\s+)?(?:the\s+)?(?P<list>{_ORDINALS})\s*,?\s+(?:{_EVERY}\s+month|monthly)\b", _dates_of_month),
    _rule(
        rf"\b(?:on\s+)?{_EVERY}\s+(?P<list>\d{{1,2}}(?:st|nd|rd|th)(?:\s*(?:,|\band\b|&)\s*\d{{1,2}}(?:st|nd|rd|th))*)(?=\s*(?:$|[,:.]|at\b|of\b))",
        _dates_of_month,
    ),
    _rule(rf"\b(?:on\s+)?day\s+(\d{{1,2}})\s+of\s+(?:{_EVERY}|the)\s+month\b", _number_of_month),
    _rule(
        rf"\b(?:on\s+|at\s+)?(?:the\s+|{_EVERY}\s+)?(last|final|first|1st)\s+((?:working|business|week|work)\s?)?day\s+"
        rf"(?:of|in)\s+(?:each|every|the|a)\s+month\b",
        _end_of_month,
    ),
    _rule(
        rf"\b(?:{_EVERY}\s+month|monthly)(?:['’]s|,?\s+on\s+(?:the|its))\s+(last|final|first)\s+((?:working|business|week)\s?)?day\b",
        _end_of_month,
    ),
    _rule(rf"\b(?:at\s+)?(?:the\s+)?(?:end\s+of\s+(?:each|every|the)\s+month|{_EVERY}\s+month\s?-?end)\b", _month_end),
    _rule(r"\b(?:at\s+)?(?:the\s+)?(?:beginning|start)\s+of\s+(?:each|every)\s+month\b", _month_start),
    _rule(
        rf"\b(?:on\s+)?(?:the\s+)?(?:{_EVERY}\s+)?({_NTHS})\s+({days.DAY})\s+(?:of|in)\s+(?:each|every|the|a)\s+month\b",
        _nth_days,
    ),
    _rule(rf"\b(?:{_EVERY}\s+month|monthly),?\s+on\s+(?:the\s+)?({_NTHS})\s+({days.DAY})\b", _nth_days),
    _rule(rf"\b(?:on\s+)?(?:the\s+)?(?:first|1st)\s+day\s+of\s+(?:{_EVERY}|the)\s+quarter\b", _quarter_start),
    _rule(rf"\b(?:{_EVERY}\s+year|yearly|annually),?\s+on\s+(?P<date>{days.DATE})", _yearly),
    _rule(rf"\b(?:on\s+)?{_EVERY}\s+(?P<date>{days.DATE})(?!\s+(?:of|in)\b)", _yearly),
    _rule(rf"\b(?:on\s+)?(?P<date>{days.DATE})\s+(?:of\s+)?(?:{_EVERY}\s+year|yearly|annually)\b", _yearly),
    _rule(
        rf"\b(?:on\s+)?(?:{_EVERY}|on)?\s*\b(other|alternate|second|2nd|third|3rd|fourth|4th)\s+"
        rf"(minute|hour|day|week|weekend|month|year|morning|afternoon|evening|night|{days.DAY})\b(?!\s+(?:of|in)\s+)",
        lambda m: _other(m) if re.search(r"\b(?:every|each|alternate)\b", m[0], re.I) else (),
    ),
    _rule(
        rf"\b(once|twice|{NUMBER}\s+times)\s+(?:(?:a|an|per|each|every)\s+)?(minute|hour|day|week|month|year|hourly|daily|weekly|monthly|yearly)\b",
        _per,
    ),
    _rule(
        rf"\b(?:every|each)\s+{NUMBER}\s*(?:-|–|\bto\b|\bor\b)\s*{NUMBER}\s*-?{UNIT}\b"
        r"|\b(?:every|each)\s+(?:few|couple(?:\s+of)?|several|so\s+many)\s+(?:minutes|hours|days|weeks|months)\b"
        r"|\bevery\s+once\s+in\s+a\s+while\b|\bevery\s+now\s+and\s+(?:then|again)\b|\bevery\s+so\s+often\b|\bfrom\s+time\s+to\s+time\b"
        r"|\b(?:regularly|periodically|on\s+a\s+regular\s+basis|at\s+regular\s+intervals)\b"
        r"|\b(?:several|a\s+few|multiple|many|a\s+couple\s+of)\s+times\s+(?:a|per|each)\s+(?:hour|day|week|month)\b",
        _vague,
    ),
    _rule(
        r"\b(?:on|at)\s+(?:the\s+)?(?:(?P<half>half[\s-]*hour\b|bottom\s+of\b)|(?:(?:full|top\s+of\s+the|top\s+of)\s+)?hour\b|:(\d\d)\b|minute\s+(\d{1,2})\b"
        r"|(quarter\s+past|half\s+past|quarter\s+to)(?!\s+(?:\d|[a-z]+\b(?<!every)(?<!the)(?<!each)))"
        r"|(\d{1,2})(?:\s+minutes?)?\s+past(?!\s+\d))(?:\s+the\s+(?:full\s+)?hour\b)?",
        _minute,
    ),
)
"""What comes again. Each makes pieces of a match, or none where it turns out to mean something else."""

_HINT = re.compile(
    r"\b(?:every|each|once|twice|times|daily|hourly|half-?hourly|nightly|weekly|monthly|quarterly|yearly|annually|M-F|fortnight(?:ly)?|bi-?weekly|bi-?monthly|weeknights?"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|mon|tue|wed|thu|fri|sat"
    r"|weekdays?|weekends?|work\s?days?|working\s+days?|business\s+days?|everyday|alternate"
    r"|today|tomorrow|tonight|in|from\s+now|month|on|at|periodically|regularly|time\s+to\s+time"
    r"|this\s+(?:morning|afternoon|evening)|morning|next|later|noon|midnight|o['’]?clock)\b|@|\d\s?[ap]\.?m\b|\d:\d\d",
    re.I,
)


def pieces(text: str) -> list[Piece]:
    """All pieces of a text, overlapping ones reduced to the longest, in order."""
    if not _HINT.search(text):
        return []
    groups: list[list[Piece]] = [[piece] for piece in clocks(text)]
    for pattern, make in (*RULES, *BOUNDS):
        groups.extend(made for match in pattern.finditer(text) if (made := list(make(match))))
    return longest(groups)


def longest(groups: list[list[Piece]]) -> list[Piece]:
    """Where matches overlap, the longest stays; of two of one length, the first that the grammar names."""
    kept: list[list[Piece]] = []
    for group in sorted(groups, key=lambda made: made[0].start - made[0].end):
        if all(group[0].end <= other[0].start or group[0].start >= other[0].end for other in kept):
            kept.append(group)
    return [piece for group in sorted(kept, key=lambda made: made[0].start) for piece in group]
