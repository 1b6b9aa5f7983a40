"""Cards that are looked at again: by ETag, with what changed taken where it is the agent's to say, and shown."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tasks.agents import refreshing
from tasks.agents.adding import fetch_and_add
from tasks.agents.cards import load
from tasks.agents.refreshing import CHECK_EVERY
from tasks.agents.remote import AgentRef
from tasks.models import Agent
from tests.helpers.runners import sync
from tests.helpers.threads import together
from tests.tasks.agents.raw_server import Answer, Asked, RawServer, answered, http, result

pytestmark = pytest.mark.django_db(transaction=True)

Start = Callable[[Callable[[Asked], Answer]], RawServer]


class Host:
    """An agent's host, whose card a test changes; answers If-None-Match as RFC 9110 says."""

    def __init__(self, raw: Start) -> None:
        self.card: dict[str, Any] = {
            "name": "Probe",
            "description": "Once.",
            "protocolVersion": "0.3.0",
            "capabilities": {"streaming": True},
            "skills": [skill("a"), skill("b")],
        }
        self.etag = '"1"'
        self.server = raw(self.answer)
        self.card["url"] = self.server.url

    def answer(self, asked: Asked) -> Answer:
        if asked.headers.get("if-none-match") == self.etag:
            return http(304, b"", headers=[f"ETag: {self.etag}"])
        body = json.dumps(self.card).encode()
        return http(200, body, "application/json", headers=[f"ETag: {self.etag}"])

    def change(self, **keys: Any) -> None:
        self.card |= keys
        self.etag = f'"{int(self.etag.strip(chr(34))) + 1}"'

    @property
    def statuses(self) -> list[str]:
        """What was asked: `new` or, with the ETag that is known, `known`."""
        return ["known" if "if-none-match" in asked.headers else "new" for asked in self.server.asked]


def skill(name: str, description: str = "") -> dict[str, Any]:
    return {"id": name, "name": name.upper(), "description": description, "tags": []}


@pytest.fixture
def host(raw: Start, settings: Settings) -> Host:
    settings.ALLOW_PRIVATE_AGENTS = True
    return Host(raw)


def refresh() -> Agent:
    """Look at all cards, as if an hour had passed."""
    Agent.objects.update(card_checked_at=timezone.now() - CHECK_EVERY)
    asyncio.run(refreshing.refresh_due(in_thread=sync, now=timezone.now))
    return Agent.objects.get()


def texts(agent: Agent) -> list[str]:
    return [text for _, text in refreshing.recent_changes(agent, now=timezone.now())]


def test_a_card_that_did_not_change_is_not_read_again(host: Host) -> None:
    added = fetch_and_add(host.server.url)
    agent = refresh()
    assert host.statuses == ["new", "known"]
    assert (agent.updated_at, texts(agent)) == (added.updated_at, [])


def test_changed_skills_are_taken_and_shown(host: Host, client: Client) -> None:
    before = fetch_and_add(host.server.url)
    host.change(skills=[skill("b", "better"), skill("c")], description="Twice.")
    agent = refresh()
    assert texts(agent) == ["new skill “C”", "skill “A” is gone", "skill “B” changed"]
    assert [one["id"] for one in agent.skills] == ["b", "c"]
    assert (agent.description, agent.updated_at > before.updated_at) == ("Twice.", True)
    client.force_login(User.objects.create_user("ann"))
    assert "skill “A” is gone" in client.get("/agents/").content.decode()
    assert host.statuses[-1] == "known"
    assert texts(refresh()) == texts(agent), "what was told is not told again"


def test_a_new_version_of_the_protocol_at_the_same_address_is_spoken(host: Host) -> None:
    fetch_and_add(host.server.url)
    interface = {"url": host.server.url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
    host.change(supportedInterfaces=[interface])
    assert refresh().card["supportedInterfaces"] == [interface]


def test_messages_never_move_to_another_address_by_a_card(host: Host) -> None:
    fetch_and_add(host.server.url)
    host.change(url="http://127.0.0.1:9/stolen", name="Other")
    agent = refresh()
    assert (agent.name, agent.url, agent.card["url"]) == ("Probe", host.server.url, host.server.url)
    assert AgentRef.of(agent).url == host.server.url
    assert texts(agent) == [
        "it names another address for messages: http://127.0.0.1:9/stolen",
        "it calls itself Other",
    ]


def test_what_a_card_file_says_stays_and_what_it_leaves_out_is_the_agents(host: Host, tmp_path: Path) -> None:
    (tmp_path / "probe.json").write_text(json.dumps({"name": "Probe", "url": host.server.url, "version": "ours"}))
    load([tmp_path])
    assert [one["id"] for one in refresh().skills] == ["a", "b"]
    host.change(skills=[skill("c")], version="theirs")
    agent = refresh()
    assert ([one["id"] for one in agent.skills], agent.card["version"]) == (["c"], "ours")
    assert load([tmp_path])[0].outcome == "unchanged"


def test_a_whole_card_file_is_the_operators_word_and_news_are_shown(host: Host, tmp_path: Path) -> None:
    (tmp_path / "probe.json").write_text(json.dumps(host.card))
    load([tmp_path])
    refresh()
    host.change(skills=[skill("c")])
    agent = refresh()
    assert [one["id"] for one in agent.skills] == ["a", "b"]
    assert "new skill “C”" in texts(agent)


def test_a_description_that_a_person_wrote_stays(host: Host) -> None:
    fetch_and_add(host.server.url)
    Agent.objects.update(description="Ours.")
    host.change(description="Theirs.")
    assert refresh().description == "Ours."


def test_a_card_that_cannot_be_used_any_more_changes_nothing_and_is_said_to_staff(host: Host, client: Client) -> None:
    before = fetch_and_add(host.server.url)
    host.change(protocolVersion="0.2.6")
    agent = refresh()
    assert (agent.card, agent.updated_at) == (before.card, before.updated_at)
    client.force_login(User.objects.create_user("boss", is_staff=True))
    assert "0.2.6" in client.get("/agents/").content.decode()
    host.change(protocolVersion="0.3.0")
    assert refresh().own_card["fault"] == ""


def test_an_agent_that_does_not_answer_is_no_news(host: Host) -> None:
    before = fetch_and_add(host.server.url)
    host.server.respond = lambda _: answered([])
    agent = refresh()
    assert (agent.card, agent.last_error, texts(agent)) == (before.card, "", [])


def test_of_several_runners_one_looks(host: Host) -> None:
    fetch_and_add(host.server.url)
    later = timezone.now() + CHECK_EVERY + timedelta(seconds=1)
    taken = together(4, lambda _: len(refreshing.take_due(now=later)))
    assert sorted(taken) == [0, 0, 0, 1]
    assert refreshing.take_due(now=later) == []


def test_a_card_for_those_with_a_credential_is_asked_for_with_it(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBE_TOKEN", "s3cret-value")
    interface = {"url": host.server.url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
    host.change(supportedInterfaces=[interface], capabilities={"streaming": True, "extendedAgentCard": True})
    shown = host.server.respond

    def respond(asked: Asked) -> Answer:
        if asked.rpc != "GetExtendedAgentCard":
            return shown(asked)
        if asked.headers.get("authorization") != "Bearer s3cret-value":
            return http(401, b"")
        return result({**host.card, "skills": [skill("secret")], "name": "Other"})

    host.server.respond = respond
    fetch_and_add(host.server.url)
    assert [one["id"] for one in refresh().skills] == ["a", "b"]
    Agent.objects.update(credential_env="PROBE_TOKEN")
    agent = refresh()
    assert ([one["id"] for one in agent.skills], agent.name) == (["secret"], "Probe")
