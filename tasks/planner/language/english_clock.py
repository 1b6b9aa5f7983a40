"""Clock times in English: “9”, “9:05”, “5pm”, “half past two”, “noon”, alone and in lists."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from tasks.planner.language.meaning import Clock, Part, Piece
from tasks.planner.language.numbers import WORDS, number

_HOUR = "(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_AMPM = r"[ap]\.?\s?m\b\.?"
_PAST = r"(?:half|(?:a\s+)?quarter|five|ten|twenty-five|twenty|\d{1,2})(?:\s+minutes?)?\s+(?:past|to)\s+"
_PARTS = r"(?:\s+(?:in\s+the\s+(?:early\s+|late\s+)?(?:morning|afternoon|evening)|at\s+night))"
# Each form once; the lists below are made of them.
_CLEAR = (
    rf"(?:{_PAST}(?:{_HOUR}|\d{{1,2}})\b(?:\s*{_AMPM})?"
    rf"|\b\d{{1,2}}[:.]\d{{2}}\s*{_AMPM}|\b\d{{1,2}}\s*{_AMPM}|\b{_HOUR}\s+{_AMPM}"
    r"|\b\d{1,2}:\d{2}(?::00)?(?![\d:])|\b\d{1,2}h\d{2}\b"
    rf"|\b(?:\d{{1,2}}|{_HOUR})\s*o['’]?clock|\b(?:noon|midday|midnight)\b)"
)
_ANY = (
    rf"(?:{_CLEAR}|\b\d{{1,2}}\.\d{{2}}(?![\d.%])|\b{_HOUR}\s+(?:thirty|fifteen|forty-five)\b"
    rf"|\b(?:[01]?\d|2[0-4])(?![\d%/°$€£]|[.,:]\d|\s?%|-\d)\b|\b{_HOUR}\b)"
)
_JOIN = r"\s*(?:,\s*and|,|;|/|\band\b|&|\bor\b)\s*(?:again\s+)?(?:at\s+)?"
_ANY_PART, _CLEAR_PART = f"{_ANY}{_PARTS}?", f"{_CLEAR}{_PARTS}?"
CLOCK = _ANY
"""One clock time behind a word that announces it (at, until), a bare number too."""
_AT = re.compile(rf"(?:\bat|@)\s*(?:exactly\s+)?({_ANY_PART}(?:{_JOIN}{_ANY_PART})*)", re.I)
_ALONE = re.compile(rf"{_CLEAR_PART}(?:{_JOIN}{_ANY_PART})*", re.I)
_ONE = re.compile(rf"({_ANY})({_PARTS})?", re.I)
_NEXT_WORD = re.compile(r"\s+([a-z]+)", re.I)
# Words that end in “s” behind a bare number make it a count (“at 2 cities”), but for these.
_NOT_COUNTED = frozenset(
    [
        *("weekdays", "weekends", "workdays", "hours", "across", "discuss", "assess", "process"),
        *("this", "as", "us", "unless", "always", "its", "besides", "perhaps", "plus"),
    ]
)
_COUNTED = frozenset(["percent", "people", "companies", "per", "of", "million", "billion", "dollar", "euro"])


def clocks(text: str) -> Iterator[Piece]:
    """The times of the day in a text: those behind “at”, and clear ones alone."""
    for match in _AT.finditer(text):
        yield from _listed(text, match, 1)
    for match in _ALONE.finditer(text):
        yield from _listed(text, match, 0)


def read_clock(said: str) -> Clock | None:
    """One clock time, as CLOCK matches it; None for a time that no day has (25:00)."""
    text = re.sub(r"\s+", " ", said.strip().lower().replace("’", "'"))
    if text in ("noon", "midday"):
        return Clock(hour=12)
    if text == "midnight":
        return Clock(hour=0)
    half = re.search(r"([ap])\.?\s?m\b\.?$", text)
    text = text[: half.start()].strip() if half else text
    ranged = re.fullmatch(r"(\d+) to (\d+)", text)
    if ranged and int(ranged[1]) < int(ranged[2]):
        # “9 to 10” is said of the hours between, “10 to 9” of 8:50.
        return None
    past = re.fullmatch(r"(?:a )?(half|quarter|[a-z-]+|\d+)(?: minutes?)? (past|to) ([a-z]+|\d+)", text)
    if past:
        minutes = {"half": 30, "quarter": 15}.get(past[1]) or int(number(past[1]))
        hour = int(number(past[3]))
        if past[2] == "to":
            hour, minutes = (hour - 1) % 12 or 12, 60 - minutes
        return _made(hour, minutes, half[1] if half else "", "bare")
    text = re.sub(r"\s*o'?clock$", "", text)
    figures = re.fullmatch(r"(\d{1,2})(?:[:.h](\d{2}))?(?::00)?", text)
    if figures:
        form = "colon" if figures[2] else "bare"
        # A leading zero is the 24-hour clock in writing: nobody writes 03:00 for the afternoon.
        if figures[1].startswith("0") and len(figures[1]) == 2:
            form = "exact"
        return _made(int(figures[1]), int(figures[2] or 0), half[1] if half else "", form)
    words = re.fullmatch(r"([a-z]+)(?: (thirty|fifteen|forty-five))?", text)
    if words and words[1] in WORDS:
        return _made(WORDS[words[1]], int(number(words[2])) if words[2] else 0, half[1] if half else "", "bare")
    return None


def _made(hour: int, minute: int, half: str, form: str) -> Clock | None:
    if minute > 59 or hour > 24 or (hour == 24 and minute):
        return None
    if half:
        if not 1 <= hour <= 12:
            # 17:30 pm says the same twice.
            return Clock(hour=hour, minute=minute) if hour > 12 and half == "p" else None
        return Clock(hour=hour % 12 + (12 if half == "p" else 0), minute=minute)
    if hour > 12 or hour == 0:
        return Clock(hour=hour % 24, minute=minute)
    return Clock(hour=hour, minute=minute, form="colon" if form == "colon" else "exact" if form == "exact" else "bare")


def _listed(text: str, match: re.Match[str], group: int) -> Iterator[Piece]:
    """The clocks of one list, cut where a bare number turns out to count something."""
    found: list[tuple[Clock, Part | None]] = []
    end = match.start(group)
    for one in _ONE.finditer(match[group]):
        clock = read_clock(one[1])
        stop = match.start(group) + one.end()
        if clock is None or (clock.form == "bare" and not one[2] and _counts(text[stop:])):
            break
        named = re.search(r"morning|afternoon|evening|night", one[2] or "", re.I)
        found.append((clock, cast(Part, named[0].lower()) if named else None))
        end = stop
    if not found:
        return
    # “at 9 and 11 in the morning”: the part of the day is said once, at the end.
    parts = {part for _, part in found}
    open_ = len(found) > 1 and bool(re.search(r"\bor\b", text[match.start(group) : end], re.I))
    values: list[Clock] = []
    for number_, (clock, part) in enumerate(found):
        after = next((p for _, p in found[number_:] if p), None) if len(parts - {None}) == 1 else part
        values.append(replace(in_part(clock, part or after) or clock, choice=open_))
    yield Piece(start=match.start(), end=end, kind="times", value=tuple(values))


def _counts(after: str) -> bool:
    word = _NEXT_WORD.match(after)
    if not word:
        return False
    said = word[1].lower()
    plural = said.endswith("s") and not said.endswith("ss") and not said.endswith("days")
    return said in _COUNTED or (plural and said not in _NOT_COUNTED)


def in_part(clock: Clock, part: Part | None) -> Clock | None:
    """A clock time in a part of the day, exact; None where the two do not go together (8 in the afternoon)."""
    if part is None:
        return clock
    if clock.form == "exact":
        return clock if _fits(clock.hour, part) else None
    hour = clock.hour % 12
    for candidate in (hour, hour + 12):
        if _fits(candidate, part):
            return Clock(hour=candidate, minute=clock.minute)
    return None


def _fits(hour: int, part: Part) -> bool:
    hours: dict[Part, tuple[int, ...]] = {
        "dawn": tuple(range(0, 8)),
        "morning": tuple(range(4, 12)),
        "noon": (11, 12, 13),
        "afternoon": tuple(range(12, 19)),
        "evening": tuple(range(16, 24)),
        "night": (*range(19, 24), *range(0, 6)),
    }
    return hour in hours[part]
