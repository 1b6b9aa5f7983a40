"""Rests the tasks of agents that are gone, until `services.operations.resume_for_agents` finds them back."""

from collections.abc import Iterable
from datetime import datetime

from tasks.models import Task, TaskTransition, WebhookEvent
from tasks.services import history, notices
from tasks.services.rows import write_columns
from tasks.states import PausedReason


def for_agents(tasks: Iterable[Task], *, now: datetime) -> None:
    """Pause locked `tasks`, whose agents were disabled or removed."""
    resting = list(tasks)
    if not resting:
        return
    for task in resting:
        task.paused_at = now
        task.paused_reason = PausedReason.AGENT_GONE
        task.paused_note = f"The agent {task.agent_name} is disabled or was removed."
        task.updated_at = now
    write_columns(resting, ["paused_at", "paused_reason", "paused_note", "updated_at"])
    TaskTransition.objects.bulk_create(
        TaskTransition(
            task=task, old_status=task.status, new_status=task.status, reason=task.paused_note, created_at=now
        )
        for task in resting
    )
    notices.tell_of_many(WebhookEvent.TASK_PAUSED, resting, now=now)
    history.announce(resting)
