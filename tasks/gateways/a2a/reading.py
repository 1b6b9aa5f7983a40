"""How a request of A2A 1.0 is read: unknown fields are ignored, as the specification asks; unknown values are not."""

from collections.abc import Mapping
from typing import Any

from a2a.utils import errors as sdk
from a2a.utils.errors import A2AError
from a2a.utils.proto_utils import validate_proto_required_fields
from google.protobuf.json_format import ParseDict, ParseError

from tasks.gateways.a2a.errors import invalid

FOREIGN = "google.protobuf."
"""Messages in JSON's own form: any value is one."""


def read(model: type[Any], given: Any, named: Mapping[str, str] | None = None) -> Any:
    """The specification's request from JSON, with what an address names. Raises `InvalidParamsError`."""
    if not isinstance(given, dict):
        raise invalid("params is an object.", [("params", "Write an object.")])
    look(model.DESCRIPTOR, given)
    sent = model()
    try:
        ParseDict(given, sent, ignore_unknown_fields=True)
    except (ParseError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise unreadable(error) from None
    for name, value in (named or {}).items():
        setattr(sent, name, value)
    validate_proto_required_fields(sent)
    return sent


def unreadable(error: Exception) -> A2AError:
    """The error for parameters that are none of the method."""
    told = str(error).split("\n", maxsplit=1)[0][:300]
    return sdk.InvalidParamsError(f"The parameters are none of this method: {told}")


def look(descriptor: Any, given: Mapping[str, Any], at: str = "") -> None:
    """Refuse words that an enumeration does not have: the SDK's reader would take them for nothing said."""
    for field in descriptor.fields:
        value = given.get(field.json_name, given.get(field.name))
        path = f"{at}{field.json_name}"
        if value is None:
            continue
        values = value if isinstance(value, list) else [value]
        if field.enum_type is not None:
            known = field.enum_type.values_by_name
            for word in values:
                if isinstance(word, str) and word not in known:
                    words = ", ".join(known)
                    raise invalid(f"{path} is none of {words}.", [(path, f"Write one of {words}.")])
        elif field.message_type is not None and not field.message_type.full_name.startswith(FOREIGN):
            for part in values:
                if isinstance(part, dict):
                    look(field.message_type, part, f"{path}.")
