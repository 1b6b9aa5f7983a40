"""Writes what many rows have in different ways, in one round trip: the set-based half of TaskService."""

from collections.abc import Sequence
from typing import Any

from django.db import connection, models


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
    statement = f'UPDATE "{model._meta.db_table}" SET {assignments} WHERE "{key.column}" = %s'  # noqa: S608

    def value(row: models.Model, field: Any) -> Any:
        return field.get_db_prep_save(getattr(row, field.attname), connection)

    with connection.cursor() as cursor:
        cursor.executemany(statement, [[*(value(row, column) for column in columns), value(row, key)] for row in rows])
