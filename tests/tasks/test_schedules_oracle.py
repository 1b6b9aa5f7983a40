"""Random cron expressions around clock changes, against a walk over every minute: none wrong, none past."""

import random
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from tasks.schedules import Schedule, ScheduleError, next_after, parse
from tests.tasks.schedule_oracle import Expression, clock_changes, minutes_of, slots

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ZONES = [
    *("Europe/Berlin", "America/New_York", "America/St_Johns", "America/Santiago", "America/Nuuk"),
    *("Africa/Cairo", "Asia/Beirut", "Asia/Jerusalem", "Australia/Lord_Howe"),
    *("Pacific/Chatham", "Pacific/Auckland", "America/Havana", "Europe/Lisbon", "Atlantic/Azores"),
]
# Years gone by, which no new tzdata changes: Morocco's month without daylight saving, St. John's one minute
# past midnight, gaps at midnight in South America, and Troll's two hours.
OLD = [
    ("Africa/Casablanca", 2025),
    ("America/St_Johns", 2006),
    ("America/Asuncion", 2015),
    ("Antarctica/Troll", 2026),
    ("America/Sao_Paulo", 2017),
]


def _field(rng: random.Random, low: int, high: int, *, near: list[int]) -> str:
    def number() -> int:
        return rng.choice(near) if near and rng.random() < 0.6 else rng.randint(low, high)

    match rng.randint(0, 6):
        case 0 | 1:
            return "*"
        case 2:
            return f"*/{rng.randint(1, max(2, high // 2))}"
        case 3:
            a, b = sorted((number(), number()))
            return f"{a}-{b}" + (f"/{rng.randint(1, 5)}" if rng.random() < 0.4 else "")
        case 4:
            return ",".join(str(number()) for _ in range(rng.randint(2, 4)))
        case 5:
            return f"{number()}/{rng.randint(1, 20)}"
        case _:
            return str(number())


def _expression(rng: random.Random, change: datetime) -> str:
    minute = _field(rng, 0, 59, near=[0, 1, 15, 29, 30, 45, 59])
    hour = _field(rng, 0, 23, near=[0, 1, 2, 3, 22, 23])
    dom = _field(rng, 1, 31, near=[change.day, min(change.day + 1, 28)]) if rng.random() < 0.4 else "*"
    if rng.random() < 0.08:
        dom = rng.choice(["L", "LW", "1,L", "15,LW"])
    month = rng.choice(["*", "*", "*", str(change.month), f"{change.month}/1", "1-12", "MAR,APR,OCT-NOV"])
    dow = _field(rng, 0, 7, near=[0, 6, 7]) if rng.random() < 0.4 else "*"
    if rng.random() < 0.08:
        dow = rng.choice(["5L", "0L", "1#2", "SUN#1", "SUN#5", "sat", "Mon-Fri"])
    return f"{minute} {hour} {dom} {month} {dow}"


@pytest.mark.parametrize(("name", "year"), [*((zone, 2027) for zone in ZONES), *OLD])
def test_random_expressions_agree_with_a_walk_over_every_minute(name: str, year: int) -> None:
    rng = random.Random(f"{name} {year}")
    zone = ZoneInfo(name)
    changes = clock_changes(zone, year)
    assert changes, "this zone was chosen because its clock changes"
    asked = 0
    for change in changes[:2]:
        start, end = change - timedelta(days=2), change + timedelta(days=2)
        minutes = minutes_of(zone, start, end)
        for _ in range(25):
            text = _expression(rng, change)
            try:
                schedule = parse({"cron": text, "timezone": name}, now=NOW, default_timezone="UTC")
            except ScheduleError:
                continue
            expected = list(slots(Expression(text), minutes))
            for _ in range(8):
                after = start + timedelta(seconds=rng.randint(24 * 3600, 3 * 86400))
                if rng.random() < 0.5:
                    after = change + timedelta(seconds=rng.randint(-3 * 3600, 3 * 3600))
                answer = next_after(schedule, after, anchor=NOW)
                want = next((slot for slot in expected if slot > after), None)
                if want is None:
                    assert answer is None or answer >= end, (text, after, answer)
                else:
                    assert answer == want, (text, after, answer, want)
                asked += 1
    assert asked > 100


@pytest.mark.parametrize("name", ZONES)
def test_daily_times_agree_with_a_walk_over_every_minute(name: str) -> None:
    rng = random.Random(name)
    zone = ZoneInfo(name)
    for change in clock_changes(zone, 2027)[:2]:
        minutes = minutes_of(zone, change - timedelta(days=2), change + timedelta(days=2))
        for _ in range(12):
            at = time(rng.choice([0, 1, 2, 3, 22, 23]), rng.choice([0, 1, 29, 30, 59]))
            schedule = Schedule(daily_times=(at,), timezone=name)
            expected = list(slots(Expression(f"{at.minute} {at.hour} * * *"), minutes))
            found, after = [], minutes[0][0]
            while (slot := next_after(schedule, after, anchor=NOW)) is not None and slot <= minutes[-1][0]:
                found.append(slot)
                after = slot
            assert found == expected, (at, change)
