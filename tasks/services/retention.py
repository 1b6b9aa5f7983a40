"""Forgets old runs with their items: in small batches, each task's by its own time, and never what is still needed.

Takes no `seq` and sends nothing (the contract's RETENTION_DAYS): history has gaps there.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from conversations.models import Conversation, ConversationItem
from tasks.models import Task, TaskRun
from tasks.services import texts
from tasks.states import Pattern, RunStatus

BATCH = 200
"""Runs that are deleted in one transaction."""
WINDOW = 1_000
"""Ended runs that are looked at for them: those of once tasks are many, and stay."""
ITEMS = 500
"""Items that are deleted in one transaction: about 20 ms of SQLite's writer."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """How far a walk through the old runs has come."""

    finished_at: datetime
    run_id: UUID


def forget_old_runs(*, now: datetime, days: int, after: Place | None = None) -> tuple[int, Place | None]:
    """Delete runs of recurring tasks that ended more than `days` ago, of tasks that have no time of their own.

    Looks at one batch, from `after` on. Returns how many it deleted, and where to go on (None: that was the end).
    """
    ended = TaskRun.objects.filter(finished_at__lt=now - timedelta(days=days))
    if after is not None:
        same = Q(finished_at=after.finished_at, id__gt=after.run_id)
        # The first condition is what the index answers.
        ended = ended.filter(finished_at__gte=after.finished_at).filter(Q(finished_at__gt=after.finished_at) | same)
    rows = ended.order_by("finished_at", "id").values_list(
        "pk", "finished_at", "task__pattern", "task__retention_days"
    )[:WINDOW]
    old: list[UUID] = []
    place: Place | None = None
    for pk, finished_at, pattern, own_days in rows:
        if finished_at is not None:  # (the condition above says so)
            place = Place(finished_at=finished_at, run_id=pk)
        if pattern == Pattern.RECURRING and own_days is None:
            old.append(pk)
        if len(old) == BATCH:
            break
    return _forget(old), place


def forget_where_asked(*, now: datetime, after: UUID | None = None) -> tuple[int, UUID | None]:
    """The same for a task that has a time of its own (`retention_days`), once tasks too: the first from `after` on.

    Returns how many it deleted, and the task to go on from (None: that was the last).
    """
    asked = Task.objects.filter(retention_days__gt=0).order_by("pk").only("pk", "retention_days")
    task, following = [*(asked.filter(pk__gte=after) if after else asked)[:2], None, None][:2]
    if task is None:
        return 0, None
    horizon = now - timedelta(days=task.retention_days or 0)
    old = TaskRun.objects.filter(task=task, finished_at__lt=horizon).order_by("id").values_list("pk", flat=True)
    deleted = _forget(list(old[:BATCH]))
    # Where there was something, there may be more.
    go_on = task if deleted else following
    return deleted, go_on.pk if go_on else None


def _forget(run_ids: Collection[UUID]) -> int:
    """Delete those of these ended runs that nothing needs, with their items; returns how many.

    Items first, in transactions of their own: whoever dies between finds the runs again.
    """
    if not run_ids:
        return 0
    runs = TaskRun.objects.filter(pk__in=run_ids).exclude(pk__in=needed(run_ids))
    places = {pk: (own, of_task) for pk, own, of_task in runs.values_list("pk", "conversation", "task__conversation")}
    while items := list(ConversationItem.objects.filter(run_id__in=places).values_list("pk", flat=True)[:ITEMS]):
        with transaction.atomic():
            ConversationItem.objects.filter(pk__in=items).delete()
    with transaction.atomic():
        TaskRun.objects.filter(pk__in=places).delete()
        _forget_conversations(own for own, of_task in places.values() if own != of_task)
    return len(places)


def needed(run_ids: Collection[UUID]) -> set[UUID]:
    """Which of these ended runs are still needed, however old they are.

    Of a recurring task the latest run, the result that its page shows, and the one that `previous` and *only what
    changed* mean; of a once task all while others of its plan, which may be given its result, have not ended.
    """
    tasks = Task.objects.filter(runs__in=run_ids).distinct().order_by()
    of_task: QuerySet[TaskRun] = TaskRun.objects.filter(task=OuterRef("pk")).order_by("-id")
    shown = of_task.filter(status=RunStatus.SUCCEEDED, no_output=False)
    latest = tasks.filter(pattern=Pattern.RECURRING).values_list(
        Subquery(of_task.values("pk")[:1]),
        Subquery(shown.values("pk")[:1]),
        Subquery(texts.with_something_new(of_task).values("pk")[:1]),
    )
    kept = {pk for row in latest for pk in row if pk is not None}
    going = Task.objects.unfinished().filter(plan=OuterRef("task__plan"))
    kept.update(
        TaskRun.objects.filter(Exists(going), pk__in=run_ids, task__pattern=Pattern.ONCE).values_list("pk", flat=True)
    )
    return kept & set(run_ids)


def _forget_conversations(ids: Iterable[UUID]) -> None:
    """Of runs that had a conversation of their own, delete those in which nothing else was ever asked."""
    Conversation.objects.filter(pk__in=set(ids), runs=None, tasks=None, plans=None).delete()
