"""Filters whose choices cost nothing, however many rows there are."""

# ruff: noqa: ARG002  (the framework's signatures)

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter

from tasks.models import Agent


class AgentFilter(DropdownFilter):
    """One agent's rows. Offers the agents that there are; the name of a removed one can be written in the address, or
    searched for.
    """

    title = "agent"
    parameter_name = "agent_name"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The agents by name, and the one that is filtered by, whether it still exists or not."""
        choices = [
            (name, f"{display} ({name})" if display and display != name else name)
            for name, display in Agent.objects.values_list("name", "display_name")
        ]
        chosen = request.GET.get(self.parameter_name)
        if chosen and chosen not in dict(choices):
            choices.append((chosen, chosen))
        return choices

    def has_output(self) -> bool:
        """Shown always: with no agent at all it says so."""
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of that agent."""
        return queryset.filter(agent_name=self.value()) if self.value() else queryset
