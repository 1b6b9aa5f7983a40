"""The whole matrix and the seeded faults: `python -m tests.conformance [--seeds N] [--seed K] [--on SERVER] …`.

Every case on every server in every way, with a drop at every boundary and in every dress; then N drawn runs. Prints
what is wrong with each, and the exit status is 1 where anything is. `--write-transcripts` records the cases anew.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Run it; returns the exit status."""
    parser = argparse.ArgumentParser(prog="tests.conformance", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many drawn runs")
    parser.add_argument("--first", type=int, default=0, help="the first of their seeds")
    parser.add_argument("--seed", type=int, help="this one alone, and no matrix")
    parser.add_argument("--no-matrix", action="store_true", help="the drawn runs alone")
    parser.add_argument("--on", default="", help="one server")
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument("--write-transcripts", action="store_true", help="record the transcripts, and nothing else")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="vct-conformance-") as folder:
        os.environ.setdefault("DATABASE_URL", "")
        os.environ.update(
            DATA_DIR=folder,
            SECRET_KEY="only for the matrix, never secret",
            LOG_LEVEL="CRITICAL",
            TIME_ZONE="UTC",
            DJANGO_SETTINGS_MODULE="valuecell_site.settings",
        )
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        from tests.conformance.walking import walk

        return asyncio.run(walk(given))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
