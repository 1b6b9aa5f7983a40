"""The life of one seeded task, as its fate wants it: its row, its runs one after another, its transitions. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from random import Random
from typing import Any
from uuid import UUID

from tasks import schedules
from tasks.schedules import Schedule
from tasks.states import OnInterrupt, Pattern, PausedReason, RunStatus, TaskStatus, Trigger
from valuecell_site.seeding.fates import Fate
from valuecell_site.seeding.tables import id_at
from valuecell_site.seeding.words import TOPICS_BY_AGENT, Topic, answer, asked

OLDEST = timedelta(days=80)
"""Nothing is older: finished runs are kept for 90 days by default."""
REST_FROM_NOW = timedelta(hours=6)
"""No seeded task is due before this."""
WEEK = timedelta(days=7)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Shanghai")
STEPS = (1, 5, 15, 30, 60, 240, 1440)
"""Minutes between two runs of a schedule that starts nothing any more."""
DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
FAILED_TICKS = 5
"""Failed ticks in a row after which a schedule is paused."""


class Outcome(StrEnum):
    """How a row of a run history came about, beside its status."""

    GOOD = "good"
    FAILED = "failed"
    FAILED_FIRST = "failed first"
    """A second attempt follows."""
    SECOND = "second"
    """The attempt that follows."""
    SKIPPED = "skipped"
    MISSED = "missed"
    INTERRUPTED = "interrupted"


_PATTERN = {7: Outcome.FAILED_FIRST, 8: Outcome.SECOND, 31: Outcome.FAILED, 57: Outcome.SKIPPED} | {
    71: Outcome.MISSED,
    93: Outcome.INTERRUPTED,
}
"""Of a hundred rows in a row; all others are good."""


@dataclass(kw_only=True, slots=True)
class Story:
    """A task with everything that happened to it. `task` are the columns of its row."""

    fate: Fate
    topic: Topic
    subject: str
    task: dict[str, Any]
    slots: Sequence[datetime] = ()
    outcomes: Sequence[Outcome] = ()
    transitions: list[dict[str, Any]] = field(default_factory=list)
    ended_at: datetime | None = None

    @property
    def id(self) -> UUID:
        """The task's id."""
        return self.task["id"]

    @property
    def created_at(self) -> datetime:
        """When it was asked for."""
        return self.task["created_at"]


def story(fate: Fate, runs: int, *, daily: bool, now: datetime, random: Random) -> Story:
    """Invent a task of this fate with exactly `runs` rows of run history.

    `daily` allows a schedule that still goes to do so every day, instead of once a week.
    """
    topic = random.choice(TOPICS_BY_AGENT)
    title, query, subject = asked(topic, random)
    told = Story(
        fate=fate,
        topic=topic,
        subject=subject,
        task={
            "title": title,
            "query": query,
            "agent_name": topic.agent_name,
            "priority": random.choices((5, 3, 8), weights=(8, 1, 1))[0],
            "timezone": random.choice(ZONES),
            "max_attempts": 3,
        },
    )
    if fate <= Fate.ASKING:
        _once(told, now, random)
    else:
        _recurring(told, runs, daily, now, random)
    return told


def _once(told: Story, now: datetime, random: Random) -> None:
    age = timedelta(days=3) if told.fate == Fate.ASKING else OLDEST
    created = now - timedelta(minutes=10) - age * random.random()
    task = told.task
    task |= {"pattern": Pattern.ONCE, "on_interrupt": OnInterrupt.FAIL, "anchor_at": created}
    _create(told, created, random)
    if told.fate == Fate.PLANNED:
        start = _whole_minute(now + REST_FROM_NOW + timedelta(days=30) * random.random())
        task |= {"start_at": start, "anchor_at": start, "next_slot_at": start, "next_run_at": start}
        task |= {"status": TaskStatus.PENDING, "updated_at": created}
    elif told.fate == Fate.DROPPED:
        end = created + timedelta(seconds=random.randint(5, 500))
        _end(told, TaskStatus.CANCELLED, end, "cancelled", random)
    else:
        told.slots = [created]
        told.outcomes = [Outcome.FAILED if told.fate == Fate.FAILED else Outcome.GOOD]
        task |= {"max_attempts": 1, "run_count": 1, "started_at": created}
        _turn(told, (TaskStatus.PENDING, TaskStatus.RUNNING), created, "first run claimed", random)
        end = created + timedelta(seconds=45)  # longer than any seeded run takes
        if told.fate == Fate.ASKING:
            _turn(told, (TaskStatus.RUNNING, TaskStatus.WAITING_INPUT), end, "the agent asked something", random)
            task |= {"status": TaskStatus.WAITING_INPUT, "updated_at": end}
        elif told.fate == Fate.FAILED:
            why = random.choice(told.topic.failures)
            task["error_message"] = why
            _end(told, TaskStatus.FAILED, end, why, random, old=TaskStatus.RUNNING)
        else:
            _end(told, TaskStatus.COMPLETED, end, "", random, old=TaskStatus.RUNNING)


def _recurring(told: Story, runs: int, daily: bool, now: datetime, random: Random) -> None:
    told.task |= {"pattern": Pattern.RECURRING, "on_interrupt": OnInterrupt.NEXT}
    if told.fate in (Fate.ARMED, Fate.NEW) and not runs:
        told.fate = Fate.NEW
        _new(told, now, random)
        return
    if told.fate == Fate.OVER and not runs:
        told.fate = Fate.STOPPED
    shift = random.randrange(100)
    failing = told.fate == Fate.RESTING and runs >= FAILED_TICKS and random.random() < 0.25
    told.outcomes = _outcomes(runs, shift, failing=failing)
    ticks = sum(outcome != Outcome.SECOND for outcome in told.outcomes)
    told.task["run_count"] = ticks - sum(outcome in (Outcome.SKIPPED, Outcome.MISSED) for outcome in told.outcomes)
    if told.fate == Fate.ARMED:
        _armed(told, ticks, daily, now, random)
    else:
        _ended_or_resting(told, ticks, failing, now, random)


def _new(told: Story, now: datetime, random: Random) -> None:
    created = now - timedelta(days=5) * random.random()
    start = _whole_minute(now + REST_FROM_NOW + timedelta(days=28) * random.random())
    schedule = _weekly(random, told.task["timezone"], start_at=start)
    slot = schedules.first_slot(schedule, now=start, anchor=start)
    _plan(told, schedule, slot)
    told.task |= {"anchor_at": start, "status": TaskStatus.PENDING, "updated_at": created}
    _create(told, created, random)


def _armed(told: Story, ticks: int, daily: bool, now: datetime, random: Random) -> None:
    zone = told.task["timezone"]
    while True:
        schedule = _every_day(random, zone) if daily else _weekly(random, zone)
        past, coming = _around(schedule, now, ticks)
        if coming >= now + REST_FROM_NOW:
            break
    told.slots = past
    created = past[0] - timedelta(hours=1) - timedelta(hours=11) * random.random()
    _plan(told, schedule, coming)
    told.task |= {"anchor_at": created, "status": TaskStatus.RUNNING, "started_at": past[0], "updated_at": past[-1]}
    _create(told, created, random)
    _turn(told, (TaskStatus.PENDING, TaskStatus.RUNNING), past[0], "first run claimed", random)


def _ended_or_resting(told: Story, ticks: int, failing: bool, now: datetime, random: Random) -> None:
    stopped = now - timedelta(hours=1) - timedelta(days=9) * random.random()
    room = (OLDEST - (now - stopped)) // timedelta(minutes=1)
    step = random.choice([minutes for minutes in STEPS if ticks * minutes <= room] or [1])
    cron = step in (5, 15, 30) and random.random() < 0.4
    if cron:
        last = stopped - (stopped - datetime.min.replace(tzinfo=stopped.tzinfo)) % timedelta(minutes=step)
        schedule = Schedule(crons=(f"*/{step} * * * *",), timezone="UTC")
    else:
        last = stopped - timedelta(seconds=random.randint(1, step * 60))
        schedule = Schedule(interval_minutes=step, timezone=told.task["timezone"])
    between = timedelta(minutes=step)
    told.slots = _Steps(last - between * (ticks - 1), between, ticks)
    first = told.slots[0] if ticks else last
    created = first - timedelta(seconds=random.randint(1, 200)) if cron else first
    task = told.task
    if told.fate == Fate.OVER:
        schedule = Schedule(**{**vars(schedule), "end_at": stopped})
    _plan(told, schedule, last + between if told.fate == Fate.RESTING else None)
    task["anchor_at"] = created
    _create(told, created, random)
    old = TaskStatus.PENDING
    if ticks:
        old = TaskStatus.RUNNING
        task["started_at"] = first
        _turn(told, (TaskStatus.PENDING, old), first, "first run claimed", random)
    end = max(stopped, last + timedelta(seconds=50))
    if told.fate == Fate.OVER:
        _end(told, TaskStatus.COMPLETED, end, "The schedule has no time left.", random, old=old)
    elif told.fate == Fate.STOPPED:
        _end(told, TaskStatus.CANCELLED, end, "cancelled", random, old=old)
    else:
        _rest(told, old, end, failing, random)


def _rest(told: Story, status: TaskStatus, moment: datetime, failing: bool, random: Random) -> None:
    why = PausedReason.FAILURES if failing else PausedReason.MANUAL
    error = told.topic.failures[0]
    note = f"{FAILED_TICKS} ticks in a row failed; the last: {error}" if failing else "over the holidays"
    told.task |= {"status": status, "paused_at": moment, "paused_reason": why, "paused_note": note}
    told.task |= {"updated_at": moment, "failures_in_a_row": FAILED_TICKS if failing else 0}
    _turn(told, (status, status), moment, "paused" if not failing else note, random)


def runs_of(told: Story, random: Random) -> Iterator[dict[str, Any]]:
    """The rows of its run history, oldest first, one after another: a schedule may have a hundred thousand."""
    task = told.task
    nth = -1
    for outcome in told.outcomes:
        nth += outcome != Outcome.SECOND
        slot = told.slots[nth]
        second = outcome == Outcome.SECOND
        moment = slot + timedelta(seconds=3) if second else slot
        # Most runs start within a tenth of a second, a few wait for their agent's other runs.
        late = timedelta(seconds=random.lognormvariate(-3, 0.7) if random.random() < 0.96 else random.uniform(1, 9))
        run: dict[str, Any] = {
            "id": id_at(moment, random),
            "task_id": told.id,
            "user_id": task["user_id"],
            "conversation_id": task["conversation_id"],
            "trigger": Trigger.RETRY if second else Trigger.SCHEDULE,
            "scheduled_for": slot,
            "attempt": 2 if second else 1,
            "priority": task["priority"],
            "agent_name": task["agent_name"],
            "ready_at": moment,
            "created_at": moment,
        }
        if outcome in (Outcome.SKIPPED, Outcome.MISSED):
            why = "the run before still went" if outcome == Outcome.SKIPPED else "the server was down"
            yield run | {"status": RunStatus(outcome.value), "finished_at": moment, "reason": why}
            continue
        started = moment + late
        finished = started + timedelta(seconds=min(30.0, random.lognormvariate(1, 0.8)))
        run |= {
            "input": task["query"],
            "worker": "seeded",
            "token": 1,
            "started_at": started,
            "sent_at": started,
            "remote_task_id": str(UUID(int=random.getrandbits(128), version=4)),
            "remote_context_id": str(task["conversation_id"]),
            "finished_at": finished,
        }
        yield run | _ending_of(told, outcome, random)


def _ending_of(told: Story, outcome: Outcome, random: Random) -> dict[str, Any]:
    if told.fate == Fate.ASKING:
        return {"status": RunStatus.WAITING_INPUT, "finished_at": None, "worker": ""}
    if outcome in (Outcome.FAILED, Outcome.FAILED_FIRST):
        return {"status": RunStatus.FAILED, "error": told.task.get("error_message") or told.topic.failures[0]}
    if outcome == Outcome.INTERRUPTED:
        return {"status": RunStatus.INTERRUPTED, "reason": "The server stopped while the message was on its way."}
    usage = None
    if told.topic.agent_name == "ResearchAgent":
        usage = {"input_tokens": random.randint(400, 3000), "output_tokens": random.randint(100, 900)}
    return {
        "status": RunStatus.SUCCEEDED,
        "result": answer(told.topic, told.subject, random),
        "usage": usage,
    }


@dataclass(frozen=True, slots=True)
class _Steps(Sequence[datetime]):
    """Evenly spaced moments, without a list of them."""

    first: datetime
    step: timedelta
    number: int

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, index: Any) -> Any:
        return self.first + self.step * index


def _outcomes(runs: int, shift: int, *, failing: bool) -> list[Outcome]:
    """How each of `runs` rows came about; `failing`: the last ticks failed, until the schedule was paused."""
    found = [_PATTERN.get((nth + shift) % 100, Outcome.GOOD) for nth in range(runs)]
    if failing:
        found[-FAILED_TICKS:] = [Outcome.FAILED] * FAILED_TICKS
    for nth, outcome in enumerate(found):
        # A second attempt has a first one before it, and a first one a second one behind it.
        if outcome == Outcome.SECOND and (nth == 0 or found[nth - 1] != Outcome.FAILED_FIRST):
            found[nth] = Outcome.GOOD
        if outcome == Outcome.FAILED_FIRST and (nth + 1 == runs or found[nth + 1] != Outcome.SECOND):
            found[nth] = Outcome.GOOD
    if found and not failing:
        found[-1] = Outcome.SECOND if found[-1] == Outcome.SECOND else Outcome.GOOD
        found[0] = Outcome.FAILED_FIRST if found[0] == Outcome.FAILED_FIRST else Outcome.GOOD
    return found


def _weekly(random: Random, zone: str, start_at: datetime | None = None) -> Schedule:
    minute, hour = random.choice(range(0, 60, 5)), random.randrange(24)
    return Schedule(crons=(f"{minute} {hour} * * {random.choice(DAYS)}",), timezone=zone, start_at=start_at)


def _every_day(random: Random, zone: str) -> Schedule:
    return Schedule(daily_times=(time(random.randrange(24), random.choice(range(0, 60, 5))),), timezone=zone)


@lru_cache(maxsize=20_000)
def _around(schedule: Schedule, now: datetime, ticks: int) -> tuple[list[datetime], datetime]:
    """The last `ticks` slots before `now`, oldest first, and the one that comes."""
    begin = now - WEEK * (ticks + 1)
    # A run of the last minute might not have ended yet.
    latest = now - timedelta(minutes=1)
    past = schedules.slots_between(schedule, begin, latest, anchor=begin, limit=10 * (ticks + 2))
    coming = schedules.next_after(schedule, latest, anchor=begin)
    if coming is None:
        raise ValueError(f"a schedule of every week or day has no next slot: {schedule}")
    return past[-ticks:], coming


def _plan(told: Story, schedule: Schedule, slot: datetime | None) -> None:
    told.task |= {
        "interval_minutes": schedule.interval_minutes,
        "daily_times": [moment.strftime("%H:%M") for moment in schedule.daily_times] or None,
        "crons": list(schedule.crons) or None,
        "timezone": schedule.timezone,
        "start_at": schedule.start_at,
        "end_at": schedule.end_at,
        "next_slot_at": slot,
        "next_run_at": slot,
    }


def _create(told: Story, moment: datetime, random: Random) -> None:
    told.task |= {"id": id_at(moment, random), "created_at": moment}
    _turn(told, ("", TaskStatus.PENDING), moment, "created", random)


def _turn(told: Story, change: tuple[str, str], moment: datetime, reason: str, random: Random) -> None:
    old, new = change
    # Two in one moment keep their order by their ids.
    moment += timedelta(microseconds=len(told.transitions))
    told.transitions.append(
        {
            "id": id_at(moment, random),
            "task_id": told.id,
            "old_status": old,
            "new_status": new,
            "reason": reason[:500],
            "created_at": moment,
        }
    )


def _end(
    told: Story,
    status: TaskStatus,
    moment: datetime,
    reason: str,
    random: Random,
    *,
    old: TaskStatus = TaskStatus.PENDING,
) -> None:
    told.ended_at = moment
    told.task |= {"status": status, "completed_at": moment, "updated_at": moment}
    _turn(told, (old, status), moment, reason, random)


def _whole_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
