"""When an agent was last seen, and what went wrong with it last: shown on the agents page and in admin."""

from datetime import datetime, timedelta

from django.db.models import Q

from tasks.models import Agent

FRESH = timedelta(seconds=30)
"""A sighting younger than this is not written again: a busy agent's row is not everybody's hot spot."""
ERROR_MAX = 2_000
"""Characters of an agent's error that are kept: it is quoted from what the agent sent."""


def note_seen(name: str, *, now: datetime) -> None:
    """The agent answered: its last error is over."""
    stale = Q(last_seen_at=None) | Q(last_seen_at__lt=now - FRESH) | ~Q(last_error="")
    Agent.objects.filter(stale, name=name).update(last_seen_at=now, last_error="")


def note_error(name: str, error: str) -> None:
    """The agent could not be reached, or answered with what is no answer. An endless text is cut to ERROR_MAX."""
    error = error if len(error) <= ERROR_MAX else f"{error[: ERROR_MAX - 1]}…"
    Agent.objects.filter(name=name).exclude(last_error=error).update(last_error=error)
