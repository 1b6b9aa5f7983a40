"""A run: when it was due, queued, started and finished, what was sent, and what came back."""

from itertools import pairwise
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from conversations.models import ConversationItem
from tasks.models import TaskRun
from tasks.states import RUN_ENDED, RunStatus
from tasks.views.frame import frame, person
from tasks.views.words import at_agent_word, duration, lateness, queue_time, run_word, span, trigger_word


@login_required
@require_GET
def run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """`/runs/{id}/`; 404 for none and for another person's."""
    found = TaskRun.objects.filter(pk=run_id, task__user=person(request)).select_related("task", "conversation").first()
    if found is None:
        raise Http404
    context: dict[str, Any] = {
        **frame(request, "tasks"),
        "run": found,
        "word": run_word(found.status),
        "trigger_word": trigger_word(found.trigger),
        "lateness": lateness(found),
        "queue": queue_time(found),
        "duration": duration(found),
        "at_agent": at_agent_word(found.remote_state),
        "usage": _usage(found.usage),
        "split": _split(found),
        "again": found.status in RUN_ENDED and found.status not in (RunStatus.SKIPPED, RunStatus.MISSED),
        "item_id": ConversationItem.objects.filter(run_id=found.id)
        .order_by("position")
        .values_list("id", flat=True)
        .first(),
    }
    return render(request, "runs/run.html", context)


def _split(run: TaskRun) -> list[dict[str, Any]]:
    """Where the time between its moment and its end went: parts of a bar 100 wide; empty while it goes on."""
    if run.started_at is None or run.finished_at is None:
        return []
    ready = min(max(run.created_at, run.scheduled_for), run.started_at)
    moments = [min(run.scheduled_for, ready), ready, run.started_at, run.finished_at]
    names = [("late", _("until it was noticed")), ("queued", _("in the queue")), ("ran", _("with the agent"))]
    whole = (moments[-1] - moments[0]).total_seconds()
    parts = []
    for (name, words), (begin, end) in zip(names, pairwise(moments), strict=True):
        if end > begin and whole > 0:
            left = 100 * (begin - moments[0]).total_seconds() / whole
            width = 100 * (end - begin).total_seconds() / whole
            parts.append(
                {"name": name, "x": f"{left:.2f}", "width": f"{width:.2f}", "says": f"{span(end - begin)} {words}"}
            )
    return parts


def _usage(usage: dict[str, Any] | None) -> str:
    """Tokens and cost as the agent reported them; empty where it did not."""
    if not usage:
        return ""
    parts = []
    if "input_tokens" in usage or "output_tokens" in usage:
        parts.append(
            _("%(input)s tokens in, %(output)s out")
            % {"input": usage.get("input_tokens", "–"), "output": usage.get("output_tokens", "–")}
        )
    if "cost" in usage:
        parts.append(f"{usage['cost']} {usage.get('currency', '')}".strip())
    return " · ".join(parts)
