"""`manage.py check_agent URL`: try an agent as the application would use it, and print what works."""

import asyncio
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from tasks.agents.examination import Verdict, examine

SIGNS = {Verdict.WORKS: "✓", Verdict.FAILS: "✗", Verdict.NOT_TRIED: "–"}


class Command(BaseCommand):
    """Report each check on a line as soon as it is done; the exit status is 1 if one failed."""

    help = "Try card, send, stream, look-up, question, cancel and resume against any agent. Nothing is stored."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The address, and what to say there."""
        parser.add_argument("url", metavar="URL", help="the agent's address, or its card's")
        parser.add_argument("--text", default="What can you do?", help="what it is asked, thrice")
        parser.add_argument("--answer", default="yes", help="what it is told if it asks something")
        parser.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help="for each answer")
        parser.add_argument("--credential-env", default="", metavar="NAME", help="the variable with its bearer token")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 (Django's signature)
        """Examine and report."""
        if asyncio.run(self._report(options)):
            sys.exit(1)

    async def _report(self, options: dict[str, Any]) -> int:
        failed = 0
        async for finding in examine(
            options["url"],
            text=options["text"],
            answer=options["answer"],
            seconds=options["timeout"],
            credential_env=options["credential_env"],
        ):
            failed += finding.verdict == Verdict.FAILS
            self.stdout.write(f"{SIGNS[finding.verdict]} {finding.what:<9} {finding.verdict:<9} {finding.words}")
            self.stdout.flush()
        return failed
