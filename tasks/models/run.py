"""A run: one attempt at one slot of a task, or the record of why a slot did not run."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from conversations.ids import new_id
from conversations.models import Conversation
from tasks.models.task import Task
from tasks.states import RUN_ACTIVE, RunStatus, Trigger

GOES_ON = ["working", "input_required", "auth_required"]
"""States of an agent's task that are not its end."""


class TaskRunQuerySet(models.QuerySet["TaskRun"]):
    """The questions that runner, pages and API ask of runs."""

    def active(self) -> TaskRunQuerySet:
        """Those that have not ended."""
        return self.filter(status__in=RUN_ACTIVE, finished_at=None)

    def ready(self, now: datetime) -> TaskRunQuerySet:
        """Those that a worker may take: queued, and their moment has come. Served by the partial index `run_ready`."""
        return self.filter(status=RunStatus.QUEUED, ready_at__lte=now)


class TaskRun(models.Model):
    """One attempt at one slot. `(task, scheduled_for, attempt)` is unique for runs that time starts, so that any
    number of runners may try: one row, one run.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    task = models.ForeignKey(Task, models.CASCADE, related_name="runs")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    """The task's owner, here too so that an index serves what is taken next of each person."""
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="runs")
    trigger = models.CharField(max_length=10, choices=[(t.value, t.value.replace("_", " ")) for t in Trigger])
    scheduled_for = models.DateTimeField()
    for_slot = models.DateTimeField(null=True)
    """The slot that a run stands for whose own moment is that of a request (backfill, run again)."""
    attempt = models.PositiveSmallIntegerField(default=1)
    status = models.CharField(max_length=14, choices=[(s.value, s.value.replace("_", " ")) for s in RunStatus])
    slots = models.PositiveIntegerField(default=1)
    """How many neighbouring slots a skipped or missed row stands for."""
    last_slot = models.DateTimeField(null=True)
    """The last of them, where there are several."""
    reason = models.CharField(max_length=500, blank=True)
    priority = models.PositiveSmallIntegerField(default=5)
    agent_name = models.CharField(max_length=200)
    ready_at = models.DateTimeField(default=timezone.now)
    """When a worker may take it: at once, or after a retry's backoff."""
    input = models.TextField(blank=True)
    """The text as sent; until it is, the text that values are put into (`rendered`)."""
    rendered = models.BooleanField(default=False)
    """`input` is the text as sent: no value is put into it (any more)."""
    given = models.JSONField(null=True)
    """Values for its text that only this run has: `{"event": …}`."""
    answer = models.TextField(blank=True)
    """The person's answer to the agent's question, until it is sent."""
    worker = models.CharField(max_length=100, blank=True)
    token = models.PositiveIntegerField(default=0)
    """Counts leases; a worker that lost its lease carries an older one, and nothing that it writes is taken."""
    heartbeat_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    """Set before the message leaves: without it, nothing reached the agent."""
    answered_at = models.DateTimeField(null=True)
    """When the agent's first word came: what lies between is its latency."""
    remote_task_id = models.CharField(max_length=200, blank=True)
    remote_context_id = models.CharField(max_length=200, blank=True)
    pushes = models.PositiveIntegerField(default=0)
    """Notifications of its agent that came in: each one wakes the worker that waits for it."""
    remote_state = models.CharField(max_length=20, blank=True)
    """Cancelled here: what became of the task at its agent, as it says itself (`agents.remote.RemoteState`)."""
    cancel_due = models.BooleanField(default=False)
    """Cancelled here, and its agent does not know yet. Whoever tells the agent clears it."""
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    result = models.TextField(blank=True)
    no_output = models.BooleanField(default=False)
    unchanged = models.BooleanField(default=False)
    usage = models.JSONField(null=True)
    error = models.TextField(blank=True)

    objects = TaskRunQuerySet.as_manager()

    class Meta:
        verbose_name = "run"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["task", "scheduled_for", "attempt"],
                condition=Q(trigger__in=["schedule", "catch_up", "retry"]),
                name="run_slot_once",
            ),
            models.CheckConstraint(condition=Q(status__in=sorted(RunStatus)), name="run_status_known"),
            models.CheckConstraint(condition=Q(trigger__in=sorted(Trigger)), name="run_trigger_known"),
            models.CheckConstraint(condition=Q(slots__gte=1), name="run_slots_positive"),
        ]
        indexes = [
            # What a worker takes next of each person: of each priority the oldest (`services.turns`).
            models.Index(fields=["user", "priority", "ready_at"], condition=Q(status="queued"), name="run_ready"),
            # A task's active runs, the phase: `active()`. (Why not by status: see the indexes of Task.)
            models.Index(fields=["task", "status"], condition=Q(finished_at=None), name="run_active"),
            # Heartbeats, and what an agent has at once.
            models.Index(fields=["agent_name"], condition=Q(status="running"), name="run_running"),
            # A task's latest slots, for the claim.
            models.Index(fields=["task", "scheduled_for"], name="run_of_task_by_slot"),
            # A task's runs, newest first.
            models.Index(fields=["task", "-id"], name="run_of_task"),
            # A person's runs of some days, for the calendar.
            models.Index(fields=["user", "scheduled_for"], name="run_of_user_by_slot"),
            # Retention.
            models.Index(fields=["finished_at"], condition=Q(finished_at__isnull=False), name="run_finished"),
            # Cancelled here, and still at work at their agents.
            models.Index(fields=["finished_at"], condition=Q(remote_state__in=GOES_ON), name="run_goes_on_there"),
            # Agents that were not told of a cancel. Behind the other: where two serve alike, SQLite takes the later.
            models.Index(fields=["finished_at"], condition=Q(cancel_due=True), name="run_cancel_due"),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.scheduled_for:%Y-%m-%d %H:%M}"
