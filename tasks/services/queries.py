"""Finds tasks: one, or a page of a filtered list."""

from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Q

from tasks.errors import NotFound
from tasks.models import Task, TaskQuerySet


def get(task_id: UUID, *, user: User | None = None) -> Task:
    """The task, annotated with its phase; of `user`, if given. Raises `NotFound`."""
    tasks = Task.objects.with_phase().select_related("plan")
    if user is not None:
        tasks = tasks.for_user(user)
    task = tasks.filter(pk=task_id).first()
    if task is None:
        raise NotFound("There is no such task.")
    return task


def filtered(
    *,
    user: User | None = None,
    conversation_id: UUID | None = None,
    status: str | None = None,
    phase: str | None = None,
    agent_name: str | None = None,
    pattern: str | None = None,
    q: str | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
) -> TaskQuerySet:
    """The tasks that fit every given filter, newest first, annotated with their phase."""
    tasks = Task.objects.with_phase().select_related("plan").order_by("-id")
    if user is not None:
        tasks = tasks.for_user(user)
    exact = {
        "conversation": conversation_id,
        "status": status,
        "phase": phase,
        "agent_name": agent_name,
        "pattern": pattern,
        "created_at__gte": created_after,
        "created_at__lt": created_before,
    }
    tasks = tasks.filter(**{name: value for name, value in exact.items() if value is not None})
    if q:
        tasks = tasks.filter(Q(title__icontains=q) | Q(query__icontains=q))
    return tasks


def list_tasks(
    *,
    before_id: UUID | None = None,
    limit: int = 50,
    user: User | None = None,
    conversation_id: UUID | None = None,
    status: str | None = None,
    phase: str | None = None,
    agent_name: str | None = None,
    pattern: str | None = None,
    q: str | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
) -> list[Task]:
    """One page of `filtered`: up to `limit` tasks older than `before_id` (ids are in the order of creation)."""
    tasks = filtered(
        user=user,
        conversation_id=conversation_id,
        status=status,
        phase=phase,
        agent_name=agent_name,
        pattern=pattern,
        q=q,
        created_after=created_after,
        created_before=created_before,
    )
    if before_id is not None:
        tasks = tasks.filter(pk__lt=before_id)
    return list(tasks[:limit])
