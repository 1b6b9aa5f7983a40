"""A run: when it was due, queued, started and finished, what was sent, and what came back."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from conversations.models import ConversationItem
from tasks.models import TaskRun
from tasks.views.frame import frame, person
from tasks.views.words import duration, lateness, queue_time, run_word, trigger_word


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
        "usage": _usage(found.usage),
        "item_id": ConversationItem.objects.filter(run_id=found.id)
        .order_by("position")
        .values_list("id", flat=True)
        .first(),
    }
    return render(request, "runs/run.html", context)


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
