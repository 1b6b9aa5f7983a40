"""The coming runs as a calendar that other programs subscribe to, behind a private link; making and revoking it."""

import heapq
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from conversations import audit
from conversations.audit import Act
from tasks import schedules
from tasks.models import CalendarFeed, Task
from tasks.schedules import describe
from tasks.views.frame import person
from tasks.views.ical import Event, calendar

RUNS = 200
"""Coming runs in the feed."""
SHOWN_FOR = timedelta(minutes=15)
"""How long an event stands in a calendar: long enough to be read there; nobody knows how long a run will take."""
REFRESH = timedelta(minutes=15)
TEXT = 1_000
"""Characters of a request that an event tells."""


@require_safe
def feed(_request: HttpRequest, token: str) -> HttpResponse:
    """`/feeds/{token}.ics`: no session, the link is the key. 404 for what opens nothing, whatever the reason."""
    opened = CalendarFeed.opened_by(token)
    if opened is None:
        return HttpResponse("There is no such calendar.\n", status=404, content_type="text/plain; charset=utf-8")
    events = [_event(task, slot) for slot, task in coming(opened.user, now=timezone.now(), limit=RUNS)]
    response = HttpResponse(
        calendar(f"Tasks of {opened.user.get_username()}", events, refresh=REFRESH),
        content_type="text/calendar; charset=utf-8",
    )
    response["Content-Disposition"] = 'inline; filename="tasks.ics"'
    response["Cache-Control"] = f"private, max-age={round(REFRESH.total_seconds() / 3)}"
    # The address is a secret: nothing that an event links to may learn it, and no search engine keep it.
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


@login_required
@require_POST
def change_feed(request: HttpRequest) -> HttpResponse:
    """`POST /calendar/feed/`: `act` is `make` (anew: the old link opens nothing any more) or `revoke`."""
    user = person(request)
    now = timezone.now()
    with transaction.atomic():
        if request.POST.get("act") == "revoke":
            if CalendarFeed.objects.filter(user=user).delete()[0]:
                audit.record(Act.FEED_REVOKED, now=now, request=request, subject=user)
        else:
            CalendarFeed.objects.update_or_create(user=user, defaults={"key": uuid4(), "created_at": now})
            audit.record(Act.FEED_MADE, now=now, request=request, subject=user)
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return redirect(f"{back if safe else reverse('tasks:calendar')}#feed")


def link(user: User) -> dict[str, Any]:
    """What pages show of a person's link: `feed_url`, empty where there is none. One query."""
    found = CalendarFeed.objects.filter(user=user).first()
    if found is None:
        return {"feed_url": "", "feed_webcal": ""}
    url = f"{settings.PUBLIC_URL}{reverse('tasks:feed', args=[found.token])}"
    return {"feed_url": url, "feed_webcal": f"webcal://{urlsplit(url).netloc}{urlsplit(url).path}"}


def coming(user: User, *, now: datetime, limit: int) -> list[tuple[datetime, Task]]:
    """`limit` coming runs of a person's tasks, soonest first: (slot, task). One query.

    The next run of each task (of the `limit` that come first), so that a frequent one hides no other; then what follows
    soonest, as far as there is room.
    """
    armed = Task.objects.for_user(user).unfinished().armed().order_by("next_run_at", "id")
    planned = [(task.next_slot_at or now, place, task) for place, task in enumerate(armed[:limit])]
    left = {task.pk: (task.max_runs - task.run_count if task.max_runs is not None else limit) for _, _, task in planned}
    later: list[tuple[datetime, int, Task]] = []
    found: list[tuple[datetime, Task]] = []

    def take(slot: datetime, place: int, task: Task) -> None:
        if left[task.pk] <= 0:
            return
        found.append((slot, task))
        left[task.pk] -= 1
        after = schedules.next_after(task.schedule, max(slot, now), anchor=task.anchor_at) if task.recurring else None
        if after is not None:
            heapq.heappush(later, (after, place, task))

    for entry in planned:
        take(*entry)
    while later and len(found) < limit:
        take(*heapq.heappop(later))
    return sorted(found, key=lambda run: run[0])


def _event(task: Task, slot: datetime) -> Event:
    when = describe(task.schedule, zone=True) if task.recurring else ""
    return Event(
        uid=f"{task.pk}-{slot:%Y%m%dT%H%M%SZ}@{urlsplit(settings.PUBLIC_URL).hostname}",
        start=slot,
        duration=SHOWN_FOR,
        changed=task.updated_at,
        summary=task.title,
        description="\n".join(part for part in (f"{task.agent_name}. {when}".strip(), task.query[:TEXT]) if part),
        url=f"{settings.PUBLIC_URL}{reverse('tasks:task', args=[task.pk])}",
        category=task.agent_name,
    )
