"""How a process of ours ends: with its parent, and in time."""

import logging
import os
import signal
import threading
import time

logger = logging.getLogger(__name__)

DEADLINE = 9.5
"""Seconds from the signal to the end; the contract allows 10."""
LOOK_SECONDS = 0.5


def die_with_parent() -> None:
    """Send ourselves SIGTERM when the parent ends, so that nothing of `make run` is left behind.

    The parent's number is watched. Linux's PR_SET_PDEATHSIG is not used: it goes off when the *thread* that
    started us ends, which may be long before its process does.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def end_by(seconds: float) -> None:
    """End this process after so long, whatever hangs."""

    def end() -> None:
        time.sleep(seconds)
        logger.error("something did not end in time and is left", extra={"event": "serve.deadline"})
        os._exit(1)

    threading.Thread(target=end, name="deadline", daemon=True).start()
