"""The JSON shapes of conversations: what comes in, and what goes out, key by key as the contract lists them."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic reads no other before Python 3.12

from conversations.models import Conversation, ConversationShare
from conversations.search import Found, Part
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


class PartOut(TypedDict):
    """A piece of a text in which words were found."""

    text: str
    found: bool


class FoundItemOut(TypedDict):
    """An item in which words were found; `/conversations/{id}/#item-{item_id}` is its place on the page."""

    item_id: Id
    position: int
    event: str
    role: str
    agent_name: str
    created_at: Moment
    excerpt: list[PartOut]


class FoundOut(TypedDict):
    """What was found in a conversation: its title with the found words, and its best items."""

    title: list[PartOut]
    items: list[FoundItemOut]
    hits: int


class ShareOut(TypedDict):
    """A conversation's read-only link; nulls where there is none."""

    url: str | None
    created_at: Moment | None
    upto: int | None


class ConversationOut(TypedDict):
    """A conversation."""

    id: Id
    title: str
    agent_name: str | None
    status: str
    unread: bool
    """Whether something came that its person has not seen."""
    pinned_at: Moment | None
    archived_at: Moment | None
    created_at: Moment
    updated_at: Moment
    found: NotRequired[FoundOut]


class ConversationPage(TypedDict):
    """One page of conversations, the latest changed first; those found by `q`, the best first."""

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
        "unread": conversation.unread,
        "pinned_at": moment_or_none(conversation.pinned_at),
        "archived_at": moment_or_none(conversation.archived_at),
        "created_at": moment(conversation.created_at),
        "updated_at": moment(conversation.updated_at),
    }


def found_out(found: Found) -> ConversationOut:
    """A conversation with what was found in it."""
    return {
        **conversation_out(found.conversation),
        "found": {
            "title": [part_out(part) for part in found.title],
            "items": [
                {
                    "item_id": str(one.item.id),
                    "position": one.item.position,
                    "event": one.item.event,
                    "role": one.item.role,
                    "agent_name": one.item.agent_name,
                    "created_at": moment(one.item.created_at),
                    "excerpt": [part_out(part) for part in one.excerpt],
                }
                for one in found.items
            ],
            "hits": found.hits,
        },
    }


def part_out(part: Part) -> PartOut:
    """A piece of a text."""
    return {"text": part.text, "found": part.found}


def share_out(share: ConversationShare | None, address: str) -> ShareOut:
    """A link, or that there is none."""
    if share is None:
        return {"url": None, "created_at": None, "upto": None}
    return {"url": address, "created_at": moment(share.created_at), "upto": share.upto}


def _tidy(text: str) -> str:
    return " ".join(text.split())


Title = Annotated[str, Field(max_length=200), AfterValidator(_tidy)]
AgentName = Annotated[str, Field(max_length=200)]


class ConversationIn(BaseModel):
    """`POST /conversations`."""

    model_config = ConfigDict(extra="forbid")

    title: Title | None = None
    agent_name: AgentName | None = None


class ConversationPatch(ConversationIn):
    """`PATCH /conversations/{id}`: what is absent stays as it is; null clears title and agent."""

    pinned: bool = False
    archived: bool = False


class ConversationsQuery(PageQuery):
    """`GET /conversations`."""

    q: Annotated[str, Field(max_length=200)] | None = Field(
        default=None, description="Words in the title or in what was said: all must be there, the best come first."
    )
    unread: bool | None = Field(default=None, description="Whether something came that was not seen.")
    pinned: bool | None = None
    archived: bool | None = None


class SeenIn(BaseModel):
    """`POST /conversations/{id}/seen`."""

    model_config = ConfigDict(extra="forbid")

    seq: Annotated[int, Field(ge=0, le=BIGINT_MAX)] = Field(description="The seq up to which it was seen.")


class DeleteQuery(BaseModel):
    """`DELETE /conversations/{id}`."""

    model_config = ConfigDict(extra="forbid")

    grace_seconds: Annotated[int, Field(ge=0, le=60)] = Field(
        default=0, description="For so long it can be restored, and what runs goes on; 0: it is gone at once."
    )


class ExportQuery(BaseModel):
    """`GET /conversations/{id}/export`."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["md", "json"] = "md"


class ItemsQuery(PageQuery):
    """`GET /conversations/{id}/items`."""

    after_seq: Annotated[int, Field(ge=0, le=BIGINT_MAX)] | None = Field(
        default=None, description="Items changed since this seq, in seq order."
    )
    before_position: Annotated[int, Field(ge=0, le=BIGINT_MAX)] | None = Field(
        default=None, description="The page before this position, newest last."
    )
