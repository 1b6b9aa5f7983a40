"""Labelled points of the path that a run takes, at which the fault tests let the process die.

Everywhere else a point does nothing. `tests/faults` walks them all, and audits what the next process makes of it.
"""

import os
import signal

from django.conf import settings

_name = ""
_countdown = 0


def die_at(point: str) -> None:
    """Let this process be killed, as by `kill -9`, when it reaches `point` (`point:n`: the n-th time); empty: never."""
    global _name, _countdown
    _name, _, nth = point.partition(":")
    _countdown = int(nth or 1)


def reached(point: str) -> None:
    """Say that `point` is reached."""
    global _countdown
    if _name and point == _name:
        _countdown -= 1
        if _countdown == 0:
            os.kill(os.getpid(), signal.SIGKILL)


die_at(str(settings.FAULT_POINT))
