"""Adding an agent in the page: its card is read, shown, and taken; a bad one is said, and what was typed stays."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from sample_agents.server import serve_in_thread
from tests.browser.conftest import Live, Watch
from tests.helpers.agents import Echo
from tests.tasks.agents.raw_server import RawServer, answered, http


@pytest.fixture
def server() -> Iterator[RawServer]:
    raw = RawServer(respond=lambda _: answered({})).start()
    yield raw
    raw.stop()


def _form(open_page: Callable[..., Page]) -> Page:
    page = open_page("/agents/")
    page.get_by_role("button", name="Add agent").click()
    return page


def test_an_agent_is_shown_and_then_added_and_answers(open_page: Callable[..., Page], live: Live) -> None:
    agent = Echo()
    agent.name = "Newcomer"
    url, stop = serve_in_thread(agent)
    try:
        page = _form(open_page)
        page.locator("[name=url]").fill(url)
        page.get_by_role("button", name="Read its card").click()
        card = page.get_by_role("region", name="Its card")
        expect(card).to_contain_text("Newcomer")
        expect(card).to_contain_text("A2A 1.0, JSONRPC")
        expect(card).to_contain_text("not encrypted")
        assert all(one["name"] != "Newcomer" for one in live.call("GET", "/agents?limit=200")["items"])

        card.get_by_role("button", name="Add and enable").click()
        expect(page.locator(".toasts")).to_contain_text("Newcomer added and enabled.")
        expect(page.locator(".agents")).to_contain_text("Newcomer")
        body = {"text": "good morning", "agent_name": "Newcomer"}
        plan = live.call("POST", f"/conversations/{live.conversation()}/messages", body)
        live.wait_for_task(plan["tasks"][0]["id"], "completed")
        page.reload()
        section = page.locator(".agents section", has_text="Newcomer")
        expect(section).to_contain_text("100 % ended well (1 did, 0 failed)")
        expect(section).to_contain_text("on average")

        # The same once more: it is said before anything is pressed.
        page.get_by_role("button", name="Add agent").click()
        page.locator("[name=url]").fill(url)
        page.get_by_role("button", name="Read its card").click()
        expect(card).to_contain_text("There is an agent named Newcomer already.")
        expect(card.get_by_role("button")).to_have_count(0)
    finally:
        stop()


BAD: list[tuple[str, Any, str]] = [
    ("not JSON", http(200, b"not json"), "it is not JSON"),
    ("another version", answered({"name": "X", "url": "http://127.0.0.1:9/", "protocolVersion": "0.2.6"}), "A2A 0.2.6"),
    ("no address", answered({"name": "X"}), "names no address"),
    ("elsewhere", http(302, b"", headers=["Location: http://example.org/"]), "http://example.org/"),
    ("huge", http(200, b'{"name": "' + b"x" * 1_100_000 + b'"}'), "more than 1,048,576 bytes"),
    ("a web page", http(200, b"<html></html>", "text/html"), "web page"),
    ("an error", http(500, b""), "HTTP 500"),
]


def test_a_card_that_cannot_be_used_is_said_and_what_was_typed_stays(
    open_page: Callable[..., Page], live: Live, server: RawServer, watch: Watch
) -> None:
    watch.expected.append("422")
    before = live.call("GET", "/agents?limit=200")["items"]
    page = _form(open_page)
    field, read = page.locator("[name=url]"), page.get_by_role("button", name="Read its card")
    for what, answer, words in BAD:
        server.respond = lambda _, answer=answer: answer
        typed = f"{server.url}#{what.replace(' ', '-')}"
        field.fill(typed)
        read.click()
        expect(page.locator("#agent-wrong")).to_contain_text(words)
        expect(field).to_have_value(typed)
        expect(read).to_be_enabled()
    field.fill("agent.example.org")
    read.click()
    expect(page.locator("#agent-wrong")).to_contain_text("http:// or https://")
    assert live.call("GET", "/agents?limit=200")["items"] == before


def test_a_script_in_a_cards_texts_is_text_and_said(open_page: Callable[..., Page], server: RawServer) -> None:
    hostile = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"
    card = {
        "name": f"Hostile {hostile}",
        "description": hostile,
        "url": server.url,
        "protocolVersion": "0.3.0",
        "skills": [{"id": "x", "name": hostile, "description": hostile, "examples": [hostile], "tags": []}],
    }
    server.respond = lambda _: answered(card)
    page = _form(open_page)
    page.locator("[name=url]").fill(server.url)
    page.get_by_role("button", name="Read its card").click()
    shown = page.get_by_role("region", name="Its card")
    expect(shown).to_contain_text("It is shown as text, and never run.")
    expect(shown).to_contain_text("<script>document.title='owned'</script>")
    shown.get_by_role("button", name="Add, switched off").click()
    expect(page.locator(".toasts")).to_contain_text("switched off")
    expect(page.locator(".agents")).to_contain_text("onerror=document.title='owned'")
    assert page.locator(".agents img, .agents script").count() == 0
    assert page.title() != "owned"


def test_a_card_that_changed_since_it_was_seen_is_not_added(
    open_page: Callable[..., Page], live: Live, server: RawServer, watch: Watch
) -> None:
    watch.expected.append("409")
    card = {"name": "Chameleon", "url": server.url, "protocolVersion": "0.3.0", "description": "Green."}
    server.respond = lambda _: answered(json.loads(json.dumps(card)))
    page = _form(open_page)
    page.locator("[name=url]").fill(server.url)
    page.get_by_role("button", name="Read its card").click()
    expect(page.get_by_role("region", name="Its card")).to_contain_text("Green.")
    card["description"] = "Red."
    page.get_by_role("button", name="Add and enable").click()
    expect(page.locator("#agent-wrong")).to_contain_text("has changed since you looked at it")
    expect(page.locator("[name=url]")).to_have_value(server.url)
    assert all(one["name"] != "Chameleon" for one in live.call("GET", "/agents?limit=200")["items"])
