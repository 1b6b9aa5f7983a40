"""Rests the tasks of people whose account is not active, and lets them go on when it is again.

Whoever changes an account calls `rest_for_owner` or `resume_for_owners`, so that it happens at once. Where that was
missed (a crash, an account changed past all code), a claim rests what comes due, and housekeeping finds who is back.
"""

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from tasks.models import Task
from tasks.services import history, pausing, resting
from tasks.states import PausedReason


def rest_for_owner(user_id: int, *, now: datetime) -> int:
    """Rest all unfinished tasks of a person that do not rest yet, in batches; returns how many it were. What runs goes
    on; what waits in the queue, also what was started by hand, waits until its owner is back.
    """
    number = 0
    while True:
        with transaction.atomic():
            going = Task.objects.unfinished().filter(user=user_id, paused_at=None)
            tasks = list(going.select_for_update(of=("self",)).order_by("id")[: resting.BATCH])
            if not tasks:
                return number
            pausing.for_owners(tasks, now=now)
        number += len(tasks)


def owners_back() -> list[int]:
    """The ids of active people whose tasks rest because they were not."""
    waiting = Task.objects.filter(paused_reason=PausedReason.OWNER_INACTIVE, completed_at=None).order_by()
    ids = list(waiting.values_list("user", flat=True).distinct())
    return list(User.objects.filter(pk__in=ids, is_active=True).values_list("pk", flat=True)) if ids else []


def resume_for_owners(user_ids: Iterable[int], *, now: datetime) -> int:
    """These people are active again: one batch of their tasks goes on, by their catch-up. Returns how many it were."""
    waiting = Task.objects.filter(
        paused_reason=PausedReason.OWNER_INACTIVE, completed_at=None, user__in=list(user_ids), user__is_active=True
    )
    if not (ids := list(waiting.order_by().values_list("pk", flat=True)[: resting.BATCH])):
        return 0
    with transaction.atomic():
        tasks = resting.locked(ids)
        back = [task for task in tasks if task.paused_reason == PausedReason.OWNER_INACTIVE and task.paused_at]
        back = [task for task in back if not history.ended(task, "")]
        history.note_many(back, now=now, reason="resumed: its owner's account is active again")
        resting.go_on(back, now=now, keep_slots=True)
    return len(back)
