"""What admin asks before an act on tasks: until when, why, which range."""

from typing import Any

from django import forms
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextInputWidget

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
