"""`manage.py worker`: carries out the runs that runners give to the job engine."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from valuecell_site.serve.headless import run
from valuecell_site.serve.work import Work


class Command(BaseCommand):
    """Work until SIGTERM or SIGINT; what cannot end in time is handed back."""

    help = "Carry out runs for the job engine. Any number of workers, on any number of machines."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Options."""
        parser.add_argument(
            "--concurrency", type=int, default=settings.RUN_CONCURRENCY, help="runs at once (default: RUN_CONCURRENCY)"
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Work, and come back when it is over. The exit status is 1 if the engine ended by itself."""
        if not settings.SCALED_OUT:
            raise CommandError(
                "Workers need a PostgreSQL database and Redis: set DATABASE_URL and REDIS_URL. Without them the runner "
                "(`manage.py serve`, or `runner`) carries runs out itself."
            )
        if options["concurrency"] < 1:
            raise CommandError("--concurrency must be 1 or more.")
        if not run(lambda: Work(runner=False, worker=options["concurrency"]), "The worker is at work.", self.stdout):
            sys.exit(1)
