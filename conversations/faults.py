"""Labelled points of the path that a run takes, at which the fault tests let the process die.

Everywhere else a point does nothing. `tests/faults` walks them all, and audits what the next process makes of it.
"""

import os
import signal

from django.conf import settings

_name, _, _nth = str(settings.FAULT_POINT).partition(":")
_countdown = int(_nth or 1)


def reached(point: str) -> None:
    """Say that `point` is reached. With FAULT_POINT=`point:n`, the n-th time the process is killed, as by `kill -9`."""
    global _countdown
    if _name and point == _name:
        _countdown -= 1
        if _countdown == 0:
            os.kill(os.getpid(), signal.SIGKILL)
