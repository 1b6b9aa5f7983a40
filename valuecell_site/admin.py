"""People and their API tokens in Django admin: Django's own pages in the theme of the others."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from conversations.admin.lists import ReadOnlyAdmin
from conversations.models import Conversation
from valuecell_site.models import ApiToken


class UserAdmin(DjangoUserAdmin, ModelAdmin):
    """People. Whoever has conversations is deactivated rather than deleted: what they asked for has a history."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "email", "first_name", "last_name", "is_active", "is_staff", "last_login"]
    list_filter = ["is_active", "is_staff", "is_superuser"]
    ordering = ["username"]
    sortable_by = ["username"]
    show_facets = admin.ShowFacets.NEVER

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


class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    """Groups and what they may do."""


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
        number = tokens.filter(revoked_at=None).update(revoked_at=timezone.now())
        self.message_user(request, f"Revoked {number} token{'' if number == 1 else 's'}.")


admin.site.unregister(User)
admin.site.unregister(Group)
admin.site.register(User, UserAdmin)
admin.site.register(Group, GroupAdmin)
admin.site.register(ApiToken, ApiTokenAdmin)
