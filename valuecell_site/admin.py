"""People, their API tokens and the audit in Django admin: Django's own pages in the theme of the others."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from conversations import audit
from conversations.admin.lists import ReadOnlyAdmin
from conversations.audit import Act
from conversations.models import Conversation
from valuecell_site.audit_pages import AuditRecordAdmin
from valuecell_site.models import ApiToken, AuditRecord


class Audited:
    """Mixed into the admin of people and groups: what Django notes in its own log, the audit has too."""

    added: Act
    changed: Act
    deleted: Act

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """In the transaction that adds it."""
        audit.record(self.added, now=timezone.now(), request=request, subject=obj)
        return super().log_addition(request, obj, message)  # type: ignore[misc]

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """In the transaction that changes it."""
        audit.record(self.changed, now=timezone.now(), request=request, subject=obj, changed=_labels(message))
        return super().log_change(request, obj, message)  # type: ignore[misc]

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Before they go."""
        for obj in queryset:
            audit.record(self.deleted, now=timezone.now(), request=request, subject=obj)
        return super().log_deletions(request, queryset)  # type: ignore[misc]


def _labels(message: Any) -> list[str]:
    """The changed fields, as their labels in the form name them."""
    parts = message if isinstance(message, list) else []
    return [str(label) for part in parts for label in part.get("changed", {}).get("fields", [])]


class UserAdmin(Audited, DjangoUserAdmin, ModelAdmin):
    """People. Whoever has conversations is deactivated rather than deleted: what they asked for has a history."""

    added, changed, deleted = Act.PERSON_ADDED, Act.PERSON_CHANGED, Act.PERSON_DELETED
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "email", "first_name", "last_name", "is_active", "is_staff", "last_login"]
    list_filter = ["is_active", "is_staff", "is_superuser"]
    ordering = ["username"]
    sortable_by = ["username"]
    show_facets = admin.ShowFacets.NEVER

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Being shut out or let in again is an act of its own."""
        super().save_model(request, obj, form, change)
        if change and "is_active" in form.changed_data:
            act = Act.PERSON_ACTIVATED if obj.is_active else Act.PERSON_DEACTIVATED
            audit.record(act, now=timezone.now(), request=request, subject=obj)

    def get_actions(self, request: HttpRequest) -> Any:
        """Without deleting a selection: each is looked at first."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only of people who never asked for anything."""
        if obj is not None and Conversation.objects.filter(user=obj).exists():
            return False
        return bool(super().has_delete_permission(request, obj))


class GroupAdmin(Audited, DjangoGroupAdmin, ModelAdmin):
    """Groups and what they may do."""

    added, changed, deleted = Act.GROUP_ADDED, Act.GROUP_CHANGED, Act.GROUP_DELETED


class ApiTokenAdmin(ReadOnlyAdmin):
    """Who has API tokens, and when each was last used. The token itself is nowhere; it can be revoked here."""

    list_display = ["name", "prefix", "user", "may", "created_at", "last_used_at", "expires_at", "revoked_at"]
    list_prefetch = ["user"]
    list_filter = [("user", AutocompleteSelectFilter)]
    search_fields = ["name", "=prefix"]
    ordering = ["-id"]
    fields = ["name", "prefix", "user", "scopes", "created_at", "last_used_at", "expires_at", "revoked_at"]
    readonly_fields = fields
    actions = ["revoke"]

    @admin.display(description="May")
    def may(self, token: ApiToken) -> str:
        """What it may be used for."""
        return ", ".join(token.scopes) or "everything"

    @action(description="Revoke", permissions=["operate"])
    def revoke(self, request: HttpRequest, tokens: Any) -> None:
        """From now on they open nothing."""
        now = timezone.now()
        with transaction.atomic():
            chosen = list(tokens.filter(revoked_at=None).select_for_update().order_by("pk"))
            number = ApiToken.objects.filter(pk__in=[token.pk for token in chosen]).update(revoked_at=now)
            for token in chosen:
                audit.record(Act.TOKEN_REVOKED, now=now, request=request, subject=token)
        self.message_user(request, f"Revoked {number} token{'' if number == 1 else 's'}.")


admin.site.unregister(User)
admin.site.unregister(Group)
admin.site.register(User, UserAdmin)
admin.site.register(Group, GroupAdmin)
admin.site.register(ApiToken, ApiTokenAdmin)
admin.site.register(AuditRecord, AuditRecordAdmin)
