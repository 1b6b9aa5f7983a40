"""Makes and writes many rows that differ, in one statement a table: the set-based half of TaskService.

Django's own ways cost a call a field and row: its constructor was a third of a claim's time, its bulk statements
another (docs/decisions/0010).
"""

from collections.abc import Sequence
from itertools import repeat
from operator import attrgetter
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models.base import ModelState

M = TypeVar("M", bound=models.Model)


def like(template: M, related: dict[str, models.Model] | None = None, **columns: Any) -> M:
    """A new, unsaved row with the values of `template`, and `columns` (by attribute name, ids of others too) in place
    of some. `related` are the objects behind foreign keys, by the name of the key, so that nobody reads them again.

    The key of the new row must be among `columns`.
    """
    row = object.__new__(type(template))
    row.__dict__.update(template.__dict__)
    row.__dict__.update(columns)
    row._state = ModelState()
    if related:
        row._state.fields_cache.update(related)
    return row


def write_columns(rows: Sequence[models.Model], fields: Sequence[str]) -> None:
    """Write `fields` of each of `rows` (of one model, with primary keys) in one statement.

    `QuerySet.bulk_update` builds a CASE of every row and field, whose planning grows with their product; this stays
    linear. The rows must be locked by the caller, or theirs alone.
    """
    if not rows:
        return
    model = type(rows[0])
    by_name = {field.name: field for field in model._meta.concrete_fields}
    columns = [_Column(by_name[name], rows) for name in fields]
    key = _Column(model._meta.pk, rows, key=True)
    table, database = model._meta.db_table, connections[DEFAULT_DB_ALIAS]
    with database.cursor() as cursor:
        if database.vendor != "postgresql":
            places = ", ".join(f'"{column.name}" = %s' for column in columns)
            statement = f'UPDATE "{table}" SET {places} WHERE "{key.name}" = %s'  # noqa: S608
            cursor.executemany(statement, _by_row([*columns, key]))
            return
        places = ", ".join(f'"{column.name}" = {column.place}' for column in columns)
        source, arrays = _unnested([key, *columns])
        cursor.execute(
            f'UPDATE "{table}" SET {places} FROM {source} WHERE "{table}"."{key.name}" = {key.place}',  # noqa: S608
            [*(column.shared for column in columns if column.is_shared), *arrays],
        )


def insert_rows(rows: Sequence[models.Model]) -> None:
    """Insert new `rows` (of one model) in one statement, however many they are.

    `QuerySet.bulk_create` splits them into statements that SQLite's limit of variables allows, and builds each anew.
    Columns that the database numbers stay unset.
    """
    if not rows:
        return
    model = type(rows[0])
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
    columns = [_Column(field, rows, key=field.primary_key) for field in fields]
    names = ", ".join(f'"{column.name}"' for column in columns)
    table, database = model._meta.db_table, connections[DEFAULT_DB_ALIAS]
    with database.cursor() as cursor:
        if database.vendor != "postgresql":
            places = ", ".join(["%s"] * len(columns))
            cursor.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({places})', _by_row(columns))  # noqa: S608
        else:
            places = ", ".join(column.place for column in columns)
            source, arrays = _unnested(columns)
            cursor.execute(
                f'INSERT INTO "{table}" ({names}) SELECT {places} FROM {source}',  # noqa: S608
                [*(column.shared for column in columns if column.is_shared), *arrays],
            )
    for row in rows:
        row._state.adding = False  # A later `save()` is an update.


class _Column:
    """One column of all rows, as the driver wants it: one value where all rows share it, else a list."""

    def __init__(self, field: Any, rows: Sequence[models.Model], *, key: bool = False) -> None:
        """`key`: a list in any case, which gives the others their length."""
        database = connections[DEFAULT_DB_ALIAS]
        self.name: str = field.column
        # Without its length: a cast to `varchar(200)` would cut a longer text silently.
        self.type = (field.rel_db_type(database) if field.remote_field else field.db_type(database)).partition("(")[0]
        values = list(map(attrgetter(field.attname), rows))
        while field.remote_field:
            field = field.target_field
        first = values[0]
        self.is_shared = not key and values.count(first) == len(values)
        self.shared = self._prepared(field, [first])[0] if self.is_shared else None
        self.values: list[Any] = [] if self.is_shared else self._prepared(field, values)

    @property
    def place(self) -> str:
        """The column's value in a statement over `_unnested`."""
        return f"%s::{self.type}" if self.is_shared else f'given."{self.name}"'

    @staticmethod
    def _prepared(field: Any, values: list[Any]) -> list[Any]:
        database = connections[DEFAULT_DB_ALIAS]
        if isinstance(field, models.UUIDField):
            return [None if value is None else field.get_db_prep_value(value, database) for value in values]
        if isinstance(field, models.JSONField):
            return [None if value is None else field.get_db_prep_save(value, database) for value in values]
        # Rows that are written together have few different moments, names and numbers.
        known = {value: None if value is None else field.get_db_prep_save(value, database) for value in set(values)}
        return [known[value] for value in values]


def _by_row(columns: Sequence[_Column]) -> list[tuple[Any, ...]]:
    """The parameters row by row, for SQLite, which has no round trips to save."""
    values = (repeat(column.shared) if column.is_shared else column.values for column in columns)
    return list(zip(*values, strict=False))


def _unnested(columns: Sequence[_Column]) -> tuple[str, list[list[Any]]]:
    """What differs as arrays, for PostgreSQL: the source of the rows, and its parameters."""
    listed = [column for column in columns if not column.is_shared]
    arrays = ", ".join(f"%s::{column.type}[]" for column in listed)
    names = ", ".join(f'"{column.name}"' for column in listed)
    return f"unnest({arrays}) AS given({names})", [column.values for column in listed]
