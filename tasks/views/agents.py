"""The agents: what each can do, prompts to try, whether it answers; for staff, adding and switching them."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from tasks.agents import health, refreshing
from tasks.agents.signatures import Signature
from tasks.models import Agent
from tasks.views.frame import frame, person, prompts
from tasks.views.words import span


@login_required
@require_GET
def agents(request: HttpRequest) -> HttpResponse:
    """`/agents/`. Staff see disabled and hidden ones too, and each one's address."""
    rows = Agent.objects.all() if person(request).is_staff else Agent.objects.offered()
    now = timezone.now()
    days = health.days(now=now)
    shown = [{**_card(agent), **_health(agent, days.get(agent.name), now)} for agent in rows]
    context = {**frame(request, "agents"), "agents": shown}
    return render(request, "agents/agents.html", context)


def _card(agent: Agent) -> dict[str, Any]:
    return {
        "name": agent.name,
        "slug": agent.slug,
        "label": str(agent),
        "description": agent.description,
        "url": agent.url,
        "enabled": agent.enabled,
        "last_seen_at": agent.last_seen_at,
        "last_error": agent.last_error,
        "ask": _ask(agent),
        "prompts": [{"text": text, "href": _ask(agent, text)} for text in prompts(agent)],
    }


def _health(agent: Agent, day: health.Day | None, now: datetime) -> dict[str, Any]:
    """How it does: its circuit, the runs of the last day, and an error of that day that is over."""
    recent = agent.recent_error_at is not None and agent.recent_error_at > now - health.DAY
    return {
        "circuit": agent.circuit(now).value,
        "failures": agent.failures,
        "open_until": agent.open_until,
        "day": day if day is not None and day.rate is not None else None,
        "latency": span(day.latency) if day is not None and day.latency is not None else "",
        "slowest": span(day.slowest) if day is not None and day.slowest is not None else "",
        "changes": [{"at": at, "text": text} for at, text in refreshing.recent_changes(agent, now=now)],
        "card_fault": agent.own_card.get("fault", ""),
        "signed": agent.own_card.get("signature") == Signature.VALID,
        "recent_error": agent.recent_error if recent and not agent.last_error else "",
        "recent_error_at": agent.recent_error_at,
    }


def _ask(agent: Agent, text: str = "") -> str:
    """The address of a composer with this agent (and text) filled in."""
    return f"{reverse('tasks:home')}?{urlencode({'agent': agent.name, **({'text': text} if text else {})})}"
