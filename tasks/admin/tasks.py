"""Everybody's tasks: found by filters, looked at, and cancelled, paused, resumed and started by the hundred."""

# ruff: noqa: ARG002  (the framework's signatures)

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.decorators import display

from conversations.admin.lists import DayRangeFilter, ReadOnlyAdmin, excerpt, filtered_link, link, moment, prose
from conversations.models import Conversation, ConversationItem
from tasks import schedules
from tasks.admin.acting import Acting
from tasks.admin.filters import AgentFilter
from tasks.models import ExecutionPlan, Task, TaskQuerySet, TaskRun, TaskTransition
from tasks.states import Phase

RUNS_SHOWN = 10
PHASE_LABELS = {
    Phase.SCHEDULED: "primary",
    Phase.QUEUED: "info",
    Phase.RUNNING: "info",
    Phase.WAITING_INPUT: "warning",
    Phase.PAUSED: "default",
    Phase.COMPLETED: "success",
    Phase.FAILED: "danger",
    Phase.CANCELLED: "default",
}
RUN_LABELS = {
    "queued": "info",
    "running": "info",
    "waiting_input": "warning",
    "succeeded": "success",
    "failed": "danger",
    "interrupted": "danger",
    "missed": "warning",
    "skipped": "default",
    "cancelled": "default",
}


class LatestRuns(TabularInline):
    """The latest runs of a task, page by page; never all of a hundred thousand."""

    model = TaskRun
    fk_name = "task"
    per_page = RUNS_SHOWN
    extra = 0
    can_delete = False
    show_change_link = True
    verbose_name_plural = "runs, newest first"
    ordering = ["-id"]
    fields = ["status", "trigger", "scheduled", "started", "finished", "attempt", "why"]
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Task | None = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: TaskRun | None = None) -> bool:
        """Nobody."""
        return False

    @display(description="scheduled for")
    def scheduled(self, run: TaskRun) -> str:
        """Its slot."""
        return moment(run.scheduled_for)

    @display(description="started")
    def started(self, run: TaskRun) -> str:
        """When a worker took it."""
        return moment(run.started_at)

    @display(description="finished")
    def finished(self, run: TaskRun) -> str:
        """When it ended."""
        return moment(run.finished_at)

    @display(description="what came of it")
    def why(self, run: TaskRun) -> str:
        """Its error, reason or result, in one line."""
        return excerpt(run.error or run.reason or run.result) or "–"


class TaskAdmin(Acting, ReadOnlyAdmin):
    """Tasks: found, looked at, and acted on through the service (`acting`)."""

    list_display = ["title", "phase", "pattern", "agent_name", "user", "of_conversation", "next_run", "created"]
    list_prefetch = ["user", "conversation"]
    list_filter = [
        ("status", ChoicesDropdownFilter),
        ("pattern", ChoicesDropdownFilter),
        AgentFilter,
        ("user", AutocompleteSelectFilter),
        ("conversation", AutocompleteSelectFilter),
        ("created_at", DayRangeFilter),
    ]
    search_fields = ["title", "query"]
    search_help_text = "Words of title and text, or the id of a task, plan or conversation"
    id_fields = ("pk", "plan", "conversation")
    ordering = ["-id"]
    sortable_by = ["created"]
    inlines = [LatestRuns]
    fieldsets = [
        (None, {"fields": ["title", "shown_query", "phase_words", "error_message"]}),
        (
            "Where",
            {"fields": ["edited_at", "of_conversation", "of_plan", "user", "agent_name", "more"]},
        ),
        (
            "When",
            {
                "fields": [
                    "pattern",
                    "schedule_words",
                    "timezone",
                    "next_run",
                    "paused",
                    "run_count",
                    "deadline_at",
                    "max_runs_per_day",
                ]
            },
        ),
        (
            "How",
            {
                "classes": ["collapse"],
                "fields": [
                    "priority",
                    "overlap",
                    "catch_up",
                    "catch_up_window_minutes",
                    "on_interrupt",
                    "max_attempts",
                    "timeout_seconds",
                    "conversation_mode",
                    "failures_in_a_row",
                ],
            },
        ),
        ("History", {"fields": ["created_at", "started_at", "completed_at", "updated_at"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Task | None = None) -> list[str]:
        """Everything."""
        return [name for _, options in self.fieldsets for name in options["fields"]]

    def get_fieldsets(self, request: HttpRequest, obj: Task | None = None) -> Any:
        """Without the way to edit it for who may only look."""
        if self.has_operate_permission(request):
            return self.fieldsets
        return [
            (name, {**options, "fields": [field for field in options["fields"] if field != "edited_at"]})
            for name, options in self.fieldsets
        ]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Task | None:
        """One task with its phase."""
        task: Task | None = super().get_object(request, object_id, from_field)
        if task is not None:
            return Task.objects.with_phase().select_related("user", "conversation", "plan").get(pk=task.pk)
        return None

    def annotate_page(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The phase asks for each row's runs: only for those that are shown."""
        return TaskQuerySet.with_phase(rows)  # type: ignore[arg-type]

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """What happened to a task is in its transitions; Django's own log knows of none of it."""
        address = reverse("admin:tasks_tasktransition_changelist")
        return HttpResponseRedirect(f"{address}?{urlencode({'task__id__exact': object_id})}")

    # --- columns ------------------------------------------------------------------------------------------------------

    @display(description="phase", label=PHASE_LABELS)
    def phase(self, task: Task) -> tuple[str, str]:
        """What it does now."""
        return Phase(task.phase), self.phase_words(task)  # type: ignore[attr-defined]

    @display(description="conversation")
    def of_conversation(self, task: Task) -> str:
        """Where it runs."""
        return link(Conversation, task.conversation_id, excerpt(str(task.conversation), 40))

    @display(description="next run")
    def next_run(self, task: Task) -> str:
        """When it is due; nothing while it is paused."""
        return moment(None if task.paused_at else task.next_run_at)

    @display(description="created", ordering="id")
    def created(self, task: Task) -> str:
        """When it was asked for."""
        return moment(task.created_at)

    # --- the page of one ----------------------------------------------------------------------------------------------

    @display(description="phase")
    def phase_words(self, task: Task) -> str:
        """What it does now, in words."""
        phase = Phase(task.phase)  # type: ignore[attr-defined]
        words = phase.value.replace("_", " ")
        if phase == Phase.PAUSED and task.paused_reason not in ("", "manual"):
            words = f"{words}: {task.get_paused_reason_display()}"
        return words

    @display(description="text")
    def shown_query(self, task: Task) -> str:
        """What its agent is asked."""
        return prose(task.query)

    @display(description="to edit it")
    def edited_at(self, task: Task) -> str:
        """Where it is edited; its page in the application opens for its owner only."""
        url = reverse("admin:tasks_task_edit_one", args=[task.pk])
        return format_html('<a href="{}" class="text-primary-600 dark:text-primary-500">Open and edit</a>', url)

    @display(description="plan")
    def of_plan(self, task: Task) -> str:
        """The request that it is part of."""
        return link(ExecutionPlan, task.plan_id, excerpt(str(task.plan)))

    @display(description="more")
    def more(self, task: Task) -> str:
        """The lists of what belongs to it."""
        return format_html(
            "{} · {} · {}",
            filtered_link(TaskRun, "All runs", task__id__exact=task.pk),
            filtered_link(TaskTransition, "History", task__id__exact=task.pk),
            filtered_link(ConversationItem, "Items", q=task.pk),
        )

    @display(description="schedule")
    def schedule_words(self, task: Task) -> str:
        """When it runs, in words."""
        return schedules.describe(task.schedule)

    @display(description="paused")
    def paused(self, task: Task) -> str:
        """Since when, why, and until when."""
        if task.paused_at is None:
            return "–"
        until = format_html(", until {}", moment(task.paused_until)) if task.paused_until else ""
        note = f": {task.paused_note}" if task.paused_note else ""
        return format_html("{} ({}{}){}", moment(task.paused_at), task.get_paused_reason_display(), note, until)


admin.site.register(Task, TaskAdmin)
