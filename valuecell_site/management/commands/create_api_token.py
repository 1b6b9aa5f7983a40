"""`manage.py create_api_token USERNAME`: a way in for programs."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from conversations import audit
from conversations.audit import Act
from tasks.scopes import Scope
from valuecell_site.models import ApiToken

DAYS_MAX = 36_500


class Command(BaseCommand):
    """Makes a token and prints it once, alone on the last line."""

    help = "Make an API token for a user and print it, alone on the last line. It is shown this once only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose token, and what to call it."""
        parser.add_argument("username")
        parser.add_argument("--name", default="", help="what it is for, to find it again in the list")
        parser.add_argument(
            "--scope",
            dest="scopes",
            action="append",
            choices=[str(scope) for scope in Scope],
            default=[],
            help="what it may be used for; give it several times for several. Without it: everything",
        )
        parser.add_argument("--days", type=int, help="how many days it is valid; without it: until it is revoked")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 (Django passes it)
        """Print the token. Raises CommandError (exit 1) for a user that is unknown or inactive, and for wrong days."""
        days = options["days"]
        if days is not None and not 1 <= days <= DAYS_MAX:
            raise CommandError(f"--days {days}: write a number from 1 to {DAYS_MAX:,}, or leave it out.")
        users = get_user_model().objects
        user = users.filter(username=options["username"]).first()
        if user is None:
            known = ", ".join(users.order_by("pk").values_list("username", flat=True)[:5]) or "none yet"
            raise CommandError(f"There is no user “{options['username']}” (there is: {known}).")
        if not user.is_active:
            raise CommandError(f"The user “{user.username}” is inactive: a token would open nothing.")
        expires_at = timezone.now() + timedelta(days=days) if days is not None else None
        with transaction.atomic():
            row, token = ApiToken.issue(
                user_id=user.pk,
                name=options["name"],
                expires_at=expires_at,
                scopes=[Scope(s) for s in options["scopes"]],
            )
            audit.record(Act.TOKEN_MADE, now=timezone.now(), subject=row, owner=user.username, scopes=row.scopes)
        may = f"may {', '.join(row.scopes)}" if row.scopes else "may do what they may"
        until = f"until {expires_at:%Y-%m-%d %H:%M} UTC" if expires_at else "until it is revoked"
        self.stdout.write(f"Token of {user.username}: {may}, {until}. Keep it: it is not shown again.")
        self.stdout.write(token)
