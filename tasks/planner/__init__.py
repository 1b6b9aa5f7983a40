"""Planners split a request into tasks for agents. Which one is used is `settings.PLANNER`."""

from django.conf import settings
from django.utils.module_loading import import_string

from tasks.planner.base import Candidate, Inquiry, Planned, PlannedTask, Planner
from tasks.planner.dialogue import Answer, Request, Step, inquiry, next_step


def planner() -> Planner:
    """A new planner of the configured kind."""
    made: Planner = import_string(settings.PLANNER)()
    return made


__all__ = [
    "Answer",
    "Candidate",
    "Inquiry",
    "Planned",
    "PlannedTask",
    "Planner",
    "Request",
    "Step",
    "inquiry",
    "next_step",
    "planner",
]
