"""`manage.py new_agent NAME`: write an agent that runs, and the card that makes it known here."""

import json
import re
import socket
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

PROGRAM = '''"""{name}: what it does, in a sentence."""

from sample_agents.base import BaseAgent, Skill, message_chunk, serve


class {name}(BaseAgent):
    description = "Says what it was told."
    skills = (Skill(id="repeat", name="Repeat", description="Repeats what you write.", examples=["Repeat: hello"]),)

    async def stream(self, query, conversation_id, task_id, dependencies):
        yield message_chunk("You wrote: ")
        yield message_chunk(query)


if __name__ == "__main__":
    serve({name}(), port={port})
'''


class Command(BaseCommand):
    """Two files; neither is overwritten."""

    help = "Write NAME's program and card. docs/writing-an-agent.md goes on from there."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The name, and where to."""
        parser.add_argument("name", metavar="NAME", help="a Python class name, such as Greeter")
        parser.add_argument("--directory", type=Path, default=Path(), help="where the program goes (default: here)")
        parser.add_argument("--port", type=int, default=0, help="default: one that is free now")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 (Django's signature)
        """Write both, and say what to do next."""
        name = options["name"]
        if not name.isidentifier() or not name[0].isupper():
            raise CommandError(f"{name} is no name for a class: letters and digits, a capital first, as in Greeter.")
        port = options["port"] or _free_port()
        program = options["directory"] / f"{re.sub(r'(?<=[a-z0-9])(?=[A-Z])', '_', name).lower()}.py"
        card = settings.AGENT_CARDS_DIR / f"{name}.json"
        for path in (program, card):
            if path.exists():
                raise CommandError(f"{path} is there already: choose another name, or remove it first.")
        program.write_text(PROGRAM.format(name=name, port=port))
        card.parent.mkdir(parents=True, exist_ok=True)
        card.write_text(json.dumps({"name": name, "url": f"http://127.0.0.1:{port}/"}, indent=2) + "\n")
        module = ".".join(program.with_suffix("").parts)
        self.stdout.write(
            f"Written: {program} and {card}.\n\n"
            f"  python -m {module}              starts it\n"
            f"  python manage.py check_agent http://127.0.0.1:{port}/   tries it\n"
            "  python manage.py load_agent_cards     makes it known\n"
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
