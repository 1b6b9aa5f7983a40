"""What each tool takes, described for a model that reads nothing else. Pure."""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from tasks.schemas.schedule_in import ScheduleIn


def _decoded(value: object) -> object:
    """Some clients send an object as the text of its JSON."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def plain_schema(model: type[BaseModel]) -> dict[str, Any]:
    """A model's JSON schema without what only repeats its names."""
    schema: dict[str, Any] = untitled(model.model_json_schema())
    schema.pop("description", None)
    return schema


def untitled(value: Any) -> Any:
    """A JSON schema without titles: they repeat its names."""
    if isinstance(value, dict):
        # A property may be called `title`: only a text is a schema's title.
        return {name: untitled(part) for name, part in value.items() if not (name == "title" and isinstance(part, str))}
    return [untitled(part) for part in value] if isinstance(value, list) else value


WHEN = (
    'When it runs: {"interval_minutes": 30}, {"daily_time": "09:00"}, {"cron": "0 9 * * 1-5"}, or '
    '{"start_at": "2027-01-31T09:00:00+01:00"} alone for once at a moment. parse_schedule makes one from words.'
)

Schedule = Annotated[
    dict[str, Any],
    BeforeValidator(_decoded),
    # Read by `tasks.schedules`, which words what is wrong; described here as what it takes.
    WithJsonSchema({**plain_schema(ScheduleIn), "description": WHEN}),
]
Text = Annotated[str, Field(min_length=1, max_length=32_000)]
TaskId = Annotated[
    str,
    Field(max_length=200, description="The task's id, as run_task, schedule_task and list_tasks tell it."),
]
AgentName = Annotated[
    str | None,
    Field(
        max_length=200,
        description="An agent's `name` from list_agents. Left out: the planner chooses by the text, and may ask back.",
    ),
]
Limit = Annotated[int, Field(ge=1, le=200, description="The most to return.")]
Status = Literal["pending", "running", "waiting_input", "completed", "failed", "cancelled"]
Phase = Literal["scheduled", "queued", "running", "waiting_input", "paused", "completed", "failed", "cancelled"]


class Arguments(BaseModel):
    """The arguments of a tool: what is not listed is refused, since a misspelt one would have no effect."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Arguments):
    """No arguments."""


class RunTask(Arguments):
    """`run_task`."""

    text: Annotated[Text, Field(description="What the agent shall do, in full: it sees nothing of your conversation.")]
    agent_name: AgentName = None


class ScheduleTask(Arguments):
    """`schedule_task`."""

    text: Annotated[Text, Field(description="What the agent shall do each time, without the words about when.")]
    schedule: Schedule
    agent_name: AgentName = None
    title: Annotated[str | None, Field(max_length=200, description="A short name for lists.")] = None


class PreviewSchedule(Arguments):
    """`preview_schedule`."""

    schedule: Schedule
    count: Annotated[int, Field(ge=1, le=100, description="How many times to show.")] = 10


class ParseSchedule(Arguments):
    """`parse_schedule`."""

    text: Annotated[
        str, Field(min_length=1, max_length=32_000, description="The person's own words, the request among them.")
    ]
    timezone: Annotated[
        str | None,
        Field(max_length=100, description="The person's zone by its IANA name, such as Europe/Berlin."),
    ] = None


class ListTasks(Arguments):
    """`list_tasks`."""

    status: Annotated[Status | None, Field(description="How far it is; a schedule is `running` until it ends.")] = None
    phase: Annotated[
        Phase | None, Field(description="What it does now; a schedule between two runs is `scheduled`.")
    ] = None
    agent_name: Annotated[str | None, Field(max_length=200, description="Only this agent's.")] = None
    limit: Limit = 50


class OneTask(Arguments):
    """Tools that take a task."""

    task_id: TaskId


class GetResults(OneTask):
    """`get_results`."""

    limit: Limit = 10


class AnswerQuestion(Arguments):
    """`answer_question`."""

    task_id: Annotated[str, Field(max_length=200, description="The `task_id` that came with the question.")]
    text: Annotated[Text, Field(description="The answer to what was asked.")]
