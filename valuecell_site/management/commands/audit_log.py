"""`manage.py audit_log`: the audit as a file, of any size, for archives and other machines."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_date

from conversations.admin.lists import first_id_at
from valuecell_site.audit_export import FORMS
from valuecell_site.models import AuditRecord


class Command(BaseCommand):
    """Writes rows to standard output, oldest first."""

    help = "Print the audit (who did what), oldest first, as JSON or CSV."

    def add_arguments(self, parser: CommandParser) -> None:
        """The form, and from which day to which."""
        parser.add_argument("--format", dest="form", choices=sorted(FORMS), default="json")
        parser.add_argument("--since", metavar="YYYY-MM-DD", help="from this day on (UTC)")
        parser.add_argument("--until", metavar="YYYY-MM-DD", help="up to this day, inclusive (UTC)")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 (Django's signature)
        """Print."""
        rows = AuditRecord.objects.order_by("id")
        if (since := _day("--since", options["since"])) is not None:
            rows = rows.filter(pk__gte=first_id_at(since))
        if (until := _day("--until", options["until"])) is not None:
            rows = rows.filter(pk__lt=first_id_at(until + timedelta(days=1)))
        content, _kind = FORMS[options["form"]]
        for part in content(rows.iterator(chunk_size=1000)):
            self.stdout.write(part, ending="")


def _day(option: str, text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        raise CommandError(f"{option} {text}: write a day as 2026-03-01.")
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
