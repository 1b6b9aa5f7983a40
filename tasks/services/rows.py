"""Writes what many rows have in different ways, in one round trip: the set-based half of TaskService."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models

Prepare = Callable[[models.Model], Any]


def write_columns(rows: Sequence[models.Model], fields: Sequence[str]) -> None:
    """Write `fields` of each of `rows` (of one model, with primary keys) in one prepared statement.

    `QuerySet.bulk_update` builds a CASE of every row and field, whose planning grows with their product; this stays
    linear. The rows must be locked by the caller, or theirs alone.
    """
    if not rows:
        return
    model = type(rows[0])
    by_name = {field.name: field for field in model._meta.concrete_fields}
    columns = [by_name[name] for name in fields]
    key = model._meta.pk
    assignments = ", ".join(f'"{column.column}" = %s' for column in columns)
    _send(
        f'UPDATE "{model._meta.db_table}" SET {assignments} WHERE "{key.column}" = %s',  # noqa: S608
        rows,
        [_prepared(column) for column in (*columns, key)],
    )


def insert_rows(rows: Sequence[models.Model]) -> None:
    """Insert new `rows` (of one model) in one prepared statement, however many they are.

    `QuerySet.bulk_create` splits them into statements that SQLite's limit of variables allows, and builds each anew.
    Columns that the database numbers stay unset.
    """
    if not rows:
        return
    model = type(rows[0])
    columns = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
    names = ", ".join(f'"{column.column}"' for column in columns)
    places = ", ".join(["%s"] * len(columns))
    _send(
        f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({places})',  # noqa: S608
        rows,
        [_prepared(column) for column in columns],
    )
    for row in rows:
        row._state.adding = False  # A later `save()` is an update.


def _send(statement: str, rows: Sequence[models.Model], columns: Sequence[Prepare]) -> None:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.executemany(statement, [[value(row) for value in columns] for row in rows])


def _prepared(field: Any) -> Prepare:
    """A function that takes the field's value of a row as the driver wants it."""
    name, database = field.attname, connections[DEFAULT_DB_ALIAS]
    moments: dict[datetime, Any] = {}

    def prepare(row: models.Model) -> Any:
        value = getattr(row, name)
        if value is None:
            return None
        if not isinstance(value, datetime):
            return field.get_db_prep_save(value, database)
        # Rows that are written together share their moments.
        found = moments.get(value)
        if found is None:
            found = moments[value] = field.get_db_prep_save(value, database)
        return found

    return prepare
