"""Next fire times a second for each kind of schedule, beside APScheduler's triggers and bare cronsim.

Each is asked again and again for the time after the one that it gave. cronsim keeps its place between two times, which
makes it the fastest; it and APScheduler give wrong times around clock changes (docs/schedules.md), ours do not.
"""

import time as clock
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from cronsim import CronSim

from benchmarks.harness import RUNS, Row, median_of
from tasks import schedules
from tasks.schedules import Schedule

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


def measure(*, quick: bool) -> Iterator[Row]:
    """The rows of the table."""
    runs, times = (3, 300) if quick else (RUNS, 2_000)
    for name, schedule in KINDS.items():
        rate = per_second(ours(schedule), times, runs)
        others = {"APScheduler": apscheduler(schedule), "cronsim": cronsim(schedule)}
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
        for name, ask in (("ours", ours(rare)), ("APScheduler", apscheduler(rare)), ("cronsim", cronsim(rare)))
        if ask is not None
    }
    yield Row(
        what=f"next fire time: rare cron {RARE}",
        ours=f"{1e6 * seconds['ours']:,.0f} µs",
        baseline=", ".join(f"{1e6 * seconds[other]:,.0f} µs {other}" for other in ("APScheduler", "cronsim")),
        ratio=f"{seconds['APScheduler'] / seconds['ours']:.0f}×",
        goal=f"< {1000 * RARE_GOAL:g} ms",
        met=seconds["ours"] < RARE_GOAL,
    )
