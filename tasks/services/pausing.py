"""Rests tasks whose agent is gone (until `resting.resume_for_agents` finds it back), whose owner is not active
(until `owners.resume_for_owners` finds them so), or whose limit is reached.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from conversations import journal
from tasks.models import Task, TaskTransition, WebhookEvent
from tasks.services import history, notices
from tasks.services.limits import Limit
from tasks.services.rows import write_columns
from tasks.states import PausedReason

_GOES_ON = " It goes on at "


def for_agents(tasks: Iterable[Task], *, now: datetime) -> None:
    """Pause locked `tasks`, whose agents were disabled or removed."""
    resting = list(tasks)
    for task in resting:
        _rest(task, PausedReason.AGENT_GONE, f"The agent {task.agent_name} is disabled or was removed.", None, now)
    _write(resting, now)
    notices.tell_of_many(WebhookEvent.TASK_PAUSED, resting, now=now)


def for_owners(tasks: Iterable[Task], *, now: datetime) -> None:
    """Pause locked `tasks`, whose owners' accounts are not active. Nobody is told: nobody is there."""
    resting = list(tasks)
    for task in resting:
        _rest(task, PausedReason.OWNER_INACTIVE, "Its owner's account is not active.", None, now)
    _write(resting, now)


def for_limits(tasks: Sequence[tuple[Task, Limit]], *, now: datetime) -> None:
    """Pause locked `tasks` until their limits leave room again, and tell their owners."""
    resting = [task for task, _ in tasks]
    for task, limit in tasks:
        local = limit.until.astimezone(ZoneInfo(task.timezone))
        note = f"{limit.reason}{_GOES_ON}{local:%Y-%m-%d %H:%M} ({task.timezone})."
        _rest(task, PausedReason.BUDGET, note, limit.until, now)
    _write(resting, now)
    journal.write([change for task in resting for change in notices.limited(task, now=now)])


def limit_of(task: Task) -> str:
    """The reason of the slots that a task skips which rests because a limit was reached."""
    return task.paused_note.partition(_GOES_ON)[0]


def _rest(task: Task, reason: PausedReason, note: str, until: datetime | None, now: datetime) -> None:
    task.paused_at, task.paused_until = now, until
    task.paused_reason, task.paused_note = reason, note[:500]
    task.updated_at = now


def _write(resting: Sequence[Task], now: datetime) -> None:
    write_columns(resting, ["paused_at", "paused_until", "paused_reason", "paused_note", "updated_at"])
    TaskTransition.objects.bulk_create(
        TaskTransition(
            task=task, old_status=task.status, new_status=task.status, reason=task.paused_note, created_at=now
        )
        for task in resting
    )
    history.announce(resting)
