"""Days in English: weekdays, dates, “tomorrow”, as fragments for the grammar and as what they mean."""

import re

from tasks.planner.language import dates
from tasks.planner.language.meaning import DayOf
from tasks.planner.language.numbers import ORDINAL, number, ordinal

_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?s?"
"""A weekday, short or long, in singular or plural."""
FULL_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
DAYS = rf"{DAY}(?:\s*(?:,\s*and\b|,|\band\b|&|/|\+|\bor\b)\s*(?:(?:on|every|each)\s+)?{DAY}\b)*"
"""A list of weekdays."""
DAYS_CLOSE = rf"{DAY}(?:\s*(?:,\s*and\b|,|\band\b|&|/|\+|\bor\b|\s)\s*(?:(?:on|every|each)\s+)?{DAY}\b)*"
"""The same, also without anything between them (mon wed fri): behind “every” it can be nothing else."""
DAY_RANGE = rf"{DAY}\s*(?:-|–|\bto\b|\bthrough\b|\bthru\b)\s*{DAY}"
MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
DATE = (
    rf"(?:(?:the\s+)?{ORDINAL}\s+(?:of\s+)?{MONTH}|\d{{1,2}}\s+{MONTH}|{MONTH}\s+(?:the\s+)?(?:{ORDINAL}|\d{{1,2}}\b))"
)
"""A day of the year, without the year."""
YEARED = rf"{DATE}(?:,?\s+(?:19|20)\d\d\b)?"
FIGURES = (
    r"\b(?:(?:19|20)\d\d-\d{1,2}-\d{1,2}|\d{1,2}/\d{1,2}(?:/(?:19|20)\d\d)?|\d{1,2}\.\d{1,2}\.(?:(?:19|20)\d\d)?)(?!\d)"
)
ENDS = r"(?:the\s+)?end\s+of\s+(?:the|this)\s+(?:week|month|year)|(?:this\s+)?year['’]?s?\s+end"
SINGLE = (
    rf"(?:(?:the\s+)?day\s+after\s+tomorrow|tomorrow|today|{YEARED}|{FIGURES}|{ENDS}"
    rf"|(?:(?:this\s+coming|this|coming|next)\s+)?{FULL_DAY}(?:\s+(?:of\s+)?next\s+week)?"
    rf"|(?:this|coming|next)\s+{DAY}\b|next\s+(?:week|month|year))"
)
"""A single day that is named."""


def weekday(said: str) -> int:
    """Monday is 0."""
    return _NAMES.index(said.strip().lower()[:3])


def weekdays(said: str) -> frozenset[int]:
    """The weekdays of DAYS or DAY_RANGE."""
    found = [weekday(name) for name in re.findall(DAY, said, re.I)]
    if len(found) == 2 and re.fullmatch(rf"\s*{DAY_RANGE}\s*", said, re.I):
        first, last = found
        return frozenset((first + n) % 7 for n in range((last - first) % 7 + 1))
    return frozenset(found)


def month(said: str) -> int:
    """The number of MONTH."""
    return _MONTH_NAMES.index(said.lower()[:3]) + 1


def month_day(said: str) -> tuple[int, int]:
    """Month and day of DATE."""
    name = re.search(MONTH, said, re.I)
    found = month(name[0]) if name else 1
    rest = said[: name.start()] + " " + said[name.end() :] if name else said
    day = re.search(rf"{ORDINAL}|\d{{1,2}}", rest, re.I)
    return found, ordinal(day[0]) if day else 1


def single(said: str) -> DayOf:
    """The day that SINGLE names."""
    text = re.sub(r"\s+", " ", said.strip().lower())
    if text in ("today", "tomorrow"):
        return dates.in_days(0 if text == "today" else 1)
    if text.endswith("day after tomorrow"):
        return dates.in_days(2)
    if "end" in text.split() and re.search("week|month|year", text):
        return dates.of_week(6, 0) if "week" in text else dates.end_of_month if "month" in text else dates.end_of_year
    if text in ("next week", "next month", "next year"):
        return dates.first_of_next(text.split()[1])
    name = re.search(rf"\b{DAY}\b", text)
    if name and not re.search(r"\d", text):
        if "next week" in text:
            return dates.of_week(weekday(name[0]), 1)
        return (dates.following if text.startswith("next") else dates.coming)(weekday(name[0]))
    if re.search(MONTH, text):
        year = re.search(r"\b(?:19|20)\d\d\b", text)
        of, day = month_day(text[: year.start()] if year else text)
        return dates.of_year(of, day, int(year[0]) if year else None)
    return _figures(text)


def _figures(text: str) -> DayOf:
    """A date in figures: 2026-12-03, 3.12., and 3/12, whose order nobody knows where both could be a month."""
    parts = [int(part) for part in re.findall(r"\d+", text)]
    if "-" in text:
        return dates.of_year(parts[1], parts[2], parts[0])
    year = parts[2] if len(parts) > 2 else None
    if "." in text:
        return dates.of_year(parts[1], parts[0], year)
    orders = [(of, day) for of, day in ((parts[0], parts[1]), (parts[1], parts[0])) if of <= 12]
    if year:
        return lambda today: tuple(sorted({d for m, n in orders for d in dates.of_year(m, n, year)(today)}))
    return dates.either(*orders)


def ordinals(said: str) -> list[int]:
    """The days of the month in a list of ordinals."""
    return [ordinal(word) for word in re.findall(ORDINAL, said, re.I)]


def count(said: str) -> float:
    """A number, with `a` and `an`."""
    return number(said.strip())
