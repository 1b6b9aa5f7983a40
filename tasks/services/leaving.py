"""A conversation is deleted, and what becomes of its tasks and runs before."""

from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from conversations import journal
from conversations.hub import hub
from conversations.hub.codes import Close
from conversations.models import Conversation
from tasks.models import Task, TaskRun
from tasks.services import cancelling, outcomes
from tasks.states import Pattern, TaskStatus

REASON = "conversation deleted"
DUE = 20
"""Conversations deleted between two looks at what else is to be done."""


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


def delete_conversation(conversation: Conversation, *, user: User | None, now: datetime) -> None:
    """Cancel what runs in a conversation and delete it with everything in it; open pages hear that it is gone."""
    leave_conversation(conversation.pk, actor=user, now=now)
    conversation_id = conversation.pk
    with transaction.atomic():
        # In the order of all locks (docs/architecture.md). A run that ends at this moment waits for the conversation's
        # row before it writes into it, and then finds none; without the lock its item would hold up the deletion.
        here = Q(conversation=conversation_id) | Q(plan__conversation=conversation_id)
        tasks = Task.objects.filter(here).order_by("id")
        list(tasks.select_for_update(of=("self",)).values_list("pk"))
        runs = TaskRun.objects.active().filter(Q(conversation=conversation_id) | Q(task__in=tasks.values("pk")))
        list(runs.select_for_update(of=("self",)).order_by("id").values_list("pk"))
        list(Conversation.objects.select_for_update().filter(pk=conversation_id).values_list("pk"))
        conversation.delete()
        transaction.on_commit(lambda: hub.close_conversation(conversation_id, Close.NOT_FOUND))


def delete_due_conversations(*, now: datetime) -> int:
    """Delete the first of those whose time to be restored is over; returns how many (0: none is left).

    Whoever dies between two steps of one leaves it due, and it is deleted by the next.
    """
    due = list(Conversation.objects.filter(delete_at__lte=now).select_related("user").order_by("delete_at")[:DUE])
    for conversation in due:
        delete_conversation(conversation, user=conversation.user, now=now)
    return len(due)
