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
from tasks.views.frame import STRIP, frame, last_runs, person, with_nth_run
from tasks.views.pace import nothing_planned
from tasks.views.sorting import ORDERS, begins_at, in_order, ordered, place_of
from tasks.views.timeline import MARKS, Window, lane
from tasks.views.timeline import SPANS as AROUND
from tasks.views.words import PHASES, named, phase_word, strip, when_words

PAGE = 50
TIMELINE = "timeline"
FILTERS = ("status", "phase", "agent_name", "pattern", "q", "conversation", "created")
LOOK = ("sort", "view", "around", "before")
SPANS = {"1d": lazy("Last 24 hours"), "7d": lazy("Last 7 days"), "30d": lazy("Last 30 days")}
_LENGTHS = {"1d": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}


@login_required
@require_GET
def tasks(request: HttpRequest) -> HttpResponse:
    """`/tasks/`. Filters as in the API, `conversation` an id, `created` one of SPANS; `sort` one of ORDERS; `view`
    `timeline` for a line of time with `around` now; `before` where the page goes on (`place_of`).
    """
    user, now = person(request), timezone.now()
    # PostgreSQL keeps no NUL; nothing can match one.
    asked = {name: request.GET.get(name, "").replace("\0", "").strip() for name in (*FILTERS, *LOOK)}
    filters = {name: asked[name] for name in FILTERS}
    sort = asked["sort"] if asked["sort"] in ORDERS else ""
    around = asked["around"] if asked["around"] in AROUND else "1d"
    lined = asked["view"] == TIMELINE
    # What the address says besides the filters; the usual is left out.
    look = {"sort": sort, "view": TIMELINE if lined else "", "around": around if lined and around != "1d" else ""}
    before = asked["before"]
    found = _page(_filtered(Task.objects.for_user(user).with_phase(), filters), sort, before, MARKS if lined else STRIP)
    shown = found[:PAGE]
    runs = last_runs(shown)
    window = Window(now=now, reach=AROUND[around][0])
    address = {**filters, **look}
    context: dict[str, Any] = {
        **frame(request, "tasks"),
        "filters": filters,
        "filtered": any(filters.values()),
        "look": look,
        "without": {name: _query(address, **{name: ""}) for name in ("status", "conversation")},
        "orders": [(name, order.word) for name, order in ORDERS.items()],
        "sort_queries": {name or "newest": _query(address, sort=name) for name in ("", "next", "title")},
        "views": {name or "list": _query(address, view=name, around="") for name in ("", TIMELINE)},
        "around": around,
        "window": window,
        "spans_around": [(name, word, _query(address, around=name)) for name, (_span, word) in AROUND.items()],
        "phases": [(phase.value, word) for phase, word in PHASES.items()],
        "spans": SPANS.items(),
        "agent_names": _agent_names(filters["agent_name"]),
        "conversation_title": _title(request, filters["conversation"]),
        "rows": [_row(task, runs[task.id], window if lined else None) for task in shown],
        "newer": begins_at(sort, before),
        "newest_query": _query(address),
        "older": len(found) > PAGE,
        "older_query": _query(address, before=place_of(shown[-1], sort) if shown else ""),
    }
    return render(request, "tasks/list.html", context)


def _page(tasks: QuerySet[Task], sort: str, before: str, runs: int) -> list[Task]:
    """The rows of one page and one more, with the id of each one's `runs`-th newest run.

    In an order of its own, first the ids alone: what else a row says is looked up for those that are shown.
    """
    rows = ordered(tasks, sort, before)
    if not ORDERS[sort].by:
        return list(with_nth_run(rows, runs)[: PAGE + 1])
    ids = list(rows.values_list("pk", flat=True)[: PAGE + 1])
    return in_order(with_nth_run(ordered(Task.objects.with_phase(), sort, ""), runs), ids)


def _row(task: Task, runs: list[TaskRun], window: Window | None) -> dict[str, Any]:
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
        "lane": lane(task, runs, window) if window else None,
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
