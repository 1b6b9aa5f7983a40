"""The read-only link: opens without a session, shows what stood there, tells nothing else, ends when it is revoked."""

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.utils import timezone

from conversations.changes import Put, Scope
from conversations.events import Event, Role
from conversations.ids import new_id
from conversations.models import Conversation, ConversationShare
from conversations.services import ConversationService
from conversations.store import store


def say(conversation: Conversation, content: str, event: Event = Event.MESSAGE, **payload: Any) -> None:
    scope = Scope(
        conversation_id=conversation.pk, role=Role.AGENT, agent_name="Echo", task_id=new_id(), run_id=new_id()
    )
    change = Put(
        scope=scope,
        item_id=new_id(),
        event=event,
        payload={"content": content, **payload},
        metadata={"task_title": "T", "plan_id": "secret-plan"},
    )
    with transaction.atomic():
        store([change], now=timezone.now())
    conversation.refresh_from_db()


def share(conversation: Conversation) -> str:
    return f"/shared/{ConversationService.share(conversation, now=timezone.now())[0].token}/"


def shown(page: Any) -> dict[str, Any]:
    found = re.search(r'<script id="page" type="application/json">(.*?)</script>', page.content.decode(), re.S)
    assert found
    return json.loads(found[1])


def test_it_needs_no_session_and_leaves_no_trace(client: Client, conversation: Conversation) -> None:
    say(conversation, "<script>alert(1)</script>")
    page = client.get(share(conversation))
    assert page.status_code == 200
    assert (page["X-Robots-Tag"], page["Referrer-Policy"]) == ("noindex, nofollow", "no-referrer")
    assert page["Cache-Control"] == "no-store"
    assert not page.cookies
    assert b"<script>alert" not in page.content and b"data-user" not in page.content
    assert "unsafe" not in page["Content-Security-Policy"]


def test_it_tells_no_id_by_which_anything_else_is_reached(client: Client, conversation: Conversation) -> None:
    controller = {"task_id": "the-task", "task_title": "Daily", "task_status": "running"}
    say(conversation, json.dumps(controller), Event.COMPONENT_GENERATOR, component_type="scheduled_task_controller")
    sub = {"conversation_id": "the-sub", "agent_name": "Echo", "phase": "start"}
    say(conversation, json.dumps(sub), Event.COMPONENT_GENERATOR, component_type="subagent_conversation")
    file = {"name": "a.txt", "url": "/files/secret"}
    say(conversation, "", Event.COMPONENT_GENERATOR, component_type="artifact", artifact_id="the-art", files=[file])
    say(conversation, "", Event.TOOL_CALL_COMPLETED, tool_call_id="the-call", tool_name="x", tool_result="y")
    page = client.get(share(conversation))
    text = page.content.decode()
    hidden = [str(conversation.pk), "the-task", "the-sub", "the-call", "/files/secret", "secret-plan"]
    hidden += [str(pk) for pk in conversation.items.values_list("task_id", flat=True)]
    assert [one for one in hidden if one in text] == []
    contents = [one["data"]["payload"]["content"] for one in shown(page)["envelopes"]]
    assert json.loads(contents[0]) == {"task_title": "Daily", "task_status": "running"}


def test_what_is_said_later_is_not_shown_until_it_is_shared_again(client: Client, conversation: Conversation) -> None:
    say(conversation, "early")
    address = share(conversation)
    say(conversation, "late")
    texts = [one["data"]["payload"]["content"] for one in shown(client.get(address))["envelopes"]]
    assert texts == ["early"]
    assert client.get(f"{address}items/?before=999").json()["items"][-1]["data"]["payload"]["content"] == "early"
    assert share(conversation) == address
    assert len(shown(client.get(address))["envelopes"]) == 2


def test_earlier_items_come_page_by_page(client: Client, conversation: Conversation) -> None:
    for number in range(130):
        say(conversation, str(number))
    address = share(conversation)
    page = shown(client.get(address))
    texts = [one["data"]["payload"]["content"] for one in page["envelopes"]]
    while page["more"]:
        before = (page.get("envelopes") or page.get("items"))[0]["data"]["position"]
        page = client.get(f"{address}items/?before={before}").json()
        texts = [one["data"]["payload"]["content"] for one in page["items"]] + texts
    assert texts == [str(number) for number in range(130)]


@pytest.mark.parametrize("before", ["", "x", "-1", "9" * 30, "1e3", "１"])
def test_a_wrong_place_is_404(client: Client, conversation: Conversation, before: str) -> None:
    assert client.get(f"{share(conversation)}items/", {"before": before}).status_code == 404


def test_a_revoked_link_opens_nothing_and_a_new_one_is_another(client: Client, conversation: Conversation) -> None:
    address = share(conversation)
    ConversationService.unshare(conversation)
    gone = client.get(address)
    assert (gone.status_code, b"revoked" in gone.content) == (404, True)
    assert gone["X-Robots-Tag"] == "noindex, nofollow"
    assert client.get(f"{address}items/?before=1").status_code == 404
    assert share(conversation) != address
    assert client.get(address).status_code == 404


def test_it_ends_with_its_conversation_and_with_its_owner(client: Client, conversation: Conversation) -> None:
    address = share(conversation)
    User.objects.filter(pk=conversation.user_id).update(is_active=False)
    assert client.get(address).status_code == 404
    User.objects.filter(pk=conversation.user_id).update(is_active=True)
    Conversation.objects.filter(pk=conversation.pk).update(delete_at=timezone.now())
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("token", ["x", "A" * 43, "é", "%00", "=" * 43])
def test_what_nobody_signed_opens_nothing(client: Client, conversation: Conversation, token: str) -> None:
    share(conversation)
    assert client.get(f"/shared/{token}/").status_code == 404


def test_who_reads_the_database_cannot_make_the_link(client: Client, conversation: Conversation, settings: Any) -> None:
    share(conversation)
    row = ConversationShare.objects.get()
    mine = f"/shared/{row.token}/"
    settings.SECRET_KEY = "another"
    assert f"/shared/{row.token}/" != mine
    assert client.get(mine).status_code == 404


def test_the_api_shares_shows_and_revokes(visit: Client, conversation: Conversation) -> None:
    path = f"/api/v1/conversations/{conversation.pk}/share"
    assert visit.get(path).json() == {"url": None, "created_at": None, "upto": None}
    made = visit.post(path, content_type="application/json")
    assert made.status_code == 201
    assert made.json()["url"] == f"http://127.0.0.1:8000/shared/{ConversationShare.objects.get().token}/"
    assert visit.post(path, content_type="application/json").status_code == 200
    assert visit.get(path).json() == visit.post(path, content_type="application/json").json()
    assert visit.delete(path).status_code == 204
    assert visit.delete(path).status_code == 204
    assert visit.get(path).json()["url"] is None
