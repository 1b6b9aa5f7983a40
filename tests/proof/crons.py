"""Random cron schedules asked around every clock change of every zone that has one, beside a walk over the minutes.

`python -m tests.proof.crons --count 100000` prints how many answers were wrong, and how many lay in the past. The
oracle turns no local time into UTC: it notes what the clock shows at each real minute, and what it leaves out.
"""

import argparse
import random
import sys
import time
import zoneinfo
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.tasks.schedule_oracle import Expression

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
YEARS = (2026, 2027)
BEFORE, AFTER = 2 * DAY, 2 * DAY
"""How much is walked before and after a change."""
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


class Shown(NamedTuple):
    """A local minute that the clock showed at a real one, or left out just before it."""

    moment: datetime
    day: date
    """The local day of `moment`."""
    of: date
    """The day of the local minute itself: another one where it was left out before midnight."""
    again: bool
    """It was shown before."""
    left_out: bool


@dataclass(kw_only=True)
class Window:
    """The days around one change of a zone's clock, minute by minute."""

    zone: str
    change: datetime
    shown: dict[tuple[int, int], list[Shown]] = field(default_factory=lambda: defaultdict(list))

    @property
    def start(self) -> datetime:
        return self.change - BEFORE

    @property
    def end(self) -> datetime:
        return self.change + AFTER

    def walk(self) -> "Window":
        """Look at the clock at every minute."""
        zone = ZoneInfo(self.zone)
        moment = self.start
        latest = before = (moment - MINUTE).astimezone(zone).replace(tzinfo=None)
        while moment < self.end:
            local = moment.astimezone(zone).replace(tzinfo=None)
            today = local.date()
            self.shown[local.hour, local.minute].append(
                Shown(moment=moment, day=today, of=today, again=local <= latest, left_out=False)
            )
            gone = before + MINUTE
            while gone < local:
                self.shown[gone.hour, gone.minute].append(
                    Shown(moment=moment, day=today, of=gone.date(), again=False, left_out=True)
                )
                gone += MINUTE
            before, latest = local, max(latest, local)
            moment += MINUTE
        return self

    def slots(self, texts: list[str], exclude: list[str]) -> list[datetime]:
        """The slots of a schedule in this window."""
        found = set()
        for text in texts:
            expression = Expression(text)
            for hour in expression.hours:
                for minute in expression.minutes:
                    for shown in self.shown.get((hour, minute), ()):
                        if shown.left_out if expression.steady else shown.again:
                            continue
                        if not expression.matches(datetime(shown.of.year, shown.of.month, shown.of.day, hour, minute)):
                            continue
                        day = shown.day
                        if exclude and (WEEKDAYS[day.weekday()] in exclude or day.isoformat() in exclude):
                            continue
                        found.add(shown.moment)
        return sorted(found)


@dataclass(frozen=True, kw_only=True)
class Question:
    """A schedule, the moment from which it is asked, and the answer; None: it lies behind `end`."""

    schedule: dict[str, Any]
    after: datetime
    answer: datetime | None
    end: datetime

    def is_answered_by(self, found: datetime | None) -> bool:
        if self.answer is None:
            return found is None or found >= self.end
        return found == self.answer


def changes_of(name: str, year: int) -> list[datetime]:
    """The moments (to the minute, UTC) at which a zone's clock changes in a year."""
    zone = ZoneInfo(name)
    found = []
    moment, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    while moment < end:
        # No zone changes twice in six hours.
        later = moment + 6 * HOUR
        if moment.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset():
            minute = moment
            while minute.astimezone(zone).utcoffset() == moment.astimezone(zone).utcoffset():
                minute += MINUTE
            found.append(minute)
        moment = later
    return found


def windows(rng: random.Random, *, most: int | None = None) -> list[Window]:
    """One for each change of each zone that has them (or `most` of them, at random), not walked yet."""
    names = sorted(zoneinfo.available_timezones() - {"Factory", "localtime"})
    if most is not None:
        names = rng.sample(names, min(len(names), 2 * most))
    found = [Window(zone=name, change=change) for name in names for year in YEARS for change in changes_of(name, year)]
    return found if most is None else rng.sample(found, min(most, len(found)))


def _field(rng: random.Random, low: int, high: int, near: list[int]) -> str:
    def number() -> int:
        return rng.choice(near) if rng.random() < 0.6 else rng.randint(low, high)

    match rng.randrange(8):
        case 0 | 1:
            return "*"
        case 2:
            return f"*/{rng.randint(1, max(2, high // 2))}"
        case 3:
            a, b = sorted((number(), number()))
            return f"{a}-{b}" + (f"/{rng.randint(1, 5)}" if a < b and rng.random() < 0.4 else "")
        case 4:
            return ",".join(str(number()) for _ in range(rng.randint(2, 4)))
        case 5:
            return f"{number()}/{rng.randint(1, 20)}"
    return str(number())


def expression(rng: random.Random, change: datetime, *, plain: bool = False) -> str:
    """A random expression that is likely to come near `change`; `plain`: as every library reads it."""
    minute = _field(rng, 0, 59, [0, 1, 15, 29, 30, 31, 45, 59])
    hour = _field(rng, 0, 23, [0, 1, 2, 3, 22, 23, change.hour])
    day = _field(rng, 1, 31, [change.day, min(change.day + 1, 28)]) if rng.random() < 0.35 else "*"
    month = rng.choice(["*", "*", "*", "*", str(change.month), "1-12", "*/2"])
    weekday = _field(rng, 0, 7, [0, 6, 7]) if rng.random() < 0.35 else "*"
    if not plain and rng.random() < 0.08:
        day = rng.choice(["L", "LW", "1,L", "15,LW"])
    if not plain and rng.random() < 0.1:
        weekday = rng.choice(["5L", "0L", "1#2", "SUN#1", "SUN#5", "sat", "Mon-Fri", "5,0L"])
    return f"{minute} {hour} {day} {month} {weekday}"


def questions(rng: random.Random, window: Window, number: int, *, plain: bool = False) -> Iterator[Question]:
    """Three moments for each of `number` random schedules around the change of a walked window."""
    from tasks.schedules import ScheduleError, parse

    made = 0
    while made < number:
        texts = [expression(rng, window.change, plain=plain)]
        exclude: list[str] = []
        if not plain and rng.random() < 0.1:
            texts.append(expression(rng, window.change))
        if not plain and rng.random() < 0.1:
            exclude = [*rng.sample(WEEKDAYS, 2), window.change.date().isoformat()]
        schedule = {"cron": texts if len(texts) > 1 else texts[0], "timezone": window.zone, "exclude": exclude}
        try:
            parse(schedule, now=window.start, default_timezone="UTC", allow_past=True)
        except ScheduleError:
            continue  # no such day, or none is left: the tests of refusals speak of these
        made += 1
        slots = window.slots(texts, exclude)
        for _ in range(3):
            if rng.random() < 0.6:
                after = window.change + timedelta(seconds=rng.randint(-3 * 3600, 3 * 3600))
            else:
                after = window.start + timedelta(seconds=rng.randint(86400, 3 * 86400))
            place = bisect_right(slots, after)
            yield Question(
                schedule=schedule, after=after, answer=slots[place] if place < len(slots) else None, end=window.end
            )


@dataclass(kw_only=True)
class Score:
    """How the product did."""

    schedules: int = 0
    questions: int = 0
    zones: set[str] = field(default_factory=set)
    past: int = 0
    wrong: list[str] = field(default_factory=list)


def prove(count: int, *, seed: int, most_windows: int | None = None) -> Score:
    """Ask the product about `count` random schedules."""
    from tasks.schedules import next_after, parse

    rng = random.Random(seed)
    chosen = windows(rng, most=most_windows)
    score = Score()
    for number, window in enumerate(chosen):
        share = count * (number + 1) // len(chosen) - count * number // len(chosen)
        if not share:
            continue
        score.zones.add(window.zone)
        score.schedules += share
        window.walk()
        for question in questions(rng, window, share):
            schedule = parse(question.schedule, now=window.start, default_timezone="UTC", allow_past=True)
            found = next_after(schedule, question.after, anchor=window.start)
            score.questions += 1
            score.past += found is not None and found <= question.after
            if not question.is_answered_by(found):
                score.wrong.append(f"{question.schedule} from {question.after}: {found}, not {question.answer}")
        window.shown.clear()
    return score


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    begun = time.perf_counter()
    score = prove(options.count, seed=options.seed)
    print(
        f"{score.schedules:,} random cron schedules around the clock changes of {len(score.zones)} zones, "
        f"{score.questions:,} questions, seed {options.seed}, {time.perf_counter() - begun:,.0f} s: "
        f"{len(score.wrong)} wrong, {score.past} in the past"
    )
    print("\n".join(score.wrong[:20]))
    return 1 if score.wrong or score.past else 0


if __name__ == "__main__":
    sys.exit(main())
