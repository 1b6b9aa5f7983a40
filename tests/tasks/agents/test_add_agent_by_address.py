"""An agent added by its address: its card fetched and checked, strangers kept out of private addresses and secrets."""

import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pytest_django import Settings

from sample_agents.base import BaseAgent
from sample_agents.machine import MachineAgent
from tasks.agents import addresses
from tasks.agents.adding import fetch_and_add
from tasks.agents.remote import AgentRef
from tasks.errors import InvalidInput, WrongMoment
from tasks.models import Agent
from tests.tasks.agents.raw_server import Answer, Asked, RawServer, answered, http

pytestmark = pytest.mark.django_db(transaction=True)

Start = Callable[[Callable[[Asked], Answer]], RawServer]


@pytest.fixture
def private_allowed(settings: Settings) -> None:
    settings.ALLOW_PRIVATE_AGENTS = True


def refused(url: str) -> str:
    with pytest.raises(InvalidInput) as raised:
        fetch_and_add(url)
    assert Agent.objects.count() == 0
    (text,) = raised.value.fields["url"]
    return text


@pytest.mark.usefixtures("private_allowed")
class TestTheCard:
    def test_an_agent_is_added_by_what_its_card_says(self, served: Callable[[BaseAgent], str]) -> None:
        url = served(MachineAgent())
        agent = fetch_and_add(url)
        assert (agent.name, agent.slug, agent.url) == ("MachineAgent", "MachineAgent", url)
        assert agent.description == MachineAgent.description
        assert agent.enabled

    def test_the_address_of_the_card_itself_will_do(self, served: Callable[[BaseAgent], str]) -> None:
        assert fetch_and_add(served(MachineAgent()) + ".well-known/agent-card.json").name == "MachineAgent"

    def test_a_name_that_is_taken_is_said(self, served: Callable[[BaseAgent], str]) -> None:
        url = served(MachineAgent())
        fetch_and_add(url)
        with pytest.raises(WrongMoment) as raised:
            fetch_and_add(url)
        assert raised.value.code == "name_taken"

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (http(200, b"<html></html>", "text/html"), "web page"),
            (http(200, b"not json"), "not JSON"),
            (http(200, b"[]"), "not a JSON object"),
            (http(200, b'{"name": "' + b"x" * 1_100_000 + b'"}'), "more than"),
            (http(404, b""), "HTTP 404"),
            (http(500, b""), "HTTP 500"),
            (http(302, b"", headers=["Location: http://example.org/"]), "http://example.org/"),
            (answered({"name": "X"}), "names no address"),
            (answered({"url": "http://127.0.0.1:9/"}), "name"),
            (answered({"name": "X", "url": "http://127.0.0.1:9/", "protocolVersion": "0.2.6"}), "0.2.6"),
            (answered({"name": "X", "url": "http://127.0.0.1:9/", "skills": 3}), "not valid"),
            (answered({"name": "X\0", "url": "http://127.0.0.1:9/"}), "NUL"),
            (answered({"name": "X", "url": "javascript:alert(1)"}), "http://"),
            ([], "broke off"),
        ],
    )
    def test_a_card_that_cannot_be_used_is_said(self, raw: Start, answer: list[bytes], words: str) -> None:
        assert words in refused(raw(lambda _: answer).url)

    def test_a_redirect_on_the_same_host_is_followed(self, raw: Start) -> None:
        card = {"name": "X", "url": "http://127.0.0.1:9/"}

        def respond(asked: Asked) -> Answer:
            if asked.path.startswith("/.well"):
                return http(307, b"", headers=["Location: /real/card.json"])
            return answered(card)

        assert fetch_and_add(raw(respond).url).name == "X"

    def test_redirects_in_a_circle_end(self, raw: Start) -> None:
        assert "circle" in refused(raw(lambda asked: http(307, b"", headers=[f"Location: {asked.path}"])).url)

    def test_a_card_cannot_set_what_is_ours(self, raw: Start) -> None:
        card = {
            "name": "X",
            "url": "http://127.0.0.1:9/",
            "credential_env": "SECRET_KEY",
            "max_concurrency": 9999,
            "enabled": False,
            "metadata": {"planner_passthrough": True, "hidden": True},
        }
        agent = fetch_and_add(raw(lambda _: answered(card)).url)
        assert (agent.credential_env, agent.max_concurrency, agent.enabled) == ("", None, True)
        assert (agent.planner_passthrough, agent.hidden) == (False, False)
        assert "credential_env" not in agent.card

    def test_scripts_in_a_cards_texts_are_only_texts(self, raw: Start) -> None:
        card = {"name": "<script>alert(1)</script>", "url": "http://127.0.0.1:9/", "description": "<img onerror=x>"}
        agent = fetch_and_add(raw(lambda _: answered(card)).url)
        assert (agent.name, agent.slug) == ("<script>alert(1)</script>", "scriptalert1script")

    @pytest.mark.parametrize("url", ["", "nonsense", "ftp://x/", "http://", "http://a:b@x/", "http://[", "127.0.0.1:1"])
    def test_what_is_no_address_is_said(self, url: str) -> None:
        assert "address" in refused(url)

    def test_nobody_there_is_said_plainly(self) -> None:
        assert "connection refused" in refused("http://127.0.0.1:9/")

    def test_a_slow_one_is_given_up_in_time(self, raw: Start, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tasks.agents.own_cards.FETCH_SECONDS", 0.3)

        async def slowly(asked: Asked) -> AsyncIterator[bytes]:
            import asyncio

            body = json.dumps({"name": "X"}).encode()
            yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
            for n in range(len(body)):
                yield body[n : n + 1]
                await asyncio.sleep(0.2)

        started = time.monotonic()
        assert "within" in refused(raw(slowly).url)
        assert time.monotonic() - started < 2


class TestPrivateAddresses:
    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1:{}/",
            "http://localhost:{}/",
            "http://0.0.0.0:{}/",
            "http://[::1]:{}/",
            "http://[::ffff:127.0.0.1]:{}/",
            "http://2130706433:{}/",
            "http://0x7f000001:{}/",
            "http://169.254.169.254/latest/",
            "http://10.0.0.1/",
            "http://192.168.1.1/",
            "http://[fd00::1]/",
        ],
    )
    def test_a_private_address_is_refused_before_anything_is_sent(self, raw: Start, url: str) -> None:
        server = raw(lambda _: answered({"name": "X"}))
        text = refused(url.format(server.url.rsplit(":", 1)[1].strip("/")))
        assert "private address" in text
        assert server.connections == 0

    def test_a_public_card_may_not_lead_to_a_private_address(self, raw: Start, monkeypatch: pytest.MonkeyPatch) -> None:
        card = {"name": "X", "url": "http://10.0.0.1/"}
        server = raw(lambda _: answered(card))
        port = int(server.url.rsplit(":", 1)[1].strip("/"))
        real = addresses.is_public
        monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.1" or real(address))
        assert "10.0.0.1" in refused(f"http://127.0.0.1:{port}/")

    def test_an_added_agent_stays_bound_to_public_addresses_until_the_operator_moves_it(
        self, raw: Start, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = raw(lambda _: answered(card))
        card: dict[str, Any] = {"name": "X", "url": server.url}
        monkeypatch.setattr(addresses, "is_public", lambda _: True)
        agent = fetch_and_add(server.url)
        assert AgentRef.of(agent).public_only
        agent.url = "http://10.0.0.5/"
        assert not AgentRef.of(agent).public_only


@pytest.mark.database_independent
@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd12::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("2002:0a00:0001::", False),
        ("64:ff9b::a00:1", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert addresses.is_public(address) is public
