"""Looking at a schedule before anything is made of it."""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Router
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from conversations.described import described
from conversations.wire import Instant, answer, read_body
from tasks.planner.language import understand
from tasks.schemas.outputs import PreviewOut
from tasks.schemas.parse import ParseOut
from tasks.schemas.previews import known_zone, previewed
from tasks.schemas.schedule_in import ScheduleIn

router = Router(tags=["schedules"])

Count = Annotated[int, Field(ge=1, le=100)]


class _CountIn(BaseModel):
    """The one key that is not the schedule's; those are read, and worded where they are wrong, by `schedules`."""

    model_config = ConfigDict(extra="allow")

    count: Count = 10


class PreviewIn(ScheduleIn):
    """`POST /schedules/preview`: a schedule's own keys, and how many times to show."""

    count: Count = 10


def _in_a_year_of_schedules(moment: datetime) -> datetime:
    # Beyond them, the days that a text names lie outside of the calendar.
    if not 1970 <= moment.year <= 9989:
        raise ValueError("Write a moment of the years 1970 to 9989.")
    return moment


class ParseIn(BaseModel):
    """`POST /schedules/parse`: what a person wrote, in whose zone, and when."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(max_length=100_000)]
    timezone: str | None = Field(default=None, description="An IANA name; the person's own where it is left out.")
    now: Annotated[Instant, AfterValidator(_in_a_year_of_schedules)] | None = Field(
        default=None, description="The moment at which it is said; now where it is left out."
    )


@router.post("/parse", response={200: ParseOut}, openapi_extra=described(body=ParseIn))
def parse_schedule(request: HttpRequest) -> JsonResponse:
    """What a text says about when, in English or Chinese, and the request that is left of it.

    `schedule` and `question` both null: no time was meant. A question: one was meant but is not sure, and `proposal`
    is what would be taken. A moment is `{"start_at": …}` alone.
    """
    sent = read_body(request, ParseIn)
    zone = known_zone(sent.timezone, timezone.get_current_timezone_name(), timezone.now())
    return answer(understand(sent.text, timezone=zone, now=sent.now or timezone.now()).as_dict())


@router.post("/preview", response={200: PreviewOut}, openapi_extra=described(body=PreviewIn))
def preview_schedule(request: HttpRequest) -> JsonResponse:
    """The next times, a summary in words, and notes: clock changes, long gaps, how days go together.

    Counts from `start_at`, itself included and also where it is past; without it from now.
    """
    sent = read_body(request, _CountIn)
    now = timezone.now()
    zone = timezone.get_current_timezone_name()
    return answer(previewed(sent.model_extra or {}, count=sent.count, timezone=zone, now=now))
