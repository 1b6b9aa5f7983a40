"""`python -m benchmarks [NAME …] [--quick]`: run the benchmarks one after another and print one table.

Each has a process, a temporary DATA_DIR and, where it is listed for both, a PostgreSQL server of its own. Absolute
figures are this machine's; read the ratios. The exit status is 1 if a benchmark broke, never because a goal was missed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from benchmarks.child import MARK
from benchmarks.harness import Row

NAMES = (
    "transcript",
    "growing",
    "growing_postgres",
    "routing",
    "schedules",
    "language",
    "claiming",
    "claiming_postgres",
    "lateness",
    "api_start",
    "idle",
    "every_minute",
    "burst",
    "burst_postgres",
    "sockets",
    "markdown",
)
POSTGRES = "_postgres"
"""The end of a name that means: the same benchmark on PostgreSQL."""
COLUMNS = ("what", "ours", "baseline", "ratio", "goal", "")


def main() -> int:
    """Run what is asked for; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no benchmark is named {', '.join(sorted(unknown))}: choose from {', '.join(NAMES)}")
    rows: list[Row] = []
    broken: list[str] = []
    for name in options.names or NAMES:
        print(f"\n— {name} —", flush=True)
        try:
            rows.extend(run(name, quick=options.quick))
        except subprocess.CalledProcessError as error:
            print(f"{name} broke (exit status {error.returncode})", flush=True)
            broken.append(name)
    print("\n" + "\n".join(table(rows)))
    if broken:
        print(f"\nBroken: {', '.join(broken)}")
    return 1 if broken else 0


def run(name: str, *, quick: bool) -> Iterator[Row]:
    """Run one benchmark in a process of its own and yield its rows; what else it prints is passed on.

    Raises `CalledProcessError` when it ends with an error.
    """
    module = name.removesuffix(POSTGRES)
    command = [sys.executable, "-m", "benchmarks.child", module, *(["--quick"] if quick else [])]
    if name.endswith(POSTGRES):
        command = [sys.executable, "-m", "tests.with_postgres", *command]
    with tempfile.TemporaryDirectory(prefix="vct-bench-") as directory:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "valuecell_site.settings",
            "DATA_DIR": directory,
            "DATABASE_URL": "",
            "REDIS_URL": "",
            "LOG_LEVEL": "ERROR",
            "API_RATE": "0",
            "MAX_SOCKETS_PER_USER": "0",
        }
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(MARK):
                row = Row(**json.loads(line.removeprefix(MARK)))
                print("  " + "   ".join(cell for cell in cells(row) if cell), flush=True)
                yield row
            else:
                print("  " + line, end="", flush=True)
        if status := process.wait():
            raise subprocess.CalledProcessError(status, command)


def cells(row: Row) -> tuple[str, ...]:
    """A row as the table shows it."""
    verdict = {None: "", True: "met", False: "MISSED"}[row.met]
    return row.what, row.ours, row.baseline, row.ratio, row.goal, verdict


def table(rows: list[Row]) -> list[str]:
    """All rows as lines of text in columns."""
    lines = [COLUMNS, *(cells(row) for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(COLUMNS))]
    written = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    ]
    return [written[0], "-" * len(written[0]), *written[1:]]


if __name__ == "__main__":
    sys.exit(main())
