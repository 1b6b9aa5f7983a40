"""Single days as people name them, resolved against the day on which they are said. Pure functions of a date."""

import calendar
from datetime import date, timedelta

from tasks.planner.language.meaning import Candidates, DayOf


def in_days(days: int) -> DayOf:
    """So many days from today; none where that lies beyond the calendar."""

    def find(today: date) -> Candidates:
        try:
            return (today + timedelta(days=days),)
        except OverflowError:
            return ()

    return find


def coming(weekday: int) -> DayOf:
    """The first such weekday (Monday is 0) from today on, today included."""
    return lambda today: (today + timedelta(days=(weekday - today.weekday()) % 7),)


def following(weekday: int) -> DayOf:
    """“Next Friday”: where the coming one lies in this week, people mean either; both are given then."""

    def find(today: date) -> Candidates:
        first = today + timedelta(days=(weekday - today.weekday() - 1) % 7 + 1)
        same_week = first - timedelta(days=first.weekday()) == today - timedelta(days=today.weekday())
        return (first, first + timedelta(days=7)) if same_week else (first,)

    return find


def of_week(weekday: int, weeks: int) -> DayOf:
    """The weekday of the calendar week (from Monday) so many weeks from this one."""
    return lambda today: (today + timedelta(days=weekday - today.weekday() + 7 * weeks),)


def of_year(month: int, day: int, year: int | None = None) -> DayOf:
    """A date; without a year its next coming, today included. 29 February waits for a leap year."""

    def find(today: date) -> Candidates:
        for wanted in [year] if year else range(today.year, today.year + 9):
            try:
                found = date(wanted, month, day)
            except (ValueError, OverflowError):
                continue
            if year or found >= today:
                return (found,)
        return ()

    return find


def of_coming_year(month: int, day: int, years: int) -> DayOf:
    """A date of the year so many years from this one."""
    return lambda today: of_year(month, day, today.year + years)(today)


def of_month(day: int, months: int | None = None) -> DayOf:
    """A day of the month: the next that comes, or that of the month so many months from this one."""

    def find(today: date) -> Candidates:
        start = 0 if months is None else months
        for ahead in range(start, start + (1 if months is not None else 13)):
            year, month = divmod(today.year * 12 + today.month - 1 + ahead, 12)
            try:
                found = date(year, month + 1, day)
            except (ValueError, OverflowError):
                continue
            if months is not None or found >= today:
                return (found,)
        return ()

    return find


def end_of_month(today: date) -> Candidates:
    """The last day of this month."""
    return (today.replace(day=calendar.monthrange(today.year, today.month)[1]),)


def end_of_year(today: date) -> Candidates:
    """31 December of this year."""
    return (date(today.year, 12, 31),)


def first_of_next(unit: str) -> DayOf:
    """The first day of the next week, month or year."""

    def find(today: date) -> Candidates:
        if unit == "week":
            return (today + timedelta(days=7 - today.weekday()),)
        if unit == "year":
            return (date(today.year + 1, 1, 1),)
        year, month = divmod(today.year * 12 + today.month, 12)
        return (date(year, month + 1, 1),)

    return find


def either(*days: tuple[int, int]) -> DayOf:
    """A date that may be read as several (3/12): each (month, day) that exists, as `of_year`."""

    def find(today: date) -> Candidates:
        found = [candidate for month, day in days for candidate in of_year(month, day)(today)]
        return tuple(sorted(set(found)))

    return find
