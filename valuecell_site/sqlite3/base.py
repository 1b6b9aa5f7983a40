"""The backend that `ENGINE: valuecell_site.sqlite3` names: transactions wait for their turn before they begin."""

from typing import Any

from django.db import OperationalError
from django.db.backends.sqlite3 import base

from valuecell_site.sqlite3.turns import Turns, turns_of


class DatabaseWrapper(base.DatabaseWrapper):
    """One connection. It has the turn from its `BEGIN IMMEDIATE` until it has committed, rolled back or closed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._turn: Turns | None = None

    def _start_transaction_under_autocommit(self) -> None:
        turns = turns_of(str(self.settings_dict["NAME"]))
        if not turns.acquire(self.settings_dict["OPTIONS"].get("timeout", 5.0)):
            raise OperationalError("database is locked")
        self._turn = turns
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._end_turn()
            raise

    def _commit(self) -> None:
        try:
            super()._commit()  # type: ignore[misc]
        finally:
            self._end_turn()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._end_turn()

    def _close(self) -> None:
        connection = self.connection
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._end_turn(closed=connection is not None)

    def _end_turn(self, *, closed: bool = False) -> None:
        """Hand the turn on, unless the transaction goes on (a commit that a constraint refused is rolled back yet)."""
        if self._turn is None or (not closed and self.connection is not None and self.connection.in_transaction):
            return
        turn, self._turn = self._turn, None
        turn.release()
