"""The conversations' admin with what only this floor can do: cancel their tasks, and delete them in order."""

# ruff: noqa: ARG002  (the framework's signatures)

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.decorators import action, display

from conversations import audit
from conversations.admin import ConversationAdmin
from conversations.admin.lists import filtered_link
from conversations.audit import Act
from conversations.models import Conversation, ConversationItem
from tasks.admin.bulk import CANCEL, carry_out, count_words, selection_words
from tasks.models import Task, TaskRun
from tasks.services import TaskService
from tasks.states import TASK_UNFINISHED

SHOWN_MAX = 10_000
"""Rows counted for the page that asks whether to delete."""


class ConversationWithTasksAdmin(ConversationAdmin):
    """Conversations, the number of their unfinished tasks, and what can be done about those."""

    list_display = ["heading", "user", "shown_status", "unfinished", "last_seq", "changed", "created"]
    actions = ["cancel_unfinished"]
    fields = [*ConversationAdmin.fields, "tasks"]
    readonly_fields = fields

    def prepare_page(self, rows: list[Any]) -> None:
        """Count the unfinished tasks of all conversations of the page in one query."""
        counts = dict(
            Task.objects.filter(conversation__in=[row.pk for row in rows], status__in=TASK_UNFINISHED)
            .order_by()
            .values_list("conversation")
            .annotate(Count("id"))
        )
        for row in rows:
            row.unfinished_tasks = counts.get(row.pk, 0)

    @display(description="unfinished tasks")
    def unfinished(self, conversation: Conversation) -> str:
        """How many tasks may still run, and where they are."""
        number: int = conversation.unfinished_tasks  # type: ignore[attr-defined]
        if not number:
            return "–"
        return filtered_link(Task, f"{number:,}", conversation__id__exact=conversation.pk)

    @display(description="tasks")
    def tasks(self, conversation: Conversation) -> str:
        """Where its tasks are."""
        return filtered_link(Task, "Its tasks", conversation__id__exact=conversation.pk)

    @action(description="Cancel everything unfinished in them…", permissions=["cancel_tasks"])
    def cancel_unfinished(self, request: HttpRequest, conversations: QuerySet[Conversation]) -> HttpResponse:
        """Cancel every unfinished task of the selected conversations."""
        # A subquery, not a list: "all that match" may be any number of them.
        chosen = conversations.select_related(None).order_by().values("pk")
        return carry_out(
            self,
            request,
            CANCEL,
            Task.objects.filter(conversation__in=chosen),
            selected=selection_words(request, "conversation"),
            back=request.get_full_path(),
        )

    def has_cancel_tasks_permission(self, request: HttpRequest) -> bool:
        """Whoever may change tasks."""
        return bool(request.user.has_perm("tasks.change_task"))

    # --- deleting -----------------------------------------------------------------------------------------------------

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """By Django's own permission."""
        return bool(request.user.has_perm("conversations.delete_conversation"))

    def get_deleted_objects(
        self, objs: Sequence[Conversation], request: HttpRequest
    ) -> tuple[list[str], dict[str, str], set[str], list[str]]:
        """Say how much would go, counted to a bound: Django's own answer loads every row of it."""
        chosen = [conversation.pk for conversation in objs]
        counts = {"conversations": f"{len(chosen):,}"}
        for name, model in (("tasks", Task), ("runs", TaskRun), ("items", ConversationItem)):
            number = model.objects.filter(conversation__in=chosen).order_by()[: SHOWN_MAX + 1].count()
            counts[name] = f"more than {SHOWN_MAX:,}" if number > SHOWN_MAX else f"{number:,}"
        return [str(conversation) for conversation in objs[:100]], counts, set(), []

    def delete_model(self, request: HttpRequest, obj: Conversation) -> None:
        """Cancel what runs in it, then delete it; open pages hear of it."""
        now, pk = timezone.now(), obj.pk
        TaskService.delete_conversation(obj, user=request.user, now=now)  # type: ignore[arg-type]
        audit.record(Act.CONVERSATIONS_DELETED, now=now, request=request, count=1, conversations=[str(pk)])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Conversation]) -> None:
        """One after another, each in a transaction of its own."""
        chosen = Task.objects.filter(
            conversation__in=queryset.order_by().values("pk"), status__in=TASK_UNFINISHED
        ).count()
        deleted: list[str] = []
        try:
            for conversation in queryset.order_by("id").iterator(chunk_size=100):
                pk = str(conversation.pk)
                TaskService.delete_conversation(conversation, user=request.user, now=timezone.now())  # type: ignore[arg-type]
                deleted.append(pk)
        finally:
            # Also where one of them could not be: those before it are gone.
            audit.record(
                Act.CONVERSATIONS_DELETED,
                now=timezone.now(),
                request=request,
                count=len(deleted),
                conversations=deleted,
            )
        if chosen:
            self.message_user(request, f"Cancelled {count_words(chosen)} in them.", messages.INFO)


admin.site.unregister(Conversation)
admin.site.register(Conversation, ConversationWithTasksAdmin)
