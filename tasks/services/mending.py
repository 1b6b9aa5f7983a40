"""What should not be, found and mended: a schedule with nothing planned, times planned by older zone rules."""

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from conversations import journal
from tasks import schedules, wakeup
from tasks.models import Task, TaskRun
from tasks.services import creation, history, transcript
from tasks.services.rows import write_columns
from tasks.states import RUN_ACTIVE, TASK_ENDED, TaskStatus

BATCH = 500


def mend_unplanned(*, now: datetime) -> int:
    """Plan, or end, every schedule that goes on, does not rest, and has neither a next run nor one that goes.

    Nothing in TaskService leaves a task so; a hand in the database, or a fault, may. Its history says that it was
    mended (expectations: "enabled, but nothing is planned" shows and mends itself). Returns how many it were.
    """
    goes_on = TaskRun.objects.filter(task=OuterRef("pk"), status__in=RUN_ACTIVE)
    found = Task.objects.unplanned().exclude(Exists(goes_on)).values_list("pk", flat=True)[:BATCH]
    mended = 0
    for pk in list(found):
        with transaction.atomic():
            task = history.locked(pk)
            if not _unplanned(task):
                continue
            mended += 1
            used_up = task.max_runs is not None and task.run_count >= task.max_runs
            slot = None if used_up else schedules.next_after(task.schedule, now, anchor=task.anchor_at)
            if slot is None:
                history.move(task, TaskStatus.COMPLETED, now=now, reason="The schedule has no time left.")
                journal.write([transcript.controller(task), *transcript.ending([task])])
                continue
            creation.plan_slot(task, slot)
            task.save(update_fields=["next_slot_at", "next_run_at"])
            history.note(task, now=now, reason="mended: nothing was planned for it")
            history.announce([task])
            wakeup.moved()
    return mended


def _unplanned(task: Task) -> bool:
    return (
        task.status not in TASK_ENDED
        and task.recurring
        and not task.on_event
        and not task.behind
        and task.next_run_at is None
        and task.paused_at is None
        and not task.runs.active().exists()
    )


def replan_calendars(*, now: datetime) -> int:
    """The rules of time zones changed: plan the coming slots of calendar schedules anew; returns how many moved.

    Slots that are due already stay: they were promised by the old rules, and are claimed in a moment. Those that rest
    are planned anew too, or they would go on by the old rules one day.
    """
    moved = 0
    planned = Task.objects.filter(next_run_at__isnull=False)
    calendars = planned.filter(Q(daily_times__isnull=False) | Q(crons__isnull=False))
    after = None
    while True:
        page = calendars.order_by("pk")
        with transaction.atomic():
            tasks = list((page.filter(pk__gt=after) if after else page).select_for_update(of=("self",))[:BATCH])
            if not tasks:
                break
            after = tasks[-1].pk
            changed: list[Task] = []
            for task in tasks:
                if task.next_slot_at is None or task.next_slot_at <= now:
                    continue
                slot = schedules.next_after(task.schedule, now, anchor=task.anchor_at)
                if slot is not None and slot != task.next_slot_at:
                    creation.plan_slot(task, slot)
                    changed.append(task)
            write_columns(changed, ["next_slot_at", "next_run_at"])
            moved += len(changed)
    if moved:
        wakeup.moved()
    return moved
