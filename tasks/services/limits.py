"""How much room a task's limits leave: runs a day, and tokens or cost a day and a month, as its agent reports them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import BigIntegerField, Count, FloatField, Q, Sum, Value
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

from tasks import budgets
from tasks.budgets import Spent
from tasks.models import Task, TaskRun
from tasks.services.ticks import LIMIT_OF_DAY
from tasks.states import BY_SCHEDULE, RunStatus


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What a task's limits leave."""

    left: int
    """Runs that it may still be given now."""
    reason: str
    """Why it is given no more, once they are used up: the reason of the slots that are skipped."""
    until: datetime
    """When there is room again."""


def of(tasks: Sequence[Task], now: datetime) -> dict[UUID, Limit]:
    """The limit of each of `tasks` that has one: that of its budget, where that is reached."""
    found: dict[UUID, Limit] = {}
    today = _runs_today([task for task in tasks if task.max_runs_per_day is not None], now)
    for task in tasks:
        if task.max_runs_per_day is not None:
            left = max(0, task.max_runs_per_day - today.get(task.pk, 0))
            until = budgets.next_day(now, task.timezone)
            found[task.pk] = Limit(left=left, reason=LIMIT_OF_DAY, until=until)
    with_budget = [task for task in tasks if task.budget]
    used = spent(with_budget, now)
    for task in with_budget:
        day, month = used.get(task.pk, (Spent(), Spent()))
        over = budgets.reached(task.budget, day=day, month=month, now=now, zone=task.timezone)
        # A day's end is never later than a budget's.
        if over is not None:
            found[task.pk] = Limit(left=0, reason=over.words, until=over.until)
    return found


def spent(tasks: Sequence[Task], now: datetime) -> dict[UUID, tuple[Spent, Spent]]:
    """What the runs that `tasks` started in this day and in this month (of each task's zone) used: (day, month)."""
    by_zone: dict[str, list[UUID]] = defaultdict(list)
    for task in tasks:
        by_zone[task.timezone].append(task.pk)
    found: dict[UUID, tuple[Spent, Spent]] = {}
    for zone, ids in by_zone.items():
        today = Q(started_at__gte=budgets.day_start(now, zone))
        rows = (
            TaskRun.objects.filter(task__in=ids, started_at__gte=budgets.month_start(now, zone), usage__isnull=False)
            .order_by()
            .values("task")
            .annotate(
                day_tokens=Coalesce(Sum(_tokens(), filter=today), Value(0), output_field=BigIntegerField()),
                day_cost=Coalesce(Sum(_cost(), filter=today), Value(0.0)),
                month_tokens=Coalesce(Sum(_tokens()), Value(0), output_field=BigIntegerField()),
                month_cost=Coalesce(Sum(_cost()), Value(0.0)),
            )
        )
        for row in rows:
            found[row["task"]] = (
                Spent(tokens=row["day_tokens"], cost=row["day_cost"]),
                Spent(tokens=row["month_tokens"], cost=row["month_cost"]),
            )
    return found


def _tokens() -> Combinable:
    def figure(name: str) -> Combinable:
        return Coalesce(Cast(KT(f"usage__{name}"), BigIntegerField()), Value(0), output_field=BigIntegerField())

    return figure("input_tokens") + figure("output_tokens")


def _cost() -> Combinable:
    return Coalesce(Cast(KT("usage__cost"), FloatField()), Value(0.0))


def _runs_today(tasks: Sequence[Task], now: datetime) -> dict[UUID, int]:
    """How many runs schedule and events gave each of `tasks` since midnight in its zone.

    Runs by hand and what is made up for use up none, as they use up none of `max_runs`.
    """
    counts: dict[UUID, int] = {}
    by_midnight: dict[datetime, list[UUID]] = defaultdict(list)
    for task in tasks:
        by_midnight[budgets.day_start(now, task.timezone)].append(task.pk)
    for midnight, ids in by_midnight.items():
        rows = (
            TaskRun.objects.filter(task__in=ids, created_at__gte=midnight, attempt=1, trigger__in=BY_SCHEDULE)
            .exclude(status__in=[RunStatus.SKIPPED, RunStatus.MISSED])
            .order_by()
            .values("task")
            .annotate(number=Count("pk"))
        )
        counts.update({row["task"]: row["number"] for row in rows})
    return counts
