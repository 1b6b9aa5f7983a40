"""What phrases are made of, in either language: clock times, days, bounds, and the pieces of a text that say them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

Candidates = tuple[date, ...]
"""The days that a phrase may mean: one where it is sure, several where it is not, none where there is no such day."""
DayOf = Callable[[date], Candidates]
"""A day as it was said (“next Friday”): what it may be, by the day that it is said on."""
Form = Literal["exact", "colon", "bare"]
Part = Literal["morning", "noon", "afternoon", "evening", "night", "dawn"]
Language = Literal["en", "zh"]

PART_TIMES: dict[Part, tuple[int, int]] = {
    "dawn": (6, 0),
    "morning": (9, 0),
    "noon": (12, 0),
    "afternoon": (15, 0),
    "evening": (19, 0),
    "night": (22, 0),
}
"""The time that is proposed for a part of the day; never taken without asking."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """A time of the day as it was said."""

    hour: int
    """0 to 23; 24:00 is 0."""
    minute: int = 0
    form: Form = "exact"
    """`exact` leaves no doubt (9pm, 17:30, noon); `colon` is the 24-hour clock unless a part of the day stands beside
    it (3:30); `bare` is a number that may be of the morning or of the evening (at 3)."""

    choice: bool = False
    """One of several between which nothing was decided: at 9 or 10."""

    @property
    def text(self) -> str:
        """As HH:MM."""
        return f"{self.hour:02}:{self.minute:02}"

    def shifted(self) -> "Clock":
        """The same figure twelve hours later, exact."""
        return Clock(hour=(self.hour + 12) % 24, minute=self.minute)


@dataclass(frozen=True, kw_only=True)
class Days:
    """Days that come again, as the day fields of a cron expression."""

    dom: str = "*"
    month: str = "*"
    dow: str = "*"
    weekdays: frozenset[int] | None = None
    """Monday is 0; set where weekdays alone decide."""

    @property
    def every_day(self) -> bool:
        """Whether every day matches."""
        return self.dom == self.month == self.dow == "*"


def weekdays_of(days: frozenset[int]) -> Days:
    """The days of a week (Monday is 0) as a cron field: ranges of three and more, otherwise a list."""
    if len(days) == 7:
        return Days()
    ordered = sorted((day + 1) % 7 for day in days)
    whole = len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1
    dow = f"{ordered[0]}-{ordered[-1]}" if whole else ",".join(map(str, ordered))
    return Days(dow=dow, weekdays=days)


EVERY_DAY = Days()
WORKDAYS = weekdays_of(frozenset(range(5)))
WEEKENDS = weekdays_of(frozenset({5, 6}))


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """Why a phrase is not sure: a code of `questions`, and what its sentence speaks of."""

    code: str
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Zone:
    """A time zone as it was named."""

    name: str
    said: str
    sure: bool = True
    """False for abbreviations that several zones share (CST), and for a city that may be a place of the request."""
    code: str = "zone"


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A first or last moment as it was said: a day, a clock time, or both."""

    day: DayOf | None = None
    clock: Clock | None = None


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One meaningful stretch of a text: where it stands, what kind it is, and its value.

    | kind | value |
    |---|---|
    | `interval` | minutes between two runs |
    | `minute` | the minute of each hour |
    | `days` | `Days` |
    | `cadence` | `day`, `week`, `month`, `quarter` or `year`: how often, but not on which days |
    | `per` | (how many times, in which cadence) |
    | `times` | tuple of `Clock` |
    | `part` | `Part` |
    | `window` | (first `Clock`, last `Clock`) |
    | `months` | tuple of months to which days are limited |
    | `day` | `DayOf`: a single day |
    | `weekday` | (`DayOf`, frozenset of weekdays): a single day, or one more of those that come again |
    | `delta` | minutes from now |
    | `zone` | `Zone` |
    | `start`, `until` | `Bound` |
    | `count` | how many runs |
    | `duration` | (number, unit) |
    | `except` | tuple of exclusions: `MON`…, or `DayOf` |
    | `doubt` | `Doubt` |
    """

    start: int
    end: int
    kind: str
    value: Any
    anchor: bool = False
    """Whether it can mean a time by itself; the others only stand beside one that can."""
    loose: bool = False
    """An adverb or adjective (daily, weekly) that says little without a clock time."""


@dataclass(kw_only=True)
class Segment:
    """Days and the times on them; a phrase may have several (“weekdays at 9 and weekends at 11”)."""

    days: Days | None = None
    clocks: list[Clock] = field(default_factory=list)
    part: Part | None = None
    times_first: bool = False


@dataclass(kw_only=True)
class Meaning:
    """All that a phrase says, before it becomes a schedule. Built by `phrases.fold`, piece after piece."""

    interval: int | None = None
    minute: int | None = None
    cadence: str | None = None
    per: tuple[int, str] | None = None
    segments: list[Segment] = field(default_factory=lambda: [Segment()])
    window: tuple[Clock, Clock] | None = None
    months: tuple[int, ...] = ()
    day: DayOf | None = None
    weekday: frozenset[int] | None = None
    """The weekday by which `day` was named: with “weekly” beside it, it comes again."""
    delta: float | None = None
    zone: Zone | None = None
    start: Bound | None = None
    until: Bound | None = None
    count: int | None = None
    duration: tuple[float, str] | None = None
    exclude: tuple[Any, ...] = ()
    doubts: list[Doubt] = field(default_factory=list)

    @property
    def last(self) -> Segment:
        """The segment that the next piece belongs to."""
        return self.segments[-1]

    @property
    def recurring(self) -> bool:
        """Whether anything in it comes again."""
        comes_again = any(segment.days for segment in self.segments)
        return (
            comes_again
            or bool(self.interval or self.cadence or self.per)
            or any(doubt.code in ("other", "vague", "unclear", "seconds") for doubt in self.doubts)
        )

    @property
    def clocked(self) -> bool:
        """Whether it names a clock time or a pace: what makes a phrase strong."""
        clocks = any(segment.clocks for segment in self.segments)
        return clocks or self.interval is not None or self.delta is not None
