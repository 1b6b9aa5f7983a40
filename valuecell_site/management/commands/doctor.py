"""`manage.py doctor`: look at a deployment and say what to mend."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from valuecell_site.diagnosis import Level, examine

SIGNS = {Level.WELL: "✓", Level.NOTE: "!", Level.WRONG: "✗"}


class Command(BaseCommand):
    """One line a check, and what to do below where something is wrong; the exit status is 1 if something is."""

    help = "Check database, Redis, folders, settings, clocks, runners, workers and agents of this deployment."
    requires_migrations_checks = False

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 (Django's signature)
        """Examine and report."""
        wrong = 0
        for finding in examine():
            wrong += finding.level == Level.WRONG
            self.stdout.write(f"{SIGNS[finding.level]} {finding.what}: {finding.words}")
            if finding.mend:
                self.stdout.write(f"    {finding.mend}")
        if wrong:
            sys.exit(1)
