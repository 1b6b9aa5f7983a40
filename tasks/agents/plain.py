"""Protobuf's JSON values as plain ones: whole numbers as integers, and nothing that a database cannot store. Pure."""

import math
from collections.abc import Mapping
from typing import Any

from google.protobuf.struct_pb2 import Struct, Value

EXACT = 2**53
"""Beyond it a double no longer holds every whole number, so a float is left as it is."""


def clean(text: str) -> str:
    """The text without NUL characters, which PostgreSQL cannot store."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


def plain(value: Value) -> Any:
    """A Value as Python's own. Numbers arrive as doubles: whole ones become integers again."""
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return clean(value.string_value)
    if kind == "number_value":
        number = value.number_value
        if not math.isfinite(number):
            return None  # JSON has no such number.
        return int(number) if number.is_integer() and abs(number) <= EXACT else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "struct_value":
        return plain_struct(value.struct_value)
    if kind == "list_value":
        return [plain(entry) for entry in value.list_value.values]
    return None


def plain_struct(struct: Struct, *, without: Mapping[str, Any] | frozenset[str] = frozenset()) -> dict[str, Any]:
    """A Struct as a dictionary, `without` some of its keys.

    Sorted: protobuf gives its maps in another order in each process, and texts made of them have to be the same.
    """
    return {clean(key): plain(value) for key, value in sorted(struct.fields.items(), key=_key) if key not in without}


def _key(entry: tuple[str, Value]) -> str:
    return entry[0]
