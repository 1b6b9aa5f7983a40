"""What `POST /schedules/parse` answers."""

from typing_extensions import TypedDict

from conversations.schemas import Moment
from tasks.schemas.outputs import ScheduleOut


class ProposalOut(TypedDict):
    """What a question would take if nothing else is said."""

    schedule: ScheduleOut
    times: list[Moment]
    summary: str


class ParseOut(TypedDict):
    """What a text says about when; `request` is the text without that, `phrase` how it was said."""

    schedule: ScheduleOut | None
    request: str
    times: list[Moment]
    summary: str
    question: str | None
    phrase: str
    proposal: ProposalOut | None
