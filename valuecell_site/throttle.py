"""Guessing is slowed down: after some wrong tries for one name from one address, both together have to wait.

Counted in the database, so that all processes count together. Nobody is locked out by their name alone: whoever
guesses elsewhere does not keep its owner from signing in.
"""

import math
from datetime import datetime, timedelta
from hashlib import sha256

from valuecell_site.models import Attempt

WINDOW = timedelta(minutes=5)
TRIES = 5
"""Tries within the window that may fail; the next one waits until the first of them is that old."""


class MustWait(Exception):
    """Too many tries; the next one counts after `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"wait {seconds} s")
        self.seconds = seconds

    @property
    def words(self) -> str:
        """How long, as people say it."""
        return f"{self.seconds} s" if self.seconds < 60 else f"{math.ceil(self.seconds / 60)} min"


def begin(what: str, name: str, address: str, *, now: datetime) -> str:
    """Count a try of `what` for `name` from `address`; returns the key to give to `succeeded`. Raises `MustWait`.

    1. What is too old to count is forgotten.
    2. The try is written before anything is checked, so that of many at once no more than TRIES get through.
    3. Where there are too many it is taken back: who goes on trying does not wait longer for it.
    """
    digest = sha256("\0".join((what, name.casefold(), address)).encode("utf-8", "surrogatepass")).hexdigest()
    Attempt.objects.filter(at__lte=now - WINDOW).delete()
    tried = Attempt.objects.create(digest=digest, at=now)
    times = list(Attempt.objects.filter(digest=digest).order_by("at").values_list("at", flat=True))
    if len(times) > TRIES:
        tried.delete()
        free = times[-1 - TRIES] + WINDOW
        raise MustWait(max(1, math.ceil((free - now).total_seconds())))
    return digest


def succeeded(digest: str) -> None:
    """The try was right: those before it are forgotten."""
    Attempt.objects.filter(digest=digest).delete()
