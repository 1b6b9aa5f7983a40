"""Reads what is sent of a task so that everything wrong with it is said at once: the fields' own shape, and what only
the schedule's reader and the service can tell of the others.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from django.http import HttpRequest
from pydantic import ValidationError

from conversations.wire import Invalid, Refused, read_body, read_value
from conversations.wording import joined, worded
from tasks.errors import Faults
from tasks.schemas.inputs import TaskOptions, TaskPatch

Sent = TypeVar("Sent", bound=TaskOptions)


def read_task(request: HttpRequest, model: type[Sent], refusals: Callable[[TaskOptions], None]) -> Sent:
    """The body as `model`. Where fields of it are refused, what `refusals` has against the others is said with them.

    `refusals` is given the fields that are right (of a PATCH as `TaskPatch`) and raises `InvalidInput`. Raises Invalid.
    """
    try:
        return read_body(request, model)
    except ValidationError as error:
        fields = worded(error.errors(include_url=False, include_input=False))
    shape = TaskPatch if issubclass(model, TaskPatch) else TaskOptions
    wrong = {name.partition(".")[0] for name in fields}
    rest = {
        name: value
        for name, value in json.loads(request.body or b"{}").items()
        if name in shape.model_fields and name not in wrong
    }
    faults = Faults()
    with faults.gathered(), suppress(Refused, ValidationError):
        refusals(read_value(rest, shape))
    fields |= faults.fields
    raise Invalid(joined(fields), fields=fields)
