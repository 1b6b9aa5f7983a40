"""One benchmark in a process of its own: `python -m benchmarks.child NAME [--quick]`, in the DATA_DIR that it is given.

Prints each row as a line of JSON behind MARK as soon as it is measured; everything else that it prints is for people.
"""

import argparse
import importlib
import json

from benchmarks import harness

MARK = "row: "


def main() -> None:
    """Set the application up, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    harness.prepare()
    # Not before: models cannot be imported until Django is set up.
    benchmark = importlib.import_module(f"benchmarks.{options.name}")
    for row in benchmark.measure(quick=options.quick):
        print(MARK + json.dumps(row.as_dict()), flush=True)


if __name__ == "__main__":
    main()
