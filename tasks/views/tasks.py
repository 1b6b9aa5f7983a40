"""The list of tasks: filters that live in the address, keyset pages, the strip of each task's last runs."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_GET

from conversations.models import Conversation
from tasks.models import Agent, Task, TaskRun
from tasks.states import Pattern, Phase, TaskStatus
from tasks.views.frame import frame, last_runs, person, with_nth_run
from tasks.views.pace import nothing_planned
from tasks.views.words import PHASES, named, phase_word, strip, when_words

PAGE = 50
FILTERS = ("status", "phase", "agent_name", "pattern", "q", "conversation", "created")
SPANS = {"1d": lazy("Last 24 hours"), "7d": lazy("Last 7 days"), "30d": lazy("Last 30 days")}
_LENGTHS = {"1d": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}


@login_required
@require_GET
def tasks(request: HttpRequest) -> HttpResponse:
    """`/tasks/`. Filters as in the API, `conversation` an id, `created` one of SPANS; `before` an id."""
    user = person(request)
    # PostgreSQL keeps no NUL; nothing can match one.
    filters = {name: request.GET.get(name, "").replace("\0", "").strip() for name in FILTERS}
    rows = _filtered(Task.objects.for_user(user).with_phase(), filters)
    before = _uuid(request.GET.get("before", ""))
    if before:
        rows = rows.filter(id__lt=before)
    found = list(with_nth_run(rows).order_by("-id")[: PAGE + 1])
    shown = found[:PAGE]
    runs = last_runs(shown)
    context: dict[str, Any] = {
        **frame(request, "tasks"),
        "filters": filters,
        "filtered": any(filters.values()),
        "without": {name: _query(filters, **{name: ""}) for name in ("status", "conversation")},
        "phases": [(phase.value, word) for phase, word in PHASES.items()],
        "spans": SPANS.items(),
        "agent_names": _agent_names(filters["agent_name"]),
        "conversation_title": _title(request, filters["conversation"]),
        "rows": [_row(task, runs[task.id]) for task in shown],
        "newer": before is not None,
        "newest_query": _query(filters),
        "older": len(found) > PAGE,
        "older_query": _query(filters, before=str(shown[-1].id) if shown else ""),
    }
    return render(request, "tasks/list.html", context)


def _row(task: Task, runs: list[TaskRun]) -> dict[str, Any]:
    phase: str = task.phase  # type: ignore[attr-defined]
    waits = phase not in (Phase.PAUSED, Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED)
    return {
        "task": task,
        "phase": phase,
        "word": phase_word(phase, task.paused_reason),
        "nothing_planned": nothing_planned(task, runs),
        "when": when_words(task),
        "next": task.next_run_at if waits else None,
        "strip": strip(runs),
    }


def _filtered(rows: QuerySet[Task], filters: Mapping[str, str]) -> QuerySet[Task]:
    """Narrow `rows`; a value that means nothing matches nothing, as in the API."""
    if status := filters["status"]:
        rows = rows.filter(status=status) if status in set(TaskStatus) else rows.none()
    if phase := filters["phase"]:
        rows = rows.filter(Q(("phase", phase))) if phase in set(Phase) else rows.none()
    if pattern := filters["pattern"]:
        rows = rows.filter(pattern=pattern) if pattern in set(Pattern) else rows.none()
    if name := filters["agent_name"]:
        rows = rows.filter(agent_name=name)
    if text := filters["q"]:
        rows = rows.filter(Q(title__icontains=text) | Q(query__icontains=text))
    if conversation := filters["conversation"]:
        wanted = _uuid(conversation)
        rows = rows.filter(conversation_id=wanted) if wanted else rows.none()
    if created := filters["created"]:
        length = _LENGTHS.get(created)
        rows = rows.filter(created_at__gte=timezone.now() - length) if length else rows.none()
    return rows


def _agent_names(chosen: str) -> list[str]:
    """The agents to choose from, and the chosen one, though it be gone."""
    names = list(Agent.objects.order_by("name").values_list("name", flat=True))
    return [*names, chosen] if chosen and chosen not in names else names


def _title(request: HttpRequest, conversation: str) -> str:
    """The title of the conversation that the list is narrowed to."""
    if not (wanted := _uuid(conversation)):
        return conversation
    found = Conversation.objects.for_user(person(request)).filter(pk=wanted).first()
    return named(found.title) if found else conversation


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _query(filters: Mapping[str, str], **changes: str) -> str:
    """The address's query with `changes`; empty values are left out."""
    return urlencode({name: value for name, value in {**filters, **changes}.items() if value})
