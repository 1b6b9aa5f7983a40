"""Making and removing hooks: each is in the task's history, with who did it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from tasks.errors import InvalidInput, WrongMoment
from tasks.hooks import filters
from tasks.models import TaskHook
from tasks.services import TaskService, history

RATE_MAX = 10_000


def create(
    task_id: UUID, *, wanted: Mapping[str, Any], rate_limit: int | None, actor: User | None, now: datetime
) -> TaskHook:
    """Make a hook of a recurring task; its `secret` is to be shown now, and never again.

    `wanted` is its filter (`filters`), `rate_limit` deliveries a minute. Raises `NotFound`, `AlreadyFinished`,
    `WrongMoment` (the task runs only once) and `InvalidInput`.
    """
    if wrong := filters.faults(wanted):
        raise InvalidInput({"filter": wrong})
    with transaction.atomic():
        task = TaskService.locked(task_id)
        history.refuse_ended(task, "started by events")
        if not task.recurring:
            raise WrongMoment(
                f"“{task.title}” runs only once: give it a schedule, {{“on_event”: true}} for instance, then a hook.",
                code="not_recurring",
            )
        hook = TaskHook.objects.create(task=task, filter=dict(wanted), rate_limit=rate_limit, created_at=now)
        history.note(task, now=now, reason=f"hook {hook.pk} made", actor=actor)
        history.announce([task])
    return hook


def delete(hook: TaskHook, *, actor: User | None, now: datetime) -> None:
    """Remove a hook with the list of its deliveries; its runs stay."""
    with transaction.atomic():
        task = TaskService.locked(hook.task_id)
        history.note(task, now=now, reason=f"hook {hook.pk} removed", actor=actor)
        history.announce([task])
        hook.delete()
