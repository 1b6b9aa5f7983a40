"""From pieces to phrases: neighbours belong together, and what a phrase says is folded into one meaning."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tasks.planner.language.meaning import EVERY_DAY, Bound, DayOf, Days, Doubt, Meaning, Piece, Segment, weekdays_of


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """Neighbouring pieces of a text; `start` and `end` include what lies between them."""

    pieces: tuple[Piece, ...]
    text: str

    @property
    def start(self) -> int:
        """Where the first piece begins."""
        return self.pieces[0].start

    @property
    def end(self) -> int:
        """Where the last piece ends."""
        return max(piece.end for piece in self.pieces)

    @property
    def said(self) -> str:
        """The phrase as it stands in the text."""
        return self.text[self.start : self.end]

    @property
    def anchored(self) -> bool:
        """Whether it can mean a time by itself."""
        return any(piece.anchor for piece in self.pieces)

    @property
    def loose(self) -> bool:
        """Whether all that anchors it is loose: an adverb without a clock time."""
        return all(piece.loose for piece in self.pieces if piece.anchor)


def group(text: str, pieces: Sequence[Piece], between: re.Pattern[str]) -> list[Phrase]:
    """Pieces with nothing but `between` from one to the next make one phrase."""
    found: list[list[Piece]] = []
    for piece in pieces:
        if found and between.fullmatch(text, max(p.end for p in found[-1]), max(piece.start, found[-1][-1].end)):
            found[-1].append(piece)
        else:
            found.append([piece])
    return [Phrase(pieces=tuple(members), text=text) for members in found]


def fold(phrases: Sequence[Phrase]) -> Meaning:
    """What one or more phrases say together; later ones add to earlier ones."""
    meaning = Meaning()
    for phrase in phrases:
        before = phrase.start
        for piece in phrase.pieces:
            _add(meaning, piece, phrase.text[before : piece.start])
            before = max(before, piece.end)
    _settle(meaning)
    return meaning


def amend(meaning: Meaning, change: Meaning) -> Meaning:
    """An earlier meaning with what a person said to change it: the new takes the place of its like."""
    new_times = any(segment.clocks for segment in change.segments)
    if meaning.recurring and change.weekday and not change.recurring:
        # “Every week” – “Tuesday at 10”: what comes again still does.
        change.last.days, change.day, change.weekday = weekdays_of(change.weekday), None, None
    if change.interval or change.delta is not None or (change.day and not meaning.recurring):
        merged = replace(change, zone=change.zone or meaning.zone)
        if change.day and not new_times:
            merged.segments = [Segment(clocks=segment.clocks, part=segment.part) for segment in meaning.segments]
        return merged
    merged = replace(meaning, doubts=[*_still_open(meaning, change), *change.doubts])
    if any(segment.days for segment in change.segments) or change.cadence or change.per or change.day:
        _take_days(merged, meaning, change)
    elif new_times or change.last.part:
        days: list[Days | None] = [segment.days for segment in meaning.segments if segment.days]
        part = change.last.part or (meaning.last.part if _open(change.last) else None)
        clocks = change.last.clocks
        merged.segments = [Segment(days=day, clocks=list(clocks), part=part) for day in days or [None]]
    for name in ("zone", "start", "until", "count", "duration", "window", "minute"):
        if getattr(change, name) is not None:
            setattr(merged, name, getattr(change, name))
    merged.exclude = change.exclude or meaning.exclude
    merged.months = change.months or meaning.months
    _settle(merged)
    return merged


def said_on(meaning: Meaning, said_at: datetime, now: datetime) -> Meaning:
    """A meaning that was said at an earlier moment (both local): its “tomorrow” is the day after that one."""
    if said_at.date() == now.date() and meaning.delta is None:
        return meaning
    today = said_at.date()

    def fixed(day: DayOf) -> DayOf:
        found = day(today)
        return lambda _today: found

    def bound(value: Bound | None) -> Bound | None:
        return replace(value, day=fixed(value.day)) if value and value.day else value

    return replace(
        meaning,
        day=fixed(meaning.day) if meaning.day else None,
        start=bound(meaning.start),
        until=bound(meaning.until),
        exclude=tuple(entry if isinstance(entry, str) else fixed(entry) for entry in meaning.exclude),
        delta=None if meaning.delta is None else meaning.delta - (now - said_at).total_seconds() / 60,
    )


def _still_open(meaning: Meaning, change: Meaning) -> list[Doubt]:
    """The doubts that the change does not settle: each is settled by its own kind of answer."""
    days = any(segment.days for segment in change.segments) or change.cadence or change.per or change.day
    times = any(segment.clocks for segment in change.segments)
    settled = {
        "zone": change.zone,
        "city": change.zone,
        "holidays": change.exclude or days,
        "other": days,
        "hours": change.window or days,
    }
    return [doubt for doubt in meaning.doubts if not settled.get(doubt.code, days or times or change.interval)]


def _take_days(merged: Meaning, meaning: Meaning, change: Meaning) -> None:
    """The change's days, with the earlier times where it names none."""
    kept = [clock for segment in meaning.segments for clock in segment.clocks]
    merged.segments = [
        replace(
            segment,
            clocks=segment.clocks or list(kept),
            part=segment.part or (None if segment.clocks else meaning.last.part),
        )
        for segment in change.segments
    ]
    merged.interval, merged.cadence, merged.per, merged.minute = None, change.cadence, change.per, None
    merged.window, merged.weekday, merged.day = None, change.weekday, change.day


def _open(segment: Segment) -> bool:
    """Whether a clock of it still needs a part of the day to be read."""
    return any(clock.form == "bare" for clock in segment.clocks)


def _add(meaning: Meaning, piece: Piece, gap: str) -> None:  # noqa: PLR0912 - a case for each kind of piece
    value = piece.value
    match piece.kind:
        case "days":
            _add_days(meaning, value)
        case "weekday":
            of, names = value
            if meaning.last.days and meaning.last.days.weekdays and re.search(r"\band\b|,|&|和|、|及", gap):
                _add_days(meaning, weekdays_of(names))
            elif meaning.day is not None and not meaning.recurring:
                # Two single days: one of them would be lost.
                meaning.doubts.append(Doubt(code="both"))
            else:
                meaning.day, meaning.weekday = of, names
        case "times":
            segment = meaning.last
            if segment.clocks and segment.times_first and segment.days:
                segment = Segment(times_first=True)
                meaning.segments.append(segment)
            elif not segment.clocks:
                segment.times_first = not (segment.days or meaning.cadence or meaning.per)
            segment.clocks.extend(clock for clock in value if clock not in segment.clocks)
        case "cadence" if value == "day":
            _add_days(meaning, EVERY_DAY)
        case "part":
            if meaning.last.part and meaning.last.part != value:
                meaning.segments.append(Segment(days=meaning.last.days))
            meaning.last.part = value
        case "except":
            meaning.exclude += value
        case "doubt":
            meaning.doubts.append(value)
        case "interval" | "minute" | "cadence" | "per" | "window" | "months" | "day" | "delta" | "zone" | "start":
            setattr(meaning, piece.kind, value)
        case "until" | "count" | "duration":
            setattr(meaning, piece.kind, value)


def _add_days(meaning: Meaning, days: Days) -> None:
    segment = meaning.last
    if segment.days is None:
        segment.days = days
    elif segment.clocks and not segment.times_first:
        meaning.segments.append(Segment(days=days))
    elif segment.days.every_day or days.every_day:
        segment.days = segment.days if days.every_day else days
    elif segment.days.weekdays and days.weekdays:
        segment.days = weekdays_of(segment.days.weekdays | days.weekdays)
    else:
        meaning.segments.append(Segment(days=days, clocks=list(segment.clocks)))


def _settle(meaning: Meaning) -> None:
    """What can only be decided when everything was heard."""
    # “the 1st of each month and every Monday at 9”: the times stand behind the last days and hold for all.
    for segment, following in zip(reversed(meaning.segments[:-1]), reversed(meaning.segments), strict=False):
        if segment.days and not segment.clocks and not segment.part:
            segment.clocks = list(following.clocks)
            segment.part = following.part
    if meaning.weekday and meaning.cadence == "week":
        meaning.last.days = weekdays_of(meaning.weekday)
        meaning.day = meaning.weekday = None
    if any(segment.days for segment in meaning.segments):
        # “Every day, regularly”: how often is said, only the time is not.
        meaning.doubts = [doubt for doubt in meaning.doubts if doubt.code != "vague"]
    if meaning.cadence and any(segment.days for segment in meaning.segments):
        meaning.cadence = None
    if meaning.per and meaning.per[0] == 1:
        unit, meaning.per = meaning.per[1], None
        if not any(segment.days for segment in meaning.segments):
            meaning.cadence = unit if unit != "day" else None
            meaning.last.days = EVERY_DAY if unit == "day" else None
        _settle(meaning)
