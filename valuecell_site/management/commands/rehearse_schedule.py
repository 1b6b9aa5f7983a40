"""`manage.py rehearse_schedule`: prints when a schedule would fire, and what a clock change does to it."""

import json
from argparse import ArgumentParser
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from tasks import schedules


class Command(BaseCommand):
    """For whoever wants to know before anything starts."""

    help = "Print a schedule in words, its next times, and what clock changes do to it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The schedule's own keys, as in the JSON API."""
        parser.add_argument(
            "--every", type=int, dest="interval_minutes", metavar="MINUTES", help="an interval, e.g. 30"
        )
        parser.add_argument("--daily", dest="daily_time", metavar="HH:MM", action="append", help="a time of day")
        parser.add_argument("--cron", action="append", metavar="EXPRESSION", help="five fields, in quotes")
        parser.add_argument("--timezone", default=settings.TIME_ZONE)
        parser.add_argument("--start-at", metavar="TIME", help="ISO 8601")
        parser.add_argument("--end-at", metavar="TIME", help="ISO 8601")
        parser.add_argument("--exclude", action="append", metavar="DAY", help="YYYY-MM-DD or MON…SUN")
        parser.add_argument("--count", type=int, default=10)
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Print it, or say what is wrong with it."""
        keys = ("interval_minutes", "daily_time", "cron", "timezone", "start_at", "end_at", "exclude")
        given = {key: options[key] for key in keys if options[key] is not None}
        try:
            schedule = schedules.parse(given, now=timezone.now(), default_timezone=settings.TIME_ZONE, allow_past=True)
        except schedules.ScheduleError as error:
            lines = [f"{name}: {text}" for name, texts in error.fields.items() for text in texts]
            raise CommandError("\n".join(lines)) from None
        times, notes = schedules.preview(schedule, now=timezone.now(), count=options["count"])
        zone = ZoneInfo(schedule.timezone)
        if options["json"]:
            shown = {
                "summary": schedules.describe(schedule),
                "times": [moment.isoformat() for moment in times],
                "notes": [note.text for note in notes],
            }
            self.stdout.write(json.dumps(shown, ensure_ascii=False))
            return
        self.stdout.write(schedules.describe(schedule, zone=True))
        for moment in times:
            self.stdout.write(f"  {moment.astimezone(zone):%a %d %b %Y, %H:%M %Z}")
        for note in notes:
            self.stdout.write(f"  ! {note.text}")
