"""The circuit breaker of an agent: after failures in a row nothing new is sent to it for a while, then one run tries.

    closed      messages go out
    open        nobody answered FAILURES_MAX times in a row: new messages fail at once until `open_until`
    half open   `open_until` has passed: one run is let through as a probe, the others wait a little for what it finds

The state is in the agent's row, so that all processes share it; every change is an update on the condition that the
row is still what it was when it was read, and whoever lost that race looks again. Runs that the agent has already are
never held up: joining one again and answering a question are worth a try each.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Q

from tasks.models import Agent
from tasks.models.agent import AgentQuerySet, Circuit, circuit_at

FAILURES_MAX = 5
"""Failures in a row that open the circuit: one task's three attempts do not, several tasks' do."""
OPEN_FIRST = timedelta(seconds=10)
OPEN_MOST = timedelta(minutes=1)
"""How long it is open: at first, and doubled after each probe that failed, up to the most. Not longer, since an agent
that is back should not wait for its schedule's next time."""
PROBE_FOR = timedelta(seconds=30)
"""How long a probe may go without a word before another one is let through: its worker may have died."""
TROUBLED = Q(failures__gt=0)
"""Agents that did not answer lately; an open circuit has failures too."""
CLOSED: Mapping[str, Any] = {"failures": 0, "open_until": None, "probe_until": None}
"""The columns of an agent that answers."""
RACES_MAX = 5
"""Times that an update is tried again because another process was faster."""


class Admission(StrEnum):
    """What a run that wants to send is told."""

    GO = "go"
    PROBE = "probe"
    """Go, and everybody else waits for what becomes of it."""
    WAIT = "wait"
    """A probe is under way."""
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """An agent's circuit at a moment."""

    failures: int
    """Failures in a row."""
    open_until: datetime | None
    probe_until: datetime | None

    def state(self, now: datetime) -> Circuit:
        """What it is at `now`."""
        return circuit_at(self.open_until, now)


def admit(name: str, *, now: datetime) -> tuple[Admission, Standing | None]:
    """Whether a new message may be sent to the agent now; the standing that this was decided by, None without a row."""
    for _ in range(RACES_MAX):
        found = _standing(name)
        if found is None:
            return Admission.GO, None
        state = found.state(now)
        if state is Circuit.CLOSED:
            return Admission.GO, found
        if state is Circuit.OPEN:
            return Admission.REFUSED, found
        if found.probe_until is not None and now < found.probe_until:
            return Admission.WAIT, found
        if _unchanged(name, found).update(probe_until=now + PROBE_FOR):
            return Admission.PROBE, found
    return Admission.WAIT, found


def note_answer(name: str) -> bool:
    """The agent answered: its circuit is closed, whatever it was. Returns whether that changed anything."""
    return bool(Agent.objects.filter(TROUBLED, name=name).update(**CLOSED))


def note_failure(name: str, *, now: datetime) -> None:
    """The agent did not answer, or not as an agent does. While the circuit is open, this says nothing new."""
    for _ in range(RACES_MAX):
        found = _standing(name)
        if found is None or found.state(now) is Circuit.OPEN:
            return
        failures = min(found.failures + 1, 1000)
        values: dict[str, object] = {"failures": failures}
        if failures >= FAILURES_MAX:
            times = min(failures - FAILURES_MAX, 10)
            values |= {"open_until": now + min(OPEN_FIRST * 2**times, OPEN_MOST), "probe_until": None}
        if _unchanged(name, found).update(**values):
            return


def _standing(name: str) -> Standing | None:
    row = Agent.objects.filter(name=name).values("failures", "open_until", "probe_until").first()
    return None if row is None else Standing(**row)


def _unchanged(name: str, found: Standing) -> AgentQuerySet:
    return Agent.objects.filter(
        name=name, failures=found.failures, open_until=found.open_until, probe_until=found.probe_until
    )
