"""The first page: a composer, examples that run at once, and the person's conversations."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from conversations.models import Conversation
from tasks.views.frame import frame, offered_agents, person, with_state

PAGE = 30
_EXAMPLES = (
    ("MachineAgent", _("This machine"), _("Report this machine's load"), None),
    ("MarketDataAgent", _("Share prices"), _("How did AAPL and MSFT do over 2009?"), None),
    ("MachineAgent", _("On a schedule"), _("How much memory and disk space is left?"), 30),
)


@login_required
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """`/`. `?agent=&text=` fill the composer; `?before=` goes on in the list."""
    rows = with_state(Conversation.objects.for_user(person(request)))
    before = request.GET.get("before", "")
    if place := _place(before):
        changed, shown = place
        rows = rows.filter(updated_at__lte=changed).filter(Q(updated_at__lt=changed) | Q(id__lt=shown))
    talks = list(rows[: PAGE + 1])
    agents = offered_agents()
    last = talks[PAGE - 1] if len(talks) > PAGE else None
    context: dict[str, Any] = {
        **frame(request, "home"),
        "agents": agents,
        "examples": [] if place else _examples(agents),
        "talks": talks[:PAGE],
        "older": f"{last.updated_at.isoformat()}_{last.id}" if last else "",
        "newer": bool(place),
    }
    return render(request, "home/home.html", context)


def _place(text: str) -> tuple[datetime, UUID] | None:
    """Where the list goes on; None for the beginning, and for an address that somebody typed wrong."""
    changed, _sep, last = text.partition("_")
    try:
        moment, row = datetime.fromisoformat(changed.replace(" ", "+")), UUID(last)
    except ValueError:
        return None
    return (moment, row) if moment.tzinfo else None


def _examples(agents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Three requests that the sample agents can serve; without them, prompts of those that are there."""
    offered = {agent["name"] for agent in agents}
    examples = [
        {"agent_name": name, "label": str(label), "text": str(text), "minutes": minutes}
        for name, label, text, minutes in _EXAMPLES
        if name in offered
    ]
    if not examples:
        examples = [
            {"agent_name": agent["name"], "label": agent["display_name"], "text": prompt, "minutes": None}
            for agent in agents
            for prompt in agent["prompts"][:1]
        ]
    return examples[:3]
