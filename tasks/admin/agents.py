"""Agents: what the operator decides about each. What an agent says about itself is its card, and read-only."""

# ruff: noqa: ARG002  (the framework's signatures)

from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import slugify
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldAdminURLInputWidget

from conversations import audit
from conversations.admin.lists import filtered_link, moment, pretty
from conversations.audit import Act
from tasks import wakeup
from tasks.agents import noting
from tasks.agents.card_checks import CREDENTIAL_KEYS
from tasks.agents.credentials import fault
from tasks.models import Agent, Task
from tasks.models.agent import CredentialScheme


class AgentForm(forms.ModelForm):  # type: ignore[type-arg]
    """The writable columns, with words about those that are easily taken for something else."""

    url = forms.URLField(
        max_length=2000,
        assume_scheme="https",
        widget=UnfoldAdminURLInputWidget,
        help_text="Where its A2A server is; here it may be a private address. An interface that its card names wins.",
    )

    credential_scheme = forms.ChoiceField(
        choices=CredentialScheme.choices,
        required=False,
        initial=CredentialScheme.BEARER,
        widget=UnfoldAdminSelectWidget,
        help_text="How the agent is given it.",
    )

    credential_token_url = forms.URLField(
        max_length=2000,
        required=False,
        assume_scheme="https",
        widget=UnfoldAdminURLInputWidget,
        help_text="Of OAuth 2: the address that gives tokens.",
    )

    class Meta:
        """Help and widgets."""

        model = Agent
        fields = [
            "name",
            "slug",
            "display_name",
            "url",
            "description",
            "enabled",
            "hidden",
            "planner_passthrough",
            "max_concurrency",
            "max_per_minute",
            "max_seconds",
            "max_megabytes",
            "send_mode",
            "credential_env",
            "credential_scheme",
            "credential_header",
            "credential_token_url",
            "credential_scope",
        ]
        help_texts = {
            "name": "What tasks and programs call it. Tasks name their agent by it, so it does not change.",
            "slug": "Its address in pages and API.",
            "enabled": "Off: it gets no work, and its tasks rest until it is on again.",
            "hidden": "Offered neither in pickers nor by the planner; who knows its name may use it.",
            "planner_passthrough": "The planner hands texts over unchanged, as one task.",
            "max_concurrency": "Runs at once, over all processes. Empty: 20.",
            "send_mode": "Stream: every event comes live. Detached: survives dropped connections on older servers too.",
            "credential_env": (
                "The NAME of the environment variable that holds its credential, as in RESEARCH_AGENT_TOKEN. "
                "The credential itself is never stored. HTTP Basic: the variable holds name:password; OAuth 2: "
                "client_id:client_secret."
            ),
            "credential_header": "Of an API key. Empty: the one that its card names, else X-API-Key.",
            "credential_scope": "Of OAuth 2, where the agent wants one.",
            "max_per_minute": "Runs that may start in a minute, over all processes; the others wait. Empty: no limit.",
            "max_seconds": "Seconds of one run, where its task allows more. Empty: the task's own limit.",
            "max_megabytes": "Megabytes of one run's answer. Empty: 64.",
        }
        widgets = {
            name: UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"})
            for name in ("credential_env", "credential_header", "credential_scope")
        }

    def clean(self) -> dict[str, Any]:
        """Refuse what is no name of a variable (most likely somebody pasted the secret), and what does not fit it."""
        found: dict[str, Any] = super().clean() or {}
        parts = {part: found.get(key) or "" for part, key in CREDENTIAL_KEYS.items()}
        found["credential_scheme"] = parts["scheme"] = parts["scheme"] or CredentialScheme.BEARER.value
        wrong = fault(**parts)
        if wrong is not None:
            self.add_error(CREDENTIAL_KEYS[wrong[0]], f"This {wrong[1]}.")
        return found


class AgentAdmin(ModelAdmin):
    """Agents, whether they answer, and how much at once."""

    form = AgentForm
    list_display = ["__str__", "name", "url", "enabled", "concurrency", "send_mode", "seen", "trouble"]
    list_filter = ["enabled", "hidden"]
    list_fullwidth = True
    show_facets = admin.ShowFacets.NEVER
    search_fields = ["name", "display_name", "description"]
    ordering = ["name"]
    readonly_fields = ["seen", "last_error", "shown_card", "created_at", "updated_at", "tasks"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "display_name", "url", "description"]}),
        (
            "Work",
            {"fields": ["enabled", "max_concurrency", "max_per_minute", "max_seconds", "max_megabytes", "send_mode"]},
        ),
        (
            "Credential",
            {
                "fields": [
                    "credential_env",
                    "credential_scheme",
                    "credential_header",
                    "credential_token_url",
                    "credential_scope",
                ]
            },
        ),
        ("Planner", {"fields": ["hidden", "planner_passthrough"]}),
        ("State", {"fields": ["seen", "last_error", "tasks", "created_at", "updated_at"]}),
        ("Card", {"classes": ["collapse"], "fields": ["shown_card"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Agent | None = None) -> list[str]:
        """An agent's name stays: its tasks name it."""
        return [*self.readonly_fields, "name"] if obj else list(self.readonly_fields)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A name given in the address fills in the slug."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        return {"slug": slugify(str(initial.get("name", ""))), **initial}

    def save_model(self, request: HttpRequest, obj: Agent, form: Any, change: bool) -> None:
        """Write what was changed and no more: an agent that answers meanwhile writes its own columns.

        `updated_at` moves with it, so the next message of every process connects anew.
        """
        now = timezone.now()
        with transaction.atomic():
            if change:
                changed = [name for name in form.changed_data if name in AgentForm.Meta.fields]
                obj.save(update_fields=[*changed, "updated_at"])
                noting.changed(obj, changed, request=request, now=now)
            else:
                obj.save()
                noting.added(obj, request=request, now=now)
            wakeup.moved()

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Recorded before they go."""
        for agent in queryset:
            audit.record(Act.AGENT_DELETED, now=timezone.now(), request=request, subject=agent, named=agent.name)
        return super().log_deletions(request, queryset)

    @display(description="runs at once")
    def concurrency(self, agent: Agent) -> int:
        """How many runs may go on at once."""
        return agent.concurrency

    @display(description="last seen")
    def seen(self, agent: Agent) -> str:
        """When it last answered."""
        return moment(agent.last_seen_at)

    @display(description="trouble")
    def trouble(self, agent: Agent) -> str:
        """What went wrong last, in one line."""
        return agent.last_error.partition("\n")[0][:80] or "–"

    @display(description="card")
    def shown_card(self, agent: Agent) -> str:
        """The card as it was read."""
        return pretty(agent.card)

    @display(description="tasks")
    def tasks(self, agent: Agent) -> str:
        """Where its tasks are."""
        return filtered_link(Task, "Its tasks", agent_name=agent.name) if agent.pk and agent.created_at else "–"

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Only the agents themselves go: their tasks stay, and rest until an agent of that name is back."""
        return [str(agent) for agent in objs], {"agents": len(objs)}, set(), []


admin.site.register(Agent, AgentAdmin)
