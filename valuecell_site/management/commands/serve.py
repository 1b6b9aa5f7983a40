"""`manage.py serve`: the whole product in one process: web, sockets and runner, with the sample agents beside
it.
"""

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from valuecell_site import health
from valuecell_site.serve import startup
from valuecell_site.serve.agents import SampleAgents
from valuecell_site.serve.ending import die_with_parent
from valuecell_site.serve.work import Work


class Command(BaseCommand):
    """Serve at HOST:PORT until SIGTERM or SIGINT."""

    help = "Serve the site and run what is due, in one process. Prints where to sign in and as whom."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Options."""
        parser.add_argument("--no-sample-agents", action="store_true", help="do not start the agents that ship with it")
        parser.add_argument("--no-runner", action="store_true", help="web only: runners run elsewhere")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Prepare, serve, and come back when it is over."""
        die_with_parent()
        host, port = settings.HOST, settings.PORT
        startup.raise_open_file_limit()
        if not startup.port_is_free(host, port):
            raise CommandError(f"{host}:{port} is taken or not ours: set HOST and PORT to where to serve.")
        health.starting("migrations, agents and the runner")
        agents = held = None
        if not options["no_sample_agents"]:
            try:
                held = startup.hold_agents(settings.DATA_DIR, settings.PUBLIC_URL)
            except startup.AgentsHeld as holder:
                raise CommandError(
                    f"{settings.DATA_DIR} is served already, by {holder}: stop that, set another DATA_DIR, or add "
                    "--no-sample-agents."
                ) from None
            # They start while the schema is being made.
            agents = SampleAgents(directory=settings.BASE_DIR, data_dir=settings.DATA_DIR)
            agents.start()
        try:
            with startup.alone(settings.DATA_DIR):
                startup.migrate()
                sign_in = startup.ensure_admin(data_dir=settings.DATA_DIR, password=settings.ADMIN_PASSWORD)
            if agents is not None and (why := agents.wait()):
                self._say(f"The sample agents are not up ({why}); going on without them.")
            self._load_cards()
            self._say(f"\nValueCell Tasks is at {settings.PUBLIC_URL}/")
            self._say(f"Sign in as {sign_in.username} with the password {sign_in.password or 'that you set'}\n")
            failed = self._serve(Work(agents=agents, runner=not options["no_runner"]))
        except KeyboardInterrupt:
            failed = False
        finally:
            if agents is not None:
                agents.stop()
            if held is not None:
                held.close()
        if failed:
            sys.exit(1)

    def _serve(self, work: Work) -> bool:
        # Not before: it sets the application up, which looks at the database.
        from valuecell_site.asgi import application
        from valuecell_site.serve.server import Server

        server = Server(application, host=settings.HOST, port=settings.PORT, start=work.start, stop=work.stop)
        server.run()
        return server.failed

    def _load_cards(self) -> None:
        from tasks.agents.cards import load

        for report in load([settings.AGENT_CARDS_DIR, settings.LOCAL_CARDS_DIR]):
            if report.outcome in ("added", "updated", "failed"):
                self._say(report.text)

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
