"""Reading conversations by the JSON API: the list, what is found, one, its items in pages or as a stream, a file of it.

What changes a conversation concerns its tasks too; those endpoints lie in `tasks.api.conversations`, on this router.
"""

from datetime import datetime
from uuid import UUID

from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.http import content_disposition_header
from ninja import Router

from conversations import export, feed, search, sse
from conversations.described import described
from conversations.events import ComponentType, Envelope, Event
from conversations.models import Conversation, ConversationItem, ConversationQuerySet
from conversations.schemas import (
    ConversationOut,
    ConversationPage,
    ConversationsQuery,
    EnvelopePage,
    ExportQuery,
    ItemsQuery,
    conversation_out,
    found_out,
)
from conversations.wire import (
    Absent,
    Invalid,
    PageQuery,
    answer,
    bad_cursor,
    cursor_of,
    cursor_parts,
    page,
    path_id,
    person,
    read_query,
)

router = Router(tags=["conversations"])


def own_conversation(request: HttpRequest, conversation_id: str) -> Conversation:
    """The person's conversation of that id; raises Absent for none, and for somebody else's."""
    found = Conversation.objects.for_user(person(request)).filter(pk=path_id(conversation_id)).first()
    if found is None:
        raise Absent("There is no such conversation here.")
    return found


@router.get("", response={200: ConversationPage}, openapi_extra=described(query=ConversationsQuery))
def list_conversations(request: HttpRequest) -> JsonResponse:
    """The person's conversations, the latest changed first; with `q` those in which the words stand, the best first."""
    query = read_query(request, ConversationsQuery)
    rows = _meant(Conversation.objects.for_user(person(request)), query)
    if query.q is not None:
        return _answer_found(request, query, rows)
    rows = rows.order_by("-updated_at", "-id")
    if query.cursor is not None:
        changed, last = _list_place(query.cursor)
        # Written so that the index of the list is read from this place on.
        rows = rows.filter(updated_at__lte=changed).filter(Q(updated_at__lt=changed) | Q(id__lt=last))
    return page(
        rows[: query.limit + 1],
        query.limit,
        show=conversation_out,
        cursor=lambda row: cursor_of("conversations", row.updated_at.isoformat(), row.id),
    )


def _meant(rows: ConversationQuerySet, query: ConversationsQuery) -> ConversationQuerySet:
    if query.unread is not None:
        rows = rows.unread() if query.unread else rows.filter(news_seq__lte=F("seen_seq"))
    if query.pinned is not None:
        rows = rows.filter(pinned_at__isnull=not query.pinned)
    if query.archived is not None:
        rows = rows.filter(archived_at__isnull=not query.archived)
    return rows


def _answer_found(request: HttpRequest, query: ConversationsQuery, rows: ConversationQuerySet) -> JsonResponse:
    offset, upto = 0, None
    if query.cursor is not None:
        offset, upto = (_number(part) for part in cursor_parts(query.cursor, "found", 2))
    else:
        # What was said a moment ago is found too.
        search.index_for(person(request))
    found, upto = search.find(
        person(request), query.q or "", within=rows, offset=offset, limit=query.limit + 1, upto=upto
    )
    more = len(found) > query.limit
    return answer(
        {
            "items": [found_out(one) for one in found[: query.limit]],
            "next_cursor": cursor_of("found", offset + query.limit, upto) if more else None,
        }
    )


@router.get("/{conversation_id}", response={200: ConversationOut})
def get_conversation(request: HttpRequest, conversation_id: str) -> JsonResponse:
    """One conversation."""
    return answer(conversation_out(own_conversation(request, conversation_id)))


@router.get("/{conversation_id}/items", response={200: EnvelopePage}, openapi_extra=described(query=ItemsQuery))
def list_items(request: HttpRequest, conversation_id: str) -> JsonResponse:
    """What was said and shown, as envelopes.

    With `after_seq` the items changed since, in `seq` order; with `before_position` the page before it, newest last;
    with neither the newest page. `next_cursor` goes on in the same direction.
    """
    conversation = own_conversation(request, conversation_id)
    query = read_query(request, ItemsQuery)
    after, before = query.after_seq, query.before_position
    if after is not None and before is not None:
        raise Invalid.at("before_position", "Send after_seq or before_position, not both.")
    if query.cursor is not None:
        after, before = _items_place(query.cursor)
    if after is not None:
        return _answer_after(feed.changed_since(conversation.id, after, query.limit + 1), query.limit)
    return _answer_before(feed.page_before(conversation.id, before, query.limit + 1), query.limit)


@router.get(
    "/{conversation_id}/scheduled-task-results",
    response={200: EnvelopePage},
    openapi_extra=described(query=PageQuery),
)
def list_results(request: HttpRequest, conversation_id: str) -> JsonResponse:
    """What the conversation's recurring tasks brought, newest first."""
    conversation = own_conversation(request, conversation_id)
    query = read_query(request, PageQuery)
    results = ConversationItem.objects.filter(
        conversation=conversation,
        event=Event.COMPONENT_GENERATOR,
        payload__component_type=ComponentType.SCHEDULED_TASK_RESULT,
    )
    rows = feed.with_tail(results).order_by("-position")
    if query.cursor is not None:
        rows = rows.filter(position__lt=_number(cursor_parts(query.cursor, "results", 1)[0]))
    return page(
        rows[: query.limit + 1],
        query.limit,
        show=feed.item_envelope,
        cursor=lambda item: cursor_of("results", item.position),
    )


@router.get(
    "/{conversation_id}/export",
    openapi_extra=described(
        query=ExportQuery,
        responses={
            200: {
                "description": "The whole of it as a file.",
                "content": {
                    "text/markdown": {"schema": {"type": "string"}},
                    "application/json": {"schema": {"type": "object"}},
                },
            }
        },
    ),
)
def export_conversation(request: HttpRequest, conversation_id: str) -> HttpResponse:
    """All of it as a file to keep: Markdown to read, or JSON with every envelope."""
    conversation = own_conversation(request, conversation_id)
    query = read_query(request, ExportQuery)
    envelopes = feed.whole(conversation.id)
    if query.format == "json":
        shown = dict(conversation_out(conversation))
        response = HttpResponse(
            export.as_json(shown, envelopes, now=timezone.now()), content_type="application/json; charset=utf-8"
        )
    else:
        response = HttpResponse(
            export.as_markdown(conversation.title, envelopes), content_type="text/markdown; charset=utf-8"
        )
    response.headers["Content-Disposition"] = content_disposition_header(
        True, export.file_name(conversation.title, query.format)
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


@router.get(
    "/{conversation_id}/events",
    openapi_extra=described(
        query=sse.EventsQuery,
        responses={
            200: {
                "description": "Server-sent events: an envelope each, with `id:` its seq, and `event: ready`.",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            }
        },
    ),
)
async def stream_events(request: HttpRequest, conversation_id: str) -> HttpResponseBase:
    """The items changed since `after_seq` (or `Last-Event-ID`), then `ready`, then what happens, live."""
    return await sse.conversation_events(request, conversation_id)


def _list_place(cursor: str) -> tuple[datetime, UUID]:
    changed, last = cursor_parts(cursor, "conversations", 2)
    try:
        place = datetime.fromisoformat(changed), UUID(last)
    except ValueError:
        bad_cursor()
    if place[0].tzinfo is None or not 2 <= place[0].year <= 9998:
        bad_cursor()
    return place


def _items_place(cursor: str) -> tuple[int | None, int | None]:
    way, place = cursor_parts(cursor, "items", 2)
    if way not in ("after", "before"):
        bad_cursor()
    return (_number(place), None) if way == "after" else (None, _number(place))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        bad_cursor()
    return int(text)


def _answer_after(envelopes: list[Envelope], limit: int) -> JsonResponse:
    shown = envelopes[:limit]
    more = len(envelopes) > limit
    return answer({"items": shown, "next_cursor": cursor_of("items", "after", shown[-1]["seq"]) if more else None})


def _answer_before(envelopes: list[Envelope], limit: int) -> JsonResponse:
    shown = envelopes[-limit:]
    more = len(envelopes) > limit
    cursor = cursor_of("items", "before", shown[0]["data"]["position"]) if more else None
    return answer({"items": shown, "next_cursor": cursor})
