"""The form by which admin edits a task: title, text, schedule and each option that fits it."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from pydantic import ValidationError
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from conversations.wording import worded
from tasks import schedules
from tasks.admin.forms import Moment
from tasks.models import Task
from tasks.schemas.inputs import TEXT_MAX, BudgetIn, TaskPatch
from tasks.services.operations import LASTING
from tasks.states import TASK_ENDED, CatchUp, Notify, OnInterrupt, Overlap

BUDGET = "budget."
YES_NO = {"false": "no", "true": "yes"}
OPTIONS: Mapping[str, tuple[str, str, type | Mapping[str, str]]] = {
    "overlap": ("Overlap", "Its next time comes while a run still goes.", {str(one): str(one) for one in Overlap}),
    "catch_up": ("Catch up", "What was missed in a downtime.", {str(one): str(one) for one in CatchUp}),
    "catch_up_window_minutes": ("Catch-up window, minutes", "What was missed longer ago is not made up for.", int),
    "on_interrupt": (
        "On interrupt",
        "Nobody can tell whether the agent got the request.",
        {str(one): str(one) for one in OnInterrupt},
    ),
    "priority": ("Priority", "0 to 9. Of what waits, the higher number starts first.", int),
    "max_attempts": ("Attempts", "How often one run is tried before it has failed.", int),
    "timeout_seconds": ("Time for one run, seconds", "An agent that takes longer is stopped.", int),
    "deadline_at": ("Deadline", "What is not done by then has failed. Empty: none.", datetime),
    "conversation_mode": (
        "Conversation mode",
        "Its runs speak in its conversation (append) or each in a new one.",
        {"append": "append", "new": "new"},
    ),
    "only_changes": ("Only changes", "The agent tells only what is new since its last answer.", YES_NO),
    "notify": ("Notify", "Of which ends of its runs webhooks hear.", {str(one): str(one) for one in Notify}),
    "retention_days": ("Retention, days", "0: for ever. Empty: as everywhere here.", int),
    "max_runs_per_day": ("Runs a day, at most", "Empty: no limit.", int),
    "budget.tokens_per_day": ("Tokens a day, at most", "Empty: no limit.", int),
    "budget.tokens_per_month": ("Tokens a month, at most", "Empty: no limit.", int),
    "budget.cost_per_day": ("Cost a day, at most", "As its agent reports it. Empty: no limit.", float),
    "budget.cost_per_month": ("Cost a month, at most", "As its agent reports it. Empty: no limit.", float),
}
"""Each option: its label, its help, and what it holds: a number, a moment, or one of some values."""
RECURRING = frozenset(
    {"overlap", "conversation_mode", "only_changes", "max_runs_per_day"}
    | {name for name in OPTIONS if name.startswith(BUDGET)}
)
"""Those that have no effect on a task that runs once."""
TIMED = frozenset({"catch_up", "catch_up_window_minutes"})
"""Those for what has a moment that can be missed."""


class Lines(forms.JSONField):
    """JSON with a line for each key."""

    def prepare_value(self, value: Any) -> Any:
        """What stands in the field at first; what a person wrote stays as it is."""
        return (
            json.dumps(value, ensure_ascii=False, indent=2) if isinstance(value, dict) else super().prepare_value(value)
        )


class Edit(forms.Form):
    """A task's title, text, schedule and options. `patch` is what was changed of them; what was not sent stays.

    Of a task that has ended it asks for what can still be changed (`LASTING`).
    """

    title = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget())
    query = forms.CharField(
        max_length=TEXT_MAX, label="Text", strip=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 6})
    )
    schedule = Lines(
        label="Schedule",
        required=False,
        help_text="As docs/schedules.md writes it. A key that is taken out is gone.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8, "class": "font-mono", "spellcheck": "false"}),
    )

    def __init__(self, task: Task, data: Any = None) -> None:
        self.before = schedules.to_dict(task.schedule)
        has_schedule = task.recurring or task.start_at is not None
        self.shown = {name: _shown(task, name) for name in _fitting(task, has_schedule=has_schedule)}
        super().__init__(
            data,
            initial={
                "title": task.title,
                "query": task.query,
                **({"schedule": self.before} if has_schedule else {}),
                **self.shown,
            },
        )
        for name in self.shown:
            self.fields[name] = _field(name)
        if not has_schedule:
            del self.fields["schedule"]
        for name in [*self.fields]:
            # A page that was opened before it ended sends more: then the service says what happened.
            if (data is None or name not in data) and task.status in TASK_ENDED and name not in LASTING:
                del self.fields[name]

    def clean_schedule(self) -> dict[str, Any]:
        """An object."""
        value = self.cleaned_data["schedule"]
        if not isinstance(value, dict):
            raise forms.ValidationError('Write an object, such as {"interval_minutes": 30}.')
        return value

    def clean(self) -> dict[str, Any]:
        """What was changed, in the API's own form; each fault stands beside its field."""
        given = dict(super().clean() or {})
        # A browser ends lines with both characters.
        if "query" in given:
            given["query"] = given["query"].replace("\r\n", "\n")
        changed: dict[str, Any] = {
            name: given[name] for name in ("title", "query") if name in given and given[name] != self.initial[name]
        }
        if "schedule" in given:
            names = {*self.before, *given["schedule"]}
            keys = {name: given["schedule"].get(name) for name in names}
            keys = {name: value for name, value in keys.items() if value != self.before.get(name)}
            if keys:
                changed["schedule"] = keys
        changed |= self._options(given)
        try:
            self.patch = TaskPatch.model_validate(changed)
        except ValidationError as error:
            for name, texts in worded(error.errors()).items():
                self.add_error(name, texts)
        return given

    def _options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        touched = {
            name
            for name in given
            if name in self.shown and name in self.data and self.data[name].strip() != self.shown[name]
        }
        changed = {name: _sent(name, given[name]) for name in touched if not name.startswith(BUDGET)}
        if any(name.startswith(BUDGET) for name in touched):
            limits = {key: given[BUDGET + key] for key in BudgetIn.model_fields if given.get(BUDGET + key) is not None}
            changed["budget"] = limits or None
        return changed


def _fitting(task: Task, *, has_schedule: bool) -> list[str]:
    left_out = (frozenset() if task.recurring else RECURRING) | (frozenset() if has_schedule else TIMED)
    return [name for name in OPTIONS if name not in left_out]


def _shown(task: Task, name: str) -> str:
    """An option's value as its field holds it."""
    value = (task.budget or {}).get(name.removeprefix(BUDGET)) if name.startswith(BUDGET) else getattr(task, name)
    if value is None:
        return ""
    if isinstance(value, datetime):
        return timezone.localtime(value).strftime("%Y-%m-%dT%H:%M")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _sent(name: str, value: Any) -> Any:
    """A field's value as the API takes it."""
    if OPTIONS[name][2] is YES_NO:
        return value == "true"
    # Read from its text, like a moment that is sent.
    return value.isoformat() if isinstance(value, datetime) else value


def _field(name: str) -> forms.Field:
    label, help_text, kind = OPTIONS[name]
    if isinstance(kind, Mapping):
        return forms.ChoiceField(
            choices=[*kind.items()],
            label=label,
            help_text=help_text,
            required=False,
            widget=UnfoldAdminSelectWidget(),
        )
    if kind is datetime:
        return Moment(label=label, required=False)
    number = forms.FloatField if kind is float else forms.IntegerField
    # A text field: one for numbers sends nothing for what it cannot read, and nothing takes a limit away.
    widget = UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal" if kind is float else "numeric"})
    return number(label=label, help_text=help_text, required=False, widget=widget)
