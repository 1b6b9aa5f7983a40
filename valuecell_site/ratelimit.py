"""How many requests a person may send a minute: counted in fixed minutes, in this process's memory."""

import math
import threading

WINDOW = 60.0
"""Seconds that are counted together."""


class RateLimit:
    """Counts requests of each person. Several web processes allow each their own count: a limit against runaway
    loops, not an exact quota.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._window = 0
        self._counts: dict[int, int] = {}

    def retry_after(self, user_id: int, limit: int, *, now: float) -> int | None:
        """Count one request at `now` (seconds of any steady clock); None if it may pass, else whole seconds to wait.

        `limit` is requests a minute; 0 lets everything pass.
        """
        if limit <= 0:
            return None
        window = int(now // WINDOW)
        with self._lock:
            if window != self._window:
                # Everybody's minute ends together, so that counts of people who left take no memory.
                self._window, self._counts = window, {}
            count = self._counts.get(user_id, 0)
            if count >= limit:
                return max(1, math.ceil((window + 1) * WINDOW - now))
            self._counts[user_id] = count + 1
        return None
