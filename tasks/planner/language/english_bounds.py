"""English moments, bounds and zones: tomorrow, in 20 minutes, until Friday, from Monday on, Berlin time."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import cast

from tasks.planner.language import dates, places
from tasks.planner.language import english_days as days
from tasks.planner.language.english_clock import CLOCK, read_clock
from tasks.planner.language.meaning import Bound, Doubt, Part, Piece, Zone
from tasks.planner.language.numbers import NUMBER, ORDINAL, number, ordinal

_PART = r"(morning|afternoon|evening|night|noon)"
_EXCLUSION = (
    rf"(?:weekends?|weekdays?|(?:public\s+|bank\s+|national\s+)?holidays?|{days.DAYS}|{days.YEARED}|{days.FIGURES})"
)
_NAMES = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_AHEAD = r"(?:minutes?|mins?|min|m|hours?|hrs?|hr|h|days?|weeks?|months?|years?|seconds?|secs?)"


def _piece(match: re.Match[str], kind: str, value: object, *, anchor: bool = False, start: int | None = None) -> Piece:
    begin = match.start() if start is None else start
    return Piece(start=begin, end=match.end(), kind=kind, value=value, anchor=anchor)


def _part(match: re.Match[str], said: str | None) -> Iterator[Piece]:
    if said:
        yield _piece(match, "part", cast(Part, said.lower()))


def _single(match: re.Match[str]) -> Iterator[Piece]:
    said = match[1]
    if re.match(r"(?:this\s+|coming\s+)?(?:next\s+(?:month|year|week)$|.*\bend\b)", said, re.I):
        return
    name = re.fullmatch(days.FULL_DAY, said.strip(), re.I)
    if name:
        yield _piece(match, "weekday", (days.single(said), days.weekdays(said)), anchor=True)
    else:
        yield _piece(match, "day", days.single(said), anchor=True)
    yield from _part(match, match[2])


def _short_day(match: re.Match[str]) -> Iterator[Piece]:
    """A short weekday (Fri) stands only beside something else: it may be a word of its own."""
    yield _piece(match, "weekday", (dates.coming(days.weekday(match[1])), days.weekdays(match[1])))


def _tonight(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "day", dates.in_days(0), anchor=True)
    said = match[0].lower()
    part = "morning" if "morning" in said else "afternoon" if "afternoon" in said else "evening"
    yield _piece(match, "part", part)


def _on_the(match: re.Match[str]) -> Iterator[Piece]:
    day = ordinal(match[1])
    if 1 <= day <= 31:
        yield _piece(match, "day", dates.of_month(day), anchor=True)


def _delta(match: re.Match[str]) -> Iterator[Piece]:
    said = match["n"].lower()
    unit = match["unit"].lower()
    half = 0.5 if match["half"] else 0.0
    if said in ("a few", "several", "a couple of", "some"):
        yield _piece(match, "doubt", Doubt(code="soon", about={"said": match[0]}), anchor=True)
        return
    count = (0.5 if said.startswith("half") else 0.25 if "quarter" in said else days.count(said)) + half
    if unit[0] in "dwy" or unit[:2] == "mo":
        if unit[0] in "dw" and count == int(count):
            yield _piece(match, "day", dates.in_days(int(count) * (7 if unit[0] == "w" else 1)), anchor=True)
        else:
            yield _piece(match, "doubt", Doubt(code="soon", about={"said": match[0]}), anchor=True)
        return
    minutes = count * (60 if unit[0] == "h" else 1 if unit[0] == "m" else 1 / 60)
    if match["n2"]:
        minutes += days.count(match["n2"])
    yield _piece(match, "delta", minutes, anchor=True)


def _start(match: re.Match[str]) -> Iterator[Piece]:
    said = (match["day"] or "").strip()
    if re.fullmatch("(?:right )?now", said, re.I):
        yield _piece(match, "start", None)
        return
    clock = read_clock(match["clock"]) if match["clock"] else None
    if match["clock"] and clock is None:
        return
    yield _piece(match, "start", Bound(day=days.single(said) if said else None, clock=clock))


def _start_any(match: re.Match[str]) -> Iterator[Piece]:
    if match["day2"]:
        yield _piece(match, "start", None)
        return
    yield from _start(match)


def _until(match: re.Match[str]) -> Iterator[Piece]:
    said = (match["day"] or "").strip()
    clock = read_clock(match["clock"]) if match["clock"] else None
    if match["clock"] and clock is None:
        return
    yield _piece(match, "until", Bound(day=days.single(said) if said else None, clock=clock))


def _count(match: re.Match[str]) -> Iterator[Piece]:
    count = 1 if match[1].lower() == "once" else number(match[1])
    if count >= 1 and count == int(count):
        yield _piece(match, "count", int(count))
    else:
        yield _piece(match, "doubt", Doubt(code="until"))


def _duration(match: re.Match[str]) -> Iterator[Piece]:
    said = (match["n"] or "a").lower()
    yield _piece(match, "duration", (0.5 if "half" in said else days.count(said), match["unit"].lower().rstrip("s")))


def _except(match: re.Match[str]) -> Iterator[Piece]:
    found: list[object] = []
    for said in re.findall(_EXCLUSION, match["list"], re.I):
        text = said.lower()
        if "holiday" in text:
            yield _piece(match, "doubt", Doubt(code="holidays", about={"days": text}))
            return
        if text.startswith("weekend"):
            found += ["SAT", "SUN"]
        elif text.startswith("weekday"):
            found += _NAMES[:5]
        elif re.search(r"\d", text) or re.search(ORDINAL, text):
            found.append(days.single(said))
        else:
            found += [_NAMES[day] for day in sorted(days.weekdays(said))]
    yield _piece(match, "except", tuple(found))


def _window(match: re.Match[str]) -> Iterator[Piece]:
    first, last = read_clock(match[1]), read_clock(match[2])
    if first is None or last is None:
        return
    # 9 to 5, and 9 to 5pm: the second lies after the first.
    if last.form != "exact" and last.hour < first.hour and first.hour < 12:
        last = last.shifted()
    # 2 to 6pm: both of the afternoon.
    if first.form == "bare" and last.form == "exact" and first.hour < 7 and first.hour + 12 < last.hour:
        first = first.shifted()
    yield _piece(match, "window", (first, last))


def _months(match: re.Match[str]) -> Iterator[Piece]:
    """“In June to August”: stands only beside days that come again."""
    found = [days.month(name) for name in re.findall(days.MONTH, match[0], re.I)]
    if re.search(r"\b(?:to|through|thru)\b|-|–", match[0], re.I) and len(found) == 2:
        found = [(found[0] + n - 1) % 12 + 1 for n in range((found[1] - found[0]) % 12 + 1)]
    yield _piece(match, "months", tuple(sorted(set(found))))


def _hours(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "doubt", Doubt(code="hours", about={"said": match[1].lower()}))


def _zone_time(match: re.Match[str]) -> Iterator[Piece]:
    """“Berlin time”: the words before it are tried from the longest, because “9 New York” is none."""
    words = match[1].split()
    for skip in range(len(words)):
        said = " ".join(words[skip:])
        zone = places.named(said)
        if zone is not None:
            start = match.start(1) + re.search(r"\s+".join(map(re.escape, words[skip:])), match[1]).start()  # type: ignore[union-attr]
            before = match.string[:start]
            lead = re.search(r"(?:\(|\bin\s+|\bby\s+)$", before, re.I)
            yield _piece(match, "zone", zone, start=lead.start() if lead else start)
            return


def _zone_named(match: re.Match[str]) -> Iterator[Piece]:
    zone = places.named(match[1])
    if zone is not None:
        yield _piece(match, "zone", zone)


def _zone_city(match: re.Match[str]) -> Iterator[Piece]:
    """“At 9 in Berlin”: its clock, or a place that the request speaks of?"""
    zone = places.named(match[1])
    if zone is not None:
        yield _piece(match, "zone", Zone(name=zone.name, said=zone.said, sure=False, code="city"))


def _own_time(match: re.Match[str]) -> Iterator[Piece]:
    yield _piece(match, "zone", None)


def _rule(
    pattern: str, make: Callable[[re.Match[str]], Iterable[Piece]], flags: int = re.I
) -> tuple[re.Pattern[str], Callable[[re.Match[str]], Iterable[Piece]]]:
    return re.compile(pattern, flags), make


_DAYISH = rf"(?P<day>{days.SINGLE})"
_ATCLOCK = rf"(?:,?\s+(?:at\s+)?(?P<clock>{CLOCK}))?"
BOUNDS = (
    _rule(
        rf"\b(?:in|during)\s+{days.MONTH}(?:\s*(?:,|\band\b|&|\bto\b|\bthrough\b|\bthru\b|-|–)\s*{days.MONTH})*(?!\s+\d)",
        _months,
    ),
    _rule(rf"\b(?:on\s+)?({days.SINGLE})(?:\s+{_PART}\b)?(?!['’]s|\s+of\b)", _single),
    _rule(r"\b(?:on\s+)?((?:mon|tue|wed|thu|fri|sat)\b\.?)", _short_day),
    _rule(r"\btonight\b|\b(?:later\s+)?this\s+(?:morning|afternoon|evening)\b", _tonight),
    _rule(rf"\bon\s+the\s+({ORDINAL})\b(?!\s+(?:of|day|time|[a-z]+day|floor|page|place|one)\b)", _on_the),
    _rule(
        rf"\bin\s+(?:about\s+)?(?P<n>a\s+few|several|some|a\s+couple\s+of|half\s+an?|(?:a\s+)?quarter\s+of\s+an|{NUMBER}|an?)\s*"
        rf"(?P<unit>{_AHEAD})\b(?P<half>\s+and\s+a\s+half)?(?:\s+and\s+(?P<n2>{NUMBER})\s+minutes?)?(?:['’]?\s+time\b)?"
        r"(?:\s+from\s+now\b)?(?!-|\s+(?:of|per)\b)",
        _delta,
    ),
    _rule(
        rf"\b(?P<n>a\s+few|half\s+an?|{NUMBER}|an?)\s+(?P<unit>{_AHEAD})\b(?P<half>\s+and\s+a\s+half)?(?P<n2>)?\s+from\s+now\b",
        _delta,
    ),
    _rule(
        rf"\b(?:starting|beginning|commencing|effective|as\s+of|from|start|begin)\s+(?:(?:on|from|at)\s+)?"
        rf"(?:{_DAYISH}|(?P<day2>(?:right\s+)?now)\b){_ATCLOCK}(?:\s+(?:onwards?|on|forward)\b)?",
        _start_any,
    ),
    _rule(rf"\b(?:starting|beginning|commencing)\s+(?:at|from)\s+(?P<clock>{CLOCK})(?P<day>)?", _start),
    _rule(
        rf"\b(?:until|till|’til|'til|up\s+to|through|ending(?:\s+on)?)\s+(?:and\s+including\s+)?(?:on\s+)?{_DAYISH}{_ATCLOCK}",
        _until,
    ),
    _rule(rf"\b(?:until|till|’til|'til)\s+(?P<clock>{CLOCK})(?P<day>)?", _until),
    _rule(
        rf"\b(?:for\s+|repeat(?:ed|ing)?\s+)?({NUMBER})\s+(?:times|runs)\b(?:\s+(?:in\s+total|only|altogether))?"
        r"(?!\s+(?:a|an|per|each|every|more|as|the|larger|higher|faster)\b)",
        _count,
    ),
    _rule(
        rf"\bfor\s+(?:the\s+)?(?:next|coming|following)\s+(?:(?P<n>half\s+an|half|{NUMBER}|an?)\s+)?"
        r"(?P<unit>minutes?|hours?|days?|weeks?|months?|years?)\b",
        _duration,
    ),
    # Minutes are what the request itself takes: “walk for 30 minutes every day at 9”.
    _rule(rf"\bfor\s+(?:the\s+)?(?P<n>{NUMBER}|an?)\s+(?P<unit>hours?|days?|weeks?|months?|years?)\b", _duration),
    _rule(
        rf"(?:\b(?:except|but\s+not|excluding|not|other\s+than|apart\s+from|skipping|skip)\s+"
        rf"(?:(?:for|on|at|the|during)\s+)*)(?P<list>{_EXCLUSION}(?:\s*(?:,|\band\b|\bor\b|&)\s*(?:on\s+)?{_EXCLUSION})*)",
        _except,
    ),
    _rule(rf"\b(?:between|from)\s+({CLOCK})\s*(?:and|to|-|–|until|till)\s*({CLOCK})", _window),
    _rule(
        r"\b(?:during|in|within)\s+(?:the\s+)?((?:business|market|trading|working|office|work|stock\s+market)\s+hours)\b",
        _hours,
    ),
    _rule(
        r"((?:\b[A-Za-z]+\s+){0,2}\b[A-Za-z]+)\s+(?:local\s+|standard\s+|daylight\s+|summer\s+)?time\b\)?", _zone_time
    ),
    _rule(
        r"\b(?:in\s+)?(?:(?:the\s+)?time\s?zone\s+)?\(?((?:Africa|America|Asia|Atlantic|Australia|Europe|Indian|Pacific)"
        r"/[A-Za-z_]+(?:/[A-Za-z_]+)?)\)?",
        _zone_named,
    ),
    _rule(
        rf"\(?\b((?:UTC|GMT)\s?[+-]\d{{1,2}}(?::?00)?|{places.SURE}|[PECMAI][SD]T|BST|A[ED][SD]T)\b\)?", _zone_named, 0
    ),
    _rule(r"\(?\b(utc|gmt|cet)\b\)?", _zone_named, 0),
    _rule(r"\b(?:\(|in\s+)((?:[A-Z][A-Za-z]+\s+){0,2}[A-Z][A-Za-z]+)\b\)?", _zone_city, 0),
    _rule(r"\b(?:(?:in\s+)?(?:my|our|local)\s+(?:local\s+)?time(?:\s+zone)?)\b", _own_time),
)
"""What stands once, or bounds what comes again."""
