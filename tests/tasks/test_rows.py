"""Rows written in bulk are as Django's own ways would write them."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DataError, connection

from conversations.ids import new_id
from tasks.models import Task, TaskTransition
from tasks.services.rows import insert_rows, like, write_columns

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)


def made(task: Task, number: int) -> list[TaskTransition]:
    """Transitions that differ in every kind of column: ids, texts, moments and JSON."""
    template = TaskTransition(task=task, new_status="running", created_at=NOW)
    return [
        like(
            template,
            {"task": task},
            id=new_id(),
            reason=f"“{place}” it's %s \\ \u4f60",
            changes={"title": ["old", place]} if place % 2 else {},
            created_at=NOW + timedelta(microseconds=place),
        )
        for place in range(number)
    ]


@pytest.mark.parametrize("number", [0, 1, 3])
def test_rows_are_read_back_as_they_were_made(task: Task, number: int) -> None:
    rows = made(task, number)
    insert_rows(rows)
    found = {row.pk: row for row in TaskTransition.objects.filter(pk__in=[row.pk for row in rows])}
    assert len(found) == number
    for row in rows:
        for field in TaskTransition._meta.concrete_fields:
            assert getattr(found[row.pk], field.attname) == getattr(row, field.attname), field.name


def test_what_all_rows_share_and_what_differs_is_written_to_those_rows_only(task: Task) -> None:
    rows = made(task, 4)
    insert_rows(rows)
    for place, row in enumerate(rows[:3]):
        row.reason, row.old_status, row.changes = f"new {place}", "pending", {"n": place}
    write_columns(rows[:3], ["reason", "old_status", "changes"])
    for place, row in enumerate(rows[:3]):
        row.refresh_from_db()
        assert (row.reason, row.old_status, row.changes) == (f"new {place}", "pending", {"n": place})
    rows[3].refresh_from_db()
    assert (rows[3].reason, rows[3].old_status) == ("“3” it's %s \\ \u4f60", "")


def test_a_row_made_like_another_is_saved_and_changed_as_any(task: Task) -> None:
    first, second = made(task, 2)
    first.save(force_insert=True)
    second.reason = "other"
    second.save(force_insert=True)
    first.refresh_from_db()
    assert first.reason.startswith("“0”")
    assert second.task.pk == first.task_id


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite keeps texts of any length")
def test_a_text_that_is_too_long_is_refused_and_never_cut(task: Task) -> None:
    rows = made(task, 2)
    rows[0].reason = "x" * 501
    with pytest.raises(DataError):
        insert_rows(rows)
