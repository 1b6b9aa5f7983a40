"""What becomes of the tasks and runs of a conversation that is about to be deleted."""

from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from conversations import journal
from tasks.models import Task, TaskRun
from tasks.services import cancelling, outcomes
from tasks.states import Pattern, TaskStatus

REASON = "conversation deleted"


def leave_conversation(conversation_id: UUID, *, actor: User | None, now: datetime) -> None:
    """Stop everything that goes away with a conversation, so that its agents hear of it.

    1. Cancel the tasks that run in it, those of its plans, and once tasks whose run has its own conversation there.
    2. End the runs that are left in it: they are of schedules that live elsewhere, and go on.
    """
    only_here = TaskRun.objects.active().filter(conversation=conversation_id, task__pattern=Pattern.ONCE)
    tasks = Task.objects.filter(
        Q(conversation=conversation_id) | Q(plan__conversation=conversation_id) | Q(pk__in=only_here.values("task"))
    )
    cancelling.cancel_many(tasks, actor=actor, now=now, reason=REASON)
    with transaction.atomic():
        left = TaskRun.objects.active().filter(conversation=conversation_id)
        list(
            Task.objects.select_for_update(of=("self",))
            .filter(pk__in=left.values("task"))
            .order_by("id")
            .values_list("pk")
        )
        runs = list(left.select_for_update(of=("self",)).select_related("task__plan").order_by("id"))
        changes = cancelling.make_room(runs, now=now, reason=REASON)
        for run in runs:
            changes.extend(outcomes.after_run(run.task, run, TaskStatus.CANCELLED, now=now, reason=REASON))
        journal.write(changes)
