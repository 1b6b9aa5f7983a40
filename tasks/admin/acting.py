"""The buttons and actions of the tasks' admin: what can be done to a selection, and to one task from its page."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextInputWidget

from conversations import audit
from tasks.admin import forms as asked
from tasks.admin.bulk import (
    CANCEL,
    PAUSE,
    RESUME,
    RUN_AGAIN,
    RUN_NOW,
    SNOOZE,
    Act,
    add_errors,
    ask,
    carry_out,
    selection_words,
)
from tasks.admin.editing import Edit
from tasks.clones import clone_task
from tasks.errors import InvalidInput, TaskError
from tasks.models import Task
from tasks.schemas.inputs import CloneIn
from tasks.services import TaskService


@dataclass(frozen=True, kw_only=True)
class ActOnOne:
    """Something that is done to one task only."""

    verb: str
    effect: str
    form: Callable[[Task, Any], forms.Form]
    do: Callable[[Task, Any, User, datetime], str]
    """Does it with the valid form; returns what is said afterwards. Raises `TaskError`."""


def _edit(task: Task, form: Any, user: User, now: datetime) -> str:
    TaskService.update(task.pk, form.patch, actor=user, now=now)
    return "Saved."


def _backfill(task: Task, form: Any, user: User, now: datetime) -> str:
    given = form.cleaned_data
    runs = TaskService.backfill(task.pk, begin=given["begin"], end=given["to"], actor=user, now=now)
    return "1 run made." if len(runs) == 1 else f"{len(runs):,} runs made."


def _clone(task: Task, form: Any, user: User, now: datetime) -> str:
    wanted = CloneIn(title=form.cleaned_data["title"])
    copy = clone_task(task, wanted, user=task.user, actor=user, now=now)
    return f"“{copy.title}” was made: {copy.pk}"


class _Title(forms.Form):
    title = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget())


EDIT = ActOnOne(
    verb="Edit",
    effect="It takes effect at its next time and never starts a run at once; the history keeps what it was before.",
    form=Edit,
    do=_edit,
)
BACKFILL = ActOnOne(
    verb="Backfill",
    effect="One run for each time of the schedule in this range, one after another, behind what is due now.",
    form=lambda _task, data: asked.Backfill(data),
    do=_backfill,
)
CLONE = ActOnOne(
    verb="Clone",
    effect="The same request, agent, schedule and options, for the same person; none of its runs and hooks.",
    form=lambda task, data: _Title(data, initial={"title": task.title}),
    do=_clone,
)


class Acting:
    """Mixed into the tasks' admin."""

    actions = (
        "cancel_selected",
        "pause_selected",
        "resume_selected",
        "snooze_selected",
        "run_selected",
        "again_selected",
    )
    actions_detail = (
        "cancel_one",
        "pause_one",
        "resume_one",
        "run_one",
        {
            "title": "More",
            "icon": "more_vert",
            "items": ["again_one", "snooze_one", "edit_one", "backfill_one", "clone_one"],
        },
    )

    # --- many at once -------------------------------------------------------------------------------------------------

    @action(description="Cancel…", permissions=["operate"])
    def cancel_selected(self, request: HttpRequest, tasks: QuerySet[Task]) -> HttpResponse:
        """Cancel what is unfinished of a selection."""
        return self._many(request, CANCEL, tasks)

    @action(description="Pause…", permissions=["operate"])
    def pause_selected(self, request: HttpRequest, tasks: QuerySet[Task]) -> HttpResponse:
        """Pause what is unfinished of a selection."""
        return self._many(request, PAUSE, tasks)

    @action(description="Resume…", permissions=["operate"])
    def resume_selected(self, request: HttpRequest, tasks: QuerySet[Task]) -> HttpResponse:
        """Resume what is paused of a selection."""
        return self._many(request, RESUME, tasks)

    @action(description="Snooze…", permissions=["operate"])
    def snooze_selected(self, request: HttpRequest, tasks: QuerySet[Task]) -> HttpResponse:
        """Put off what comes next of a selection."""
        return self._many(request, SNOOZE, tasks)

    @action(description="Run now…", permissions=["operate"])
    def run_selected(self, request: HttpRequest, tasks: QuerySet[Task]) -> HttpResponse:
        """Start a run of what is unfinished of a selection."""
        return self._many(request, RUN_NOW, tasks)

    @action(description="Run again…", permissions=["operate"])
    def again_selected(self, request: HttpRequest, tasks: QuerySet[Task]) -> HttpResponse:
        """Run a selection once more, also what has ended."""
        return self._many(request, RUN_AGAIN, tasks)

    def _many(self, request: HttpRequest, act: Act, tasks: QuerySet[Task]) -> HttpResponse:
        words = selection_words(request, "task")
        return carry_out(self, request, act, tasks, selected=words, back=request.get_full_path())

    # --- one ----------------------------------------------------------------------------------------------------------

    @action(description="Run now", url_path="run", permissions=["operate"], icon="play_arrow")
    def run_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Start a run beside its schedule."""
        return self._one(request, RUN_NOW, object_id)

    @action(description="Pause", url_path="pause", permissions=["operate"], icon="pause")
    def pause_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Rest its schedule."""
        return self._one(request, PAUSE, object_id)

    @action(description="Resume", url_path="resume", permissions=["operate"], icon="resume")
    def resume_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let its schedule go on."""
        return self._one(request, RESUME, object_id)

    @action(description="Cancel", url_path="cancel", permissions=["operate"], icon="cancel")
    def cancel_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Cancel it."""
        return self._one(request, CANCEL, object_id)

    @action(description="Run again", url_path="run-again", permissions=["operate"], icon="replay")
    def again_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Run it once more with the input of its latest run."""
        return self._one(request, RUN_AGAIN, object_id)

    @action(description="Snooze", url_path="snooze", permissions=["operate"], icon="snooze")
    def snooze_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Put off what comes next of it."""
        return self._one(request, SNOOZE, object_id)

    @action(description="Edit", url_path="edit", permissions=["operate"], icon="edit")
    def edit_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Change its title, text, schedule and options."""
        return self._only(request, EDIT, object_id)

    @action(description="Backfill", url_path="backfill", permissions=["operate"], icon="history")
    def backfill_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make up for a past range of its schedule."""
        return self._only(request, BACKFILL, object_id)

    @action(description="Clone", url_path="clone", permissions=["operate"], icon="content_copy")
    def clone_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make the same task anew."""
        return self._only(request, CLONE, object_id)

    def _one(self, request: HttpRequest, act: Act, object_id: str) -> HttpResponse:
        """Asks on a page of its own: a link alone never changes anything."""
        task = _found(object_id)
        tasks = Task.objects.filter(pk=task.pk)
        return carry_out(self, request, act, tasks, selected=f"“{task.title}”", back=_page_of(task))

    def _only(self, request: HttpRequest, act: ActOnOne, object_id: str) -> HttpResponse:
        task = _found(object_id)
        form = act.form(task, request.POST if request.POST.get("confirmed") == "yes" else None)
        refusal = ""
        if form.is_valid():
            try:
                now = timezone.now()
                with transaction.atomic():
                    said = act.do(task, form, request.user, now)  # type: ignore[arg-type]
                    audit.record(
                        audit.Act.TASKS_ACTED_ON,
                        now=now,
                        request=request,
                        subject=task,
                        count=1,
                        action=act.verb.lower(),
                    )
            except InvalidInput as error:
                add_errors(form, error)
            except TaskError as error:
                refusal = error.message
            else:
                self.message_user(request, said, messages.SUCCESS)  # type: ignore[attr-defined]
                return HttpResponseRedirect(_page_of(task))
        context = {
            "act": act,
            "number": 1,
            "question": f"{act.verb}: “{task.title}”",
            "press": act.verb,
            "title": f"{act.verb}: {task.title}",
            "refusal": refusal,
            "form": form,
        }
        return ask(self, request, context, back=_page_of(task))


def _found(object_id: str) -> Task:
    try:
        task = Task.objects.select_related("user", "conversation").filter(pk=UUID(object_id)).first()
    except ValueError:
        raise Http404 from None
    if task is None:
        raise Http404
    return task


def _page_of(task: Task) -> str:
    return reverse("admin:tasks_task_change", args=[task.pk])
