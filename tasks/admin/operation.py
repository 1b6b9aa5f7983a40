"""The operator's page in admin: how all of it stands, and the switches that hold runs or drain a process."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from conversations import audit
from conversations.admin.lists import ReadOnlyAdmin, excerpt, filtered_link, link, moment
from conversations.audit import Act
from tasks.admin import overview
from tasks.admin.overview import Overview
from tasks.models import Agent, Switches, Task, TaskRun
from tasks.services import TaskService

REASON_MAX = 200


class OperationAdmin(ReadOnlyAdmin):
    """One page in place of a list. Seeing it needs *view operation*, the switches *change operation*."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whoever may see it."""
        return bool(self.has_view_permission(request))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The page; a POST presses one of its switches."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            if not self.has_operate_permission(request):
                raise PermissionDenied
            self._press(request)
            return HttpResponseRedirect(reverse("admin:tasks_switches_changelist"))
        found = overview.read(now=timezone.now())
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": "Operation",
            "now": found,
            "may_press": self.has_operate_permission(request),
            "reason_max": REASON_MAX,
            "figures": _figures(found),
            "oldest": _oldest(found),
            "agents": _agents(found),
            "failures": _failures(found),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/tasks/operation.html", context)

    def _press(self, request: HttpRequest) -> None:
        switch, process = request.POST.get("switch", ""), request.POST.get("process", "")[:100].replace("\0", "")
        reason = " ".join(request.POST.get("reason", "").replace("\0", "").split())[:REASON_MAX]
        now, actor = timezone.now(), request.user
        with transaction.atomic():
            if switch == "hold":
                done = TaskService.hold(actor=actor, now=now, reason=reason)  # type: ignore[arg-type]
                act, said = Act.RUNS_HELD, "All runs are paused: nothing new starts."
            elif switch == "release":
                done = TaskService.release()
                act, said = Act.RUNS_RELEASED, "Runs start again."
            elif switch == "drain":
                done = TaskService.drain(process, now=now)
                act, said = Act.PROCESS_DRAINED, f"{process} takes nothing new."
            elif switch == "undrain":
                done = TaskService.undrain(process, now=now)
                act, said = Act.PROCESS_RELEASED, f"{process} takes runs again."
            else:
                self.message_user(request, "There is no such switch.", messages.ERROR)
                return
            if done:
                audit.record(act, now=now, request=request, named=process, reason=reason)
        if done:
            self.message_user(request, said, messages.SUCCESS)
        else:
            self.message_user(request, "Nothing changed: it is so already, or the process has ended.", messages.INFO)


def badge(request: HttpRequest) -> list[str] | None:
    """What the head of every page of admin shows while runs are held (the theme's ENVIRONMENT). One query."""
    if not request.user.is_authenticated:
        return None
    return ["All runs are paused", "warning"] if TaskService.held().everywhere else None


def _figures(found: Overview) -> dict[str, Any]:
    rows = [
        ["due, not claimed", found.due.words, _ago(found.due.oldest, found.now)],
        ["queued, ready to start", found.ready.words, _ago(found.ready.oldest, found.now)],
        ["running", f"{found.going:,} of {found.room:,}", ""],
        ["waiting for an answer", found.asking.words, _ago(found.asking.oldest, found.now)],
    ]
    return {"headers": ["", "number", "the oldest since"], "rows": rows}


def _oldest(found: Overview) -> dict[str, Any]:
    rows = [
        [
            link(Task, task.pk, excerpt(task.title, 60)),
            task.agent_name,
            task.priority,
            _ago(task.next_run_at, found.now),
        ]
        for task in found.oldest_due
    ]
    return {"headers": ["task", "agent", "priority", "due since"], "rows": rows}


def _agents(found: Overview) -> dict[str, Any]:
    rows = [
        [
            link(Agent, one.agent.pk, str(one.agent)),
            one.state,
            f"{one.going:,} of {one.agent.concurrency:,}",
            f"{one.waiting:,}",
            moment(one.agent.last_seen_at),
            excerpt(one.agent.last_error) or "–",
        ]
        for one in found.agents
    ]
    return {"headers": ["agent", "state", "running", "waiting", "last seen", "last error"], "rows": rows}


def _failures(found: Overview) -> dict[str, Any]:
    rows = [
        [
            f"{failure.number:,}",
            filtered_link(TaskRun, failure.agent_name, agent_name=failure.agent_name, status__exact="failed"),
            excerpt(failure.reason, overview.REASON),
        ]
        for failure in found.failures
    ]
    return {"headers": ["runs", "agent", "reason"], "rows": rows}


def _ago(value: datetime | None, now: datetime) -> str:
    if value is None:
        return "–"
    seconds = max(0, round((now - value).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size:,} {unit}"
    return f"{seconds} s"


admin.site.register(Switches, OperationAdmin)
