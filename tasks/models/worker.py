"""A process that carries out runs for the job engine: how many at once, and when it was last seen."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.utils import timezone

ALIVE_FOR = timedelta(seconds=16)
"""How long after its last sign a worker counts as alive: three heartbeats and a second (`execution.recovery`)."""


class WorkerQuerySet(models.QuerySet["Worker"]):
    """The questions that runner and operators ask of workers."""

    def alive(self, now: datetime) -> WorkerQuerySet:
        """Those that gave a sign lately, whether they take runs or end."""
        return self.filter(seen_at__gt=now - ALIVE_FOR)

    def at_work(self, now: datetime) -> WorkerQuerySet:
        """Those that are alive and take runs."""
        return self.alive(now).filter(leaving=False)


class Worker(models.Model):
    """One worker process. Its row goes when it ends; one that was killed is forgotten once it was silent for a day."""

    name = models.CharField(primary_key=True, max_length=100)
    """As in the leases of its runs (`TaskRun.worker`)."""
    concurrency = models.PositiveIntegerField()
    """Runs that it carries out at once."""
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(db_index=True)
    leaving = models.BooleanField(default=False)
    """It ends what it has, and takes nothing more."""

    objects = WorkerQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
