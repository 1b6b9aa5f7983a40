"""A task: what it is, what can be done to it, its runs and those to come, and everything that ever changed it."""

import re
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from tasks.cadence import TICKS
from tasks.models import Task, TaskRun, TaskTransition
from tasks.states import RUN_ENDED, TASK_UNFINISHED, Phase, RunStatus
from tasks.views.events import hooks_of
from tasks.views.frame import STRIP, entry, frame, person
from tasks.views.pace import next_times, nothing_planned, slow_words
from tasks.views.plans import plan_of
from tasks.views.usage import limit_words, usage_words
from tasks.views.words import (
    after_words,
    catch_up_word,
    duration,
    lateness,
    phase_word,
    queue_time,
    run_word,
    strip,
    trigger_word,
    when_words,
)

RUNS = 40
HISTORY = 60
_MARKS = re.compile(r"[*_`#>|]+")
"""What makes Markdown, and only clutters a line of plain text."""
SAYS = 200
"""Characters of a result or an error in the list of runs."""


@login_required
@require_GET
def task(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """`/tasks/{id}/`; `?runs_before=` goes on in the runs."""
    found = (
        Task.objects.for_user(person(request)).with_phase().select_related("conversation").filter(pk=task_id).first()
    )
    if found is None:
        raise Http404
    runs = TaskRun.objects.filter(task=found).order_by("-id")
    before = _before(request.GET.get("runs_before", ""))
    rows = list((runs.filter(id__lt=before) if before else runs)[: max(RUNS, TICKS) + 1])
    newest = rows if before is None else list(runs[:TICKS])
    now = timezone.now()
    coming = next_times(found, now=now)
    phase: str = found.phase  # type: ignore[attr-defined]
    waits = phase not in (Phase.PAUSED, Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED)
    context: dict[str, Any] = {
        **frame(request, "tasks"),
        **hooks_of(found),
        "task": found,
        "entry": entry(found, newest[:STRIP]),
        "phase": phase,
        "word": phase_word(phase, found.paused_reason),
        "when": when_words(found),
        "next": found.next_run_at if waits else None,
        "catch_up_word": catch_up_word(found.catch_up),
        "usage": usage_words(found, newest, now=now),
        "limits": limit_words(found),
        "after": after_words(found),
        "plan": plan_of(found),
        "strip": strip(newest[:STRIP], coming) if found.recurring else None,
        "coming": coming if found.recurring and before is None else [],
        "nothing_planned": nothing_planned(found, newest),
        "slow": slow_words(found, newest, now=now) if found.status in TASK_UNFINISHED else "",
        "last_result": runs.filter(status=RunStatus.SUCCEEDED).exclude(result="").first(),
        "runs": [run_row(run) for run in rows[:RUNS]],
        "older_runs": str(rows[RUNS - 1].id) if len(rows) > RUNS else "",
        "newer_runs": before is not None,
        "transitions": [
            _line(change)
            for change in TaskTransition.objects.filter(task=found).select_related("actor").order_by("-id")[:HISTORY]
        ],
    }
    return render(request, "tasks/task.html", context)


def run_row(run: TaskRun) -> dict[str, Any]:
    """A run as a line of the table says it."""
    told = _("unchanged") if run.unchanged else _("no output") if run.no_output else run.result
    says = run.error or run.reason or told
    return {
        "id": run.id,
        "scheduled_for": run.scheduled_for,
        "slots": run.slots,
        "status": run.status,
        "word": run_word(run.status),
        "trigger_word": trigger_word(run.trigger),
        "lateness": lateness(run),
        "queue": queue_time(run),
        "duration": duration(run),
        "attempt": run.attempt,
        # What never ran has no input to run again with, and what goes on is not over.
        "again": run.status in RUN_ENDED and run.status not in (RunStatus.SKIPPED, RunStatus.MISSED),
        "says": _MARKS.sub("", says[: 2 * SAYS]).strip()[:SAYS],
    }


def _line(change: TaskTransition) -> dict[str, Any]:
    """One line of the history: what happened, why, who, when."""
    if not change.old_status:
        text = _("Created")
    elif change.changes:
        text = _("Edited: %(names)s") % {"names": ", ".join(str(name) for name in change.changes)}
    elif change.old_status == change.new_status:
        text = change.reason[:1].upper() + change.reason[1:] or change.new_status.replace("_", " ")
    else:
        text = f"{change.old_status.replace('_', ' ')} → {change.new_status.replace('_', ' ')}"
    return {
        "text": text,
        "reason": "" if text.lower() == change.reason.lower() else change.reason,
        "who": change.actor.get_username() if change.actor else "",
        "at": change.created_at,
    }


def _before(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
