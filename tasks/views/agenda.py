"""What ran and what will run in some local days, of all of a person's tasks: what the calendar shows.

Four queries however much there is, and at most `places` entries a day: the runs are counted by task and day where they
lie, and only those that are shown are read. Coming runs are computed from the schedules, densely repeating ones by
counting.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Case, Count, Exists, F, IntegerField, Max, Min, OuterRef, Q, QuerySet, Value, When, Window
from django.db.models.functions import RowNumber

from tasks import schedules
from tasks.models import Task, TaskRun
from tasks.schedules import describe
from tasks.states import TASK_UNFINISHED, Pattern, RunStatus

TASKS_MAX = 2_000
"""Schedules whose coming times are computed for one page, those that are due first; the page says how many are left."""
COMING = "coming"
_INSTANT = timedelta(microseconds=1)
_TROUBLE = (RunStatus.FAILED, RunStatus.INTERRUPTED)
_ACTIVE = (RunStatus.QUEUED, RunStatus.RUNNING)
_NOTHING = (RunStatus.SKIPPED, RunStatus.MISSED, RunStatus.CANCELLED)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a day: a run, a coming run, or several of one task."""

    at: datetime
    task_id: UUID
    title: str
    state: str
    """A run's status; of several the one that matters most; `coming`."""
    run_id: UUID | None = None
    until: datetime | None = None
    """The last of several."""
    count: int = 1
    trouble: int = 0
    """How many of several failed."""
    says: str = ""
    """The schedule in words, where it stands for several coming runs."""

    @property
    def urgent(self) -> bool:
        """Whether it must not disappear behind “12 more”."""
        return self.state in (*_TROUBLE, RunStatus.WAITING_INPUT)


@dataclass(frozen=True, kw_only=True)
class Day:
    """A local day with what is shown of it."""

    date: date
    entries: Sequence[Entry]
    more: int
    """Lines that found no place."""


@dataclass(frozen=True, kw_only=True)
class Agenda:
    """The days, and how many schedules could not be computed any more."""

    days: Sequence[Day]
    left_out: int


def agenda(user: User, *, first: date, days: int, zone: tzinfo, now: datetime, places: int, singly: int) -> Agenda:
    """The `days` local days from `first` on, in `zone`, as of `now`, with at most `places` lines each. Up to `singly`
    runs of a task stand one by one on a day; more are one line with their number.

    1. Count the runs by day and task, the most urgent first (one query), and read those that stand alone (one query).
    2. Compute the coming times of the armed tasks (two queries) up to the end of the last day.
    3. Put both together, in the order of time; what finds no place is counted.
    """
    dates = [first + timedelta(days=n) for n in range(days)]
    edges = [datetime.combine(day, time.min, zone) for day in [*dates, dates[-1] + timedelta(days=1)]]
    found: dict[int, list[Entry]] = defaultdict(list)
    hidden: dict[int, int] = defaultdict(int)
    if edges[0] <= now:
        _past(user, edges, found, hidden, places=places, singly=singly)
    left_out = _coming(user, edges, now, singly, found) if edges[-1] > now else 0
    shown = []
    for place, day in enumerate(dates):
        entries = sorted(found[place], key=lambda entry: (not entry.urgent, entry.at, entry.title))
        kept = sorted(entries[:places], key=lambda entry: (entry.at, entry.title))
        shown.append(Day(date=day, entries=kept, more=len(entries) - len(kept) + hidden[place]))
    return Agenda(days=shown, left_out=left_out)


def _day_of(edges: Sequence[datetime]) -> Case:
    """Which of the days a run lies in: days are compared with, not computed, since a day may have 23 or 25 hours."""
    return Case(
        *(When(scheduled_for__lt=edge, then=Value(place)) for place, edge in enumerate(edges[1:])),
        output_field=IntegerField(),
    )


def _runs(user: User) -> QuerySet[TaskRun]:
    """A person's runs without the attempts that a later one of the same slot has taken the place of."""
    later = TaskRun.objects.filter(
        task=OuterRef("task"), scheduled_for=OuterRef("scheduled_for"), attempt__gt=OuterRef("attempt")
    )
    return TaskRun.objects.filter(user=user).exclude(Q(status=RunStatus.FAILED) & Exists(later))


def _past(
    user: User,
    edges: Sequence[datetime],
    found: dict[int, list[Entry]],
    hidden: dict[int, int],
    *,
    places: int,
    singly: int,
) -> None:
    in_range = _runs(user).filter(scheduled_for__gte=edges[0], scheduled_for__lt=edges[-1])
    trouble = Count("id", filter=Q(status__in=_TROUBLE))
    asking = Count("id", filter=Q(status=RunStatus.WAITING_INPUT))
    groups = list(
        in_range.annotate(day=_day_of(edges))
        .order_by()
        .values("day", "task_id", "task__title")
        .annotate(
            number=Count("id"),
            first=Min("scheduled_for"),
            last=Max("scheduled_for"),
            trouble=trouble,
            asking=asking,
            active=Count("id", filter=Q(status__in=_ACTIVE)),
            nothing=Count("id", filter=Q(status__in=_NOTHING)),
        )
        .annotate(
            calm=Case(When(Q(trouble__gt=0) | Q(asking__gt=0), then=Value(0)), default=Value(1)),
        )
        .annotate(
            place=Window(RowNumber(), partition_by=F("day"), order_by=[F("calm"), F("first"), F("task_id")]),
            of_day=Window(Count("*"), partition_by=F("day")),
        )
        .filter(place__lte=places)
    )
    alone = Q()
    for group in groups:
        hidden[group["day"]] = group["of_day"] - places if group["of_day"] > places else 0
        if group["number"] <= singly:
            alone |= Q(task=group["task_id"], scheduled_for__gte=group["first"], scheduled_for__lte=group["last"])
        else:
            found[group["day"]].append(_several(group))
    if alone:
        titles = {group["task_id"]: group["task__title"] for group in groups}
        rows = _runs(user).filter(alone).annotate(day=_day_of(edges)).order_by()
        for row in rows.values("id", "task_id", "day", "scheduled_for", "status", "slots"):
            found[row["day"]].append(
                Entry(
                    at=row["scheduled_for"],
                    task_id=row["task_id"],
                    title=titles[row["task_id"]],
                    state=row["status"],
                    run_id=row["id"],
                    count=row["slots"],
                )
            )


def _several(group: Mapping[str, Any]) -> Entry:
    """Many runs of one task on one day."""
    if group["trouble"]:
        state = RunStatus.FAILED
    elif group["asking"]:
        state = RunStatus.WAITING_INPUT
    elif group["active"]:
        state = RunStatus.RUNNING
    elif group["nothing"] == group["number"]:
        state = RunStatus.SKIPPED
    else:
        state = RunStatus.SUCCEEDED
    return Entry(
        at=group["first"],
        until=group["last"],
        task_id=group["task_id"],
        title=group["task__title"],
        state=state,
        count=group["number"],
        trouble=group["trouble"],
    )


def _coming(user: User, edges: Sequence[datetime], now: datetime, singly: int, found: dict[int, list[Entry]]) -> int:
    rest = Q(paused_at=None) | Q(paused_until__lt=edges[-1])
    armed = Task.objects.for_user(user).filter(
        rest, status__in=TASK_UNFINISHED, next_run_at__isnull=False, next_run_at__lt=edges[-1]
    )
    tasks = list(armed.order_by("next_run_at").defer("query", "error_message")[: TASKS_MAX + 1])
    left_out = armed.count() - TASKS_MAX if len(tasks) > TASKS_MAX else 0
    for task in tasks[:TASKS_MAX]:
        for place, entry in _slots(task, edges, now, singly):
            found[place].append(entry)
    return left_out


def _slots(task: Task, edges: Sequence[datetime], now: datetime, singly: int) -> Iterator[tuple[int, Entry]]:
    """What is to come of one task, by the place of its day: one by one, or a line a day where there are many."""
    planned = task.next_slot_at or now
    begin = max(planned, task.paused_until or planned)
    if task.pattern == Pattern.ONCE or (begin < now and task.paused_at is None):
        # A recurring one that is due is claimed in a moment, and goes on from now.
        if edges[0] <= planned < edges[-1]:
            yield _place(edges, planned), _one(task, planned)
        if task.pattern == Pattern.ONCE:
            return
    begin = max(begin, now)
    schedule, anchor = task.schedule, task.anchor_at
    left = schedule.max_runs - task.run_count if schedule.max_runs is not None else None
    begin -= _INSTANT
    after = max(begin, edges[0] - _INSTANT)
    if left is not None:
        left -= schedules.count_between(schedule, begin, after, anchor=anchor, limit=max(left, 0)) if left > 0 else 0
        if left <= 0:
            return
    most = singly * (len(edges) - 1) if left is None else min(left, singly * (len(edges) - 1))
    slots = schedules.slots_between(schedule, after, edges[-1] - _INSTANT, anchor=anchor, limit=most + 1)
    by_day: dict[int, list[datetime]] = defaultdict(list)
    for slot in slots[: left if left is not None else None]:
        by_day[_place(edges, slot)].append(slot)
    whole = len(slots) <= most or (left is not None and len(slots) >= left)
    if whole and all(len(times) <= singly for times in by_day.values()):
        for place, times in by_day.items():
            for slot in times:
                yield place, _one(task, slot)
        return
    yield from _bands(task, edges, after, left)


def _bands(task: Task, edges: Sequence[datetime], after: datetime, left: int | None) -> Iterator[tuple[int, Entry]]:
    """A line a day for a schedule that comes often."""
    schedule, anchor, says = task.schedule, task.anchor_at, describe(task.schedule, zone=True)
    for place in range(_place(edges, after + _INSTANT), len(edges) - 1):
        if left is not None and left <= 0:
            return
        end = edges[place + 1] - _INSTANT
        limit = 100_000 if left is None else left
        number = schedules.count_between(schedule, after, end, anchor=anchor, limit=limit)
        first = schedules.next_after(schedule, after, anchor=anchor)
        if number and first is not None:
            left = None if left is None else left - number
            yield place, Entry(at=first, task_id=task.pk, title=task.title, state=COMING, count=number, says=says)
        after = end


def _one(task: Task, slot: datetime) -> Entry:
    return Entry(at=slot, task_id=task.pk, title=task.title, state=COMING)


def _place(edges: Sequence[datetime], moment: datetime) -> int:
    return bisect_right(edges, moment) - 1


def resting(user: User) -> int:
    """How many of a person's schedules are paused without an end: they have no coming runs to show."""
    return (
        Task.objects.for_user(user)
        .unfinished()
        .filter(pattern=Pattern.RECURRING, paused_at__isnull=False, paused_until=None)
        .count()
    )
