"""How an agent does: when it was last seen, what went wrong with it, and what a day's runs on it came to.

Shown on the agents page and in admin.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Avg, Count, F, Max, Q
from django.db.models.functions import Coalesce

from tasks.agents import circuit
from tasks.models import Agent, TaskRun
from tasks.states import RunStatus

FRESH = timedelta(seconds=30)
"""A sighting younger than this is not written again: a busy agent's row is not everybody's hot spot."""
DAY = timedelta(hours=24)
"""For how long the agents page looks back."""
ERROR_MAX = 2_000
"""Characters of an agent's error that are kept: it is quoted from what the agent sent."""


def note_seen(name: str, *, now: datetime) -> None:
    """The agent answered: its last error is over, and its circuit closed."""
    stale = Q(last_seen_at=None) | Q(last_seen_at__lt=now - FRESH) | ~Q(last_error="") | circuit.TROUBLED
    Agent.objects.filter(stale, name=name).update(last_seen_at=now, last_error="", **circuit.CLOSED)


def note_error(name: str, error: str, *, now: datetime, failure: bool = True) -> None:
    """The agent could not be reached, or answered with what is no answer. An endless text is cut to ERROR_MAX.

    failure: it counts for its circuit; an agent that says no, or asks to come later, has answered.
    """
    error = error if len(error) <= ERROR_MAX else f"{error[: ERROR_MAX - 1]}…"
    stale = Q(recent_error_at=None) | Q(recent_error_at__lt=now - FRESH) | ~Q(last_error=error)
    Agent.objects.filter(stale, name=name).update(last_error=error, recent_error=error, recent_error_at=now)
    if failure:
        circuit.note_failure(name, now=now)
    else:
        circuit.note_answer(name)


@dataclass(frozen=True, kw_only=True)
class Day:
    """What the runs on an agent that ended within the last day came to."""

    succeeded: int
    failed: int
    latency: timedelta | None
    """From sending until its first word, on average; None where nothing is known of it."""
    slowest: timedelta | None

    @property
    def rate(self) -> float | None:
        """Percent of the runs that ended well; None without any."""
        ended = self.succeeded + self.failed
        return 100 * self.succeeded / ended if ended else None


def days(*, now: datetime) -> Mapping[str, Day]:
    """The last day of every agent that had runs in it, by name. One query, over the index of finished runs."""
    waited = Coalesce("answered_at", "finished_at") - F("sent_at")
    ended = TaskRun.objects.filter(finished_at__gt=now - DAY, finished_at__lte=now).order_by()
    rows = ended.values("agent_name").annotate(
        succeeded=Count("pk", filter=Q(status=RunStatus.SUCCEEDED)),
        failed=Count("pk", filter=Q(status__in=[RunStatus.FAILED, RunStatus.INTERRUPTED])),
        latency=Avg(waited, filter=Q(sent_at__isnull=False, status=RunStatus.SUCCEEDED)),
        slowest=Max(waited, filter=Q(sent_at__isnull=False, status=RunStatus.SUCCEEDED)),
    )
    return {
        row["agent_name"]: Day(
            succeeded=row["succeeded"], failed=row["failed"], latency=row["latency"], slowest=row["slowest"]
        )
        for row in rows
    }
