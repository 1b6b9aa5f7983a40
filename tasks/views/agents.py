"""The agents: what each can do, prompts to try, whether it answers; for staff, adding and switching them."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from tasks.models import Agent
from tasks.views.frame import frame, person, prompts


@login_required
@require_GET
def agents(request: HttpRequest) -> HttpResponse:
    """`/agents/`. Staff see disabled and hidden ones too, and each one's address."""
    rows = Agent.objects.all() if person(request).is_staff else Agent.objects.offered()
    context = {**frame(request, "agents"), "agents": [_card(agent) for agent in rows]}
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


def _ask(agent: Agent, text: str = "") -> str:
    """The address of a composer with this agent (and text) filled in."""
    return f"{reverse('tasks:home')}?{urlencode({'agent': agent.name, **({'text': text} if text else {})})}"
