"""What the audit is told of agents, alike from page, API and card file: names of what changed, never the values."""

from collections.abc import Collection
from datetime import datetime

from django.http import HttpRequest

from conversations import audit
from conversations.audit import Act
from tasks.models import Agent


def added(agent: Agent, *, request: HttpRequest | None, now: datetime) -> None:
    """It was put on file; without a `request`, by a card file."""
    audit.record(
        Act.AGENT_ADDED,
        now=now,
        request=request,
        subject=agent,
        named=agent.name,
        enabled=agent.enabled,
        by=_by(request),
    )


def changed(agent: Agent, columns: Collection[str], *, request: HttpRequest | None, now: datetime) -> None:
    """These of its columns were changed; that it was switched on or off is an act of its own."""
    others = sorted(set(columns) - {"enabled"})
    if "enabled" in columns:
        act = Act.AGENT_ENABLED if agent.enabled else Act.AGENT_DISABLED
        audit.record(act, now=now, request=request, subject=agent, named=agent.name, by=_by(request))
    if others:
        audit.record(
            Act.AGENT_CHANGED,
            now=now,
            request=request,
            subject=agent,
            named=agent.name,
            changed=others,
            by=_by(request),
        )


def _by(request: HttpRequest | None) -> str:
    return "person" if request is not None else "card file"
