"""A runner in a process of its own, whose clock is quick and wrong: claims, leases and ends runs until nothing is left.

`python -m tests.proof.skewed_runner NAME SKEW BASE SPEED` says `ready`, reads a moment (Unix seconds) and begins then:
its clock shows BASE and SKEW seconds more, and goes SPEED times as fast. Prints the runs that it started, one a line.
"""

import os
import random
import sys
import time
from datetime import datetime, timedelta

PATIENCE = 60.0
"""Real seconds after which it gives up."""
AT_ONCE = 2


def main(name: str, skew: float, base: datetime, speed: float) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "valuecell_site.settings")
    import django

    django.setup()
    from tasks.models import Task, TaskRun
    from tasks.services import TaskService

    print("ready", flush=True)
    begin = float(sys.stdin.readline())
    time.sleep(max(0.0, begin - time.time()))
    while time.time() < begin + PATIENCE:
        now = base + timedelta(seconds=skew + (time.time() - begin) * speed)
        TaskService.claim_due(now=now)
        leases = TaskService.start(worker=name, capacity=AT_ONCE, now=now)
        for lease in leases:
            print(lease.run_id, flush=True)
            _end(lease, now)
        if not leases and not Task.objects.unfinished().exists() and not TaskRun.objects.active().exists():
            return 0
        # So that each has its turn: the quickest clock would do it all.
        time.sleep(random.uniform(0.0, 0.1))
    return 1


def _end(lease: "object", now: datetime) -> None:
    """End a run well, as the journal does."""
    from django.db import transaction

    from conversations.journal import write
    from tasks.services import Lease, TaskService

    assert isinstance(lease, Lease)
    with transaction.atomic():
        if TaskService.gate({lease}, {lease}):
            write(TaskService.complete(lease, result="done", now=now))


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(main(given[0], float(given[1]), datetime.fromisoformat(given[2]), float(given[3])))
