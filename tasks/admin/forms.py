"""What admin asks before an act on tasks: until when, why, which range, which text."""

import json
from typing import Any

from django import forms
from django.utils import timezone
from pydantic import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from tasks import schedules
from tasks.models import Task
from tasks.schemas.inputs import TEXT_MAX, TaskPatch

REASON_MAX = 500


class Moment(forms.DateTimeField):
    """A moment, read in the zone of the person who acts; its help says which that is."""

    def __init__(self, **options: Any) -> None:
        widget = UnfoldAdminTextInputWidget(attrs={"type": "datetime-local", "class": "max-w-2xl"})
        super().__init__(widget=widget, **options)

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> forms.BoundField:
        """The field with the zone in its help."""
        self.help_text = f"In {timezone.get_current_timezone_name()}."
        return super().get_bound_field(form, field_name)


class Lines(forms.JSONField):
    """JSON with a line for each key."""

    def prepare_value(self, value: Any) -> Any:
        """What stands in the field at first; what a person wrote stays as it is."""
        return (
            json.dumps(value, ensure_ascii=False, indent=2) if isinstance(value, dict) else super().prepare_value(value)
        )


class Pause(forms.Form):
    """Until when, and why."""

    until = Moment(required=False, label="Until (empty: until resumed)")
    reason = forms.CharField(
        required=False, max_length=REASON_MAX, label="Reason", widget=UnfoldAdminTextInputWidget(), empty_value=""
    )


class Snooze(forms.Form):
    """Until when."""

    until = Moment(label="Until")


class Backfill(forms.Form):
    """The range that is made up for."""

    begin = Moment(label="From")
    to = Moment(label="To")


class Edit(forms.Form):
    """A task's title, text and schedule. `patch()` is what was changed of them."""

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
        super().__init__(
            data,
            initial={
                "title": task.title,
                "query": task.query,
                **({"schedule": self.before} if has_schedule else {}),
            },
        )
        if not has_schedule:
            del self.fields["schedule"]

    def clean_schedule(self) -> dict[str, Any]:
        """An object."""
        value = self.cleaned_data["schedule"]
        if not isinstance(value, dict):
            raise forms.ValidationError('Write an object, such as {"interval_minutes": 30}.')
        return value

    def clean(self) -> dict[str, Any]:
        """What was changed, in the API's own form."""
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
        try:
            self.patch = TaskPatch.model_validate(changed)
        except ValidationError as error:
            for fault in error.errors():
                self.add_error(str(fault["loc"][0]), fault["msg"].removeprefix("Value error, "))
        return given
