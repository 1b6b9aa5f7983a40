"""What is wrong with what was sent, in words for the person who reads them: pydantic's faults, by field. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any


def worded(faults: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Pydantic's faults by field, in words for the person who reads them; `tasks.0.query` names an inner field."""
    fields: dict[str, list[str]] = {}
    for fault in faults:
        name = ".".join(str(part) for part in fault["loc"]) or "body"
        text = _words(fault["type"], fault.get("ctx") or {}, fault["msg"])
        texts = fields.setdefault(name, [])
        if text not in texts:
            texts.append(text)
    return fields


WORDS = {
    "missing": "This is required.",
    "extra_forbidden": "There is no such field here: leave it out.",
    "string_type": "Write a text, in quotes.",
    "string_too_long": "Write at most {max_length:,} characters.",
    "string_too_short": "Write at least {min_length:,} characters.",
    "int_type": "Write a whole number.",
    "int_parsing": "Write a whole number.",
    "int_from_float": "Write a whole number.",
    "int_parsing_size": "The number is too large.",
    "bool_type": "Write true or false.",
    "greater_than_equal": "Write {ge:,} or more.",
    "greater_than": "Write more than {gt:,g}.",
    "less_than": "Write less than {lt:,g}.",
    "finite_number": "Write a number.",
    "float_type": "Write a number.",
    "float_parsing": "Write a number.",
    "decimal_type": "Write a number.",
    "decimal_parsing": "Write a number.",
    "less_than_equal": "Write {le:,} or less.",
    "literal_error": "Write one of {expected}.",
    "list_type": "Write a list: [ … ].",
    "too_short": "Send at least {min_length:,}.",
    "too_long": "Send at most {max_length:,}.",
    "dict_type": "Write an object: { … }.",
    "model_type": "Write an object: { … }.",
    "timezone_aware": "Write the offset too, as in 2026-05-01T09:00:00+02:00.",
    "datetime_type": "Write a time with its offset, as 2026-05-01T09:00:00+02:00.",
    "datetime_parsing": "Write a time with its offset, as 2026-05-01T09:00:00+02:00.",
    "datetime_from_date_parsing": "Write a time with its offset, as 2026-05-01T09:00:00+02:00.",
    "datetime_object_invalid": "Write a time with its offset, as 2026-05-01T09:00:00+02:00.",
}
"""Pydantic's kinds of fault, in words that say what to write instead; names in braces are the fault's own figures."""


def _words(kind: str, context: Mapping[str, Any], usual: str) -> str:
    if kind == "value_error":
        return str(context.get("error", usual))
    words = WORDS.get(kind)
    if words is None:
        return f"{usual}."
    return words if "{ … }" in words else words.format_map(context)


def joined(fields: Mapping[str, Sequence[str]]) -> str:
    """All of it as one line, each fault behind its field's name."""
    return " ".join(f"{name}: {' '.join(texts)}" for name, texts in fields.items())
