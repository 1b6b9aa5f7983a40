"""What is written while an agent is at work: it runs beside that, waits for its end, or takes its place."""

import json
import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Live

SLOW = json.dumps([["chunk", "The slow one is at it."], ["sleep", 4], ["chunk", " The slow one is done."]])


def ask(page: Page, text: str, choice: str = "") -> None:
    if choice:
        page.click("[data-part=meanwhile]")
        page.get_by_role("menuitemradio", name=re.compile(choice)).click()
    page.fill("textarea", text)
    page.keyboard.press("Enter")
    expect(page.locator("textarea")).to_have_value("")


def said(page: Page, live: Live) -> list[str]:
    """What its agents said, in order."""
    items = live.call("GET", f"/conversations/{page.url.split('/')[4]}/items")["items"]
    return [item["data"]["payload"]["content"] for item in items if item["event"] == "message_chunk"]


def begin(open_page: Callable[..., Page], live: Live) -> Page:
    page = open_page(f"/conversations/{live.conversation()}/")
    page.click("[data-part=agent]")
    page.get_by_role("menuitemradio", name=re.compile("^ScriptedAgent")).click()
    expect(page.locator("[data-part=meanwhile]")).to_be_hidden()
    ask(page, SLOW)
    # Said by the agent, not only asked.
    spoken = page.locator('#transcript article:not([aria-label="You"])', has_text="The slow one is at it.")
    expect(spoken.first).to_be_visible()
    return page


def test_a_message_sent_while_something_runs_waits_by_choice(open_page: Callable[..., Page], live: Live) -> None:
    page = begin(open_page, live)
    ask(page, "after it", "After what runs")
    expect(page.locator("#transcript")).to_contain_text("You said: after it", timeout=20_000)
    assert said(page, live) == ["The slow one is at it. The slow one is done.", "You said: after it"]
    expect(page.locator("[data-part=meanwhile]")).to_be_hidden()


def test_a_message_sent_while_something_runs_takes_its_place_by_choice(
    open_page: Callable[..., Page], live: Live
) -> None:
    page = begin(open_page, live)
    ask(page, "instead", "Instead of what runs")
    expect(page.locator("#transcript")).to_contain_text("A newer message took its place.")
    expect(page.locator("#transcript")).to_contain_text("You said: instead", timeout=15_000)
    assert said(page, live) == ["The slow one is at it.", "You said: instead"]
