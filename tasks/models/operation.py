"""What operators decide about all runs at once, and the processes that claim what is due."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

PRESENT_EVERY = 10.0
"""Seconds between two signs of a runner, in `RunnerProcess`."""
RUNNER_ALIVE_FOR = timedelta(seconds=31)
"""How long after its last sign a runner counts as alive: three of them and a second."""


class Switches(models.Model):
    """The operator's switches: one row for all processes, made when one is pressed (`tasks.services.switches`)."""

    ONE = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONE, editable=False)
    held_at = models.DateTimeField(null=True)
    """Since when nothing new starts anywhere; null: runs start."""
    held_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    held_reason = models.CharField(max_length=200, blank=True)
    drained = models.JSONField(default=list)
    """Names of the processes that take nothing new."""

    class Meta:
        verbose_name = verbose_name_plural = "operation"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="switches_one_row")]

    def __str__(self) -> str:
        return "operation"


class RunnerQuerySet(models.QuerySet["RunnerProcess"]):
    """The questions that operators ask of runners."""

    def alive(self, now: datetime) -> RunnerQuerySet:
        """Those that gave a sign lately."""
        return self.filter(seen_at__gt=now - RUNNER_ALIVE_FOR)


class RunnerProcess(models.Model):
    """A process that claims what is due. Its row goes when it ends; one that was killed is forgotten after a day."""

    name = models.CharField(primary_key=True, max_length=100)
    """As in the leases of its runs (`TaskRun.worker`)."""
    concurrency = models.PositiveIntegerField()
    """Runs that it carries out at once itself; 0: it gives them to workers."""
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(db_index=True)

    objects = RunnerQuerySet.as_manager()

    class Meta:
        verbose_name = "runner"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
