"""How a JSON request is read and a page is answered: what every endpoint of both apps shares.

Endpoints read body and query here, after they found the object that the path names, and not through the framework's
parameters, which are checked before the view runs: a 404 comes before a 422 (the contract's section 3), so nobody
learns from a 422 that somebody else's object is there.

    Refused
    ├── Invalid      422, says which field and what to write instead
    ├── Absent       404, no such thing or somebody else's
    └── Forbidden    403, not for this role
"""

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NoReturn, TypeVar, cast
from uuid import UUID

from django.http import HttpRequest, JsonResponse
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    field_validator,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import User

Model = TypeVar("Model", bound=BaseModel)
Row = TypeVar("Row")

DEPTH_MAX = 40
"""Levels of nesting in a body: far more than any endpoint reads, far fewer than exhaust a recursive reader's stack."""
LIMIT_MAX = 200
BIGINT_MAX = 2**63 - 1


class Refused(Exception):
    """A request that is answered with `status`; `code` is stable, `message` is for people."""

    status = 400
    code = "refused"

    def __init__(self, message: str, *, fields: Mapping[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fields = {name: list(texts) for name, texts in (fields or {}).items()}


class Invalid(Refused):
    """Something in what was sent."""

    status = 422
    code = "invalid"

    @classmethod
    def at(cls, field: str, text: str) -> "Invalid":
        """One wrong field, named as the sender wrote it."""
        return cls(text, fields={field: [text]})


class Absent(Refused):
    """There is no such thing for this person."""

    status = 404
    code = "not_found"

    def __init__(self, message: str = "There is no such thing here.") -> None:
        super().__init__(message)


class Forbidden(Refused):
    """The person may see it, and not do this."""

    status = 403
    code = "forbidden"


def _read_moment(value: object) -> datetime:
    try:
        # Read here, since a strict reader takes no text for a time once it is a Python value.
        if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d", value):
            return datetime.fromisoformat(value.upper())
    except ValueError:
        pass
    raise ValueError("Write a time with its offset, as 2026-05-01T09:00:00+02:00.")


Instant = Annotated[AwareDatetime, BeforeValidator(_read_moment)]
"""A time that was sent: ISO 8601 with offset, and not the bare numbers that pydantic takes for seconds."""


class PageQuery(BaseModel):
    """What every list takes."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] = 50
    cursor: Annotated[str, Field(max_length=500)] | None = None


class Nothing(BaseModel):
    """The body of a POST that takes none: nothing at all, or an empty object."""

    model_config = ConfigDict(extra="forbid")


class Patch(BaseModel):
    """The body of a PATCH: what was sent is changed. Null is taken only where it removes something."""

    model_config = ConfigDict(extra="forbid")

    removable: ClassVar[frozenset[str]] = frozenset()
    """Fields that null clears."""

    @field_validator("*", mode="before")
    @classmethod
    def _null_removes(cls, value: object, info: ValidationInfo) -> object:
        if value is None and info.field_name not in cls.removable:
            raise ValueError("There is nothing here that null removes: write a value, or leave the field out.")
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema: dict[str, Any] = handler(core_schema)
        for name, prop in handler.resolve_ref_schema(schema)["properties"].items():
            if name not in cls.removable and "anyOf" in prop:
                prop["anyOf"] = [kind for kind in prop["anyOf"] if kind != {"type": "null"}]
                prop.pop("default", None)
        return schema


def person(request: HttpRequest) -> "User":
    """Who asks. The gate before every endpoint has let nobody through who is not signed in."""
    return cast("User", request.user)


NOBODY = UUID(int=0)
"""The id that no row has."""


def path_id(text: str) -> UUID:
    """An id from the path; NOBODY for what is no UUID, so that it is answered like an object that is not there."""
    return optional_id(text) or NOBODY


def optional_id(text: str | None) -> UUID | None:
    """An id from a filter or a body; None for what is no UUID (the caller says what that means there)."""
    try:
        return UUID(text or "")
    except ValueError:
        return None


def read_body(request: HttpRequest, model: type[Model]) -> Model:
    """Read the body as `model`, strictly ("5" is no number); an empty body is an empty object.

    Raises Invalid for what is not JSON, not an object, or holds characters and numbers that no database stores, and
    pydantic's ValidationError for the fields (the API's one error function words it).
    """
    return read_json(request.body, model)


def read_json(body: bytes, model: type[Model]) -> Model:
    """The same for a body that came another way."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid("The body is not UTF-8: send JSON in UTF-8.") from None
    if not text.strip(" \t\r\n"):
        text = "{}"
    try:
        data = json.loads(text, parse_constant=_no_constant, parse_float=_number)
    except RecursionError:
        raise Invalid(f"The body is nested too deeply: at most {DEPTH_MAX} levels.") from None
    except ValueError as error:
        raise Invalid(f"The body is not JSON: {_json_fault(error)}.") from None
    return read_value(data, model)


def read_value(data: Any, model: type[Model]) -> Model:
    """The same for JSON that was decoded already."""
    if not isinstance(data, dict):
        raise Invalid("The body must be a JSON object, such as {}.")
    _check_values(data)
    # From JSON, since only there a strict reader takes a string for a time; written anew, so that 5.0 is 5.
    read = model.model_validate_json(json.dumps(data), strict=True)
    _check_moments(read)
    return read


def read_nothing(request: HttpRequest) -> None:
    """Refuse, as `read_body` does, a body that would have no effect."""
    read_body(request, Nothing)


def read_query(request: HttpRequest, model: type[Model]) -> Model:
    """Read the query string as `model`; of a repeated key the last counts.

    Raises Invalid, or pydantic's ValidationError. A model that forbids what it does not know has unknown keys refused:
    a filter that is spelled wrong would answer with everything, and look as if it had been understood.
    """
    if model.model_config.get("extra") == "forbid" and (unknown := set(request.GET) - set(model.model_fields)):
        known = f"There is no such parameter here: write one of {', '.join(model.model_fields)}."
        raise Invalid(known, fields={name: [known] for name in sorted(unknown)})
    given = {name: value for name, value in request.GET.items() if name in model.model_fields}
    for name, value in given.items():
        if isinstance(value, str) and "\0" in value:
            raise Invalid.at(name, "Remove the NUL character.")
    read = model.model_validate(given)
    _check_moments(read)
    return read


def answer(data: Any, status: int = 200) -> JsonResponse:
    """The JSON answer; the endpoint's declared response describes it and the tests hold it to that."""
    return JsonResponse(data, status=status, safe=False, json_dumps_params={"ensure_ascii": False})


def page(rows: Iterable[Row], limit: int, *, show: Callable[[Row], Any], cursor: Callable[[Row], str]) -> JsonResponse:
    """One page of `rows`, of which the caller fetched up to `limit` + 1: the one too many says that more follows."""
    # Fetched here and once: a slice of a query is a query.
    fetched = list(rows)
    shown = fetched[:limit]
    more = len(fetched) > limit
    return answer({"items": [show(row) for row in shown], "next_cursor": cursor(shown[-1]) if more else None})


def cursor_of(of: str, *parts: object) -> str:
    """An opaque, URL-safe cursor of the list `of` that holds `parts`, its last row's place."""
    text = json.dumps([of, *(str(part) for part in parts)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def cursor_parts(cursor: str, of: str, count: int) -> list[str]:
    """The `count` parts of a cursor of the list `of`. Raises Invalid on the field `cursor` for anything else."""
    try:
        read = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        bad_cursor()
    if not isinstance(read, list) or len(read) != count + 1 or not all(isinstance(part, str) for part in read):
        bad_cursor()
    # Another list's cursor would be understood, and skip rows without a word.
    if read[0] != of:
        bad_cursor()
    return read[1:]


def bad_cursor() -> NoReturn:
    """Refuse a cursor."""
    raise Invalid.at("cursor", "Not a cursor of this list: send next_cursor as it was answered, or none.")


def cursor_id(cursor: str | None, of: str) -> UUID | None:
    """The id that a cursor of the id-ordered list `of` holds; None for the first page. Raises Invalid."""
    if cursor is None:
        return None
    try:
        return UUID(cursor_parts(cursor, of, 1)[0])
    except ValueError:
        bad_cursor()


def _number(text: str) -> float | int:
    """JSON has one kind of number: 5.0 is the whole number 5."""
    value = float(text)
    return int(value) if value.is_integer() else value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _json_fault(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    return "a number in it is too long" if "integer string" in str(error) else str(error)


def _check_values(data: Any) -> None:
    """Refuse, wherever it stands, what JSON can say and a database cannot hold: NUL, half characters, infinities."""
    waiting: list[tuple[Any, str, int]] = [(data, "", 0)]
    while waiting:
        value, path, depth = waiting.pop()
        if depth > DEPTH_MAX:
            raise Invalid.at(path.split(".")[0], f"Nested too deeply: at most {DEPTH_MAX} levels.")
        if isinstance(value, str):
            _check_text(value, path)
        elif (isinstance(value, float) and not math.isfinite(value)) or (
            isinstance(value, int) and not -BIGINT_MAX <= value <= BIGINT_MAX
        ):
            raise Invalid.at(path, "The number is too large.")
        elif isinstance(value, dict):
            for key, inner in value.items():
                _check_text(key, path or "body")
                waiting.append((inner, f"{path}.{key}" if path else key, depth + 1))
        elif isinstance(value, list):
            waiting.extend((inner, f"{path}.{index}", depth + 1) for index, inner in enumerate(value))


def _check_text(text: str, path: str) -> None:
    if "\0" in text:
        raise Invalid.at(path, "Remove the NUL character.")
    if any("\ud800" <= character <= "\udfff" for character in text) if not text.isascii() else False:
        raise Invalid.at(path, "Holds half of a character (a lone surrogate): send whole Unicode characters.")


def _check_moments(model: BaseModel, path: str = "") -> None:
    """Refuse times so near the calendar's ends that another zone, or one more interval, falls off it."""
    for name, value in model:
        where = f"{path}{name}"
        if isinstance(value, datetime):
            if not 2 <= value.year <= 9998:
                raise Invalid.at(where, "Write a time between the years 2 and 9998.")
            value.astimezone(UTC)
        elif isinstance(value, BaseModel):
            _check_moments(value, f"{where}.")
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                if isinstance(inner, BaseModel):
                    _check_moments(inner, f"{where}.{index}.")
