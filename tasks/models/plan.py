"""A plan: what one request was split into."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from conversations.ids import new_id
from conversations.models import Conversation
from tasks.states import TASK_ENDED, PlanStatus, TaskStatus


class ExecutionPlan(models.Model):
    """The tasks of one request, in order. Its status is what its tasks add up to, so nothing can disagree with them."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="plans")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="plans")
    thread_id = models.UUIDField(default=new_id, editable=False)
    orig_query = models.TextField()
    guidance_message = models.TextField(blank=True)
    question = models.TextField(blank=True)
    """What the planner asks before it can go on; empty when nothing is asked."""
    draft = models.JSONField(default=dict, blank=True)
    """While it asks: the message as it was sent, and what was answered since, to go on from."""
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "plan"
        ordering = ["-id"]
        indexes = [models.Index(fields=["conversation", "-id"], name="plan_of_conversation")]

    def __str__(self) -> str:
        return self.orig_query[:60]

    @property
    def status(self) -> PlanStatus:
        """What the plan's tasks add up to (prefetch `tasks` before asking many)."""
        if self.question:
            return PlanStatus.WAITING_INPUT
        statuses = {TaskStatus(task.status) for task in self.tasks.all()}
        if not statuses:
            # It asked, and the person wanted nothing of it.
            return PlanStatus.CANCELLED
        if TaskStatus.WAITING_INPUT in statuses:
            return PlanStatus.WAITING_INPUT
        if statuses <= {TaskStatus.PENDING}:
            return PlanStatus.PENDING
        if not statuses <= TASK_ENDED:
            return PlanStatus.RUNNING
        if TaskStatus.FAILED in statuses:
            return PlanStatus.FAILED
        return PlanStatus.COMPLETED if TaskStatus.COMPLETED in statuses else PlanStatus.CANCELLED
