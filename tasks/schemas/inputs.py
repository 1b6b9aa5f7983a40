"""What people and programs send: the shapes and limits of the contract's section 3, with words for each mistake.

Whether a schedule makes sense is decided by `tasks.schedules`, whether an agent exists by `tasks.requests`.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from conversations.wire import Instant, Patch
from tasks.schemas.files import FILES_MAX, FileIn, not_too_large

TEXT_MAX = 32_000
"""Characters of a request: about what a model reads as one message, and far below the request body's limit."""


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("Write what the agent should do.")
    if "\0" in text:
        raise ValueError("Remove the NUL character.")
    return text


def _titled(text: str) -> str:
    if not text.strip():
        raise ValueError("Write a title, or leave the field out.")
    return text


def _plain(text: str) -> str:
    if "\0" in text:
        raise ValueError("Remove the NUL character.")
    return text


Text = Annotated[str, Field(max_length=TEXT_MAX, json_schema_extra={"pattern": r"\S"}), AfterValidator(_said)]
Line = Annotated[str, Field(max_length=200), AfterValidator(_plain)]


class BudgetIn(BaseModel):
    """What a schedule may use, by what its agent reports; each key is optional."""

    model_config = ConfigDict(extra="forbid", title="Budget")

    tokens_per_day: Annotated[int, Field(ge=1, le=10**12)] | None = None
    tokens_per_month: Annotated[int, Field(ge=1, le=10**12)] | None = None
    cost_per_day: Annotated[float, Field(gt=0, le=10**9, allow_inf_nan=False)] | None = None
    cost_per_month: Annotated[float, Field(gt=0, le=10**9, allow_inf_nan=False)] | None = None


class TaskOptions(BaseModel):
    """A task's writable fields besides its text and agent; absent means the default (or, in a PATCH, unchanged)."""

    model_config = ConfigDict(extra="forbid")

    title: Line | None = None
    schedule: dict[str, Any] | None = None
    overlap: Literal["skip", "queue", "cancel_running", "parallel"] | None = None
    catch_up: Literal["one", "none", "all"] | None = None
    catch_up_window_minutes: Annotated[int, Field(ge=1, le=525_600)] | None = None
    on_interrupt: Literal["fail", "next", "rerun"] | None = None
    priority: Annotated[int, Field(ge=0, le=9)] | None = None
    max_attempts: Annotated[int, Field(ge=1, le=20)] | None = None
    timeout_seconds: Annotated[int, Field(ge=1, le=604_800)] | None = None
    deadline_at: Instant | None = None
    conversation_mode: Literal["append", "new"] | None = None
    only_changes: bool | None = None
    notify: Literal["always", "news", "findings", "failures"] | None = None
    max_runs_per_day: Annotated[int, Field(ge=1, le=100_000)] | None = None
    budget: BudgetIn | None = None
    retention_days: Annotated[int, Field(ge=0, le=36_500)] | None = None


class TaskPatch(Patch, TaskOptions):
    """`PATCH /tasks/{id}`: the fields that were sent, and no others (`model_fields_set`)."""

    # A schedule cannot be taken away either; the service says what to do instead.
    removable = frozenset({"deadline_at", "max_runs_per_day", "budget", "retention_days", "schedule"})

    title: Annotated[Line, AfterValidator(_titled)] | None = None
    query: Text | None = None


class CloneIn(TaskPatch):
    """`POST /tasks/{id}/clone`: what shall be other than in the task that is copied."""

    agent_name: Line | None = None
    conversation_id: Line | None = None


class TaskIn(TaskOptions):
    """One task of a plan, or of `POST /tasks`."""

    query: Text
    agent_name: Line
    key: Annotated[str, Field(max_length=100), AfterValidator(_plain)] | None = None
    conversation_id: str | None = None
    depends_on: Annotated[list[Line], Field(max_length=100)] | None = None
    on_failure: Literal["continue", "stop"] | None = None


class MessageIn(TaskOptions):
    """`POST /conversations/{id}/messages`; `answer_to` and `new_plan` say whether it answers a question."""

    text: Text
    agent_name: Line | None = None
    answer_to: str | None = None
    new_plan: bool = False
    meanwhile: Literal["beside", "wait", "interrupt"] = Field(
        default="beside",
        description="While a run of the conversation goes on: run beside it, wait for its end, or stop it.",
    )
    files: Annotated[list[FileIn], Field(max_length=FILES_MAX), AfterValidator(not_too_large)] = Field(
        default=[], description="Pictures for the named agent, which must take them."
    )


class PlanIn(BaseModel):
    """`POST /plans`."""

    model_config = ConfigDict(extra="forbid")

    conversation_id: str
    query: Annotated[str, Field(max_length=TEXT_MAX), AfterValidator(_plain)] | None = None
    tasks: Annotated[list[TaskIn], Field(min_length=1, max_length=100)]
