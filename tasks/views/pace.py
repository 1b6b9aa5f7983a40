"""How a task's schedule goes: its next times, whether it keeps its pace, and whether anything is planned at all."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from django.utils.translation import gettext as _

from tasks import schedules
from tasks.cadence import Tick, pace
from tasks.models import Task, TaskRun
from tasks.states import RUN_ACTIVE, TASK_ENDED, RunStatus, Trigger
from tasks.views.words import span

NEXT = 5
"""Coming times that a task's page lists."""
_AHEAD = timedelta(days=366 * 40)
_OF_TIME = (Trigger.SCHEDULE, Trigger.CATCH_UP, Trigger.RETRY)
_STILL_GOING = ("The run before it was still going.", "One run waits already behind the one that still goes.")
_NEWER = "A newer slot took its place."
_INSTANT = timedelta(microseconds=1)


def next_times(task: Task, *, now: datetime, limit: int = NEXT) -> list[datetime]:
    """The next times of a task that goes on, the first as it is planned (jitter included); none while it is paused,
    except after a pause that ends by itself.
    """
    if task.next_run_at is None or (task.paused_at is not None and task.paused_until is None):
        return []
    planned = task.next_slot_at or task.next_run_at
    left = limit if task.max_runs is None else min(limit, task.max_runs - task.run_count)
    if task.paused_until is not None and task.paused_until > planned:
        return schedules.slots_between(
            task.schedule, task.paused_until - _INSTANT, now + _AHEAD, anchor=task.anchor_at, limit=max(left, 0)
        )
    if not task.recurring:
        return [task.next_run_at]
    after = max(planned, now)
    later = schedules.slots_between(task.schedule, after, after + _AHEAD, anchor=task.anchor_at, limit=max(left - 1, 0))
    return [task.next_run_at, *later]


def slow_words(task: Task, runs: Iterable[TaskRun], *, now: datetime) -> str:
    """A warning with figures where the schedule's real pace differs from its own; empty where it does not.

    `runs` are its newest, in any order.
    """
    if not task.recurring or task.on_event:
        return ""
    slow = pace(_ticks(runs), _planned(task, now))
    if slow is None:
        return ""
    told = {
        "planned": span(slow.planned),
        "real": span(slow.real),
        "took": span(slow.took) if slow.took is not None else "",
        "lost": slow.lost,
        "of": slow.of,
    }
    if slow.cut:
        words = _("Planned every %(planned)s, but %(lost)s of the last %(of)s runs were stopped for the next one")
    else:
        words = _(
            "Planned every %(planned)s, but it runs every %(real)s: %(lost)s of the last %(of)s times were skipped, "
            "since the run before still went"
        )
    if told["took"] and not slow.cut:
        words += " " + _("(a run takes %(took)s)")
    return words % told + ". " + _("Choose longer pauses, or what happens when runs overlap.")


def nothing_planned(task: Task, runs: Iterable[TaskRun]) -> bool:
    """Whether a schedule that should go on has neither a next run nor one that goes: a fault, which the runner mends
    within seconds. `runs` are its newest.
    """
    return (
        task.status not in TASK_ENDED
        and task.recurring
        and not task.on_event
        and not task.behind
        and task.next_run_at is None
        and task.paused_at is None
        and not any(run.status in RUN_ACTIVE for run in runs)
    )


def _planned(task: Task, now: datetime) -> timedelta | None:
    """The usual time between two slots."""
    if task.interval_minutes is not None:
        return timedelta(minutes=task.interval_minutes)
    times = schedules.slots_between(task.schedule, now, now + _AHEAD, anchor=task.anchor_at, limit=9)
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    return timedelta(seconds=median(gaps)) if gaps else None


def _ticks(runs: Iterable[TaskRun]) -> Sequence[Tick]:
    """What became of each slot: its attempts together, from the first start to the last end."""
    slots: dict[datetime, list[TaskRun]] = {}
    for run in runs:
        if run.trigger in _OF_TIME and run.status != RunStatus.MISSED:
            slots.setdefault(run.scheduled_for, []).append(run)
    ticks = []
    for slot, attempts in slots.items():
        last = max(attempts, key=lambda run: run.attempt)
        skipped = last.status == RunStatus.SKIPPED
        if skipped and last.reason not in (*_STILL_GOING, _NEWER):
            continue  # a limit, or a question that nobody answered: no matter of pace
        started = min((run.started_at for run in attempts if run.started_at), default=None)
        ticks.append(
            Tick(
                slot=slot,
                slots=last.slots,
                skipped=skipped,
                cut=last.status == RunStatus.CANCELLED and last.reason == _NEWER,
                took=last.finished_at - started if last.finished_at and started else None,
            )
        )
    return ticks
