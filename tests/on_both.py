"""`python -m tests.on_both [ARGUMENT …]`: pytest on both databases, without one, and in the browser, side by side.

Much of each is waiting, so that four share two cores well. What the first prints is seen as it comes, what the others
print below it. The exit status is 0 if all passed.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack

SESSIONS = (
    ("on SQLite", {}, ("-m", "not database_independent")),
    ("on PostgreSQL", {"TEST_DATABASE": "postgres"}, ("-m", "not database_independent")),
    ("without a database of the session", {}, ("-m", "database_independent and not browser")),
    ("in the browser", {}, ("-m", "browser")),
)
"""Name, environment and arguments of each; together they are everything, on both databases what reads one."""
NOTHING_TO_DO = 5
"""Pytest's exit status where the arguments name no test for a session."""


def main(arguments: Sequence[str]) -> int:
    """Run all; returns the exit status."""
    with ExitStack() as stack:
        running = []
        for number, (name, environment, own) in enumerate(SESSIONS):
            said = stack.enter_context(tempfile.TemporaryFile()) if number else None
            process = subprocess.Popen(
                [sys.executable, "-m", "pytest", *own, *arguments],
                env={**os.environ, **environment},
                stdout=said,
                stderr=subprocess.STDOUT,
            )
            stack.callback(_end, process)
            running.append((name, process, said))
        failed = False
        for name, process, said in running:
            print(f"\n— {name} —", flush=True)
            failed |= process.wait() not in (0, NOTHING_TO_DO)
            if said is not None:
                said.seek(0)
                sys.stdout.buffer.write(said.read())
                sys.stdout.flush()
    return int(failed)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
