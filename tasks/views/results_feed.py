"""A task's results as an Atom feed, behind a private link; made by its owner, revoked with the calendar's link."""

import unicodedata
from uuid import UUID, uuid5

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import linebreaks
from django.views.decorators.http import require_POST, require_safe

from conversations.signed_links import key_of, token_of
from tasks.models import CalendarFeed, Task, TaskRun
from tasks.states import RunStatus
from tasks.views.frame import person
from tasks.views.words import named

KIND = "tasks.views.results_feed"
"""Of link, in its signature."""
ENTRIES = 30
"""Results in the feed, the newest."""
TEXT = 100_000
"""Characters of a result; the run's page has the whole."""
MAX_AGE = 300
"""Seconds for which a reader may keep it."""
_KEPT = frozenset("\n\t\r")


@require_safe
def results_feed(_request: HttpRequest, task_id: UUID, token: str) -> HttpResponse:
    """`/feeds/{task_id}/{token}.atom`: no session, the link is the key. 404 for what opens nothing, whatever the
    reason.
    """
    task = Task.objects.select_related("user__calendar_feed").filter(pk=task_id, user__is_active=True).first()
    opened = CalendarFeed.objects.filter(user=task.user).first() if task else None
    if task is None or opened is None or key_of(token, kind=KIND) != _key(opened, task):
        return HttpResponse("There is no such feed.\n", status=404, content_type="text/plain; charset=utf-8")
    response = HttpResponse(_atom(task, token), content_type="application/atom+xml; charset=utf-8")
    response["Cache-Control"] = f"private, max-age={MAX_AGE}"
    # The address is a secret: nothing that an entry links to may learn it, and no search engine keep it.
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


@login_required
@require_POST
def make_results_feed(request: HttpRequest, task_id: UUID) -> JsonResponse:
    """`POST /tasks/{id}/feed/`: `{"url"}`, the same until the person's private links are made anew or revoked."""
    user = person(request)
    task = Task.objects.for_user(user).filter(pk=task_id).first()
    if task is None:
        raise Http404
    opened, _made = CalendarFeed.objects.get_or_create(user=user)
    return JsonResponse({"url": _address(task, token_of(_key(opened, task), kind=KIND))})


def _key(opened: CalendarFeed, task: Task) -> UUID:
    """Of one task: its link opens no other one."""
    return uuid5(opened.key, str(task.pk))


def _address(task: Task, token: str) -> str:
    return f"{settings.PUBLIC_URL}{reverse('tasks:results_feed', args=[task.pk, token])}"


def _atom(task: Task, token: str) -> str:
    title = _plain(named(task.title))
    feed = Atom1Feed(
        title=title,
        link=f"{settings.PUBLIC_URL}{reverse('tasks:task', args=[task.pk])}",
        description=_plain(task.query[:TEXT]),
        subtitle=task.agent_name,
        feed_url=_address(task, token),
        feed_guid=f"urn:uuid:{task.pk}",
        author_name=task.agent_name,
    )
    runs = TaskRun.objects.filter(task=task, status=RunStatus.SUCCEEDED).exclude(result="").order_by("-id")
    for run in runs[:ENTRIES]:
        feed.add_item(
            title=title,
            link=f"{settings.PUBLIC_URL}{reverse('tasks:run', args=[run.pk])}",
            # The text is the agent's: readers show it as HTML, so none of it may be any.
            description=linebreaks(_plain(run.result[:TEXT]), autoescape=True),
            unique_id=f"urn:uuid:{run.pk}",
            author_name=task.agent_name,
            pubdate=run.scheduled_for,
            updateddate=run.finished_at or run.created_at,
        )
    return feed.writeString("utf-8")


def _plain(text: str) -> str:
    """`text` without the characters that XML cannot hold."""
    return "".join(sign for sign in text if sign in _KEPT or unicodedata.category(sign) not in ("Cc", "Cs", "Cn"))
