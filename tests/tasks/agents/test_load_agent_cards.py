"""Card files become agents: the contract's section 1."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from sample_agents.base import BaseAgent
from sample_agents.machine import MachineAgent
from tasks.agents.cards import load
from tasks.agents.remote import ADDED_FROM, AgentRef
from tasks.models import Agent

pytestmark = pytest.mark.django_db(transaction=True)

FULL: dict[str, Any] = {
    "name": "Quotes",
    "url": "http://127.0.0.1:9/",
    "protocolVersion": "0.3.0",
    "description": "Share prices.",
    "capabilities": {"streaming": True},
    "skills": [{"id": "s", "name": "Prices", "description": "d", "tags": ["t"], "examples": ["AAPL?"]}],
}


@pytest.fixture
def cards(tmp_path: Path) -> Callable[..., Path]:
    """Write cards (JSON values, or text as it is) to a folder; returns it."""

    def write(**files: Any) -> Path:
        for name, card in files.items():
            text = card if isinstance(card, str) else json.dumps(card)
            (tmp_path / f"{name}.json").write_text(text)
        return tmp_path

    return write


def outcomes(folder: Path, *, force: bool = False) -> dict[str, str]:
    return {report.path.name: report.outcome for report in load([folder], force=force)}


def test_a_card_with_everything_fills_its_row(cards: Callable[..., Path]) -> None:
    more = {
        "display_name": "Share quotes",
        "enabled": False,
        "max_concurrency": 3,
        "credential_env": "QUOTES_TOKEN",
        "send_mode": "detached",
        "metadata": {"planner_passthrough": True, "hidden": True, "local_agent_class": "x:Y"},
        "unknown": {"ignored": True},
    }
    assert outcomes(cards(quotes=FULL | more)) == {"quotes.json": "added"}
    agent = Agent.objects.get()
    assert (agent.name, agent.slug, agent.display_name) == ("Quotes", "Quotes", "Share quotes")
    assert (agent.url, agent.description) == ("http://127.0.0.1:9/", "Share prices.")
    assert (agent.enabled, agent.hidden, agent.planner_passthrough) == (False, True, True)
    assert (agent.max_concurrency, agent.credential_env, agent.send_mode) == (3, "QUOTES_TOKEN", "detached")
    assert [skill["examples"] for skill in agent.skills] == [["AAPL?"]]


def test_what_a_card_leaves_out_is_filled_in(cards: Callable[..., Path]) -> None:
    load([cards(a={"name": "A", "url": "http://127.0.0.1:9/", "protocolVersion": "0.3.0", "description": "d"})])
    agent = Agent.objects.get()
    assert (agent.enabled, agent.hidden, agent.send_mode, agent.max_concurrency) == (True, False, "stream", None)
    assert agent.card["capabilities"] == {"streaming": True, "pushNotifications": False}
    assert agent.card["defaultInputModes"] == agent.card["defaultOutputModes"] == ["text/plain"]


def test_keys_in_snake_case_are_read(cards: Callable[..., Path]) -> None:
    load(
        [
            cards(
                a={"name": "A", "url": "http://127.0.0.1:9/", "protocol_version": "0.3.0", "default_input_modes": ["x"]}
            )
        ]
    )
    assert Agent.objects.get().card["defaultInputModes"] == ["x"]


def test_supported_interfaces_win_over_the_url(cards: Callable[..., Path]) -> None:
    interfaces = [
        {"url": "http://127.0.0.1:9/grpc", "protocolBinding": "GRPC", "protocolVersion": "1.0"},
        {"url": "http://127.0.0.1:9/old", "protocolBinding": "JSONRPC", "protocolVersion": "0.3"},
        {"url": "http://127.0.0.1:9/new", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
    ]
    load([cards(a=FULL | {"supportedInterfaces": interfaces})])
    assert Agent.objects.get().url == "http://127.0.0.1:9/new"


def test_the_rest_of_a_bare_card_is_fetched_from_the_agent(
    cards: Callable[..., Path], served: Callable[[BaseAgent], str]
) -> None:
    url = served(MachineAgent())
    load([cards(m={"name": "MachineAgent", "url": url})])
    agent = Agent.objects.get()
    assert agent.description == MachineAgent.description
    assert [skill["id"] for skill in agent.skills] == ["machine-report"]
    assert agent.url == url


def test_a_bare_card_whose_agent_is_down_is_loaded_all_the_same(cards: Callable[..., Path]) -> None:
    (report,) = load([cards(a={"name": "A", "url": "http://127.0.0.1:9/"})])
    assert report.outcome == "added"
    assert "could not be fetched yet" in report.text
    assert Agent.objects.get().url == "http://127.0.0.1:9/"


def test_loading_again_updates_by_name_and_says_what_changed(cards: Callable[..., Path]) -> None:
    load([cards(a=FULL)])
    before = Agent.objects.get()
    assert outcomes(cards(a=FULL)) == {"a.json": "unchanged"}
    assert Agent.objects.get().updated_at == before.updated_at
    assert outcomes(cards(a=FULL | {"url": "http://127.0.0.1:10/"})) == {"a.json": "updated"}
    after = Agent.objects.get()
    assert (after.id, after.url, after.slug) == (before.id, "http://127.0.0.1:10/", before.slug)
    assert after.updated_at > before.updated_at


def test_what_people_changed_stays_until_the_file_says_something_new(cards: Callable[..., Path]) -> None:
    load([cards(a=FULL | {"enabled": True, "max_concurrency": 3})])
    Agent.objects.update(enabled=False, max_concurrency=5)
    load([cards(a=FULL | {"enabled": True, "max_concurrency": 4})])
    agent = Agent.objects.get()
    assert (agent.enabled, agent.max_concurrency) == (False, 4)
    load([cards()], force=True)
    assert Agent.objects.get().enabled is True


def test_a_card_without_an_address_is_skipped_with_the_reason(cards: Callable[..., Path]) -> None:
    (report,) = load([cards(a={"name": "Lonely", "description": "d"})])
    assert (report.outcome, Agent.objects.count()) == ("skipped", 0)
    assert "no url" in report.text


def test_a_card_without_an_address_completes_another_of_its_name(cards: Callable[..., Path], tmp_path: Path) -> None:
    local = tmp_path / "local"
    local.mkdir()
    (local / "Quotes.json").write_text(json.dumps({"name": "Quotes", "url": FULL["url"], "protocolVersion": "0.3.0"}))
    static = {key: value for key, value in FULL.items() if key != "url"}
    reports = load([cards(quotes=static), local])
    assert [report.outcome for report in reports] == ["skipped", "added"]
    assert Agent.objects.get().description == "Share prices."


def test_a_card_without_an_address_keeps_that_of_its_row(cards: Callable[..., Path]) -> None:
    load([cards(a=FULL)])
    load([cards(a={key: value for key, value in FULL.items() if key != "url"} | {"description": "New."})])
    agent = Agent.objects.get()
    assert (agent.url, agent.description) == (FULL["url"], "New.")


@pytest.mark.parametrize(
    ("card", "words"),
    [
        ("{nonsense", "not JSON"),
        ("[]", "no JSON object"),
        ("", "not JSON"),
        ({"url": "http://x/"}, "name"),
        ({"name": " ", "url": "http://x/"}, "name"),
        ({"name": "A" * 201, "url": "http://x/"}, "name"),
        ({"name": "A", "url": "ftp://x/"}, "http://"),
        ({"name": "A", "url": "127.0.0.1:9001"}, "http://"),
        ({"name": "A", "url": "http://user:word@x/"}, "credential_env"),
        ({"name": "A", "url": "http://[x/"}, "cannot be read"),
        ({"name": "A", "url": 5}, "url"),
        ({"name": "A", "url": "http://x/", "protocolVersion": "0.2.6"}, "0.2.6"),
        ({"name": "A", "url": "http://x/", "preferredTransport": "GRPC"}, "GRPC"),
        ({"name": "A", "url": "http://x/", "skills": "many"}, "not valid"),
        ({"name": "A", "url": "http://x/", "enabled": "yes"}, "enabled"),
        ({"name": "A", "url": "http://x/", "max_concurrency": 0}, "max_concurrency"),
        ({"name": "A", "url": "http://x/", "max_concurrency": True}, "max_concurrency"),
        ({"name": "A", "url": "http://x/", "credential_env": "sk-12345"}, "never the credential"),
        ({"name": "A", "url": "http://x/", "send_mode": "pigeon"}, "stream or detached"),
        ({"name": "A", "url": "http://x/", "description": "nul \0"}, "NUL"),
        ('{"name": "A", "url": "http://x/", "description": "\\ud800"}', "cannot be stored"),
        ('{"name": "A", "url": "http://x/", "weight": NaN}', "cannot be stored"),
        ("[" * 100_000, "nested"),
    ],
)
def test_a_wrong_card_is_reported_and_the_others_load(cards: Callable[..., Path], card: Any, words: str) -> None:
    reports = load([cards(good=FULL, bad=card)])
    assert {report.path.name: report.outcome for report in reports} == {"bad.json": "failed", "good.json": "added"}
    assert words in next(report.text for report in reports if report.outcome == "failed")
    assert [agent.name for agent in Agent.objects.all()] == ["Quotes"]


@pytest.mark.parametrize(
    ("name", "slug"),
    [("My_Agent-2", "My_Agent-2"), ("Quotes & News", "quotes-news"), ("行情", "agent"), ("<script>", "script")],
)
def test_the_slug_is_the_name_where_it_is_url_safe(cards: Callable[..., Path], name: str, slug: str) -> None:
    load([cards(a=FULL | {"name": name})])
    assert Agent.objects.get().slug == slug


def test_slugs_are_made_unique(cards: Callable[..., Path]) -> None:
    load([cards(a=FULL | {"name": "quotes-news"}, b=FULL | {"name": "Quotes News"}, c=FULL | {"name": "Quotes, News"})])
    assert sorted(Agent.objects.values_list("slug", flat=True)) == ["quotes-news", "quotes-news-2", "quotes-news-3"]


def test_a_file_is_the_operators_word_and_may_lie_on_any_address(cards: Callable[..., Path]) -> None:
    load([cards(a=FULL | {ADDED_FROM: FULL["url"]})])
    assert not AgentRef.of(Agent.objects.get()).public_only


def test_the_command_reports_each_file(cards: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    call_command("load_agent_cards", str(cards(a=FULL)))
    assert "Quotes: added at http://127.0.0.1:9/" in capsys.readouterr().out


def test_the_command_fails_for_a_wrong_card_after_loading_the_others(cards: Callable[..., Path]) -> None:
    with pytest.raises(CommandError, match="1 of 2"):
        call_command("load_agent_cards", str(cards(a=FULL, b="{")))
    assert Agent.objects.count() == 1


def test_the_command_says_when_there_is_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is not a folder"):
        call_command("load_agent_cards", str(tmp_path / "nowhere"))


def test_the_command_takes_the_files_word_over_what_was_changed_by_hand(cards: Callable[..., Path]) -> None:
    load([cards(a=FULL | {"enabled": True})])
    Agent.objects.update(enabled=False)
    call_command("load_agent_cards", str(cards()))
    assert Agent.objects.get().enabled
