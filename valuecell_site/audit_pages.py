"""The audit in admin: to look at, to filter, and to take along as CSV or JSON. Nothing here writes, changes or deletes
a row, but that an export is an act too.
"""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.decorators import action, display

from conversations import audit
from conversations.admin.lists import DayRangeFilter, ReadOnlyAdmin, moment, pretty
from conversations.audit import Act
from valuecell_site import audit_export
from valuecell_site.models import AuditRecord

EXPORTED_MOST = 50_000
"""Rows of one file from admin: some 20 MB, made in memory. `manage.py audit_log` has no such bound."""


class AuditRecordAdmin(ReadOnlyAdmin):
    """Who did what, the newest first."""

    list_display = ["when", "shown_act", "who", "subject", "shown_count", "via", "address"]
    list_display_links = ["when"]
    list_filter = [
        ("act", ChoicesDropdownFilter),
        ("actor", AutocompleteSelectFilter),
        ("at", DayRangeFilter),
    ]
    search_fields = ["id"]
    search_help_text = "The id of whatever it was done to"
    id_fields = ("pk", "subject_id")
    search_ids_only = True
    ordering = ["-id"]
    fields = ["at", "shown_act", "who", "subject", "subject_kind", "subject_id", "shown_count", "via", "address"]
    fields += ["shown_details"]
    readonly_fields = fields
    actions = ["export_csv", "export_json"]

    @display(description="when")
    def when(self, row: AuditRecord) -> str:
        """The moment."""
        return moment(row.at)

    @display(description="act")
    def shown_act(self, row: AuditRecord) -> str:
        """What was done; of acts on tasks also which."""
        doing = row.details.get("action") if isinstance(row.details, dict) else None
        return f"{row.get_act_display()}: {doing}" if doing else row.get_act_display()

    @display(description="who")
    def who(self, row: AuditRecord) -> str:
        """Their name then."""
        return row.actor_name or "–"

    @display(description="what it was done to")
    def subject(self, row: AuditRecord) -> str:
        """Its name then, else its kind and id."""
        return row.subject_name or " ".join((row.subject_kind.partition(".")[2], row.subject_id)).strip() or "–"

    @display(description="of how many")
    def shown_count(self, row: AuditRecord) -> str:
        """Where it was done to many."""
        return "–" if row.count is None else f"{row.count:,}"

    @display(description="details")
    def shown_details(self, row: AuditRecord) -> str:
        """What else is known."""
        return pretty(row.details) if row.details else "–"

    @action(description="Export as CSV", permissions=["view"])
    def export_csv(self, request: HttpRequest, rows: "QuerySet[AuditRecord]") -> HttpResponse | None:
        """A file for spreadsheets."""
        return self._export(request, rows, "csv")

    @action(description="Export as JSON", permissions=["view"])
    def export_json(self, request: HttpRequest, rows: "QuerySet[AuditRecord]") -> HttpResponse | None:
        """A file for programs."""
        return self._export(request, rows, "json")

    def _export(self, request: HttpRequest, rows: Any, form: str) -> HttpResponse | None:
        chosen = list(rows.order_by("-id")[: EXPORTED_MOST + 1])
        if len(chosen) > EXPORTED_MOST:
            text = f"More than {EXPORTED_MOST:,} rows: narrow the filter, or use manage.py audit_log."
            self.message_user(request, text, messages.ERROR)
            return None
        now = timezone.now()
        audit.record(Act.AUDIT_EXPORTED, now=now, request=request, count=len(chosen), form=form)
        content, kind = audit_export.FORMS[form]
        response = HttpResponse("".join(content(chosen)), content_type=kind)
        response["Content-Disposition"] = f'attachment; filename="audit-{now:%Y%m%d-%H%M%S}.{form}"'
        return response
