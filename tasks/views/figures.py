"""What became of the runs of a bounded time, and what comes next: the figures of the insights page.

Three queries however much there is: the runs are added up by time and agent where they lie, the failures by what was
said, and the schedules that are due soon are computed, those that repeat densely by counting.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum

from django.contrib.auth.models import User
from django.db.models import (
    Case,
    Count,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Left
from django.utils.timezone import localtime

from tasks import schedules
from tasks.models import Task, TaskRun
from tasks.states import RunStatus, Trigger

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
QUARTERS = (0, 6, 12, 18)
"""Local hours at which a part of a week begins."""
FAILED = (RunStatus.FAILED, RunStatus.INTERRUPTED)
_PASSED_OVER = (RunStatus.SKIPPED, RunStatus.MISSED)
SCHEDULES_MOST = 500
"""Schedules whose coming runs are computed, those that are due first; the page says how many are left."""
SINGLY = 48
"""Coming runs of a schedule that are computed one by one; more are counted by the hour."""
TEXT = 300
"""Characters of an error by which failures are told apart."""
TEXTS_MOST = 500
"""Different texts that are read; the page says how many failures have others."""
_VARYING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\b0x[0-9a-f]+\b|\d+(?:[.:,]\d+)*", re.IGNORECASE)
"""What differs from one failure to the next though the reason is the same: ids, numbers, times."""
_INSTANT = timedelta(microseconds=1)


class Span(StrEnum):
    """The time that is looked at; the address says which."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"


@dataclass(kw_only=True)
class Sums:
    """What runs add up to; durations in seconds."""

    succeeded: int = 0
    failed: int = 0
    passed_over: int = 0
    """Times of schedules that did not run: skipped or missed."""
    cancelled: int = 0
    took: float = 0.0
    timed: int = 0
    longest: float | None = None
    late: float = 0.0
    by_time: int = 0
    latest: float | None = None

    @property
    def ended(self) -> int:
        """Runs that an agent ended, well or not."""
        return self.succeeded + self.failed

    @property
    def rate(self) -> float | None:
        """Percent of them that ended well."""
        return 100 * self.succeeded / self.ended if self.ended else None

    @property
    def mean_time(self) -> float | None:
        """The mean run time."""
        return self.took / self.timed if self.timed else None

    @property
    def mean_lateness(self) -> float | None:
        """How long after their time schedules' runs began, in the mean."""
        return self.late / self.by_time if self.by_time else None

    def add(self, other: "Sums") -> None:
        """Take in what others add up to."""
        for name in ("succeeded", "failed", "passed_over", "cancelled", "took", "timed", "late", "by_time"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.longest = max((x for x in (self.longest, other.longest) if x is not None), default=None)
        self.latest = max((x for x in (self.latest, other.latest) if x is not None), default=None)


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Failures for one reason at one agent; `text` is what one of them said."""

    text: str
    agent_name: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Past:
    """The runs of a span: in all, by part of the span, and by agent (the busiest first)."""

    total: Sums
    parts: Sequence[Sums]
    agents: Sequence[tuple[str, Sums]]


@dataclass(frozen=True, kw_only=True)
class Next:
    """A task that runs within the coming day: when, and how often."""

    task: Task
    at: datetime
    count: int


@dataclass(frozen=True, kw_only=True)
class Coming:
    """The coming day: runs by hour, the tasks in the order of their next run, and how many were not computed."""

    hours: Sequence[int]
    tasks: Sequence[Next]
    left_out: int


def edges(span: Span, *, now: datetime, zone: tzinfo) -> list[datetime]:
    """Where the parts of a span begin, oldest first, and the end of the last: hours, quarters of local days, or local
    days, the one that is now included. Days are taken from the calendar: one may have 23 or 25 hours.
    """
    local = localtime(now, zone)
    if span == Span.DAY:
        last = local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)
        return [last + HOUR * n for n in range(-23, 2)]
    number = 7 if span == Span.WEEK else 30
    days = [local.date() + timedelta(days=n) for n in range(1 - number, 2)]
    hours = QUARTERS if span == Span.WEEK else (0,)
    begun = [datetime.combine(day, time(hour), zone) for day in days for hour in hours]
    after = next(place for place, moment in enumerate(begun) if moment > now)
    return begun[: after + 1]


def runs_of(user: User | None, *, since: datetime, now: datetime) -> QuerySet[TaskRun]:
    """The ended runs whose time came since then, without attempts of which a later one took the place; everybody's
    where `user` is None. Served by `run_of_user_by_slot`, or by `run_finished`: nothing ends before its time.
    """
    runs = TaskRun.objects.filter(scheduled_for__gte=since, scheduled_for__lt=now, finished_at__isnull=False)
    runs = runs.filter(finished_at__gte=since) if user is None else runs.filter(user=user)
    later = TaskRun.objects.filter(
        task=OuterRef("task"), scheduled_for=OuterRef("scheduled_for"), attempt__gt=OuterRef("attempt")
    )
    return runs.exclude(Q(status=RunStatus.FAILED) & Exists(later)).order_by()


def past(runs: QuerySet[TaskRun], moments: Sequence[datetime]) -> Past:
    """What `runs` add up to, by the parts between `moments` and by agent. One query, a row a part and agent."""
    part = Case(
        *(When(scheduled_for__lt=moment, then=Value(place)) for place, moment in enumerate(moments[1:])),
        output_field=IntegerField(),
    )
    took = _between("started_at", "finished_at")
    late = _between("scheduled_for", "started_at")
    worked = Q(status__in=(RunStatus.SUCCEEDED, *FAILED), started_at__isnull=False)
    # A retry's time is that of its slot, and its wait is no lateness.
    timely = Q(trigger=Trigger.SCHEDULE, attempt=1, started_at__isnull=False)
    rows = (
        runs.annotate(part=part)
        .values("part", "agent_name")
        .annotate(
            succeeded=Count("pk", filter=Q(status=RunStatus.SUCCEEDED)),
            failed=Count("pk", filter=Q(status__in=FAILED)),
            passed_over=Sum("slots", filter=Q(status__in=_PASSED_OVER), default=0),
            cancelled=Count("pk", filter=Q(status=RunStatus.CANCELLED)),
            took=Sum(took, filter=worked),
            timed=Count("pk", filter=worked),
            longest=Max(took, filter=worked),
            late=Sum(late, filter=timely),
            by_time=Count("pk", filter=timely),
            latest=Max(late, filter=timely),
        )
    )
    total, parts = Sums(), [Sums() for _ in moments[1:]]
    agents: dict[str, Sums] = defaultdict(Sums)
    for row in rows:
        sums = Sums(
            succeeded=row["succeeded"],
            failed=row["failed"],
            passed_over=row["passed_over"],
            cancelled=row["cancelled"],
            took=_seconds(row["took"]) or 0.0,
            timed=row["timed"],
            longest=_seconds(row["longest"]),
            late=_seconds(row["late"]) or 0.0,
            by_time=row["by_time"],
            latest=_seconds(row["latest"]),
        )
        for place in (total, parts[row["part"]], agents[row["agent_name"]]):
            place.add(sums)
    busiest = sorted(agents.items(), key=lambda entry: (-entry[1].ended, -entry[1].took, entry[0]))
    return Past(total=total, parts=parts, agents=busiest)


def reasons(runs: QuerySet[TaskRun]) -> list[Reason]:
    """Why `runs` failed, the most frequent first: by agent and by what was said, numbers and ids aside. One query."""
    told = (
        runs.filter(status__in=FAILED)
        .annotate(said=Case(When(error="", then=Left("reason", TEXT)), default=Left("error", TEXT)))
        .values("agent_name", "said")
        .annotate(number=Count("pk"))
        .order_by("-number", "agent_name", "said")[:TEXTS_MOST]
    )
    counts: dict[tuple[str, str], int] = defaultdict(int)
    example: dict[tuple[str, str], str] = {}
    for row in told:
        key = (row["agent_name"], _VARYING.sub("0", row["said"]))
        counts[key] += row["number"]
        example.setdefault(key, row["said"])
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return [Reason(text=example[key], agent_name=key[0], count=count) for key, count in ordered]


def hours_ahead(*, now: datetime, zone: tzinfo) -> list[datetime]:
    """Now, the full hours of the coming day, and its end."""
    full = localtime(now, zone).replace(minute=0, second=0, microsecond=0).astimezone(UTC)
    return [now, *(full + HOUR * n for n in range(1, 25) if full + HOUR * n < now + DAY), now + DAY]


def coming(user: User | None, *, moments: Sequence[datetime]) -> Coming:
    """What runs between the first and the last of `moments`; everybody's where `user` is None. One query, and a count
    where there are too many schedules to compute. Those that rest are not among them.
    """
    armed = Task.objects.armed().filter(next_run_at__lt=moments[-1])
    armed = armed if user is None else armed.for_user(user)
    found = armed.select_related("user").order_by("next_run_at", "id").defer("query", "error_message")
    tasks = list(found[: SCHEDULES_MOST + 1])
    left_out = armed.count() - SCHEDULES_MOST if len(tasks) > SCHEDULES_MOST else 0
    hours = [0] * (len(moments) - 1)
    following: list[Next] = []
    for task in tasks[:SCHEDULES_MOST]:
        counted = _by_hour(task, moments)
        for place, number in counted:
            hours[place] += number
        assert task.next_run_at is not None  # noqa: S101  (it is armed)
        following.append(Next(task=task, at=task.next_run_at, count=sum(number for _, number in counted)))
    return Coming(hours=hours, tasks=following, left_out=left_out)


def _by_hour(task: Task, moments: Sequence[datetime]) -> list[tuple[int, int]]:
    """How often a task runs, by the place of its part."""
    assert task.next_run_at is not None  # noqa: S101  (it is armed)
    now, end = moments[0], moments[-1]
    first = bisect_right(moments, max(task.next_run_at, now)) - 1
    counted = [(first, 1)]
    left = None if task.max_runs is None else task.max_runs - task.run_count - 1
    if not task.recurring or (left is not None and left <= 0):
        return counted
    after = max(task.next_slot_at or task.next_run_at, now)
    most = SINGLY if left is None else min(SINGLY, left)
    slots = schedules.slots_between(task.schedule, after, end - _INSTANT, anchor=task.anchor_at, limit=most + 1)
    if len(slots) <= most or most == left:
        return counted + [(bisect_right(moments, slot) - 1, 1) for slot in slots[:left]]
    for place in range(bisect_right(moments, after) - 1, len(moments) - 1):
        until = moments[place + 1] - _INSTANT
        limit = 100_000 if left is None else left
        number = schedules.count_between(task.schedule, after, until, anchor=task.anchor_at, limit=limit)
        counted.append((place, number))
        left = None if left is None else left - number
        after = until
    return counted


def _between(begin: str, end: str) -> "ExpressionWrapper[CombinedExpression]":
    return ExpressionWrapper(F(end) - F(begin), output_field=DurationField())


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else max(0.0, length.total_seconds())
