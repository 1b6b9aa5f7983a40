"""`manage.py seed_demo`: plausible conversations, tasks, runs and items in any number."""

import time
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from valuecell_site.seeding import Figures, NotPossible, Wanted, seed

PROGRESS_EVERY = 100_000
"""Rows between two lines of progress."""


class Command(BaseCommand):
    """Adds data to look at and to measure with; nothing that is there is changed, and nothing fires in masses."""

    help = (
        "Add plausible conversations, tasks, runs and items of one person, by statements over sets. Of the tasks about "
        "a third has its next run in the future (none within six hours; at most 200 go daily, the rest weekly), the "
        "others are paused or have ended."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How many of what, and whose."""
        parser.add_argument("--user", default="admin", help="whose they are; made, without a password, if missing")
        parser.add_argument("--conversations", type=int, default=20)
        parser.add_argument("--tasks", type=int, default=1000)
        parser.add_argument("--items", type=int, default=10_000)
        parser.add_argument("--runs", type=int, default=5000)
        parser.add_argument("--seed", type=int, default=0, help="another number gives other data (default 0)")

    def handle(self, *_: Any, **options: Any) -> None:
        """Print what was made. Raises CommandError (exit 1) for numbers that do not fit together."""
        user = self._user(options["user"])
        wanted = Wanted(
            **{name: options[name] for name in ("conversations", "tasks", "items", "runs")},
        )
        begin = time.monotonic()
        shown = 0

        def progress(rows: int) -> None:
            nonlocal shown
            if rows // PROGRESS_EVERY > shown and options["verbosity"]:
                shown = rows // PROGRESS_EVERY
                self.stdout.write(f"{rows:>13,} rows, {rows / (time.monotonic() - begin):,.0f}/s")
                self.stdout.flush()

        try:
            figures = seed(user, wanted, now=timezone.now(), number=options["seed"], progress=progress)
        except NotPossible as error:
            raise CommandError(str(error)) from None
        self._print(figures, user, time.monotonic() - begin)

    def _user(self, name: str) -> User:
        user, made = User.objects.get_or_create(username=name, defaults={"is_active": True})
        if made:
            user.set_unusable_password()
            user.save(update_fields=["password"])
            self.stdout.write(f"Made the user {name}, who has no password yet: manage.py changepassword {name}")
        return user

    def _print(self, figures: Figures, user: User, seconds: float) -> None:
        rows = 0
        for name in ("conversations", "plans", "tasks", "runs", "items", "transitions"):
            number = getattr(figures, name)
            rows += number
            self.stdout.write(f"{name:<14}{number:>12,}")
        self.stdout.write(f"{'rows':<14}{rows:>12,}  in {seconds:,.1f} s ({rows / max(seconds, 0.001):,.0f}/s)")
        agents = ", ".join(f"{name} {number:,}" for name, number in sorted(figures.by_agent.items()))
        if not figures.tasks:
            return
        self.stdout.write(f"Of the tasks ({agents}), all of {user.username}:")
        for words, number in (
            ("have a next run in the future", figures.armed),
            ("are paused", figures.resting),
            ("wait for an answer", figures.asking),
            ("have ended", figures.ended),
        ):
            self.stdout.write(f"{number:>12,}  {number / figures.tasks:>6.1%}  {words}")
        if figures.first_due is not None:
            first = timezone.localtime(figures.first_due)
            self.stdout.write(f"The first is due {first:%Y-%m-%d %H:%M %Z}, {figures.due_in_a_day:,} within a day.")
