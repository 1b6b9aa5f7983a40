"""What is there can be seen and pressed: the search beside filters, things without a visible title, menus by typing."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Live

INVISIBLE = "\u200b\u200b"


@pytest.mark.parametrize("width", [1280, 1024, 800])
def test_the_search_is_seen_whole_beside_any_filters(open_page: Callable[..., Page], live: Live, width: int) -> None:
    conversation = live.conversation("A conversation with a title of quite some length, as they are")
    path = f"/tasks/?status=pending&conversation={conversation}&phase=scheduled&created=7d"
    page = open_page(path, viewport={"width": width, "height": 860})
    box = page.locator("[name=q]").bounding_box()
    assert box is not None
    assert box["x"] >= 0 and box["x"] + box["width"] <= width
    page.locator("[name=q]").click()
    expect(page.locator("[name=q]")).to_be_focused()
    assert page.locator("#filters").evaluate("(bar) => bar.scrollWidth <= bar.clientWidth")


def test_what_has_no_visible_title_has_a_visible_link(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation(INVISIBLE)
    schedule = {"daily_time": "00:01"}  # before all others of its day, which the calendar may fold
    body = {"agent_name": "ScriptedAgent", "query": "invisible one", "title": INVISIBLE, "schedule": schedule}
    task = live.call("POST", "/tasks", {**body, "conversation_id": conversation})["id"]
    for path, link in (
        ("/", f".talks a[href='/conversations/{conversation}/'] .title"),
        ("/", f"#recent [data-conversation='{conversation}'] .title"),
        ("/tasks/?q=invisible", f"td.title a[href='/tasks/{task}/']"),
        (f"/conversations/{conversation}/", f"#rail-tasks a[href='/tasks/{task}/']"),
        (f"/tasks/{task}/", f"[data-live=facts] a[href='/conversations/{conversation}/']"),
        (f"/tasks/{task}/", "h1"),
        (f"/conversations/{conversation}/", "#title"),
    ):
        page = open_page(path)
        expect(page.locator(link)).to_have_text("Untitled")
        page.close()
    page = open_page("/calendar/")
    expect(page.locator(f".slot[href='/tasks/{task}/'] .name").first).to_have_text("Untitled")


def test_an_agent_is_found_by_typing_its_name(open_page: Callable[..., Page]) -> None:
    page = open_page("/")
    page.click("[data-part=agent]")
    page.keyboard.type("Mach")
    expect(page.locator(":focus b")).to_have_text("Machine")
    page.keyboard.press("Enter")
    expect(page.locator("[data-part=agent]")).to_have_text("Machine")
