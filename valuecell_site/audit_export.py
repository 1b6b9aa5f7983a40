"""The audit as a file: CSV for spreadsheets, JSON for programs; row by row, so that its size does not matter."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from valuecell_site.auditing import as_plain
from valuecell_site.models import AuditRecord

COLUMNS = (
    "id",
    "at",
    "act",
    "actor_id",
    "actor",
    "via",
    "address",
    "subject_kind",
    "subject_id",
    "subject",
    "count",
    "details",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(rows: Iterable[AuditRecord]) -> Iterator[str]:
    """A line for the columns' names, then one a row; `details` is JSON. A text that a spreadsheet would take for a
    formula has an apostrophe before it.
    """
    yield _line(COLUMNS)
    for row in rows:
        plain = as_plain(row)
        plain["details"] = json.dumps(plain["details"], ensure_ascii=False) if plain["details"] else ""
        yield _line([_cell(plain[name]) for name in COLUMNS])


def as_json(rows: Iterable[AuditRecord]) -> Iterator[str]:
    """A list of objects, one a line."""
    yield "["
    for nth, row in enumerate(rows):
        yield (",\n" if nth else "\n") + json.dumps(as_plain(row), ensure_ascii=False)
    yield "\n]\n"


Form = Callable[[Iterable[AuditRecord]], Iterator[str]]
FORMS: dict[str, tuple[Form, str]] = {
    "csv": (as_csv, "text/csv; charset=utf-8"),
    "json": (as_json, "application/json"),
}


def _line(cells: Iterable[Any]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
