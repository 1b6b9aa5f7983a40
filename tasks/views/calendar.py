"""The calendar: all of a person's tasks by day, week or month, what ran and what will; in the address, where one is."""

from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from tasks.models import Task, TaskRun
from tasks.views.agenda import COMING, Day, Entry, agenda, resting
from tasks.views.feeds import link
from tasks.views.frame import frame, person
from tasks.views.words import named, run_word

VIEWS = {"day": lazy("Day"), "week": lazy("Week"), "month": lazy("Month")}
SINGLY = {"day": 4, "week": 4, "month": 1}
"""As many runs of a task stand one by one on a day; more are one line with their number."""
PLACES = {"day": 200, "week": 14, "month": 3}
"""Lines of a day that are shown; the others are behind a link."""
YEARS = range(1970, 9000)
"""Years that can be shown: outside of them no schedule has a time."""
_DAYS = {"day": 1, "week": 7}
ICONS = {
    COMING: "clock",
    "succeeded": "circle-check",
    "failed": "circle-x",
    "interrupted": "triangle-alert",
    "waiting_input": "message-circle-question-mark",
    "running": "activity",
    "queued": "hourglass",
    "cancelled": "ban",
    "skipped": "skip-forward",
    "missed": "circle-dashed",
}


@login_required
@require_GET
def calendar(request: HttpRequest) -> HttpResponse:
    """`/calendar/?view=week&date=2026-11-23`, in the person's zone; without them this week.

    A date that is none shows today, and says so.
    """
    user, now, zone = person(request), timezone.now(), timezone.get_current_timezone()
    today = localtime(now).date()
    view = request.GET.get("view", "")
    view = view if view in VIEWS else "week"
    asked = request.GET.get("date", "")
    chosen = _date(asked) or today
    first, number = _range(view, chosen)
    found = agenda(user, first=first, days=number, zone=zone, now=now, places=PLACES[view], singly=SINGLY[view])
    days = [_day(day, chosen=chosen, today=today, now=now, view=view) for day in found.days]
    context: dict[str, Any] = {
        **frame(request, "calendar"),
        **link(user),
        "view": view,
        "views": [(name, word, _address(name, chosen)) for name, word in VIEWS.items()],
        "title": _title(view, chosen, first),
        "weekdays": [date_format(first + timedelta(days=n), "D") for n in range(7)] if view == "month" else [],
        "days": days,
        "zone": str(zone).replace("_", " "),
        "today": _address(view, today),
        "now_shown": first <= today < first + timedelta(days=number),
        "before": _address(view, _step(view, chosen, -1)),
        "after": _address(view, _step(view, chosen, 1)),
        "wrong_date": asked if asked and _date(asked) is None else "",
        "left_out": found.left_out,
        "resting": resting(user) if first + timedelta(days=number) > today else 0,
        **({} if any(day["entries"] for day in days) else _nothing(user, view, zone_now=localtime(now))),
    }
    return render(request, "tasks/calendar.html", context)


def _date(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found.year in YEARS else None


def _range(view: str, chosen: date) -> tuple[date, int]:
    """The first day that is shown, and how many are: weeks begin on Monday, and a month is shown in whole weeks."""
    if view == "day":
        return chosen, 1
    if view == "week":
        return chosen - timedelta(days=chosen.weekday()), 7
    begin = chosen.replace(day=1)
    end = _step("month", chosen, 1) - timedelta(days=1)
    first = begin - timedelta(days=begin.weekday())
    return first, (end - first).days + 7 - end.weekday()


def _step(view: str, chosen: date, by: int) -> date:
    """The same place one page on or back; a month's is its first day."""
    if view in _DAYS:
        return chosen + timedelta(days=by * _DAYS[view])
    months = chosen.year * 12 + chosen.month - 1 + by
    return date(months // 12, months % 12 + 1, 1)


def _address(view: str, day: date) -> str:
    return f"{reverse('tasks:calendar')}?{urlencode({'view': view, 'date': day.isoformat()})}"


def _title(view: str, chosen: date, first: date) -> str:
    if view == "month":
        return date_format(chosen, "F Y")
    if view == "day":
        return date_format(chosen, "l j F Y")
    last = first + timedelta(days=6)
    begin = "j" if first.month == last.month else "j F" if first.year == last.year else "j F Y"
    return f"{date_format(first, begin)} – {date_format(last, 'j F Y')}"


def _day(day: Day, *, chosen: date, today: date, now: datetime, view: str) -> dict[str, Any]:
    entries = [_line(entry, day.date) for entry in day.entries]
    return {
        "date": day.date,
        "href": _address("day", day.date),
        "short": date_format(day.date, "D j"),
        "long": date_format(day.date, "l j F Y"),
        "today": day.date == today,
        "chosen": day.date == chosen,
        "outside": view == "month" and day.date.month != chosen.month,
        "entries": entries,
        "more": day.more,
        # The line "now" stands before the first entry that is to come.
        "now_at": next((n for n, entry in enumerate(day.entries) if entry.at > now), len(entries))
        if day.date == today and entries
        else None,
    }


def _line(entry: Entry, day: date) -> dict[str, Any]:
    """An entry as the page says it."""
    word = _("planned") if entry.state == COMING else run_word(entry.state)
    at = localtime(entry.at)
    return {
        "href": reverse("tasks:run", args=[entry.run_id])
        if entry.run_id
        else reverse("tasks:task", args=[entry.task_id]),
        "at": entry.at,
        "clock": f"{at:%H:%M}",
        "title": named(entry.title),
        "state": entry.state,
        "icon": ICONS[entry.state],
        "word": word,
        "count": entry.count,
        "band": _band(entry),
        "label": f"{date_format(day, 'D j M')} {at:%H:%M}, {named(entry.title)}: {_band(entry) or word}",
    }


def _band(entry: Entry) -> str:
    """Several runs in words; empty for one."""
    if entry.count == 1:
        return ""
    if entry.state == COMING:
        return _("%(says)s · %(n)s runs") % {"says": entry.says, "n": f"{entry.count:,}"}
    if entry.run_id:
        return _("%(word)s, %(n)s times") % {"word": run_word(entry.state), "n": f"{entry.count:,}"}
    told = ngettext("%(n)s run", "%(n)s runs", entry.count) % {"n": f"{entry.count:,}"}
    return _("%(told)s, %(n)s failed") % {"told": told, "n": f"{entry.trouble:,}"} if entry.trouble else told


def _nothing(user: User, view: str, *, zone_now: datetime) -> dict[str, Any]:
    """What to say where nothing is shown: whether there is anything at all, and when the next or the last is."""
    coming = Task.objects.for_user(user).unfinished().armed().order_by("next_run_at").first()
    last = TaskRun.objects.filter(user=user).order_by("-scheduled_for").only("scheduled_for").first()
    moment = coming.next_run_at if coming else last.scheduled_for if last else None
    if moment is None:
        return {"nothing": "yet"}
    day = moment.astimezone(zone_now.tzinfo).date()
    words = _("Go to the next run") if coming else _("Go to the last run")
    return {"nothing": "here", "elsewhere": _address(view, day), "elsewhere_words": words}
