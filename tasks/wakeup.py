"""Tells runners and workers that something is due earlier, or that runs were stopped.

Calls reach this process after the commit, and others where a carrier takes them there (`runner.telegraph`). Whoever
hears nothing looks at the database once a second, which is one index entry; so a call that gets lost costs a second and
loses nothing.
"""

from collections.abc import Callable, Sequence
from uuid import UUID

from django.db import transaction

Moved = Callable[[], None]
Stopped = Callable[[Sequence[UUID]], None]

_moved: set[Moved] = set()
_stopped: set[Stopped] = set()
_carriers: set[tuple[Moved, Stopped]] = set()


def listen(*, moved: Moved, stopped: Stopped) -> Callable[[], None]:
    """Call `moved()` and `stopped(run_ids)` after each such commit, from the thread that committed or heard of it.

    Both must be quick and thread-safe. Returns the function that ends it.
    """
    _moved.add(moved)
    _stopped.add(stopped)

    def end() -> None:
        _moved.discard(moved)
        _stopped.discard(stopped)

    return end


def carry(*, moved: Moved, stopped: Stopped) -> Callable[[], None]:
    """Call `moved()` and `stopped(run_ids)` for what happens in this process, to tell others. As `listen` else."""
    carrier = (moved, stopped)
    _carriers.add(carrier)
    return lambda: _carriers.discard(carrier)


def moved() -> None:
    """Something may be due earlier than before, or waits for a worker: say so when this transaction is committed."""
    transaction.on_commit(moved_now)


def stopped(run_ids: Sequence[UUID]) -> None:
    """These runs may not go on: say so when this transaction is committed."""
    if run_ids:
        transaction.on_commit(lambda: _tell_stopped(run_ids))


def moved_now() -> None:
    """The same as `moved`, of what is committed already, or is no matter of the database: there is room for a run."""
    heard_moved()
    for carrier, _ in list(_carriers):
        carrier()


def heard_moved() -> None:
    """Another process said `moved`."""
    for listener in list(_moved):
        listener()


def heard_stopped(run_ids: Sequence[UUID]) -> None:
    """Another process said `stopped`."""
    for listener in list(_stopped):
        listener(run_ids)


def _tell_stopped(run_ids: Sequence[UUID]) -> None:
    heard_stopped(run_ids)
    for _, carrier in list(_carriers):
        carrier(run_ids)
