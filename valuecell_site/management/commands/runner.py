"""`manage.py runner`: what is due is run here, or given to the workers, without the web."""

from typing import Any

from django.core.management.base import BaseCommand

from valuecell_site.serve.headless import run
from valuecell_site.serve.work import Work


class Command(BaseCommand):
    """Run until SIGTERM or SIGINT; what cannot end in time is handed back."""

    help = "Run due tasks, without serving the site. Any number of runners may work on one database."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Run, and come back when it is over."""
        run(Work, "The runner is at work.", self.stdout)
