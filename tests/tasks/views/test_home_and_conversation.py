"""The first page's list and examples, and what a conversation's page carries for its scripts."""

import json
import re
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from conversations.models import Conversation
from tasks.models import Agent
from tests.helpers.tasks import NOW, TaskMaker, ask, started


def embedded(content: bytes, name: str) -> Any:
    """The JSON that a page embeds under an id."""
    found = re.search(rf'<script id="{name}" type="application/json">(.*?)</script>', content.decode(), re.S)
    assert found
    return json.loads(found[1])


def test_conversations_are_listed_latest_first_and_page_by_page(visit: Client, user: User) -> None:
    for number in range(33):
        at = NOW + timedelta(minutes=number)
        Conversation.objects.create(user=user, title=f"Talk {number}", created_at=at, updated_at=at)
    first = visit.get("/")
    shown = [talk.title for talk in first.context["talks"]]
    second = visit.get("/", {"before": first.context["older"]})
    shown += [talk.title for talk in second.context["talks"]]
    assert shown == [f"Talk {number}" for number in reversed(range(33))]
    assert visit.get("/?before=nonsense").context["newer"] is False


def test_hidden_and_disabled_agents_are_offered_nowhere(visit: Client, agent: Agent) -> None:
    Agent.objects.create(name="Hidden", slug="Hidden", url="http://127.0.0.1:9/", hidden=True)
    Agent.objects.create(name="Off", slug="Off", url="http://127.0.0.1:9/", enabled=False)
    assert [one["name"] for one in embedded(visit.get("/").content, "agents")] == ["Echo"]


def test_a_card_with_strange_examples_gives_only_texts(visit: Client, agent: Agent) -> None:
    agent.card = {"skills": [{"examples": [1, None, "Say hi"]}, {"examples": "x"}, "y", {"examples": {"a": 1}}]}
    agent.save()
    assert embedded(visit.get("/").content, "agents")[0]["prompts"] == ["Say hi"]


def test_a_conversation_comes_with_its_newest_items_and_its_tasks(visit: Client, make_task: TaskMaker) -> None:
    ended = make_task(title="Ended", status="completed", next_run_at=None)
    task = make_task(title="</script><script>", query="</script>")
    ask(started(task), question="Which <one>?")
    conversation = Conversation.objects.get(pk=task.conversation_id)
    page = embedded(visit.get(f"/conversations/{conversation.pk}/").content, "page")
    assert page["seq"] == conversation.last_seq
    assert page["conversation"]["status"] == "require_user_input"
    assert [entry["task"]["id"] for entry in page["tasks"]] == [str(task.pk), str(ended.pk)]
    assert page["tasks"][0]["task"]["phase"] == "waiting_input"
    asked = [one["data"]["payload"]["content"] for one in page["envelopes"] if "require" in one["event"]]
    assert asked == ["Which <one>?"]
    assert max(envelope["seq"] for envelope in page["envelopes"]) <= page["seq"]


def test_pinned_ones_stand_above_and_archived_ones_apart(visit: Client, user: User) -> None:
    for number in range(4):
        at = NOW + timedelta(minutes=number)
        Conversation.objects.create(user=user, title=f"Talk {number}", created_at=at, updated_at=at)
    Conversation.objects.filter(title="Talk 0").update(pinned_at=NOW)
    Conversation.objects.filter(title="Talk 2").update(archived_at=NOW)
    Conversation.objects.filter(title="Talk 1").update(news_seq=3)
    page = visit.get("/")
    assert [talk.title for talk in (*page.context["pinned"], *page.context["talks"])] == ["Talk 0", "Talk 3", "Talk 1"]
    assert [talk.title for talk in page.context["frame"]["recent"]] == ["Talk 0", "Talk 3", "Talk 1"]
    assert [talk.title for talk in visit.get("/?show=archived").context["talks"]] == ["Talk 2"]
    assert [talk.title for talk in visit.get("/?show=unread").context["talks"]] == ["Talk 1"]
    assert embedded(page.content, "unread") == [str(Conversation.objects.get(title="Talk 1").pk)]


def test_what_is_found_is_marked_and_never_markup(visit: Client, user: User) -> None:
    Conversation.objects.create(user=user, title="<i>Copper</i> mines", created_at=NOW, updated_at=NOW)
    page = visit.get("/", {"q": "copper"}).content.decode()
    assert "&lt;i&gt;<mark>Copper</mark>&lt;/i&gt; mines" in page
    assert "Nothing found" in visit.get("/", {"q": "tin"}).content.decode()
    for strange in ("\0", "'", '"', "*", "x" * 5_000, "\ud800".encode("utf-8", "surrogatepass")):
        assert visit.get("/", {"q": strange}).status_code == 200
