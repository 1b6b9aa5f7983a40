"""The transcript equals the history, also after a reload in mid-stream, and shows what agents send as what it is."""

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Live, Watch

WORDS = [f"Word {number} of **the** answer 😀. " for number in range(60)]


def _slowly(pause: float = 0.03) -> list[list[Any]]:
    steps: list[list[Any]] = []
    for word in WORDS:
        steps += [["chunk", word], ["sleep", pause]]
    return steps


def test_a_reload_in_mid_stream_loses_and_doubles_nothing(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation("Reloads")
    page = open_page(f"/conversations/{conversation}/")
    plan = live.tell(conversation, *_slowly())
    expect(page.locator(".prose").get_by_text("Word 3 of").last).to_be_visible()
    page.reload()
    expect(page.locator(".prose").get_by_text("Word 20 of").last).to_be_visible()
    page.reload()
    live.wait_for_task(plan["tasks"][0]["id"], "completed")
    whole = "".join(WORDS).replace("**", "").strip()
    expect(page.locator(".prose").last).to_have_text(whole)
    items = live.call("GET", f"/conversations/{conversation}/items")["items"]
    assert [item["data"]["payload"]["content"] for item in items if item["event"] == "message_chunk"] == [
        "".join(WORDS)
    ]
    assert page.locator(".item").count() == len(items)


def test_a_lost_connection_is_said_and_made_good(open_page: Callable[..., Page], live: Live, watch: Watch) -> None:
    watch.expected.append("ERR_INTERNET_DISCONNECTED")
    conversation = live.conversation("Connections")
    page = open_page(f"/conversations/{conversation}/")
    expect(page.locator("#transcript")).to_be_visible()
    page.context.set_offline(True)
    # Chromium keeps open sockets when it is set offline; a page taken out of its cache opens its own anew.
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect(page.locator("#banner")).to_contain_text("Not connected", timeout=10_000)
    plan = live.tell(conversation, ["chunk", "Said meanwhile."])
    live.wait_for_task(plan["tasks"][0]["id"], "completed")
    page.context.set_offline(False)
    expect(page.locator(".prose").get_by_text("Said meanwhile.")).to_be_visible()
    expect(page.locator("#banner")).to_be_hidden()


def test_earlier_pages_come_on_demand_and_keep_the_place(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation("Long")
    plan = live.tell(conversation, *[["message", f"Message {number}."] for number in range(150)])
    live.wait_for_task(plan["tasks"][0]["id"], "completed")
    page = open_page(f"/conversations/{conversation}/")
    expect(page.get_by_text("Message 149.")).to_be_in_viewport()
    assert page.locator(".item").count() == 60
    page.locator("#scroll").evaluate("(scroller) => { scroller.scrollTop = 900; }")
    page.wait_for_timeout(200)
    reader = "document.elementFromPoint(600, 400).closest('.item')"
    page.evaluate(f"document.getElementById('scroll').scrollTop = 390; window.place = {reader}")
    before = page.evaluate("window.place.getBoundingClientRect().top")
    expect(page.locator(".item")).to_have_count(110)
    page.wait_for_timeout(200)
    assert abs(page.evaluate("window.place.getBoundingClientRect().top") - before) < 2
    items = live.call("GET", f"/conversations/{conversation}/items?limit=200")["items"]
    page.locator("#scroll").evaluate("(scroller) => { scroller.scrollTop = 0; }")
    expect(page.locator(".item")).to_have_count(len(items))
    shown = page.locator(".item").evaluate_all("(items) => items.map((item) => item.id)")
    assert shown == [f"item-{item['data']['item_id']}" for item in items]


def test_each_component_shows_what_can_be_read_of_it(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation("Components")
    rows = str([["date", "AAPL", "MSFT"], ["2026-01-01", 1.5, 2.0], ["2026-01-02", 2.5, None]])
    plan = live.tell(
        conversation,
        ["think", "Hm, *which* year?"],
        ["tool", "monthly_prices", json.dumps([{"content": "AAPL: 12 rows"}])],
        [
            "component",
            "report",
            json.dumps({"title": "The year", "data": "## Up\n\nMore.", "create_time": "2026-01-01 10:00:00"}),
        ],
        ["component", "filtered_line_chart", json.dumps({"title": "Prices", "data": rows})],
        [
            "component",
            "filtered_card_push_notification",
            '{"title": "Moves", "filters": ["AAPL"], "data": "[{\'a\': 1}, {\'a',
        ],
        ["component", "profile", "Plain **text**, no JSON"],
        ["component", "no_such_thing", '{"a": 1}'],
        ["fail", "The exchange is closed until Monday."],
        max_attempts=1,
    )
    live.wait_for_task(plan["tasks"][0]["id"], "failed")
    page = open_page(f"/conversations/{conversation}/")
    expect(page.get_by_role("heading", name="Up")).to_be_visible()
    expect(page.locator(".chart path")).to_have_count(2)
    page.get_by_text("Show as table").click()
    expect(page.get_by_role("cell", name="2.5")).to_be_visible()
    expect(page.get_by_role("columnheader", name="a", exact=True)).to_be_visible()
    expect(page.get_by_text("Plain text, no JSON")).to_be_visible()
    expect(page.get_by_text("Sent as “no_such_thing”")).to_be_visible()
    expect(page.locator(".note.failed").last).to_contain_text("The exchange is closed until Monday.")
    page.get_by_text("monthly_prices", exact=True).click()
    expect(page.get_by_text("AAPL: 12 rows", exact=True)).to_be_visible()
    page.get_by_text("Thought").click()
    expect(page.locator(".fold em")).to_have_text("which")


def test_finished_paragraphs_are_spoken_and_no_others(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation("Spoken")
    page = open_page(f"/conversations/{conversation}/")
    plan = live.tell(conversation, ["chunk", "One.\n\nTw"], ["sleep", 3.0], ["chunk", "o."], ["sleep", 0.5])
    speaker = page.locator("[aria-live=polite].sr")
    expect(speaker.locator("p").first).to_have_text("One.")
    live.wait_for_task(plan["tasks"][0]["id"], "completed")
    expect(speaker.locator("p")).to_have_text(["One.", "Two."])
