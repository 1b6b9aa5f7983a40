"""Which events a hook wants: fields of the event, or of its headers, that must be as said. Pure.

    {"action": "opened"}                              the field `action` is this value
    {"repository.full_name": ["a/b", "a/c"]}          … is one of these
    {"pull_request": {"exists": true}}                … is there (false: is not)
    {"header:X-GitHub-Event": "pull_request"}         a header of the delivery

Every line must hold. A path goes through objects by name and through lists by number, from 0.
"""

from collections.abc import Mapping
from typing import Any

LINES_MAX = 20
VALUES_MAX = 100
TEXT_MAX = 200
HEADER = "header:"
_MISSING: Any = object()


def faults(wanted: Mapping[str, Any]) -> list[str]:
    """What is wrong with a filter, for the person who wrote it; nothing: it can be used."""
    if len(wanted) > LINES_MAX:
        return [f"Name at most {LINES_MAX} fields."]
    found = []
    for path, value in wanted.items():
        if not path.strip() or len(path) > TEXT_MAX:
            found.append(f"“{path[:40]}” is no path: write the names of fields with dots between, like “action.type”.")
        elif not _usable(value):
            found.append(f"“{path}”: write a text, a number, true, false, null, a list of them, or {{“exists”: true}}.")
    return found


def refusal(wanted: Mapping[str, Any], event: Any, headers: Mapping[str, str]) -> str:
    """Why the filter does not want this event; empty where it does. Header names are looked up without case."""
    for path, value in wanted.items():
        found = _at(path, event, headers)
        if isinstance(value, Mapping):
            if (found is not _MISSING) != value["exists"]:
                return f"{path} is {'not there' if found is _MISSING else 'there'}."
        elif found is _MISSING:
            return f"{path} is not there."
        elif not any(_equal(found, one) for one in (value if isinstance(value, list) else [value])):
            return f"{path} is {_shown(found)}."
    return ""


def _usable(value: Any) -> bool:
    if isinstance(value, Mapping):
        return set(value) == {"exists"} and isinstance(value["exists"], bool)
    values = value if isinstance(value, list) else [value]
    return 0 < len(values) <= VALUES_MAX and all(
        one is None or isinstance(one, bool | int | float) or (isinstance(one, str) and len(one) <= TEXT_MAX)
        for one in values
    )


def _at(path: str, event: Any, headers: Mapping[str, str]) -> Any:
    if path.lower().startswith(HEADER):
        return headers.get(path[len(HEADER) :].strip(), _MISSING)
    value = event
    for name in path.split("."):
        if isinstance(value, Mapping) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isascii() and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return _MISSING
    return value


def _equal(found: Any, wanted: Any) -> bool:
    # In JSON true is not 1; a form knows texts only, so a text that reads like the number counts.
    if isinstance(found, str) and not isinstance(wanted, str):
        return found == _shown(wanted)
    return bool(found == wanted) and isinstance(found, bool) == isinstance(wanted, bool)


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping | list):
        return "an object" if isinstance(value, Mapping) else "a list"
    return f"“{value[:80]}”" if isinstance(value, str) else str(value)[:80]
