"""In which order the list of tasks stands, and where its next page begins: by key, so that no row is shown twice.

An order is a column and the id; a place in it is both of its last row, as the address carries them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, DateTimeField, F, Q, QuerySet, Value, When
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as lazy

from tasks.models import Task
from tasks.states import TASK_UNFINISHED

_PARTS = "~"
"""Stands between the id and the value of a place; ids have none."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """One way to sort."""

    word: Any
    by: str = ""
    """The annotation that is compared; empty: the id alone."""
    descending: bool = False
    is_time: bool = False


ORDERS = {
    "": Order(word=lazy("Newest first"), descending=True),
    "oldest": Order(word=lazy("Oldest first")),
    "next": Order(word=lazy("Next run first"), by="comes_at", is_time=True),
    "changed": Order(word=lazy("Last changed first"), by="updated_at", descending=True, is_time=True),
    "title": Order(word=lazy("Title, A to Z"), by="sort_title"),
}
"""The values of `?sort=`; what is none of them means the first."""


def ordered(tasks: QuerySet[Task], sort: str, place: str) -> QuerySet[Task]:
    """`tasks` in the order `sort`, from behind `place` (`place_of`'s text; one that is none means the beginning)."""
    order = ORDERS[sort]
    tasks = tasks.annotate(
        # What is paused or over comes at no time.
        comes_at=Case(
            When(status__in=TASK_UNFINISHED, paused_at=None, then=F("next_run_at")),
            default=Value(None),
            output_field=DateTimeField(null=True),
        ),
        sort_title=Lower("title"),
    )
    behind = _behind(order, place)
    if behind is not None:
        tasks = tasks.filter(behind)
    row = "-id" if order.descending else "id"
    if not order.by:
        return tasks.order_by(row)
    column = F(order.by)
    return tasks.order_by(column.desc(nulls_last=True) if order.descending else column.asc(nulls_last=True), row)


def place_of(task: Task, sort: str) -> str:
    """Where a row of `ordered` stands, for the address of the page behind it."""
    order = ORDERS[sort]
    if not order.by:
        return str(task.pk)
    value = getattr(task, order.by)
    return f"{task.pk}{_PARTS}{value.isoformat() if isinstance(value, datetime) else value or ''}"


def begins_at(sort: str, place: str) -> bool:
    """Whether `place` is one in that order, so that there are rows before it."""
    return _behind(ORDERS[sort], place) is not None


def _behind(order: Order, place: str) -> Q | None:
    text, parted, value = place.partition(_PARTS)
    try:
        row = UUID(text)
        key: Any = datetime.fromisoformat(value.replace(" ", "+")) if order.is_time and value else value
    except ValueError:
        return None
    way = "lt" if order.descending else "gt"
    if not order.by:
        return Q((f"id__{way}", row))
    if not parted or (order.is_time and value and key.tzinfo is None):
        return None
    if order.is_time and not value:
        # Among those that have no time, which stand last.
        return Q((order.by, None), (f"id__{way}", row))
    last = Q((order.by, None)) if order.is_time else Q()
    return Q((f"{order.by}__{way}", key)) | Q((order.by, key), (f"id__{way}", row)) | last


def in_order(tasks: QuerySet[Task], ids: Sequence[UUID]) -> list[Task]:
    """The rows of these ids, in their order."""
    found = {task.pk: task for task in tasks.filter(pk__in=ids)}
    return [found[pk] for pk in ids if pk in found]
