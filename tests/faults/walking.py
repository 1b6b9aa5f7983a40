"""Goes through all scenes and their points on the database that is set, and prints what came of it."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence

from django.contrib.auth.models import User
from django.db import connection

from tests.faults.catalogue import SCENES
from tests.faults.path import Scene, Trial
from tests.faults.scenes import Again
from tests.faults.stage import Nursery, Stage

STATEMENTS_MAX = 150
"""Statements after which a path is not looked at any further; none has as many."""
QUIET = 2
"""Statements in a row that nothing comes to: the path has no more of them."""


def walk(*, seed: int, sequences: int, only: str = "") -> int:
    """Walk; returns 1 if a rule was violated, else 0."""
    user = User.objects.create_user(f"walker-{time.time_ns()}")
    nursery = Nursery()
    begun = time.monotonic()
    number = died = violated = 0
    print(f"— {connection.vendor}, seed {seed} —", flush=True)
    try:
        again = Again()
        scenes: Sequence[Scene] = [*SCENES, again]
        for scene in scenes:
            if only not in ("", scene.name):
                continue
            named = again.draw(seed, sequences) if scene is again else scene.points
            outcomes: Counter[str] = Counter()
            print(f"\n{scene.name}", flush=True)
            for point, trial in _trials(scene, named, nursery, user):
                number += 1
                died += trial.died
                if trial.died and point.startswith("statement:"):
                    outcomes[trial.outcome] += 1
                elif not point.startswith("statement:"):
                    _print(point, trial.outcome if trial.died else "not reached here")
                for violation in trial.violations:
                    violated += 1
                    _print(point, f"VIOLATION: {violation}")
            for outcome, times in outcomes.most_common():
                _print(f"{times} statements that write", outcome)
    finally:
        nursery.close()
    minutes = (time.monotonic() - begun) / 60
    print(
        f"\n{connection.vendor}, seed {seed}: {number} trials, a process died in {died} of them,"
        f" {violated} violations, {minutes:.1f} minutes",
        flush=True,
    )
    return 1 if violated else 0


def _trials(scene: Scene, named: Sequence[str], nursery: Nursery, user: User) -> Iterator[tuple[str, Trial]]:
    for point in named:
        yield point, tried(scene, point, nursery, user)
    quiet = n = 0
    while scene.statements and quiet < QUIET and n < STATEMENTS_MAX:
        n += 1
        trial = tried(scene, f"statement:{n}", nursery, user)
        quiet = 0 if trial.died else quiet + 1
        yield f"statement:{n}", trial


def tried(scene: Scene, point: str, nursery: Nursery, user: User) -> Trial:
    """One trial, which leaves nothing that goes on."""
    stage = Stage(nursery, user, scene.agent())
    try:
        return scene.trial(stage, point)
    finally:
        stage.close()


def _print(point: str, words: str) -> None:
    print(f"  {point:44} {words}", flush=True)
