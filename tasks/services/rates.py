"""How many runs an agent may be given in a minute, counted in its row, which who gives them holds locked."""

import sys
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from tasks.models import Agent

MINUTE = timedelta(minutes=1)


def left(agent: Agent, now: datetime) -> int:
    """Runs that the agent may still be given in this minute, which began with the first run after the last one."""
    if agent.max_per_minute is None:
        return sys.maxsize
    return max(0, agent.max_per_minute - (0 if _over(agent, now) else agent.minute_used))


def count(names: Sequence[str], *, now: datetime) -> None:
    """Runs were given to agents, each as often as it is named. Their rows are locked by the caller."""
    given = Counter(names)
    if not given:
        return
    for agent in Agent.objects.filter(name__in=given, max_per_minute__isnull=False).order_by("id"):
        used = 0 if _over(agent, now) else agent.minute_used
        began = now if used == 0 else agent.minute_began
        Agent.objects.filter(pk=agent.pk).update(minute_began=began, minute_used=used + given[agent.name])


def _over(agent: Agent, now: datetime) -> bool:
    return agent.minute_began is None or now >= agent.minute_began + MINUTE
