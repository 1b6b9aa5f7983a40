"""How a schedule that is sent is described in OpenAPI. `tasks.schedules.parse` reads it, and words what is wrong."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Time = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class ScheduleIn(BaseModel):
    """At most one of `interval_minutes`, `daily_time`, `cron` and `on_event`; none: once, at `start_at` or at once."""

    model_config = ConfigDict(extra="forbid", title="Schedule")

    interval_minutes: Annotated[int, Field(ge=1, le=525_600)] | None = Field(
        default=None, description="Every so many minutes, the first at `start_at` or at once."
    )
    daily_time: Time | Annotated[list[Time], Field(min_length=1)] | None = Field(
        default=None, description="HH:MM in the schedule's zone, or several."
    )
    cron: str | Annotated[list[str], Field(min_length=1)] | None = Field(
        default=None, description="Five fields, or several expressions."
    )
    on_event: Literal[True] | None = Field(default=None, description="Started by events at its hooks, by no time.")
    timezone: str | None = Field(default=None, description="An IANA name, such as Europe/Berlin.")
    start_at: AwareDatetime | None = Field(
        default=None, description="The first moment, with its offset, as 2027-01-31T09:00:00+01:00; alone: once, then."
    )
    end_at: AwareDatetime | None = Field(default=None, description="Nothing runs after this moment.")
    max_runs: Annotated[int, Field(ge=1)] | None = Field(default=None, description="It ends after so many runs.")
    jitter_seconds: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Each run starts up to so many seconds later, by chance."
    )
    exclude: list[str] | None = Field(
        default=None, description="Days without a run: dates YYYY-MM-DD and weekdays MON to SUN."
    )
