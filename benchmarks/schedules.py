"""Next fire times a second for each kind of schedule, beside APScheduler's triggers, croniter and bare cronsim.

Each is asked again and again for the time after the one that it gave; cronsim and croniter keep their place between two
times. All three give wrong times around clock changes, ours do not: the last rows count that, against a walk over every
real minute (tests/proof/crons.py).
"""

import random
import time as clock
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from croniter import croniter  # type: ignore[import-untyped]
from cronsim import CronSim

from benchmarks.harness import RUNS, Row, median_of
from tasks import schedules
from tasks.schedules import Schedule
from tests.proof.crons import Question, questions, windows

ZONE = "Europe/Berlin"
START = datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC)
GOAL = 20_000
RARE_GOAL = 0.010
"""Seconds for the worst expression (issue and contract: 29 February)."""

KINDS: dict[str, Schedule] = {
    "every 15 minutes": Schedule(interval_minutes=15, timezone=ZONE),
    "daily at 09:00": Schedule(daily_times=(time(9),), timezone=ZONE),
    "daily at three times, resting on weekends": Schedule(
        daily_times=(time(9), time(12, 30), time(18)), timezone=ZONE, exclude=("SAT", "SUN")
    ),
    "cron */5 * * * *": Schedule(crons=("*/5 * * * *",), timezone=ZONE),
    "cron 30 9 * * MON-FRI": Schedule(crons=("30 9 * * MON-FRI",), timezone=ZONE),
    "cron 0 0 1 * *": Schedule(crons=("0 0 1 * *",), timezone=ZONE),
    "cron, two expressions": Schedule(crons=("0 9 * * MON", "0 17 * * FRI"), timezone=ZONE),
}
RARE = "0 0 29 2 *"
OTHERS = ("APScheduler", "croniter", "cronsim")


def per_second(ask: Callable[[datetime], datetime | None], times: int, runs: int) -> float:
    """Answers a second: `times` times after one another from START, the median of `runs`."""

    def once() -> float:
        moment = START
        begun = clock.perf_counter()
        for _ in range(times):
            found = ask(moment)
            assert found is not None
            assert found > moment
            moment = found
        return times / (clock.perf_counter() - begun)

    once()
    return median_of(once() for _ in range(runs))


def ours(schedule: Schedule) -> Callable[[datetime], datetime | None]:
    """Our answer."""
    return lambda moment: schedules.next_after(schedule, moment, anchor=START)


def apscheduler(schedule: Schedule) -> Callable[[datetime], datetime | None] | None:
    """APScheduler's, where it has such a trigger."""
    zone = ZoneInfo(schedule.timezone)
    if schedule.interval_minutes:
        trigger = IntervalTrigger(minutes=schedule.interval_minutes, start_date=START, timezone=zone)
    elif len(schedule.crons) == 1:
        trigger = CronTrigger.from_crontab(schedule.crons[0], timezone=zone)
    elif len(schedule.daily_times) == 1 and not schedule.exclude:
        at = schedule.daily_times[0]
        trigger = CronTrigger(hour=at.hour, minute=at.minute, timezone=zone)
    else:
        return None

    def ask(moment: datetime) -> datetime | None:
        found: datetime | None = trigger.get_next_fire_time(moment, moment.astimezone(zone))
        if found is not None and found <= moment:
            # A time that is given is given once more unless the question lies behind it.
            found = trigger.get_next_fire_time(None, moment.astimezone(zone).replace(microsecond=1))
        return found

    return ask


def cronsim(schedule: Schedule) -> Callable[[datetime], datetime | None] | None:
    """cronsim's, for one expression: made once, then asked for one after the other."""
    if len(schedule.crons) != 1:
        return None
    zone = ZoneInfo(schedule.timezone)
    state: dict[str, CronSim] = {}

    def ask(moment: datetime) -> datetime | None:
        if moment == START or "sim" not in state:
            state["sim"] = CronSim(schedule.crons[0], START.astimezone(zone))
        found: datetime = next(state["sim"])
        return found

    return ask


def of_croniter(schedule: Schedule) -> Callable[[datetime], datetime | None] | None:
    """croniter's, in the same way."""
    if len(schedule.crons) != 1:
        return None
    zone = ZoneInfo(schedule.timezone)
    state: dict[str, croniter] = {}

    def ask(moment: datetime) -> datetime | None:
        if moment == START or "iter" not in state:
            state["iter"] = croniter(schedule.crons[0], START.astimezone(zone))
        found: datetime = state["iter"].get_next(datetime)
        return found

    return ask


def answers_of(question: Question) -> dict[str, Callable[[], datetime | None]]:
    """Who answers a question about one expression, by name."""
    zone = ZoneInfo(question.schedule["timezone"])
    text, after = question.schedule["cron"], question.after
    local = after.astimezone(zone)
    schedule = Schedule(crons=(text,), timezone=zone.key)
    return {
        "ours": lambda: schedules.next_after(schedule, after, anchor=START),
        # It answers with the question itself where that matches.
        "APScheduler": lambda: CronTrigger.from_crontab(text, timezone=zone).get_next_fire_time(
            None, local.replace(microsecond=1)
        ),
        "croniter": lambda: croniter(text, local).get_next(datetime),
        "cronsim": lambda: next(CronSim(text, local)),
    }


def wrong_answers(count: int) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """By name, how many of `count` random expressions are answered wrongly or not at all around a clock change; how
    many of these name no days, where libraries do not differ in what weekdays are called; and how many lie in the past.
    """
    rng = random.Random(2027)
    wrong: Counter[str] = Counter()
    any_day: Counter[str] = Counter()
    past: Counter[str] = Counter()
    for window in windows(rng, most=count // 20):
        # Of the three moments for each schedule, the first.
        for question in list(questions(rng, window.walk(), 20, plain=True))[::3]:
            for name, ask in answers_of(question).items():
                try:
                    found = ask()
                except (ValueError, KeyError, StopIteration):
                    found = question.after
                else:
                    past[name] += found is not None and found <= question.after
                if not question.is_answered_by(found):
                    wrong[name] += 1
                    any_day[name] += question.schedule["cron"].endswith(" * * *")
        window.shown.clear()
    return wrong, any_day, past


def measure(*, quick: bool) -> Iterator[Row]:
    """The rows of the table."""
    runs, times = (3, 300) if quick else (RUNS, 2_000)
    for name, schedule in KINDS.items():
        rate = per_second(ours(schedule), times, runs)
        others = {
            "APScheduler": apscheduler(schedule),
            "croniter": of_croniter(schedule),
            "cronsim": cronsim(schedule),
        }
        rates = {other: per_second(ask, times, runs) for other, ask in others.items() if ask is not None}
        yield Row(
            what=f"next fire time: {name}",
            ours=f"{rate:,.0f}/s",
            baseline=", ".join(f"{found:,.0f}/s {other}" for other, found in rates.items()),
            ratio=f"{rate / rates['APScheduler']:.1f}×" if "APScheduler" in rates else "",
            goal=f"≥ {GOAL:,}/s",
            met=rate >= GOAL,
        )
    rare = Schedule(crons=(RARE,), timezone=ZONE)
    times = 20
    seconds = {
        name: 1 / per_second(ask, times, runs)
        for name, ask in (
            ("ours", ours(rare)),
            ("APScheduler", apscheduler(rare)),
            ("croniter", of_croniter(rare)),
            ("cronsim", cronsim(rare)),
        )
        if ask is not None
    }
    yield Row(
        what=f"next fire time: rare cron {RARE}",
        ours=f"{1e6 * seconds['ours']:,.0f} µs",
        baseline=", ".join(f"{1e6 * seconds[other]:,.0f} µs {other}" for other in OTHERS),
        ratio=f"{seconds['APScheduler'] / seconds['ours']:.0f}×",
        goal=f"< {1000 * RARE_GOAL:g} ms",
        met=seconds["ours"] < RARE_GOAL,
    )
    count = 200 if quick else 2_000
    wrong, any_day, past = wrong_answers(count)
    for what, found in (
        ("wrong", wrong),
        ("wrong, of those for every day", any_day),
        ("in the past", past),
    ):
        yield Row(
            what=f"{count:,} random expressions around clock changes: {what}",
            ours=f"{found['ours']}",
            baseline=", ".join(f"{found[other]:,} {other}" for other in OTHERS),
            goal="0",
            met=not found["ours"],
        )
