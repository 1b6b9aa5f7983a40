"""`python -m tests.on_both [ARGUMENT …]`: pytest on SQLite and PostgreSQL side by side: much of both is waiting.

What the first prints is seen as it comes, what the second prints below it. The exit status is 0 if both passed.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Run both; returns the exit status."""
    command = [sys.executable, "-m", "pytest", *arguments]
    with tempfile.TemporaryFile() as said:
        postgres = subprocess.Popen(
            command, env={**os.environ, "TEST_DATABASE": "postgres"}, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            print("— on SQLite —", flush=True)
            status = subprocess.run(command, check=False).returncode
            second = postgres.wait()
        finally:
            if postgres.poll() is None:
                postgres.terminate()
                postgres.wait()
        said.seek(0)
        print("\n— on PostgreSQL —", flush=True)
        sys.stdout.buffer.write(said.read())
        sys.stdout.flush()
    return status or second


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
