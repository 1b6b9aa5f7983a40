"""A transition: one change of a task, with who and why. The history page, the audit and the tests read these rows."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from conversations.ids import new_id
from tasks.models.run import TaskRun
from tasks.models.task import Task


class TaskTransition(models.Model):
    """Old status, new status (equal for an edit, a pause, a resume), reason, who and when. Never changed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    task = models.ForeignKey(Task, models.CASCADE, related_name="transitions")
    run = models.ForeignKey(TaskRun, models.SET_NULL, null=True, related_name="transitions")
    old_status = models.CharField(max_length=14, blank=True)
    """Empty for the creation."""
    new_status = models.CharField(max_length=14)
    reason = models.CharField(max_length=500, blank=True)
    changes = models.JSONField(default=dict)
    """For an edit: each field with its old and its new value."""
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    """The person who asked for it; none when time or an agent did."""
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "transition"
        ordering = ["-id"]
        indexes = [models.Index(fields=["task", "-id"], name="transition_of_task")]

    def __str__(self) -> str:
        return f"{self.old_status or 'new'} → {self.new_status}"
