"""Whose turn it is to write, among the threads of one process: first come, first served.

SQLite has one writer. Whoever finds it taken sleeps and tries again, ever longer (up to 100 ms), so that under load
the journal, which comes back at once, has the lock again before a claim has woken up. Here the next one is told, at
the moment of the commit. Other processes still meet at SQLite's own lock. (docs/decisions/0010 has the figures.)
"""

from collections import deque
from threading import Lock


class Turns:
    """A lock that is handed over in the order of arrival. Any thread may release it."""

    def __init__(self) -> None:
        self._mutex = Lock()
        self._held = False
        self._waiting: deque[Lock] = deque()

    def acquire(self, timeout: float) -> bool:
        """Wait for the turn, for at most `timeout` seconds; returns whether it is ours now."""
        with self._mutex:
            if not self._held:
                self._held = True
                return True
            mine = Lock()
            mine.acquire()
            self._waiting.append(mine)
        if mine.acquire(timeout=timeout):
            return True
        with self._mutex:
            if mine in self._waiting:
                self._waiting.remove(mine)
                return False
        # It was handed over at the very end of the wait.
        return True

    def release(self) -> None:
        """Hand the turn to who has waited longest."""
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False


_turns: dict[str, Turns] = {}
_making = Lock()


def turns_of(database: str) -> Turns:
    """The turns of a database file."""
    with _making:
        return _turns.setdefault(database, Turns())
