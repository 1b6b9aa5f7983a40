"""Tells the runners of this process that something is due earlier, or that runs were stopped.

The calls reach them after the commit. Runners of other processes look at the database once a second, which is one
index entry; so a call that nobody hears costs a second and loses nothing.
"""

from collections.abc import Callable, Sequence
from uuid import UUID

from django.db import transaction

Moved = Callable[[], None]
Stopped = Callable[[Sequence[UUID]], None]

_moved: set[Moved] = set()
_stopped: set[Stopped] = set()


def listen(*, moved: Moved, stopped: Stopped) -> Callable[[], None]:
    """Call `moved()` and `stopped(run_ids)` after each such commit in this process, from the committing thread.

    Both must be quick and thread-safe. Returns the function that ends it.
    """
    _moved.add(moved)
    _stopped.add(stopped)

    def end() -> None:
        _moved.discard(moved)
        _stopped.discard(stopped)

    return end


def moved() -> None:
    """Something may be due earlier than before, or waits for a worker: say so when this transaction is committed."""
    transaction.on_commit(_tell_moved)


def stopped(run_ids: Sequence[UUID]) -> None:
    """These runs may not go on: say so when this transaction is committed."""
    if run_ids:
        transaction.on_commit(lambda: _tell_stopped(run_ids))


def _tell_moved() -> None:
    for listener in list(_moved):
        listener()


def _tell_stopped(run_ids: Sequence[UUID]) -> None:
    for listener in list(_stopped):
        listener(run_ids)
