"""Acts on tasks: asks first, names the number and takes what the act needs, then goes through TaskService, and says
what came of it and what was left out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from conversations import audit
from tasks.admin.forms import Pause, Snooze
from tasks.errors import InvalidInput
from tasks.models import Task
from tasks.services import Many, TaskService
from tasks.services.many import MOST

NAMED = 3
"""Left-out tasks that a message names; it counts the others."""


@dataclass(frozen=True, kw_only=True)
class Act:
    """Something done to tasks."""

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
    many: Callable[["QuerySet[Task]", User, datetime, Mapping[str, Any]], Many | int]
    """Does it, with what the form gave."""
    form: type[forms.Form] | None = None
    """What has to be known besides."""
    most: int | None = MOST
    """The tasks that it is done to at once; None: any number."""


def _unfinished(tasks: "QuerySet[Task]") -> "QuerySet[Task]":
    return tasks.filter(status__in=["pending", "running", "waiting_input"])


def _all(tasks: "QuerySet[Task]") -> "QuerySet[Task]":
    return tasks


CANCEL = Act(
    name="cancel_selected",
    verb="Cancel",
    done="Cancelled",
    effect="What runs stops within a second, nothing starts any more, and what was said so far stays.",
    fitting=_unfinished,
    many=lambda tasks, user, now, _given: TaskService.cancel_many(_unfinished(tasks), actor=user, now=now),
    most=None,
)
PAUSE = Act(
    name="pause_selected",
    verb="Pause",
    done="Paused",
    effect="No scheduled run starts until they are resumed. What runs now goes on to its end.",
    fitting=_unfinished,
    many=lambda tasks, user, now, given: TaskService.pause_many(
        tasks, actor=user, now=now, until=given["until"], reason=given["reason"]
    ),
    form=Pause,
)
RESUME = Act(
    name="resume_selected",
    verb="Resume",
    done="Resumed",
    effect="They go on with their next time; nothing of the pause is caught up.",
    fitting=lambda tasks: _unfinished(tasks).filter(paused_at__isnull=False),
    many=lambda tasks, user, now, _given: TaskService.resume_many(tasks, actor=user, now=now),
)
RUN_NOW = Act(
    name="run_selected",
    verb="Run now",
    done="Started a run of",
    effect="Each gets one run beside its schedule, as soon as its agent has room.",
    fitting=_unfinished,
    many=lambda tasks, user, now, _given: TaskService.trigger_many(tasks, actor=user, now=now),
)
RUN_AGAIN = Act(
    name="again_selected",
    verb="Run again",
    done="Started again",
    effect="Each gets one run with the input of its latest one, ended or not. An ended schedule stays ended.",
    fitting=_all,
    many=lambda tasks, user, now, _given: TaskService.run_again_many(tasks, actor=user, now=now),
)
SNOOZE = Act(
    name="snooze_selected",
    verb="Snooze",
    done="Put off",
    effect="What runs once and has not started runs at that moment instead; schedules rest until then.",
    fitting=_unfinished,
    many=lambda tasks, user, now, given: TaskService.snooze_many(tasks, actor=user, now=now, until=given["until"]),
    form=Snooze,
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
    """Ask, or, once confirmed, do `act` to `tasks` and say of which it was not done.

    `selected` says in words what was chosen, `back` is where to go afterwards.
    """
    # Without the list's joins: the services lock these rows and read few of their columns.
    tasks = tasks.select_related(None)
    confirmed = request.POST.get("confirmed") == "yes"
    form = act.form(request.POST if confirmed else None) if act.form else None
    number = 0 if confirmed and act.most is None else act.fitting(tasks).count()
    refusal = ""
    if act.most is not None and (number > act.most or (confirmed and tasks.count() > act.most)):
        refusal = f"At most {act.most:,} at once: narrow the selection by a filter."
    if confirmed and not refusal and (form is None or form.is_valid()):
        try:
            now = timezone.now()
            done = act.many(tasks, request.user, now, form.cleaned_data if form else {})  # type: ignore[arg-type]
        except InvalidInput as error:
            add_errors(form, error)
        else:
            told = Many(done=done) if isinstance(done, int) else done
            action = act.name.removesuffix("_selected")
            audit.record(
                audit.Act.TASKS_ACTED_ON,
                now=now,
                request=request,
                count=told.done,
                action=action,
                left_out=told.left_out_count,
                chosen=selected,
            )
            _tell(admin, request, act, told)
            return HttpResponseRedirect(back)
    context = {
        "act": act,
        "number": number,
        "question": f"{act.verb}: {count_words(number)} of {selected}?",
        "press": f"{act.verb} {count_words(number)}",
        "title": f"{act.verb}: {count_words(number)}" if number else act.verb,
        "selected": selected,
        "refusal": refusal,
        "form": form,
    }
    return ask(admin, request, context, back=back)


def ask(admin: Any, request: HttpRequest, context: Mapping[str, Any], *, back: str) -> HttpResponse:
    """The page that asks before an act."""
    whole = {
        **admin.admin_site.each_context(request),
        "opts": admin.model._meta,
        "back": back,
        "hidden": _repeated(request),
        **context,
    }
    return TemplateResponse(request, "admin/tasks/confirm.html", whole)


def add_errors(form: forms.Form | None, error: InvalidInput) -> None:
    """Say what the service refuses beside the field that it names, or above all where the form has no such field."""
    if form is None:
        raise error
    for name, texts in error.fields.items():
        place = name if name in form.fields else name.partition(".")[0]
        for text in texts:
            form.add_error(place if place in form.fields else None, text)


def _tell(admin: Any, request: HttpRequest, act: Act, told: Many) -> None:
    if told.done or not told.left_out:
        level = messages.SUCCESS if told.done else messages.INFO
        admin.message_user(request, f"{act.done} {count_words(told.done)}.", level)
    if told.left_out:
        named = " ".join(
            row.reason if row.title in row.reason else f"“{row.title}”: {row.reason}" for row in told.left_out[:NAMED]
        )
        rest = told.left_out_count - min(NAMED, len(told.left_out))
        more = f" And {count_words(rest)} more." if rest else ""
        admin.message_user(request, f"Left as found: {named}{more}", messages.WARNING)


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
