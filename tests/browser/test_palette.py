"""The palette leads by the keyboard alone to any conversation, task, agent, page or act, whatever is typed how fast."""

import re
import uuid
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Live, Watch


def _open(page: Page) -> None:
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Go to a conversation")).to_be_focused()


def _options(page: Page) -> Locator:
    return page.locator("#palette").get_by_role("option")


def test_a_few_letters_lead_to_a_conversation_a_task_an_agent_and_a_page(
    open_page: Callable[..., Page], live: Live
) -> None:
    name = f"w{uuid.uuid4().hex[:8]}"
    conversation = live.conversation(f"Talk {name}")
    body = {"agent_name": "ScriptedAgent", "conversation_id": conversation, "query": "x", "title": f"Task {name}"}
    task = live.call("POST", "/tasks", {**body, "schedule": {"daily_time": "09:00"}})["id"]
    page = open_page("/agents/")
    _open(page)
    page.keyboard.type(f"Talk {name}")
    expect(page.get_by_role("option", name=f"Talk {name}")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/conversations/{conversation}/")
    page.locator("textarea[name=text]").focus()
    _open(page)
    page.keyboard.type(name)
    expect(page.get_by_role("option", name=f"Task {name}")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/tasks/{task}/")
    page.get_by_role("button", name="Go to…").click()
    expect(page.get_by_role("combobox", name="Go to a conversation")).to_be_focused()
    page.keyboard.type("scripted")
    expect(page.get_by_role("option", name="Ask ScriptedAgent")).to_be_visible()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("[data-part=agent]")).to_have_text("ScriptedAgent")
    _open(page)
    page.keyboard.type("insi")
    page.keyboard.press("Enter")  # before anything was found
    page.wait_for_url("**/insights/")


def test_what_can_be_done_here_is_done_from_the_palette(open_page: Callable[..., Page], live: Live) -> None:
    plan = live.tell(live.conversation("Acts"), ["chunk", "x"], schedule={"daily_time": "09:00"})
    task = plan["tasks"][0]["id"]
    page = open_page(f"/tasks/{task}/")
    _open(page)
    page.keyboard.type("paus")
    expect(_options(page).first).to_contain_text("this task")
    page.keyboard.press("Enter")
    expect(page.locator("[data-live=phase]")).to_have_text("paused")
    _open(page)
    page.keyboard.type("dark theme")
    expect(_options(page)).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_nothing_found_is_said_and_a_failing_server_leaves_the_pages(
    open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.expected.append("Failed to load resource")
    page = open_page("/tasks/")
    page.route(re.compile("/api/v1/"), lambda route: route.abort())
    _open(page)
    page.keyboard.type("<b>xyzzy")
    expect(page.get_by_text("Nothing found.")).to_be_visible()
    page.keyboard.press("Control+a")
    page.keyboard.type("calend")
    expect(_options(page)).to_have_text(["Calendar"])
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
