"""The JSON shapes of conversations: what comes in, and what goes out, key by key as the contract lists them."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic reads no other before Python 3.12

from conversations.models import Conversation
from conversations.wire import BIGINT_MAX, PageQuery

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""A time on its way out: ISO 8601 with offset."""
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]


def moment(value: datetime) -> str:
    """A stored time as it goes out."""
    return value.astimezone(UTC).isoformat()


def moment_or_none(value: datetime | None) -> str | None:
    """A stored time as it goes out, where there is one."""
    return None if value is None else moment(value)


class ConversationOut(TypedDict):
    """A conversation."""

    id: Id
    title: str
    agent_name: str | None
    status: str
    created_at: Moment
    updated_at: Moment


class ConversationPage(TypedDict):
    """One page of conversations, the latest changed first."""

    items: list[ConversationOut]
    next_cursor: str | None


class EnvelopeDataOut(TypedDict):
    """What happened, to which item, and whose words it is."""

    conversation_id: Id
    thread_id: Id | None
    task_id: Id | None
    run_id: Id | None
    item_id: Id | None
    position: int | None
    role: str
    agent_name: str
    payload: dict[str, Any] | None
    metadata: dict[str, Any]
    created_at: Moment


class EnvelopeOut(TypedDict):
    """The envelope that sockets, streams and history share."""

    seq: int | None
    event: str
    data: EnvelopeDataOut


class EnvelopePage(TypedDict):
    """One page of envelopes."""

    items: list[EnvelopeOut]
    next_cursor: str | None


def conversation_out(conversation: Conversation) -> ConversationOut:
    """A conversation as the API shows it."""
    return {
        "id": str(conversation.id),
        "title": conversation.title,
        "agent_name": conversation.agent_name or None,
        "status": str(conversation.status),
        "created_at": moment(conversation.created_at),
        "updated_at": moment(conversation.updated_at),
    }


def _tidy(text: str) -> str:
    return " ".join(text.split())


Title = Annotated[str, Field(max_length=200), AfterValidator(_tidy)]
AgentName = Annotated[str, Field(max_length=200)]


class ConversationIn(BaseModel):
    """`POST` and `PATCH /conversations`: absent (and, for the title, null) leaves it as it is."""

    model_config = ConfigDict(extra="forbid")

    title: Title | None = None
    agent_name: AgentName | None = None


class ItemsQuery(PageQuery):
    """`GET /conversations/{id}/items`."""

    after_seq: Annotated[int, Field(ge=0, le=BIGINT_MAX)] | None = Field(
        default=None, description="Items changed since this seq, in seq order."
    )
    before_position: Annotated[int, Field(ge=0, le=BIGINT_MAX)] | None = Field(
        default=None, description="The page before this position, newest last."
    )
