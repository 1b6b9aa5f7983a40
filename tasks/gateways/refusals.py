"""Why a caller's request is refused, whichever room of the application says so: one shape that each protocol words."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from conversations.wire import Refused
from conversations.wording import joined, worded
from tasks.errors import InvalidInput, NotFound, TaskError, WrongMoment
from tasks.schedules import ScheduleError

FORESEEN = (Refused, TaskError, ScheduleError, ValidationError)
"""Errors that say what to change. Anything else is a fault of this application."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """What to tell a caller: an HTTP status, a stable code, a sentence, and the fields that it is about."""

    status: int
    code: str
    message: str
    fields: Mapping[str, list[str]] = field(default_factory=dict)


def refusal(error: Exception) -> Refusal:
    """How one of the foreseen errors is told, as in the JSON API. Raises what is none of them."""
    match error:
        case Refused():
            told = _with_fields(error.message, error.fields)
            return Refusal(status=error.status, code=error.code, message=told, fields=error.fields)
        case InvalidInput():
            told = _with_fields(error.message, error.fields)
            return Refusal(status=422, code=error.code, message=told, fields=error.fields)
        case NotFound():
            return Refusal(status=404, code=error.code, message=error.message)
        case WrongMoment():
            return Refusal(status=409, code=error.code, message=error.message)
        case TaskError():
            return Refusal(status=422, code=error.code, message=error.message)
        case ScheduleError():
            return Refusal(status=422, code="invalid", message=joined(error.fields), fields=error.fields)
        case ValidationError():
            fields = worded(error.errors(include_url=False, include_input=False))
            return Refusal(status=422, code="invalid", message=joined(fields), fields=fields)
    raise error


def _with_fields(message: str, fields: Mapping[str, list[str]]) -> str:
    """A model reads one text: it needs the names of the fields too."""
    return joined(fields) if fields else message
