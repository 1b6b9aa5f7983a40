"""Whether a run may be sent to its agent now, or would only be the next to find out that nobody is there."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from django.utils import timezone

from tasks.agents import circuit
from tasks.agents.circuit import Admission
from tasks.agents.errors import CircuitOpen
from tasks.agents.remote import AgentRef

PROBE_PATIENCE = 3.0
"""Seconds for which runs wait for what a probe finds. A failed attempt more is cheaper than a worker that waits."""
ASK_AGAIN = 0.25
"""Seconds between two looks at the circuit meanwhile."""


async def admitted(agent: AgentRef, in_thread: Callable[..., Awaitable[Any]]) -> None:
    """Return when a new message may be sent to `agent`. Raises CircuitOpen where it may not.

    in_thread: calls a function of the ORM. An agent without trouble costs no query: its row was read a moment ago.
    """
    if not agent.troubled:
        return
    waited = 0.0
    while True:
        now = timezone.now()
        admission, standing = await in_thread(circuit.admit, agent.name, now=now)
        if admission in (Admission.GO, Admission.PROBE):
            return
        if admission is Admission.REFUSED or waited >= PROBE_PATIENCE:
            raise CircuitOpen(
                f"{agent.name} did not answer {standing.failures if standing else 'several'} times in a row, so nothing"
                " new is sent to it for up to a minute; then one run tries again."
            )
        await asyncio.sleep(ASK_AGAIN)
        waited += ASK_AGAIN
