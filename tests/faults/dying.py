"""A runner that is to die at a labelled point."""

import signal
import time

from django.utils import timezone

from tasks.models import Task, TaskRun
from tests.helpers.processes import start_runner

PATIENCE = 40.0
DONE_FOR = 5.0
"""Seconds after which a runner with nothing left to do is said never to come to the point."""


def die(point: str) -> bool:
    """Run a runner that dies at `point`; False where it never comes there and has done all that there was."""
    dying = start_runner(FAULT_POINT=point)
    assert dying.stderr is not None
    end = time.monotonic() + PATIENCE
    try:
        while dying.poll() is None:
            if settled() and time.monotonic() > end - PATIENCE + DONE_FOR:
                dying.kill()
                dying.wait()
                return False
            assert time.monotonic() < end, f"neither died nor done: {list(TaskRun.objects.values('status', 'error'))}"
            time.sleep(0.05)
        assert dying.wait() == -signal.SIGKILL, dying.stderr.read().decode()
        return True
    finally:
        dying.stderr.close()


def settled() -> bool:
    """Nothing is due, queued or running; what waits for a person waits."""
    active = TaskRun.objects.filter(status__in=["queued", "running"]).exists()
    return not active and not Task.objects.due(timezone.now()).exists() and TaskRun.objects.exists()
