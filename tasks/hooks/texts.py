"""Puts an event into a task's text: `{{ event.issue.title }}`. Values are data, and never read as a text again."""

import json
import re
from collections.abc import Mapping
from typing import Any

from tasks.models import Task
from tasks.services.events import CannotSay, MakeText

PLACE = re.compile(r"\{\{\s*event((?:\.[\w-]+)*)\s*\}\}")
TEXT_MAX = 100_000
"""Characters of the text of a run: three times what a person may write."""


def maker(event: Any) -> MakeText:
    """A function that fills the places of a task's text from `event`; it raises `CannotSay` for a missing name."""

    def make(task: Task) -> str:
        missing: list[str] = []

        def value(match: re.Match[str]) -> str:
            path = match[1].lstrip(".")
            found = _at(event, path)
            if found is None:
                missing.append(f"event.{path}")
            return found or ""

        text = PLACE.sub(value, task.query)
        if missing:
            raise CannotSay(f"The event has no {', '.join(dict.fromkeys(missing))}, which the task's text needs.")
        if len(text) > TEXT_MAX:
            raise CannotSay(f"With this event the text has {len(text):,} characters: at most {TEXT_MAX:,} are sent.")
        return text

    return make


def _at(event: Any, path: str) -> str | None:
    value = event
    for name in path.split(".") if path else ():
        if isinstance(value, Mapping) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isascii() and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
