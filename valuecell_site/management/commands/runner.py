"""`manage.py runner`: what is due is run here, without the web."""

import asyncio
import signal
from typing import Any

from django.core.management.base import BaseCommand

from conversations.hub import hub
from valuecell_site.serve.ending import DEADLINE, die_with_parent, end_by
from valuecell_site.serve.work import Work


class Command(BaseCommand):
    """Run until SIGTERM or SIGINT; what cannot end in time is handed back."""

    help = "Run due tasks, without serving the site. Any number of runners may work on one database."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Run, and come back when it is over."""
        die_with_parent()
        asyncio.run(self._run())

    async def _run(self) -> None:
        over = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, over.set)
        hub.bind()
        work = Work()
        await work.start()
        self.stdout.write("The runner is at work.")
        self.stdout.flush()
        await over.wait()
        end_by(DEADLINE)
        await work.stop()
