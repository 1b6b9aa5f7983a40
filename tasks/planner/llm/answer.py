"""What a model answered, read as data: its shape, every limit, and whether the plan in it can be carried out."""

import re
from collections.abc import Collection, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from tasks import schedules
from tasks.planner.base import Inquiry, Planned, PlannedTask
from tasks.schedules import ScheduleError

MAX_TASKS = 8
MAX_QUERY = 2_000
"""Characters of what a model tells an agent. A person's own words, which may be longer, never pass through here."""
MAX_QUESTION = 400
_KEY = r"^[a-z][a-z0-9_]{0,39}$"
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
"""Characters that a reader does not see, or that change the order of those they see."""


class AnswerError(Exception):
    """The answer cannot be used. The text says why, for the log, without quoting it."""


def _seen(text: str) -> str:
    if _UNSEEN.search(text):
        raise ValueError("characters that cannot be seen")
    return text.strip()


def _plain(text: str) -> str:
    # What is put between braces is looked up when a task runs; only we write such places.
    if re.search(r"\{[{%#]", text):
        raise ValueError("places for values")
    return _seen(text)


class _Task(BaseModel):
    key: Annotated[str, Field(pattern=_KEY)]
    agent_name: Annotated[str, Field(max_length=200)]
    query: Annotated[str, Field(max_length=MAX_QUERY), AfterValidator(_plain), Field(min_length=1)]
    depends_on: Annotated[list[Annotated[str, Field(pattern=_KEY)]], Field(max_length=MAX_TASKS)] = []


class _Schedule(BaseModel):
    """The keys of a schedule that a request can say; `tasks.schedules` decides whether it makes sense."""

    model_config = ConfigDict(extra="forbid")

    interval_minutes: int | None = None
    daily_time: Annotated[str, Field(max_length=5)] | None = None
    cron: Annotated[str, Field(max_length=100)] | None = None
    start_at: Annotated[str, Field(max_length=40)] | None = None
    timezone: Annotated[str, Field(max_length=60)] | None = None


class _Answer(BaseModel):
    tasks: Annotated[list[_Task], Field(max_length=MAX_TASKS)] = []
    schedule: _Schedule | None = None
    question: Annotated[str, Field(max_length=MAX_QUESTION), AfterValidator(_seen)] | None = None


def schema(agent_names: Sequence[str]) -> dict[str, Any]:
    """The JSON schema of an answer, in the strict form that OpenAI's structured output takes: no lengths in it."""
    text, maybe = {"type": "string"}, {"type": ["string", "null"]}
    task = _object(
        key=text,
        agent_name={"type": "string", "enum": list(agent_names)},
        query=text,
        depends_on={"type": "array", "items": text},
    )
    when = _object(
        interval_minutes={"type": ["integer", "null"]}, daily_time=maybe, cron=maybe, start_at=maybe, timezone=maybe
    )
    return _object(tasks={"type": "array", "items": task}, schedule={"anyOf": [when, {"type": "null"}]}, question=maybe)


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def read(said: str, inquiry: Inquiry, *, agent_names: Collection[str]) -> Planned:
    """The plan, or the question, in what a model said to `inquiry`. Raises AnswerError where it is neither.

    A single task that is not scheduled here gets the person's own words: the model only chooses who.
    """
    # Models that were not held to a schema put it between fences, or think aloud before it.
    begin, end = said.find("{"), said.rfind("}")
    try:
        answer = _Answer.model_validate_json(said[begin : end + 1])
    except ValidationError as error:
        raise AnswerError(_why(error)) from None
    if answer.question:
        if not inquiry.may_ask:
            raise AnswerError("it asks again")
        return Planned(question=answer.question)
    schedule = _when(answer.schedule, inquiry) if answer.schedule and inquiry.may_schedule else None
    tasks = _tasks(answer.tasks, agent_names)
    if len(tasks) == 1:
        query = tasks[0].query if schedule else inquiry.text
        return Planned(tasks=[PlannedTask(agent_name=tasks[0].agent_name, query=query)], schedule=schedule)
    comes_again = inquiry.recurring or bool(schedule and set(schedule) - {"start_at", "timezone"})
    if comes_again and any(task.depends_on for task in tasks):
        raise AnswerError("its tasks wait for each other, which what comes again cannot do")
    return Planned(tasks=tasks, schedule=schedule)


def _tasks(given: Sequence[_Task], agent_names: Collection[str]) -> list[PlannedTask]:
    """The tasks, each after those that it depends on."""
    if not given:
        raise AnswerError("neither tasks nor a question")
    if not all(task.agent_name in agent_names for task in given):
        raise AnswerError("an agent that was not offered")
    by_key = {task.key: task for task in given}
    if len(by_key) < len(given):
        raise AnswerError("two tasks with one key")
    if not all(key in by_key for task in given for key in task.depends_on):
        raise AnswerError("a task depends on one that is not there")
    try:
        order = list(TopologicalSorter({task.key: task.depends_on for task in given}).static_order())
    except CycleError:
        raise AnswerError("tasks wait for each other in a circle") from None
    return [
        PlannedTask(
            agent_name=by_key[key].agent_name,
            query=by_key[key].query,
            key=key,
            depends_on=tuple(dict.fromkeys(by_key[key].depends_on)),
        )
        for key in order
    ]


def _when(given: _Schedule, inquiry: Inquiry) -> dict[str, Any] | None:
    """The schedule in the contract's form; None where nothing but a zone is in it."""
    data = given.model_dump(exclude_none=True)
    if not set(data) - {"timezone"}:
        return None
    try:
        parsed = schedules.parse(data, now=inquiry.said_at, default_timezone=inquiry.timezone)
    except ScheduleError as error:
        raise AnswerError(f"a schedule that is refused ({', '.join(error.fields)})") from None
    return schedules.to_dict(parsed)


def _why(error: ValidationError) -> str:
    """Where it is wrong and how, without what was there."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the whole"
    return f"{place}: {first['type']}"
