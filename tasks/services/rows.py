"""Writes what many rows have in different ways, in one statement or stream: the set-based half of TaskService."""

from collections.abc import Callable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models

Prepare = Callable[[models.Model], Any]

AS_IT_IS = (models.CharField, models.TextField, models.IntegerField, models.BooleanField)
"""Fields whose values every driver takes as they are: asking each for it costs more than the statement."""


def write_columns(rows: Sequence[models.Model], fields: Sequence[str]) -> None:
    """Write `fields` of each of `rows` (of one model, with primary keys) in one statement.

    `QuerySet.bulk_update` builds a CASE of every row and field, whose planning grows with their product; this stays
    linear. The rows must be locked by the caller, or theirs alone.
    """
    if not rows:
        return
    model, database = type(rows[0]), connections[DEFAULT_DB_ALIAS]
    table, key = model._meta.db_table, model._meta.pk
    by_name = {field.name: field for field in model._meta.concrete_fields}
    columns = [by_name[name] for name in fields]
    if database.vendor != "postgresql":
        assignments = ", ".join(f'"{column.column}" = %s' for column in columns)
        statement = f'UPDATE "{table}" SET {assignments} WHERE "{key.column}" = %s'  # noqa: S608
        with database.cursor() as cursor:
            cursor.executemany(statement, _values(rows, [*columns, key]))
        return
    # Arrays, joined side by side: one statement, planned once, instead of one for each row.
    names = ", ".join(f'"{column.column}"' for column in (*columns, key))
    arrays = ", ".join(f"%s::{column.db_type(database)}[]" for column in (*columns, key))
    assignments = ", ".join(f'"{column.column}" = new."{column.column}"' for column in columns)
    statement = (
        f'UPDATE "{table}" SET {assignments} FROM unnest({arrays}) AS new ({names}) '  # noqa: S608
        f'WHERE "{table}"."{key.column}" = new."{key.column}"'
    )
    with database.cursor() as cursor:
        cursor.execute(statement, [list(column) for column in zip(*_values(rows, [*columns, key]), strict=True)])


def insert_rows(rows: Sequence[models.Model]) -> None:
    """Insert new `rows` (of one model) in one prepared statement, or as PostgreSQL's COPY, however many they are.

    `QuerySet.bulk_create` splits them into statements that SQLite's limit of variables allows, and builds each anew.
    Columns that the database numbers stay unset.
    """
    if not rows:
        return
    model, database = type(rows[0]), connections[DEFAULT_DB_ALIAS]
    columns = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
    names = ", ".join(f'"{column.column}"' for column in columns)
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            with cursor.copy(f'COPY "{model._meta.db_table}" ({names}) FROM STDIN') as copy:
                for values in _values(rows, columns):
                    copy.write_row(values)
        else:
            places = ", ".join(["%s"] * len(columns))
            statement = f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({places})'  # noqa: S608
            cursor.executemany(statement, _values(rows, columns))
    for row in rows:
        row._state.adding = False  # A later `save()` is an update.


def _values(rows: Sequence[models.Model], columns: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows' values as the driver wants them, column by column."""
    return list(zip(*(_column(rows, column) for column in columns), strict=True))


def _column(rows: Sequence[models.Model], field: Any) -> list[Any]:
    database = connections[DEFAULT_DB_ALIAS]
    found = list(map(attrgetter(field.attname), rows))
    target = getattr(field, "target_field", field)
    if isinstance(target, AS_IT_IS):
        return found
    if isinstance(target, models.UUIDField):
        if database.features.has_native_uuid_field:
            return found
        return [None if value is None else value.hex for value in found]
    # Rows that are written together share their moments.
    moments: dict[datetime, Any] = {}

    def prepared(value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, datetime):
            return field.get_db_prep_save(value, database)
        if value not in moments:
            moments[value] = field.get_db_prep_save(value, database)
        return moments[value]

    return [prepared(value) for value in found]
