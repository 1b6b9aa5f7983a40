"""The composer: nothing typed is lost, nothing is sent twice, and mistakes are said where they were made."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import PHONE, Live, Watch


def test_a_draft_survives_a_reload_with_agent_and_schedule(open_page: Callable[..., Page], live: Live) -> None:
    page = open_page(f"/conversations/{live.conversation()}/")
    page.fill("textarea", "Half a thou")
    page.click("[data-part=agent]")
    page.get_by_role("menuitemradio", name=re.compile("^ScriptedAgent")).click()
    page.click("[data-part=when]")
    page.click("[data-kind=daily]")
    expect(page.locator("[data-part=when]")).to_contain_text("Every day at 09:00")
    page.reload()
    expect(page.locator("textarea")).to_have_value("Half a thou")
    expect(page.locator("[data-part=agent]")).to_have_text("ScriptedAgent")
    expect(page.locator("[data-part=when]")).to_contain_text("Every day at 09:00")
    other = open_page(f"/conversations/{live.conversation()}/")
    expect(other.locator("textarea")).to_have_value("")


def test_enter_sends_but_not_with_shift_nor_while_an_input_method_composes(
    open_page: Callable[..., Page], live: Live
) -> None:
    page = open_page(f"/conversations/{live.conversation()}/")
    page.fill("textarea", "")
    page.locator("textarea").press_sequentially("one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    page.locator("textarea").evaluate(
        "(area) => area.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true}))"
    )
    expect(page.locator("textarea")).to_have_value("one\ntwo")
    page.keyboard.press("Enter")
    expect(page.locator(".asked")).to_have_text("one\ntwo")
    expect(page.locator("textarea")).to_have_value("")


def test_a_lost_answer_is_tried_again_without_asking_twice(
    open_page: Callable[..., Page], live: Live, watch: Watch
) -> None:
    watch.expected.append("Failed to load resource")
    conversation = live.conversation()
    page = open_page(f"/conversations/{conversation}/")
    keys: list[str] = []

    def lose_the_first(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fetch()  # It reaches the server; its answer does not reach the page.
            route.abort()
        else:
            route.continue_()

    page.route("**/messages", lose_the_first)
    page.fill("textarea", "Once only")
    page.keyboard.press("Enter")
    expect(page.locator("#composer-wrong")).to_contain_text("What you typed is kept")
    expect(page.locator("textarea")).to_have_value("Once only")
    page.keyboard.press("Enter")
    expect(page.locator("textarea")).to_have_value("")
    assert len(keys) == 2
    assert keys[0] == keys[1]
    plans = live.call("GET", "/plans?limit=200")["items"]
    assert [plan["query"] for plan in plans if plan["conversation_id"] == conversation] == ["Once only"]


def test_a_refused_first_message_leaves_no_empty_conversation(
    open_page: Callable[..., Page], live: Live, watch: Watch
) -> None:
    watch.expected.append("422")
    before = {each["id"] for each in live.call("GET", "/conversations?limit=200")["items"]}
    page = open_page("/")
    page.fill("#composer textarea[name=text]", "Tell me of {{ nothing.here }}")
    page.click("[data-part=send]")
    expect(page.locator("#composer-wrong")).to_contain_text("nothing")
    expect(page.locator("#composer textarea[name=text]")).to_have_value("Tell me of {{ nothing.here }}")
    assert {each["id"] for each in live.call("GET", "/conversations?limit=200")["items"]} == before
    page.fill("#composer textarea[name=text]", '[["text", "Fine."]]')
    page.click("[data-part=send]")
    page.wait_for_url("**/conversations/*/")
    made = {each["id"] for each in live.call("GET", "/conversations?limit=200")["items"]} - before
    assert len(made) == 1


def test_a_wrong_schedule_is_said_beside_it_and_what_was_typed_stays(
    open_page: Callable[..., Page], live: Live, watch: Watch
) -> None:
    watch.expected.append("422")
    conversation = live.conversation()
    page = open_page(f"/conversations/{conversation}/")
    page.fill("textarea", "Never on that day")
    page.click("[data-part=when]")
    page.click("[data-kind=cron]")
    page.fill(".schedule .lines", "0 9 31 4 *")
    expect(page.locator(".schedule [data-wrong=cron]")).not_to_be_empty()
    page.click("[data-part=send]")
    expect(page.locator(".schedule [data-wrong=cron]")).not_to_be_empty()
    expect(page.locator("textarea[name=text]")).to_have_value("Never on that day")
    page.click("[data-kind=every]")
    page.fill(".schedule input[type=number]", "0")
    expect(page.locator(".schedule")).to_contain_text("from 1 to 525,600")
    page.click("[data-part=send]")
    expect(page.locator("#composer-wrong")).to_contain_text("from 1 to 525,600")
    assert live.call("GET", f"/tasks?conversation_id={conversation}")["items"] == []


def test_clock_changes_are_named_before_anything_starts(open_page: Callable[..., Page], live: Live) -> None:
    page = open_page("/", timezone_id="Europe/Paris")
    page.click("[data-part=when]")
    page.click("[data-kind=daily]")
    expect(page.locator(".zone select")).to_have_value("Europe/Paris")
    page.fill(".schedule input[type=time]", "02:30")
    page.select_option(".zone select", "America/New_York")
    expect(page.locator(".schedule .note").first).to_contain_text("02:00 to 03:00")
    expect(page.locator(".times li")).to_have_count(5)
    expect(page.locator(".schedule")).to_contain_text("times in America/New York")


def test_a_later_moment_is_sent_in_its_zone(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation()
    page = open_page(f"/conversations/{conversation}/", timezone_id="Europe/Berlin")
    page.fill("textarea", "Later")
    page.click("[data-part=agent]")
    page.get_by_role("menuitemradio", name=re.compile("^ScriptedAgent")).click()
    page.click("[data-part=when]")
    page.click("[data-kind=at]")
    page.fill("input[type=datetime-local]", "2035-07-01T09:00")
    expect(page.locator(".times li")).to_have_count(1)
    page.click("[data-part=send]")
    expect(page.locator("#rail-tasks .pill")).to_have_text("scheduled")
    task = live.call("GET", f"/tasks?conversation_id={conversation}")["items"][0]
    assert (task["pattern"], task["next_run_at"]) == ("once", "2035-07-01T07:00:00+00:00")


def test_samples_of_the_agents_page_fill_the_composer(open_page: Callable[..., Page]) -> None:
    page = open_page("/agents/")
    page.get_by_role("link", name="How did AAPL and MSFT do over 2009?").click()
    expect(page.locator("textarea")).to_have_value("How did AAPL and MSFT do over 2009?")
    expect(page.locator("[data-part=agent]")).to_contain_text("Market")


def test_a_whole_round_by_keyboard_alone(open_page: Callable[..., Page]) -> None:
    page = open_page("/")
    expect(page.locator("textarea")).to_be_focused()
    page.keyboard.type("Hello there")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.type("s")
    page.keyboard.press("Enter")
    expect(page.locator("[data-part=agent]")).to_have_text("ScriptedAgent")
    expect(page.locator("textarea")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".prose")).to_have_text("You said: Hello there")
    expect(page.locator("#title")).to_have_text("Hello there")


def test_on_a_phone_the_tasks_lie_in_a_sheet(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation("On a phone")
    live.tell(conversation, ["chunk", "Hi"], schedule={"daily_time": "09:00"})
    options: dict[str, Any] = {"viewport": PHONE, "has_touch": True}
    page = open_page(f"/conversations/{conversation}/", **options)
    expect(page.locator("#rail")).to_be_hidden()
    page.get_by_role("button", name="Tasks here").tap()
    expect(page.locator("#rail .card.task")).to_be_in_viewport()
    for control in page.locator("#rail button:visible").all():
        box = control.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
    page.keyboard.press("Escape")
    expect(page.locator("#rail")).to_be_hidden()
    expect(page.get_by_role("navigation", name="Main").last).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
