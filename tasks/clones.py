"""Makes a task anew from one that there is: the same request, agent, schedule and options, with what is to be other."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from tasks import schedules
from tasks.errors import InvalidInput
from tasks.models import Task, TaskFile
from tasks.requests import submit_tasks
from tasks.schedules import Schedule, ScheduleError
from tasks.schemas.inputs import CloneIn, TaskIn
from tasks.services import history
from tasks.services.operations import COLUMNS


def clone_task(task: Task, changes: CloneIn, *, user: User, actor: User, now: datetime) -> Task:
    """Make a task of `user` like `task` but for `changes`, in a plan of its own; nothing of the old one's past comes.

    Its schedule counts from now: an interval goes on in the old one's grid, a beginning or a deadline that is over is
    left out, and a once task whose moment has passed runs at once. It is not paused, and has neither runs nor hooks.
    Raises `InvalidInput`, its fields named as they were sent.
    """
    wanted: dict[str, Any] = {name: getattr(task, name) for name in COLUMNS if getattr(task, name) is not None}
    if task.deadline_at is not None and task.deadline_at <= now:
        del wanted["deadline_at"]
    wanted |= {"title": task.title, "query": task.query, "agent_name": task.agent_name}
    sent = {name: getattr(changes, name) for name in changes.model_fields_set if name != "schedule"}
    # Null removes what need not be there, as in a PATCH.
    wanted = {name: value for name, value in {**wanted, **sent}.items() if value is not None}
    wanted["schedule"] = _schedule(task, changes.schedule, now)
    # As they are sent: a moment is read from its text.
    wanted = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in wanted.items()}
    with transaction.atomic():
        plan = submit_tasks(task.conversation, [TaskIn.model_validate(wanted)], user=user, now=now)
        copy = plan.tasks.get()
        _copy_files(task, copy)
        history.note(copy, now=now, reason=f"cloned from “{task.title}”", actor=actor)
    return copy


def _copy_files(task: Task, copy: Task) -> None:
    """Its agent gets what the old one's got, also where it is another agent, which may refuse it."""
    if not task.file_count:
        return
    kept = [
        TaskFile(task=copy, name=file.name, media_type=file.media_type, content=file.content)
        for file in task.files.all()
    ]
    TaskFile.objects.bulk_create(kept)
    Task.objects.filter(pk=copy.pk).update(file_count=len(kept))


def _schedule(task: Task, patch: Mapping[str, Any] | None, now: datetime) -> dict[str, Any]:
    """The schedule of the copy, as it would be sent. Raises `InvalidInput`."""
    try:
        schedule = schedules.merge(task.schedule, patch or {}, now=now, anchor=task.anchor_at)
    except ScheduleError as error:
        raise InvalidInput({f"schedule.{name}": texts for name, texts in error.fields.items()}) from None
    wanted = schedules.to_dict(schedule)
    if schedule.start_at is None or "start_at" not in (patch or {}):
        wanted |= _beginning(task, schedule, now)
    if wanted.get("start_at") is None:
        wanted.pop("start_at", None)
    return wanted


def _beginning(task: Task, schedule: Schedule, now: datetime) -> dict[str, Any]:
    """The `start_at` of the copy (None: none), where nobody named another."""
    if schedule.start_at is not None and schedule.start_at > now:
        return {}
    if schedule.interval_minutes is None or schedule.interval_minutes != task.interval_minutes:
        return {"start_at": None}
    first = schedules.next_after(schedule, now, anchor=task.anchor_at)
    return {"start_at": first.isoformat() if first is not None else None}
