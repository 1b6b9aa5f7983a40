"""Reads what a delivery brought: JSON or a form, as a value that every database stores. Pure."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import QueryDict

from conversations.events import made_storable

BODY_MAX = 1024 * 1024
"""Bytes of a delivery (contract: up to 1 MB)."""
DEPTH_MAX = 40
"""Levels of nesting: GitHub's deepest events have ten."""
FIELDS_MAX = 1_000
"""Fields of a form."""
FORM = "application/x-www-form-urlencoded"


class Unreadable(Exception):
    """The body is neither JSON nor a form; the message says what is wrong with it."""


def read(body: bytes, content_type: str) -> Any:
    """The event in `body`: an object of texts for a form, else the JSON value; nothing at all is an empty object.

    A form whose only field is `payload` holds JSON there, as GitHub's does. Characters that no database stores become
    U+FFFD. Raises `Unreadable`.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("The body is not UTF-8: send JSON or a form, in UTF-8.") from None
    if content_type.partition(";")[0].strip().lower() == FORM:
        fields = _form(text)
        if list(fields) != ["payload"]:
            return made_storable(fields)
        text = str(fields["payload"])
    return made_storable(_json(text))


def _form(text: str) -> dict[str, Any]:
    if text.count("&") >= FIELDS_MAX:
        raise Unreadable(f"The form has too many fields: at most {FIELDS_MAX:,}.")
    query = QueryDict(text)
    return {name: values[0] if len(values) == 1 else values for name, values in query.lists()}


def _json(text: str) -> Any:
    if not text.strip():
        return {}
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise Unreadable(f"The body is nested too deeply: at most {DEPTH_MAX} levels.") from None
    except ValueError as error:
        raise Unreadable(f"The body is not JSON: {error}.") from None
    level: Sequence[Any] = [value]
    for _ in range(DEPTH_MAX + 1):
        if any(isinstance(part, float) and not math.isfinite(part) for part in level):
            raise Unreadable("A number in the body is too large.")
        level = [inner for part in level for inner in _inside(part)]
        if not level:
            return value
    raise Unreadable(f"The body is nested too deeply: at most {DEPTH_MAX} levels.")


def _inside(value: Any) -> Sequence[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, list) else ()


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")
