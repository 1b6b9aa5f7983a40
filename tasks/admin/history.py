"""Runs, plans and transitions: what happened, to look at."""

# ruff: noqa: ARG002  (the framework's signatures)

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.decorators import display

from conversations.admin.lists import ReadOnlyAdmin, excerpt, filtered_link, first_id_at, link, moment, pretty, prose
from conversations.models import Conversation, ConversationItem
from tasks.admin.filters import AgentFilter
from tasks.admin.tasks import RUN_LABELS
from tasks.models import ExecutionPlan, Task, TaskRun, TaskTransition
from tasks.states import Trigger

RECENT = timedelta(days=7)
"""At 200,000 runs a day these are 1,400,000, which take a second to look through."""
SCANNING = frozenset({"status__exact", "trigger__exact", "agent_name"})


class RecentChoicesFilter(ChoicesDropdownFilter):
    """Says in its title how far back it looks (`TaskRunAdmin.get_queryset`)."""

    title: str

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.title = f"{self.title} (last {RECENT.days} days, or one task)"


class TaskRunAdmin(ReadOnlyAdmin):
    """Everybody's runs, the newest first."""

    list_display = ["of_task", "shown_status", "trigger", "agent_name", "scheduled", "late", "took", "why"]
    list_display_links = ["scheduled"]
    list_prefetch = ["task"]
    list_filter = [
        ("status", RecentChoicesFilter),
        ("trigger", RecentChoicesFilter),
        AgentFilter,
        ("task", AutocompleteSelectFilter),
    ]
    search_fields = ["id"]
    search_help_text = "The id of a run, task or conversation"
    id_fields = ("pk", "task", "conversation")
    search_ids_only = True
    ordering = ["-id"]
    fields = [
        "of_task",
        "of_conversation",
        "items",
        "status",
        "trigger",
        "scheduled_for",
        "for_slot",
        "attempt",
        "slots",
        "last_slot",
        "reason",
        "agent_name",
        "priority",
        "ready_at",
        "started_at",
        "late",
        "finished_at",
        "took",
        "worker",
        "heartbeat_at",
        "sent_at",
        "remote_task_id",
        "remote_context_id",
        "cancel_due",
        "shown_input",
        "shown_result",
        "error",
        "usage_shown",
    ]
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[TaskRun]:
        """Without a task, what no index covers is looked for among the runs of the last days only."""
        runs: QuerySet[TaskRun] = super().get_queryset(request)
        if SCANNING.isdisjoint(request.GET) or "task__id__exact" in request.GET:
            return runs
        return runs.filter(pk__gte=first_id_at(timezone.now() - RECENT))

    @display(description="task")
    def of_task(self, run: TaskRun) -> str:
        """What it is a run of."""
        return link(Task, run.task_id, excerpt(run.task.title, 60))

    @display(description="conversation")
    def of_conversation(self, run: TaskRun) -> str:
        """Where it speaks."""
        return link(Conversation, run.conversation_id, excerpt(str(run.conversation), 60))

    @display(description="items")
    def items(self, run: TaskRun) -> str:
        """What it said."""
        return filtered_link(ConversationItem, "What it said", q=run.pk)

    @display(description="status", label=RUN_LABELS)
    def shown_status(self, run: TaskRun) -> tuple[str, str]:
        """How far it is."""
        return run.status, run.get_status_display()

    @display(description="scheduled for")
    def scheduled(self, run: TaskRun) -> str:
        """Its slot."""
        return moment(run.scheduled_for)

    @display(description="late by")
    def late(self, run: TaskRun) -> str:
        """How long after its time it started, where time started it."""
        if run.started_at is None or run.trigger not in (Trigger.SCHEDULE, Trigger.CATCH_UP):
            return "–"
        return f"{(run.started_at - run.scheduled_for).total_seconds():,.2f} s"

    @display(description="took")
    def took(self, run: TaskRun) -> str:
        """From its start to its end."""
        if run.started_at is None or run.finished_at is None:
            return "–"
        return f"{(run.finished_at - run.started_at).total_seconds():,.1f} s"

    @display(description="what came of it")
    def why(self, run: TaskRun) -> str:
        """Its error, reason or result, in one line."""
        return excerpt(run.error or run.reason or run.result, 60) or "–"

    @display(description="input")
    def shown_input(self, run: TaskRun) -> str:
        """The text as sent."""
        return prose(run.input)

    @display(description="result")
    def shown_result(self, run: TaskRun) -> str:
        """What came of it."""
        return prose(run.result)

    @display(description="usage")
    def usage_shown(self, run: TaskRun) -> str:
        """Tokens and costs, where the agent tells them."""
        return pretty(run.usage) if run.usage else "–"


class TasksOfPlan(TabularInline):
    """A plan's tasks, in order."""

    model = Task
    fk_name = "plan"
    per_page = 20
    extra = 0
    can_delete = False
    show_change_link = True
    ordering = ["place"]
    fields = ["place", "title", "agent_name", "status", "pattern", "next_run_at"]
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False


class ExecutionPlanAdmin(ReadOnlyAdmin):
    """Plans: what was asked, and which tasks became of it."""

    list_display = ["asked", "user", "of_conversation", "created"]
    list_prefetch = ["user", "conversation"]
    list_filter = [("user", AutocompleteSelectFilter), ("conversation", AutocompleteSelectFilter)]
    search_fields = ["orig_query"]
    search_help_text = "Words of what was asked, or the id of a plan or conversation"
    id_fields = ("pk", "conversation")
    ordering = ["-id"]
    fields = ["shown_query", "guidance_message", "question", "user", "of_conversation", "thread_id", "created_at"]
    readonly_fields = fields
    inlines = [TasksOfPlan]

    @display(description="asked")
    def asked(self, plan: ExecutionPlan) -> str:
        """How the request begins."""
        return excerpt(plan.orig_query)

    @display(description="asked")
    def shown_query(self, plan: ExecutionPlan) -> str:
        """The whole request."""
        return prose(plan.orig_query)

    @display(description="conversation")
    def of_conversation(self, plan: ExecutionPlan) -> str:
        """Where it was asked."""
        return link(Conversation, plan.conversation_id, excerpt(str(plan.conversation), 40))

    @display(description="created")
    def created(self, plan: ExecutionPlan) -> str:
        """When it was asked."""
        return moment(plan.created_at)


class TaskTransitionAdmin(ReadOnlyAdmin):
    """The audit: who or what changed which task, when and why. Rows are never changed, nor deleted here."""

    list_display = ["when", "change", "of_task", "reason", "actor"]
    list_prefetch = ["task", "actor"]
    list_filter = [("task", AutocompleteSelectFilter)]
    search_fields = ["id"]
    search_help_text = "The id of a task or run"
    id_fields = ("pk", "task", "run")
    search_ids_only = True
    ordering = ["-id"]
    fields = ["of_task", "of_run", "change", "reason", "shown_changes", "actor", "created_at"]
    readonly_fields = fields

    @display(description="when")
    def when(self, row: TaskTransition) -> str:
        """The moment."""
        return moment(row.created_at)

    @display(description="change")
    def change(self, row: TaskTransition) -> str:
        """From which status to which; an edit, a pause and a resume leave it as it was."""
        if row.old_status == row.new_status:
            return row.new_status
        return format_html("{} → {}", row.old_status or "new", row.new_status)

    @display(description="task")
    def of_task(self, row: TaskTransition) -> str:
        """Whose change it is."""
        return link(Task, row.task_id, excerpt(row.task.title, 60))

    @display(description="run")
    def of_run(self, row: TaskTransition) -> str:
        """The run that made it."""
        return link(TaskRun, row.run_id, str(row.run_id)) if row.run_id else "–"

    @display(description="changes")
    def shown_changes(self, row: TaskTransition) -> str:
        """For an edit: each field's old and new value."""
        return pretty(row.changes) if row.changes else "–"


admin.site.register(TaskRun, TaskRunAdmin)
admin.site.register(ExecutionPlan, ExecutionPlanAdmin)
admin.site.register(TaskTransition, TaskTransitionAdmin)
