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

from conversations import search
from conversations.models import Conversation
from tasks.views.frame import frame, offered_agents, person, with_state

PAGE = 30
QUESTION_MAX = 200
SHOWN = ("unread", "archived")
_EXAMPLES = (
    ("MachineAgent", _("This machine"), _("Report this machine's load"), None),
    ("MarketDataAgent", _("Share prices"), _("How did AAPL and MSFT do over 2009?"), None),
    ("MachineAgent", _("On a schedule"), _("How much memory and disk space is left?"), 30),
)


@login_required
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """`/`. `?agent=&text=` fill the composer; `?q=` finds; `?show=unread|archived`; `?before=` goes on in the list."""
    user = person(request)
    around = frame(request, "home")
    show = request.GET.get("show", "")
    asked = request.GET.get("q", "").replace("\0", "").strip()[:QUESTION_MAX]
    place = _place(request.GET.get("before", ""))
    agents = offered_agents()
    context: dict[str, Any] = {
        **around,
        "agents": agents,
        "examples": [] if place or asked else _examples(agents),
        "q": asked,
        "show": show if show in SHOWN else "",
        "newer": bool(place),
    }
    if asked:
        search.index_for(user)
        within = Conversation.objects.for_user(user)
        context["found"], _upto = search.find(user, asked, within=within, offset=0, limit=PAGE)
        return render(request, "home/home.html", context)
    rows = Conversation.objects.for_user(user)
    if show == "archived":
        rows = rows.filter(archived_at__isnull=False)
    elif show == "unread":
        rows = rows.unread()
    else:
        # The pinned ones stand above the first page.
        rows = rows.filter(archived_at=None, pinned_at=None)
        context["pinned"] = [] if place else around["frame"]["pinned"]
    if place:
        changed, shown = place
        rows = rows.filter(updated_at__lte=changed).filter(Q(updated_at__lt=changed) | Q(id__lt=shown))
    talks = list(with_state(rows)[: PAGE + 1])
    last = talks[PAGE - 1] if len(talks) > PAGE else None
    context["talks"] = talks[:PAGE]
    context["older"] = f"{last.updated_at.isoformat()}_{last.id}" if last else ""
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
