"""Writes rows by the thousand: one prepared statement on SQLite, COPY on PostgreSQL, a transaction a chunk."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

from django.db import connection, models, transaction

CHUNK = 10_000
"""Rows that wait before they are written together: a few MB, and about 200 ms of SQLite's writer."""


def id_at(moment: datetime, random: Random) -> UUID:
    """A UUIDv7 (RFC 9562 section 5.7) of a moment in the past, so that ids are in the order of the seeded times."""
    milliseconds = int(moment.timestamp() * 1000)
    # 12 bits of the microseconds order what falls into one millisecond.
    fine = moment.microsecond % 1000 * 4
    return UUID(int=(milliseconds << 80) | (0x7000 | fine) << 64 | (0b10 << 62) | random.getrandbits(62))


@contextmanager
def roomy() -> Iterator[None]:
    """While it lasts, SQLite holds 256 MB of its indexes in memory: seeded ids lie all over the past, so that nearly
    every row goes to another page of each index.
    """
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA cache_size")
        before = cursor.fetchone()[0]
        cursor.execute("PRAGMA cache_size = -262144")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA cache_size = {int(before)}")


class Table:
    """The rows of one model that wait to be written."""

    def __init__(self, model: type[models.Model]) -> None:
        fields = model._meta.concrete_fields
        # What the model's own defaults say (moments: that of this call), so that a later column needs nothing here.
        self._defaults = {field.attname: field.get_default() for field in fields if not field.primary_key}
        self._names = tuple(field.attname for field in fields)
        self._adapt = tuple(_adapter(field) for field in fields)
        self._columns = ", ".join(f'"{field.column}"' for field in fields)
        self._table = model._meta.db_table
        self._waiting: list[tuple[Any, ...]] = []
        self.written = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, values: Mapping[str, Any]) -> None:
        """Take a row: attribute names (`task_id`, not `task`) and values; times in UTC."""
        row = {**self._defaults, **values}
        self._waiting.append(tuple(adapt(row[name]) for name, adapt in zip(self._names, self._adapt, strict=True)))

    def write(self) -> None:
        """Write what waits. Must run inside a transaction, after the tables that it refers to."""
        if not self._waiting:
            return
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                with cursor.copy(f'COPY "{self._table}" ({self._columns}) FROM STDIN') as copy:
                    for row in self._waiting:
                        copy.write_row(row)
            else:
                places = ", ".join(["%s"] * len(self._names))
                cursor.executemany(
                    f'INSERT INTO "{self._table}" ({self._columns}) VALUES ({places})',  # noqa: S608
                    self._waiting,
                )
        self.written += len(self._waiting)
        self._waiting = []


class Tables:
    """Several tables whose rows are written together, those that others refer to first."""

    def __init__(self, tables: Sequence[type[models.Model]], *, progress: Callable[[int], None]) -> None:
        self.of = {model: Table(model) for model in tables}
        self._progress = progress

    def flush(self, *, all_of_it: bool = False) -> None:
        """Write everything that waits, once it is a chunk, or `all_of_it`."""
        waiting = sum(len(table) for table in self.of.values())
        if waiting < (1 if all_of_it else CHUNK):
            return
        with transaction.atomic():
            for table in self.of.values():
                table.write()
        self._progress(sum(table.written for table in self.of.values()))

    def analyse(self) -> None:
        """Tell the database's planner how its tables look now, or it goes on with the plans for empty ones."""
        names = ", ".join(f'"{model._meta.db_table}"' for model in self.of)
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(f"ANALYZE {names}")
            else:
                cursor.execute("PRAGMA analysis_limit = 1000")
                cursor.execute("PRAGMA optimize = 0x10002")


def _adapter(field: "models.Field[Any, Any]") -> Callable[[Any], Any]:
    """How a value of `field` is handed to the driver; Django's own preparation of each costs ten times as much."""
    sqlite = connection.vendor != "postgresql"
    if isinstance(field, models.ForeignKey):
        return _adapter(field.target_field)
    if isinstance(field, models.UUIDField):
        return _hex if sqlite else _same
    if isinstance(field, models.DateTimeField):
        return _naive if sqlite else _same
    if isinstance(field, models.JSONField):
        return _json
    return _same


def _same(value: Any) -> Any:
    return value


def _hex(value: UUID | None) -> str | None:
    return None if value is None else value.hex


def _naive(value: datetime | None) -> str | None:
    return None if value is None else str(value.astimezone(UTC).replace(tzinfo=None))


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)
