"""Conversations as a library: found, pinned, archived, seen, exported, deleted with a way back."""

import json
from datetime import timedelta
from urllib.parse import quote, urlencode

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from conversations.changes import Append, Close, Put, Scope
from conversations.events import Event, Role
from conversations.ids import new_id
from conversations.models import Conversation, ConversationItem, SearchEntry
from conversations.search import index
from conversations.store import store
from tasks.services import TaskService
from tests.api_client import Program


def said(conversation: str, text: str, event: Event = Event.MESSAGE, role: Role = Role.AGENT, **payload) -> Put:
    scope = Scope(conversation_id=Conversation.objects.get(pk=conversation).pk, role=role, agent_name="Echo")
    item = Put(scope=scope, item_id=new_id(), event=event, payload={"content": text, **payload})
    written(item)
    return item


def written(*changes) -> None:
    with transaction.atomic():
        store(changes, now=timezone.now())


def found(person: Program, q: str, **more) -> list[str]:
    query = urlencode({"q": q, **more})
    return [one["title"] for one in person("GET", f"/conversations?{query}").data["items"]]


def test_titles_and_everything_said_are_found_at_once_and_titles_come_first(ana: Program):
    plain = ana.conversation(title="Plans")
    said(plain, "The price of copper rose again")
    ana.conversation(title="Copper")
    assert found(ana, "copper") == ["Copper", "Plans"]
    assert found(ana, "COPP") == ["Copper", "Plans"]
    assert found(ana, "price copper") == ["Plans"]
    assert found(ana, "copper gold") == []
    assert found(ana, '"copper rose"') == ["Plans"]
    assert found(ana, '"rose copper"') == []


@pytest.mark.parametrize("q", ["股价", "苹果股价", "价", "苹", "苹果 上涨", "ＡＡＰＬ", "aapl", '"苹果股价"'])
def test_chinese_is_found_by_words_of_any_length(ana: Program, q):
    said(ana.conversation(title="Here"), "今天AAPL（苹果股价）上涨了两个百分点")
    said(ana.conversation(title="Elsewhere"), "果园里的股东会谈论格外好")
    assert found(ana, q) == ["Here"]


@pytest.mark.parametrize("q", ["果股东", "股上", "百果", '"上涨苹果"'])
def test_characters_that_do_not_stand_together_are_not_found(ana: Program, q):
    said(ana.conversation(), "今天苹果股价上涨了两个百分点")
    assert found(ana, q) == []


@pytest.mark.parametrize("q", ["groesse", "GRÖSSE", "grosse", "cafe", "Café"])
def test_case_and_accents_make_no_difference(ana: Program, q):
    said(ana.conversation(title="x"), "Größe grosse groesse und café")
    assert found(ana, q) == ["x"]


@pytest.mark.parametrize("q", ["", "  ", "-", "*", '"', "'", '""', "a' OR 1=1 --", "NEAR(", "x:*", "\\", "& | !", "😀"])
def test_a_question_without_words_or_with_signs_finds_nothing_and_breaks_nothing(ana: Program, q):
    ana.conversation(title="Some title")
    answer = ana("GET", f"/conversations?q={quote(q)}")
    assert (answer.status, answer.data["items"]) == (200, [])


def test_what_is_found_is_marked_and_leads_to_its_item(ana: Program):
    pk = ana.conversation(title="Copper and <b>tin</b>")
    item = said(pk, "x " * 100 + "then **copper** fell. " + "y " * 300)
    (one,) = ana("GET", "/conversations?q=copper").data["items"]
    assert one["id"] == pk
    assert one["found"]["title"] == [
        {"text": "Copper", "found": True},
        {"text": " and <b>tin</b>", "found": False},
    ]
    (hit,) = one["found"]["items"]
    assert (hit["item_id"], hit["position"], hit["agent_name"]) == (str(item.item_id), 1, "Echo")
    assert [part["text"] for part in hit["excerpt"] if part["found"]] == ["copper"]
    text = "".join(part["text"] for part in hit["excerpt"])
    assert text.startswith("… ") and text.endswith(" …") and len(text) < 260


def test_components_and_tools_are_found_by_their_words_and_not_by_their_keys(ana: Program):
    pk = ana.conversation(title="x")
    report = json.dumps({"title": "Quarterly", "data": "Turnover of 7,300", "create_time": "2026-01-02 03:04:05"})
    said(pk, report, Event.COMPONENT_GENERATOR, component_type="report")
    said(pk, "", Event.TOOL_CALL_COMPLETED, tool_name="lookup", tool_result="cobalt")
    for q in ("quarterly", "turnover", "7", "cobalt", "lookup"):
        assert found(ana, q) == ["x"], q
    for q in ("create_time", "component_type", "report"):
        assert found(ana, q) == [], q


def test_growing_text_is_found_when_it_closes_and_a_new_text_replaces_the_old(ana: Program):
    item = said(ana.conversation(title="x"), "begin", Event.MESSAGE_CHUNK)
    written(Append(scope=item.scope, item_id=item.item_id, event=item.event, delta=" zinc", offset=5))
    assert found(ana, "zinc") == []
    written(Close(scope=item.scope, item_id=item.item_id, content="begin zinc"))
    assert found(ana, "zinc") == ["x"]
    written(Put(scope=item.scope, item_id=item.item_id, event=Event.MESSAGE, payload={"content": "nickel"}))
    assert (found(ana, "zinc"), found(ana, "nickel")) == ([], ["x"])
    assert SearchEntry.objects.count() == 2


def test_a_new_title_is_found_and_the_old_one_is_not(ana: Program):
    pk = ana.conversation(title="Before")
    assert found(ana, "before") == ["Before"]
    ana("PATCH", f"/conversations/{pk}", {"title": "After"})
    assert (found(ana, "before"), found(ana, "after")) == ([], ["After"])
    said(pk, "What is this about?", Event.THREAD_STARTED, Role.USER)
    assert found(ana, "about") == ["After"]


def test_other_peoples_and_deleted_things_are_not_found(ana: Program, ben: Program):
    pk = ana.conversation(title="Copper")
    item = said(pk, "Copper")
    assert found(ben, "copper") == []
    ConversationItem.objects.filter(pk=item.item_id).delete()
    assert SearchEntry.objects.filter(item=item.item_id).count() == 0
    ana("DELETE", f"/conversations/{pk}")
    assert (found(ana, "copper"), SearchEntry.objects.count()) == ([], 0)


def test_found_conversations_come_page_by_page_and_each_once(ana: Program):
    for number in range(7):
        said(ana.conversation(title=f"Talk {number}"), "copper " * (number + 1))
    first = ana("GET", "/conversations?q=copper&limit=3").data
    ana.conversation(title="copper, made while paging")
    seen, cursor = [one["id"] for one in first["items"]], first["next_cursor"]
    while cursor:
        page = ana("GET", f"/conversations?q=copper&limit=3&cursor={cursor}").data
        seen += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert len(seen) == len(set(seen)) == 7


def test_pinned_and_archived_are_kept_apart_and_can_be_taken_back(ana: Program):
    pk, other = ana.conversation(title="a"), ana.conversation(title="b")
    pinned = ana("PATCH", f"/conversations/{pk}", {"pinned": True}).data
    assert pinned["pinned_at"] and not pinned["archived_at"]
    assert [one["id"] for one in ana("GET", "/conversations?pinned=true").data["items"]] == [pk]
    archived = ana("PATCH", f"/conversations/{pk}", {"archived": True}).data
    assert (archived["pinned_at"], archived["status"]) == (None, "inactive")
    assert archived["updated_at"] == pinned["updated_at"]
    assert [one["id"] for one in ana("GET", "/conversations?archived=false").data["items"]] == [other]
    assert [one["id"] for one in ana("GET", "/conversations").data["items"]] == [other, pk]
    back = ana("PATCH", f"/conversations/{pk}", {"archived": False}).data
    assert (back["archived_at"], back["status"]) == (None, "active")


def test_news_is_unread_until_it_was_seen(ana: Program):
    pk = ana.conversation()
    said(pk, "hi", Event.THREAD_STARTED, Role.USER)
    said(pk, "looking", Event.REASONING_COMPLETED)
    card = json.dumps({"task_title": "x"})
    said(pk, card, Event.COMPONENT_GENERATOR, component_type="scheduled_task_controller")
    assert ana("GET", f"/conversations/{pk}").data["unread"] is False
    said(pk, "an answer")
    assert ana("GET", f"/conversations/{pk}").data["unread"] is True
    assert [one["id"] for one in ana("GET", "/conversations?unread=true").data["items"]] == [pk]
    assert ana("POST", f"/conversations/{pk}/seen", {"seq": 3}).data["unread"] is True
    assert ana("POST", f"/conversations/{pk}/seen", {"seq": 4}).data["unread"] is False
    assert ana("POST", f"/conversations/{pk}/seen", {"seq": 1}).data["unread"] is False
    # Nobody has seen what is not there yet.
    ana("POST", f"/conversations/{pk}/seen", {"seq": 2**60})
    said(pk, "another")
    assert ana("GET", "/conversations?unread=false").data["items"] == []


@pytest.mark.parametrize("body", [{}, {"seq": -1}, {"seq": "4"}, {"seq": None}, {"seq": 2**70}])
def test_a_wrong_seq_is_422(ana: Program, body):
    assert ana("POST", f"/conversations/{ana.conversation()}/seen", body).status == 422


def test_a_deletion_with_grace_hides_at_once_and_can_be_taken_back(ana: Program):
    task = ana.task(schedule={"interval_minutes": 5})
    pk = task["conversation_id"]
    said(pk, "copper")
    assert ana("DELETE", f"/conversations/{pk}?grace_seconds=30").status == 204
    assert ana("GET", f"/conversations/{pk}").status == 404
    assert ana("GET", "/conversations").data["items"] == []
    assert found(ana, "copper") == []
    TaskService.delete_due_conversations(now=timezone.now())
    assert ana("POST", f"/conversations/{pk}/restore").data["id"] == pk
    assert ana("GET", f"/conversations/{pk}").status == 200
    assert ana("GET", f"/tasks/{task['id']}").data["status"] == "pending"


def test_after_its_grace_it_is_deleted_and_stays_so(ana: Program):
    task = ana.task(schedule={"interval_minutes": 5})
    pk = task["conversation_id"]
    ana("DELETE", f"/conversations/{pk}?grace_seconds=1")
    later = timezone.now() + timedelta(seconds=2)
    assert TaskService.delete_due_conversations(now=later) == 1
    assert TaskService.delete_due_conversations(now=later) == 0
    assert ana("POST", f"/conversations/{pk}/restore").status == 404
    assert ana("GET", f"/tasks/{task['id']}").status == 404


@pytest.mark.parametrize("grace", ["-1", "61", "x", ""])
def test_a_wrong_grace_deletes_nothing(ana: Program, grace):
    pk = ana.conversation()
    assert list(ana("DELETE", f"/conversations/{pk}?grace_seconds={grace}").fields) == ["grace_seconds"]
    assert ana("GET", f"/conversations/{pk}").status == 200


def test_an_export_has_everything_in_order(ana: Program):
    pk = ana.conversation(title="Größe: 1/2")
    said(pk, "How big?", Event.THREAD_STARTED, Role.USER)
    said(pk, "```\nx\n```", Event.TOOL_CALL_COMPLETED, tool_name="ruler", tool_result="```\n7\n```")
    said(pk, json.dumps({"title": "Sizes", "data": [["day", "a|b"], ["1", 2]]}), Event.COMPONENT_GENERATOR,
         component_type="filtered_line_chart")  # fmt: skip
    said(pk, "Seven **metres**")
    text = ana("GET", f"/conversations/{pk}/export?format=json")
    assert [item["event"] for item in text.data["items"]] == [
        "thread_started", "tool_call_completed", "component_generator", "message"]  # fmt: skip
    assert text.data["conversation"]["title"] == "Größe: 1/2"
    file = ana.client.get(f"/api/v1/conversations/{pk}/export", headers={"Authorization": f"Bearer {ana.token}"})
    assert file["Content-Type"] == "text/markdown; charset=utf-8"
    assert "attachment" in file["Content-Disposition"] and "1-2.md" in file["Content-Disposition"]
    written = file.content.decode()
    assert written.startswith("# Größe: 1/2\n\n## You · ")
    assert "How big?" in written and "| day | a\\|b |\n| --- | --- |\n| 1 | 2 |" in written
    assert "````\n```\n7\n```\n````" in written and written.endswith("Seven **metres**\n")


def test_an_unknown_format_is_422(ana: Program):
    assert list(ana("GET", f"/conversations/{ana.conversation()}/export?format=pdf").fields) == ["format"]


def test_the_index_is_made_anew_and_each_item_is_in_it_once(ana: Program, monkeypatch):
    monkeypatch.setattr(index, "ITEMS", 3)
    monkeypatch.setattr(index, "CONVERSATIONS", 2)
    for number in range(5):
        pk = ana.conversation(title=f"Talk {number}")
        for _ in range(number):
            said(pk, "copper")
    SearchEntry.objects.all().delete()
    call_command("rebuild_search", verbosity=0)
    call_command("rebuild_search", verbosity=0)
    assert SearchEntry.objects.count() == 5 + 10
    assert Conversation.objects.to_index().count() == 0
    assert sorted(found(ana, "copper")) == [f"Talk {number}" for number in range(1, 5)]
