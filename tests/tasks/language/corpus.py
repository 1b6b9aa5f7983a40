"""The corpus of phrases, read, and what `understand` makes of each beside what is expected."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from tasks.planner.language import Understanding, understand

ZONE = "Europe/Berlin"
NOW = datetime(2026, 11, 25, 10, 0, tzinfo=ZoneInfo(ZONE))
"""When the corpus is said: a Wednesday."""
FILES = ("english", "english_none", "chinese", "chinese_none")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One phrase with what it means: a schedule, `?` or `-`."""

    file: str
    text: str
    expected: dict[str, object] | str
    request: str | None


def lines(*files: str) -> Iterator[Line]:
    """The lines of some files of the corpus, or of all."""
    for name in files or FILES:
        path = Path(__file__).parent / "phrases" / f"{name}.jsonl"
        for row in path.read_text(encoding="utf-8").splitlines():
            text, expected, *rest = json.loads(row)
            yield Line(file=name, text=text, expected=expected, request=rest[0] if rest else None)


def heard(line: Line) -> Understanding:
    """What is understood of a line."""
    return understand(line.text, timezone=ZONE, now=NOW)


def outcome(understood: Understanding) -> dict[str, object] | str:
    """What was understood, written as the corpus writes it."""
    if understood.question:
        return "?"
    if understood.sure is None:
        return "-"
    data = dict(understood.sure.data)
    if data.get("timezone") == ZONE:
        del data["timezone"]
    return data
