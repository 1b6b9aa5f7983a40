"""What a schedule uses, as its agent says: so far this month, what the month comes to, and its limits, in words."""

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _

from tasks import budgets, schedules
from tasks.budgets import Spent
from tasks.models import Task, TaskRun
from tasks.services import limits

RUNS_MOST = 50_000
"""Runs to come that are counted: a month of minutes, and a little more."""


def usage_words(task: Task, runs: Iterable[TaskRun], *, now: datetime) -> str:
    """What the task used this month and will have used at its end; empty where its agent says nothing about it.

    `runs` are its newest: the mean of what they used is taken for those to come.
    """
    recent = [run.usage for run in runs if run.usage]
    if not task.recurring or not recent:
        return ""
    so_far = limits.spent([task], now).get(task.pk, (Spent(), Spent()))[1]
    month = budgets.project(so_far, [budgets.spent(usage) for usage in recent], _runs_to_come(task, now))
    if month is None:
        return ""
    currency = next((usage["currency"] for usage in recent if usage.get("currency")), "")
    figures = {"so_far": _figures(so_far, currency), "month": _figures(month, currency)}
    if task.on_event or task.next_run_at is None:
        return _("%(so_far)s this month") % figures
    return _("%(so_far)s so far this month; about %(month)s by its end") % figures


def limit_words(task: Task) -> str:
    """The limits of a task in one line; empty where it has none."""
    limit_of = task.budget or {}
    told = [_("%(n)s runs a day") % {"n": f"{task.max_runs_per_day:,}"}] if task.max_runs_per_day else []
    for name, words in (
        ("tokens_per_day", _("%(n)s tokens a day")),
        ("tokens_per_month", _("%(n)s tokens a month")),
        ("cost_per_day", _("%(n)s in cost a day")),
        ("cost_per_month", _("%(n)s in cost a month")),
    ):
        if name in limit_of:
            told.append(words % {"n": f"{limit_of[name]:,}"})
    if task.retention_days is not None:
        days = {"n": f"{task.retention_days:,}"}
        told.append(_("runs are kept for %(n)s days") % days if task.retention_days else _("all runs are kept"))
    return " · ".join(told)


def _runs_to_come(task: Task, now: datetime) -> int:
    """How many runs the schedule still has in this month, of its zone."""
    if task.on_event or task.next_slot_at is None:
        return 0
    end = budgets.next_month(now, task.timezone)
    if task.next_slot_at >= end:
        return 0
    number = 1 + schedules.count_between(task.schedule, task.next_slot_at, end, anchor=task.anchor_at, limit=RUNS_MOST)
    left = RUNS_MOST if task.max_runs is None else max(0, task.max_runs - task.run_count)
    return min(number, left)


def _figures(spent: Spent, currency: str) -> str:
    told = []
    if spent.tokens or not spent.cost:
        told.append(_("%(n)s tokens") % {"n": f"{spent.tokens:,}"})
    if spent.cost:
        cost = f"{spent.cost:,.2f}"
        told.append(f"{cost} {currency}" if currency else _("%(n)s in cost") % {"n": cost})
    return ", ".join(told)
