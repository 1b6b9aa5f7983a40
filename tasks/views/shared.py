"""A conversation behind its read-only link: what stood there when it was shared, and nothing to press."""

import json
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from conversations import feed
from conversations.events import ComponentType, Envelope, Json
from conversations.models import ConversationShare
from tasks.views.conversation import NEWEST

TOLD = frozenset({"attempt", "files_not_stored", "recovered", "task_title", "title", "unchanged", "unverified"})
"""Metadata that the page shows; the rest is for the owner's eyes."""
KEPT = {
    ComponentType.SCHEDULED_TASK_CONTROLLER: frozenset({"task_title", "task_status"}),
    ComponentType.SUBAGENT_CONVERSATION: frozenset({"agent_name", "phase"}),
}
"""Of components that lead to the owner's pages, what says something by itself."""
IDS = ("thread_id", "task_id", "run_id")
LONGEST_POSITION = 18


@require_safe
def shared(_request: HttpRequest, token: str) -> HttpResponse:
    """`/shared/{token}/`: no session, the link is the key. 404 for what opens nothing, whatever the reason."""
    share = ConversationShare.opened_by(token)
    if share is None:
        return _private(_missing())
    envelopes = _page(share, share.upto + 1)
    context = {
        "title": share.conversation.title,
        "share": share,
        "page": {"envelopes": envelopes[-NEWEST:], "more": len(envelopes) > NEWEST},
    }
    # Without the request: nobody's name and no token of a session get into a page that anybody may read.
    return _private(HttpResponse(render_to_string("conversations/shared.html", context)))


@require_safe
def shared_items(request: HttpRequest, token: str) -> HttpResponse:
    """`/shared/{token}/items/?before=`: the page of items before a position."""
    share = ConversationShare.opened_by(token)
    before = request.GET.get("before", "")
    if share is None or not (before.isascii() and before.isdigit() and len(before) <= LONGEST_POSITION):
        return _private(JsonResponse({"items": [], "more": False}, status=404))
    envelopes = _page(share, min(int(before), share.upto + 1))
    return _private(JsonResponse({"items": envelopes[-NEWEST:], "more": len(envelopes) > NEWEST}))


def _page(share: ConversationShare, before: int) -> list[Envelope]:
    return [cleaned(envelope, share) for envelope in feed.page_before(share.conversation_id, before, NEWEST + 1)]


def cleaned(envelope: Envelope, share: ConversationShare) -> Envelope:
    """An envelope as strangers may have it: what was said, and no id by which anything else is reached."""
    data: Any = dict(envelope["data"])
    data["conversation_id"] = ""
    for name in IDS:
        # Still told apart, since the page groups by them.
        data[name] = _pseudonym(share.key, data[name]) if data[name] else None
    data["metadata"] = {name: value for name, value in data["metadata"].items() if name in TOLD}
    data["payload"] = _payload(data["payload"] or {})
    return {"seq": envelope["seq"], "event": envelope["event"], "data": data}


def _pseudonym(key: UUID, value: str) -> str:
    return sha256(key.bytes + value.encode()).hexdigest()[:16]


def _payload(payload: Json) -> Json:
    payload = {name: value for name, value in payload.items() if name not in ("tool_call_id", "component_id")}
    if isinstance(payload.get("files"), list):
        # Files lie behind the owner's session.
        payload["files"] = [
            {name: value for name, value in one.items() if name != "url"}
            for one in payload["files"]
            if isinstance(one, dict)
        ]
    kept = KEPT.get(payload.get("component_type", ""))
    if kept is not None:
        try:
            read = json.loads(payload.get("content") or "")
        except (TypeError, ValueError, RecursionError):
            read = {}
        told = {name: value for name, value in read.items() if name in kept} if isinstance(read, dict) else {}
        payload["content"] = json.dumps(told)
    return payload


def _missing() -> HttpResponse:
    title, text = (
        "There is nothing here",
        "This link was revoked, or never existed. Ask whoever sent it for another one.",
    )
    return HttpResponse(render_to_string("error.html", {"title": title, "text": text, "alone": True}), status=404)


def _private(response: HttpResponse) -> HttpResponse:
    """The address is a secret, and may be revoked: nobody learns it from here, and nobody keeps the page."""
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Cache-Control"] = "no-store"
    return response
