"""`manage.py create_api_token USERNAME`: a way in for programs."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from valuecell_site.models import ApiToken


class Command(BaseCommand):
    """Makes a token and prints it once, alone on the last line."""

    help = "Make an API token for a user and print it, alone on the last line. It is shown this once only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose token, and what to call it."""
        parser.add_argument("username")
        parser.add_argument("--name", default="", help="what it is for, to find it again in the list")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 (Django passes it)
        """Print the token. Raises CommandError (exit 1) for a user that is unknown or inactive."""
        users = get_user_model().objects
        user = users.filter(username=options["username"]).first()
        if user is None:
            known = ", ".join(users.order_by("pk").values_list("username", flat=True)[:5]) or "none yet"
            raise CommandError(f"There is no user “{options['username']}” (there is: {known}).")
        if not user.is_active:
            raise CommandError(f"The user “{user.username}” is inactive: a token would open nothing.")
        _row, token = ApiToken.issue(user_id=user.pk, name=options["name"])
        self.stdout.write(f"Token of {user.username}. Keep it: it is not shown again.")
        self.stdout.write(token)
