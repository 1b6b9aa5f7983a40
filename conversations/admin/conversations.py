"""Conversations and their items: to look at. What cancels and deletes lives upstairs, in `tasks.admin`."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.decorators import display

from conversations.admin.lists import (
    DayRangeFilter,
    ReadOnlyAdmin,
    excerpt,
    filtered_link,
    link,
    moment,
    pretty,
)
from conversations.feed import item_envelope
from conversations.models import Conversation, ConversationItem

STATUS_LABELS = {"active": "info", "inactive": "default", "require_user_input": "warning"}


class ConversationAdmin(ReadOnlyAdmin):
    """The list of everybody's conversations, the newest first."""

    list_display = ["heading", "user", "agent_name", "shown_status", "last_seq", "changed", "created"]
    list_prefetch = ["user"]
    list_filter = [
        ("status", ChoicesDropdownFilter),
        ("user", AutocompleteSelectFilter),
        ("created_at", DayRangeFilter),
    ]
    search_fields = ["title"]
    search_help_text = "Words of the title, or an id"
    ordering = ["-id"]
    fields = ["title", "user", "agent_name", "status", "last_seq", "created_at", "updated_at", "transcript"]
    readonly_fields = fields

    @display(description="title")
    def heading(self, conversation: Conversation) -> str:
        """Its title, or its id."""
        return excerpt(str(conversation))

    @display(description="status", label=STATUS_LABELS)
    def shown_status(self, conversation: Conversation) -> tuple[str, str]:
        """Whether somebody is waited for."""
        return conversation.status, conversation.get_status_display()

    @display(description="changed")
    def changed(self, conversation: Conversation) -> str:
        """When something last happened in it."""
        return moment(conversation.updated_at)

    @display(description="created")
    def created(self, conversation: Conversation) -> str:
        """When it was started."""
        return moment(conversation.created_at)

    @display(description="items")
    def transcript(self, conversation: Conversation) -> str:
        """Where its items are."""
        return filtered_link(ConversationItem, _("Its items, newest first"), conversation__id__exact=conversation.pk)


class ConversationItemAdmin(ReadOnlyAdmin):
    """Items, as they are stored. Reached from a conversation, a task or a run, or by an id."""

    list_display = ["place", "event", "role", "agent_name", "text", "of_conversation", "created"]
    list_prefetch = ["conversation"]
    list_filter = [("conversation", AutocompleteSelectFilter)]
    search_fields = ["id"]
    search_help_text = "The id of an item, task or run"
    id_fields = ("pk", "task_id", "run_id")
    search_ids_only = True
    fields = [
        "of_conversation",
        "position",
        "seq",
        "event",
        "role",
        "agent_name",
        "key",
        "thread_id",
        "task_id",
        "run_id",
        "created_at",
        "updated_at",
        "shown_payload",
        "shown_metadata",
    ]
    readonly_fields = fields

    def get_ordering(self, request: HttpRequest) -> list[str]:
        """By place within one conversation, else by age: an index has both orders."""
        return ["-position"] if "conversation__id__exact" in request.GET else ["-id"]

    @display(description="place")
    def place(self, item: ConversationItem) -> int:
        """Its position in its conversation."""
        return item.position

    @display(description="text")
    def text(self, item: ConversationItem) -> str:
        """How its text begins."""
        return excerpt(str(item.payload.get("content") or item.payload.get("tool_name") or ""))

    @display(description="conversation")
    def of_conversation(self, item: ConversationItem) -> str:
        """The conversation that it is in."""
        return link(Conversation, item.conversation_id, excerpt(str(item.conversation), 40))

    @display(description="created")
    def created(self, item: ConversationItem) -> str:
        """When it was said."""
        return moment(item.created_at)

    @display(description="payload")
    def shown_payload(self, item: ConversationItem) -> str:
        """The whole payload, what has grown since it was opened included."""
        return pretty(item_envelope(item)["data"]["payload"])

    @display(description="metadata")
    def shown_metadata(self, item: ConversationItem) -> str:
        """What the agent said beside it."""
        return pretty(item.metadata)


admin.site.register(Conversation, ConversationAdmin)
admin.site.register(ConversationItem, ConversationItemAdmin)
