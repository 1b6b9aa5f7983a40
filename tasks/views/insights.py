"""Insights: how all of a person's tasks went (staff: everybody's) over a time that the address says; what comes."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_GET

from tasks.views import figures
from tasks.views.figures import Coming, Past, Reason, Span, Sums
from tasks.views.frame import frame, person
from tasks.views.words import named, span, when_words

SPANS = {Span.DAY: lazy("24 hours"), Span.WEEK: lazy("7 days"), Span.MONTH: lazy("30 days")}
TITLES = {Span.DAY: lazy("Last 24 hours"), Span.WEEK: lazy("Last 7 days"), Span.MONTH: lazy("Last 30 days")}
ROWS = 10
"""Agents and reasons that are shown; the others are counted."""
NEXT = 12
"""Coming tasks that are shown."""


@login_required
@require_GET
def insights(request: HttpRequest) -> HttpResponse:
    """`/insights/?span=7d&who=all`; `who` is for staff, others see their own. Without a span: a week."""
    user, now, zone = person(request), timezone.now(), timezone.get_current_timezone()
    asked = request.GET.get("span", "")
    chosen = Span(asked) if asked in set(Span) else Span.WEEK
    everybody = user.is_staff and request.GET.get("who") == "all"
    whose = None if everybody else user
    moments = figures.edges(chosen, now=now, zone=zone)
    runs = figures.runs_of(whose, since=moments[0], now=now)
    past = figures.past(runs, moments)
    reasons = figures.reasons(runs)
    ahead = figures.hours_ahead(now=now, zone=zone)
    coming = figures.coming(whose, moments=ahead)
    labels = [_label(moment, chosen) for moment in moments[:-1]]
    context: dict[str, Any] = {
        **frame(request, "insights"),
        "spans": [(str(name), word, _address(name, everybody)) for name, word in SPANS.items()],
        "span": str(chosen),
        "title": TITLES[chosen],
        "everybody": everybody,
        "people": [(False, _("Mine"), _address(chosen, False)), (True, _("Everybody's"), _address(chosen, True))],
        "tiles": _tiles(past.total),
        "anything": past.total.ended or past.total.passed_over or past.total.cancelled,
        "charts": {**_charts(past, labels), "coming": _ahead(coming, ahead)},
        "agents": _agents(past),
        "more_agents": max(0, len(past.agents) - ROWS),
        "reasons": _reasons(reasons, past.total.failed),
        "other_failures": past.total.failed - sum(reason.count for reason in reasons[:ROWS]),
        "coming": [_coming(entry, everybody) for entry in coming.tasks[:NEXT]],
        "coming_runs": sum(coming.hours),
        "more_coming": max(0, len(coming.tasks) - NEXT) + coming.left_out,
        "left_out": coming.left_out,
        "zone": str(zone).replace("_", " "),
    }
    return render(request, "tasks/insights.html", context)


def _address(chosen: Span, everybody: bool) -> str:
    query = {"span": str(chosen), **({"who": "all"} if everybody else {})}
    return f"{reverse('tasks:insights')}?{urlencode(query)}"


def _label(moment: datetime, chosen: Span) -> str:
    """A part of the span as the axis says it."""
    local = localtime(moment)
    if chosen == Span.DAY:
        return f"{local:%H:%M}"
    return f"{date_format(local, 'D j')}, {local:%H:%M}" if chosen == Span.WEEK else date_format(local, "j M")


def _tiles(total: Sums) -> list[dict[str, str]]:
    """The figures on top: a word, a figure, and what it is made of."""
    return [
        {
            "word": _("Success rate"),
            "figure": "–" if total.rate is None else _percent(total.rate),
            "note": _("%(n)s failed") % {"n": f"{total.failed:,}"},
        },
        {
            "word": _("Runs"),
            "figure": f"{total.ended:,}",
            "note": _("%(n)s skipped or missed") % {"n": f"{total.passed_over:,}"},
        },
        {"word": _("Run time"), "figure": _span(total.mean_time), "note": _longest(total.longest)},
        {"word": _("Lateness"), "figure": _span(total.mean_lateness), "note": _longest(total.latest)},
    ]


def _percent(rate: float) -> str:
    # 99.96 is not all.
    shown = min(rate, 99.9) if rate < 100 else rate
    return f"{shown:.0f} %" if rate in (0, 100) else f"{shown:.1f} %"


def _span(seconds: float | None) -> str:
    return "–" if seconds is None else span(timedelta(seconds=seconds))


def _longest(seconds: float | None) -> str:
    return "" if seconds is None else _("mean; at most %(span)s") % {"span": _span(seconds)}


def _charts(past: Past, labels: Sequence[str]) -> dict[str, Any]:
    """Each chart as rows, the first with the names of the columns (the form of `chart.js`)."""
    when = _("When")

    def rows(*columns: tuple[str, Callable[[Sums], float | None]]) -> list[list[Any]]:
        body = [
            [label, *(_rounded(read(part)) for _name, read in columns)]
            for label, part in zip(labels, past.parts, strict=True)
        ]
        return [[when, *(name for name, _read in columns)], *body]

    return {
        "runs": rows(
            (_("succeeded"), lambda part: part.succeeded),
            (_("failed"), lambda part: part.failed),
            (_("skipped or missed"), lambda part: part.passed_over),
        ),
        "rate": rows((_("succeeded, %"), lambda part: part.rate)),
        "time": rows(
            (_("mean, seconds"), lambda part: part.mean_time), (_("longest, seconds"), lambda part: part.longest)
        ),
        "lateness": rows(
            (_("mean, seconds"), lambda part: part.mean_lateness), (_("longest, seconds"), lambda part: part.latest)
        ),
    }


def _ahead(coming: Coming, moments: Sequence[datetime]) -> list[list[Any]]:
    hours = [[f"{localtime(moment):%H:%M}", number] for moment, number in zip(moments[:-1], coming.hours, strict=True)]
    return [[_("From"), _("runs")], *hours]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _agents(past: Past) -> list[dict[str, Any]]:
    shown = past.agents[:ROWS]
    most = max((sums.ended for _name, sums in shown), default=0)
    return [
        {
            "name": name,
            "runs": f"{sums.ended:,}",
            "share": _share(sums.ended, most),
            "rate": "–" if sums.rate is None else _percent(sums.rate),
            "time": _span(sums.mean_time),
            "busy": _span(sums.took),
        }
        for name, sums in shown
    ]


def _reasons(reasons: Sequence[Reason], failed: int) -> list[dict[str, Any]]:
    return [
        {
            "text": reason.text or _("No reason was given."),
            "agent_name": reason.agent_name,
            "count": f"{reason.count:,}",
            "share": _share(reason.count, failed),
        }
        for reason in reasons[:ROWS]
    ]


def _share(part: int, whole: int) -> int:
    """Hundredths, for a bar; what there is can be seen."""
    return max(1, round(100 * part / whole)) if part and whole else 0


def _coming(entry: figures.Next, everybody: bool) -> dict[str, Any]:
    page = "admin:tasks_task_change" if everybody else "tasks:task"
    return {
        "href": reverse(page, args=[entry.task.pk]),
        "title": named(entry.task.title),
        "owner": entry.task.user.get_username() if everybody else "",
        "agent_name": entry.task.agent_name,
        "when": when_words(entry.task),
        "at": entry.at,
        "count": f"{entry.count:,}",
    }
