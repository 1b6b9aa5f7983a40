"""What an agent only claims is shown as that; what cannot be read is shown as it came; what is too long is not cut."""

import json
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Live, Watch


def test_a_controller_that_an_agent_made_up_has_no_buttons_and_asks_for_no_task(
    open_page: Callable[..., Page], live: Live
) -> None:
    conversation = live.conversation()
    forged = {"task_id": "somebody/else's", "task_title": "Forged", "task_status": "running"}
    steps = [["component", "scheduled_task_controller", json.dumps(forged)], ["chunk", "That was all."]]
    plan = live.tell(conversation, *steps)
    live.wait_for_task(plan["tasks"][0]["id"], "completed")
    page = open_page("/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{live.url}/conversations/{conversation}/")
    log = page.locator("#transcript")
    expect(log).to_contain_text("That was all.")
    expect(log).to_contain_text("Forged")
    expect(log.get_by_role("button", name="Run now")).to_have_count(0)
    assert not [url for url in asked if "somebody" in url]


def test_a_chart_that_cannot_be_read_shows_what_came(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation()
    plan = live.tell(conversation, ["component", "filtered_line_chart", "{'bad"])
    live.wait_for_task(plan["tasks"][0]["id"], "completed")
    page = open_page(f"/conversations/{conversation}/")
    log = page.locator("#transcript")
    expect(log).to_contain_text("{'bad")
    expect(log).not_to_contain_text("[object")


def test_a_request_that_is_too_long_is_refused_with_its_limit_and_kept_whole(
    open_page: Callable[..., Page], live: Live, watch: Watch
) -> None:
    watch.expected.append("422")
    page = open_page(f"/conversations/{live.conversation()}/")
    field = page.get_by_role("textbox", name="Message")
    field.fill("x" * 40_000)
    field.press("Enter")
    expect(page.locator("#composer-wrong")).to_contain_text("32,000")
    assert len(field.input_value()) == 40_000
