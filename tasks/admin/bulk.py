"""Acts on many tasks: asks first and names the number, then goes through TaskService, and says what came of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from tasks.errors import TaskError
from tasks.models import Task
from tasks.services import TaskService

ONE_BY_ONE_MAX = 500
"""Tasks that are paused, resumed or started at once: each is a transaction of its own, about 4 ms."""


@dataclass(frozen=True, kw_only=True)
class Act:
    """Something done to each of many tasks."""

    name: str
    """Of the admin action, or the last part of the address."""
    verb: str
    """As the button says it."""
    done: str
    """As the message afterwards says it."""
    effect: str
    """What the page that asks says about it."""
    fitting: Callable[["QuerySet[Task]"], "QuerySet[Task]"]
    """Those of a selection on which it has an effect."""
    each: Callable[[Task, User, datetime], object] | None = None
    """Does it to one; none: it is done to all at once."""


def _cancellable(tasks: "QuerySet[Task]") -> "QuerySet[Task]":
    return tasks.filter(status__in=["pending", "running", "waiting_input"])


CANCEL = Act(
    name="cancel_selected",
    verb="Cancel",
    done="Cancelled",
    effect="What runs stops within a second, nothing starts any more, and what was said so far stays.",
    fitting=_cancellable,
)
PAUSE = Act(
    name="pause_selected",
    verb="Pause",
    done="Paused",
    effect="No scheduled run starts until they are resumed. What runs now goes on to its end.",
    fitting=lambda tasks: _cancellable(tasks).filter(paused_at=None),
    each=lambda task, user, now: TaskService.pause(task.pk, actor=user, now=now),
)
RESUME = Act(
    name="resume_selected",
    verb="Resume",
    done="Resumed",
    effect="They go on with their next time; nothing of the pause is caught up.",
    fitting=lambda tasks: _cancellable(tasks).filter(paused_at__isnull=False),
    each=lambda task, user, now: TaskService.resume(task.pk, actor=user, now=now),
)
RUN_NOW = Act(
    name="run_selected",
    verb="Run now",
    done="Started a run of",
    effect="Each gets one run beside its schedule, as soon as its agent has room.",
    fitting=_cancellable,
    each=lambda task, user, now: TaskService.trigger(task.pk, actor=user, now=now),
)


def carry_out(
    admin: Any,
    request: HttpRequest,
    act: Act,
    tasks: "QuerySet[Task]",
    *,
    selected: str,
    back: str,
) -> HttpResponse:
    """Ask, or, once confirmed, do `act` to those of `tasks` that it fits.

    `selected` says in words what was chosen, `back` is where to go afterwards.
    """
    # Without the list's joins: the services lock these rows and read few of their columns.
    fitting = act.fitting(tasks.select_related(None))
    confirmed = request.POST.get("confirmed") == "yes"
    number = 0 if confirmed and act.each is None else fitting.count()
    refusal = ""
    if act.each is not None and number > ONE_BY_ONE_MAX:
        refusal = f"At most {ONE_BY_ONE_MAX} at once: narrow the selection by a filter."
    if confirmed and not refusal:
        _do(admin, request, act, fitting)
        return HttpResponseRedirect(back)
    context = {
        **admin.admin_site.each_context(request),
        "title": f"{act.verb}: {count_words(number)}" if number else act.verb,
        "opts": admin.model._meta,
        "act": act,
        "number": number,
        "number_words": count_words(number),
        "selected": selected,
        "refusal": refusal,
        "back": back,
        "hidden": _repeated(request),
    }
    return TemplateResponse(request, "admin/tasks/confirm.html", context)


def _do(admin: Any, request: HttpRequest, act: Act, fitting: "QuerySet[Task]") -> None:
    user, now = request.user, timezone.now()
    if act.each is None:
        number = TaskService.cancel_many(fitting, actor=user, now=now)  # type: ignore[arg-type]
        level = messages.SUCCESS if number else messages.INFO
        admin.message_user(request, f"{act.done} {count_words(number)}.", level)
        return
    done, refused = 0, []
    for task in fitting.order_by("id")[:ONE_BY_ONE_MAX]:
        try:
            act.each(task, user, now)  # type: ignore[arg-type]
            done += 1
        except TaskError as error:
            refused.append(error.message)
    if done or not refused:
        level = messages.SUCCESS if done else messages.INFO
        admin.message_user(request, f"{act.done} {count_words(done)}.", level)
    if refused:
        more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        admin.message_user(request, f"Not done: {refused[0]}{more}", messages.WARNING)


def count_words(number: int) -> str:
    """A number of tasks in words."""
    return "1 task" if number == 1 else f"{number:,} tasks"


def selection_words(request: HttpRequest, noun: str) -> str:
    """What was chosen in a list: a number of rows, or all that match."""
    if request.POST.get("select_across") == "1":
        return f"all {noun}s that match the filters"
    number = len(request.POST.getlist(ACTION_CHECKBOX_NAME))
    return f"1 selected {noun}" if number == 1 else f"{number:,} selected {noun}s"


def _repeated(request: HttpRequest) -> Sequence[tuple[str, str]]:
    """The fields of the list's form that say which action it was and what was selected, to be sent once more."""
    names = ("action", "select_across", "index", ACTION_CHECKBOX_NAME)
    return [(name, value) for name in names for value in request.POST.getlist(name)]
