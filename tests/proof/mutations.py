"""Breaks each rule on purpose, in a copy, and sees a test fail: `python -m tests.proof.mutations [WORD IN THE RULE]`.

Each mutation is one change of the code; one that no test notices is printed, and the exit status is 1.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.proof.mutations_of_runs import MUTATIONS as OF_RUNS
from tests.proof.rules import Mutation

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("docs", "conversations", "tasks", "valuecell_site", "sample_agents", "tests", "templates", "pyproject.toml")
TESTS = (
    "tests/proof/test_slots_that_are_due.py",
    "tests/proof/test_tick_properties.py",
    "tests/proof/test_counting.py",
    "tests/proof/test_every_slot_has_its_row.py",
    "tests/tasks/test_ticks.py",
    "tests/tasks/test_claiming.py",
    "tests/tasks/test_schedules_meaning.py",
    "tests/tasks/test_schedules_oracle.py",
    "tests/proof/test_transition_properties.py",
)


TICKS, CLAIMING, OPERATIONS = (f"tasks/services/{name}.py" for name in ("ticks", "claiming", "operations"))
WHEN, CRON, ZONES = (f"tasks/schedules/{name}.py" for name in ("when", "cron", "zones"))

MUTATIONS = (
    Mutation(
        rule="jitter is no lateness",
        path=TICKS,
        old="return now - slot - schedules.jitter_for(due.schedule, due.key, slot)",
        new="return now - slot",
    ),
    Mutation(
        rule="a slot whose own moment has not come waits",
        path=TICKS,
        old="while later and _late(due, later[-1], now) < NO_TIME:",
        new="while False:",
    ),
    Mutation(
        rule="the window of catch-up",
        path=TICKS,
        old="if late[slot] <= max(due.window, ON_TIME)]",
        new="]",
    ),
    Mutation(rule="catch_up one keeps the newest", path=TICKS, old="keep = in_window[-1:]", new="keep = in_window[:1]"),
    Mutation(
        rule="catch_up all is bounded", path=TICKS, old="keep = in_window[-CATCH_UP_MAX:]", new="keep = in_window"
    ),
    Mutation(
        rule="catch_up none runs only what is on time",
        path=TICKS,
        old="keep = [slot for slot in in_window if late[slot] <= ON_TIME][-1:]",
        new="keep = in_window[-1:]",
    ),
    Mutation(rule="the missed are counted", path=TICKS, old="slots=max(1, total - len(keep))", new="slots=len(missed)"),
    Mutation(rule="queue holds one", path=TICKS, old="RunStatus.QUEUED not in due.active", new="True"),
    Mutation(
        rule="cancel_running runs the newest",
        path=TICKS,
        old="return keep[-1:], keep[:-1], True",
        new="return keep[:1], keep[1:], True",
    ),
    Mutation(
        rule="the limit of a day", path=TICKS, old="limited = due.left_today is not None and", new="limited = False and"
    ),
    Mutation(
        rule="max_runs",
        path=TICKS,
        old="exhausted = room is not None and len(keep) >= room",
        new="exhausted = room is not None and len(keep) > room",
    ),
    Mutation(
        rule="nothing behind the last run",
        path=TICKS,
        old="rows = [row for row in rows if row.slot < keep[-1]]",
        new="pass",
    ),
    Mutation(rule="rows in order", path=TICKS, old="rows=sorted(rows, key=lambda row: row.slot)", new="rows=rows"),
    Mutation(
        rule="a slot that is in a row is not written again",
        path=CLAIMING,
        old="if not any(_stands_for(run, row.slot) for run in before)]",
        new="]",
    ),
    Mutation(
        rule="a slot among neighbours is in their row",
        path=CLAIMING,
        old="return record.scheduled_for <= slot <= (record.last_slot or record.scheduled_for)",
        new="return record.scheduled_for == slot",
    ),
    Mutation(rule="neighbours share a row", path=CLAIMING, old="and record.scheduled_for < row.slot", new="and False"),
    Mutation(
        rule="a pause leaves a row",
        path="tasks/services/resting.py",
        old="claiming.record_rested(missed, limited, now=now, reason=PAUSED)",
        new="pass",
        tests=("tests/tasks/test_pausing.py",),
    ),
    Mutation(
        rule="an edit leaves a row",
        path=OPERATIONS,
        old="if task.recurring and task.next_slot_at is not None and task.next_slot_at <= now:",
        new="if False:",
    ),
    Mutation(rule="a repeated time runs once", path=WHEN, old="slots.add(passes[0])", new="slots.update(passes)"),
    Mutation(rule="a skipped time runs after the gap", path=WHEN, old="slots.add(late)", new="pass"),
    Mutation(rule="a steady one keeps its pace", path=WHEN, old="if rule.steady:\n", new="if False:\n"),
    Mutation(
        rule="what is steady",
        path=CRON,
        old='fields[0].startswith("*") or fields[1]',
        new='fields[0].startswith("*") and fields[1]',
    ),
    Mutation(
        rule="the day after a change is looked at too",
        path=WHEN,
        old="if found is not None and offset is not None:",
        new="if found is not None:",
    ),
    Mutation(rule="end_at is included", path=WHEN, old="found > schedule.end_at", new="found >= schedule.end_at"),
    Mutation(
        rule="start_at is a slot",
        path=WHEN,
        old="after = schedule.start_at - _INSTANT",
        new="after = schedule.start_at",
    ),
    Mutation(
        rule="an interval keeps its grid over resting days",
        path=WHEN,
        old="slot += max(step, -((slot - tomorrow) // step) * step)",
        new="slot = tomorrow",
    ),
)


def noticed(mutation: Mutation, folder: Path) -> bool:
    """Whether a test fails with this mutation."""
    path = folder / mutation.path
    code = path.read_text()
    if code.count(mutation.old) != 1:
        raise SystemExit(f"{mutation.rule}: not one place in {mutation.path}: {mutation.old}")
    path.write_text(code.replace(mutation.old, mutation.new))
    try:
        tests = mutation.tests or TESTS
        command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", "--durations=0", *tests]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "TEST_DATABASE": mutation.database}
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False).returncode == 1
    finally:
        path.write_text(code)


def main(word: str = "") -> int:
    unnoticed = []
    with tempfile.TemporaryDirectory(prefix="vct-mutations-") as name:
        folder = Path(name)
        for part in COPIED:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / part, folder / part)
        chosen = [mutation for mutation in (*MUTATIONS, *OF_RUNS) if word in mutation.rule]
        for mutation in chosen:
            found = noticed(mutation, folder)
            print(f"{'noticed' if found else 'NOT NOTICED':12} {mutation.rule}", flush=True)
            if not found:
                unnoticed.append(mutation)
    print(f"{len(chosen)} rules broken, {len(unnoticed)} unnoticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
