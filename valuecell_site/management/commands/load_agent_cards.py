"""`manage.py load_agent_cards [DIR]`: load agent cards from files; the next message of every process uses them."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tasks.agents.cards import load


class Command(BaseCommand):
    """Say for each file what became of it; end with an error where a card is wrong (the others are loaded)."""

    help = "Load agent cards (*.json) from DIR, or from AGENT_CARDS_DIR and the sample agents' own folder."

    def add_arguments(self, parser: CommandParser) -> None:
        """DIR is optional."""
        parser.add_argument("directory", nargs="?", type=Path, metavar="DIR")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 (Django's signature)
        """Load and report."""
        directory: Path | None = options["directory"]
        if directory is not None and not directory.is_dir():
            raise CommandError(f"{directory} is not a folder.")
        default = [path for path in (settings.AGENT_CARDS_DIR, settings.LOCAL_CARDS_DIR) if path.is_dir()]
        reports = load([directory] if directory else default, force=True)
        for report in reports:
            (self.stderr if report.outcome == "failed" else self.stdout).write(report.text)
        failed = sum(report.outcome == "failed" for report in reports)
        if failed:
            raise CommandError(f"{failed} of {len(reports)} cards could not be loaded.")
        self.stdout.write(f"{len(reports)} card file{'' if len(reports) == 1 else 's'} read.")
