"""Ends active runs as cancelled, and has their workers and agents told. What it means for their tasks, callers say."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Value
from django.db.models.functions import Coalesce, Greatest

from tasks import wakeup
from tasks.models import TaskRun
from tasks.states import RUN_ACTIVE, RunStatus


def stop_runs(task_ids: Sequence[UUID], *, now: datetime, reason: str = "") -> list[TaskRun]:
    """Cancel the active runs of locked tasks; returns those that it changed. Their workers hear after the commit."""
    runs = list(TaskRun.objects.active().select_for_update().filter(task__in=task_ids).order_by("id"))
    return end_runs(runs, now=now, reason=reason)


def end_runs(runs: Sequence[TaskRun], *, now: datetime, reason: str = "") -> list[TaskRun]:
    """Cancel these locked, active runs."""
    if not runs:
        return []
    ids = [run.pk for run in runs]
    # One that was taken ahead of its moment begins, on paper, a blink after now.
    TaskRun.objects.filter(pk__in=ids, status__in=RUN_ACTIVE).update(
        status=RunStatus.CANCELLED,
        finished_at=Greatest(Value(now), Coalesce("started_at", Value(now))),
        reason=reason[:500],
    )
    # Whoever tells the agent clears it; a worker that dies before leaves it to the next.
    TaskRun.objects.filter(pk__in=ids).exclude(remote_task_id="").update(cancel_due=True)
    for run in runs:
        run.finished_at, run.reason = max(now, run.started_at or now), reason
        run.cancel_due = bool(run.remote_task_id)
    wakeup.stopped(ids)
    wakeup.moved()
    for run in runs:
        run.status = RunStatus.CANCELLED
    return list(runs)
