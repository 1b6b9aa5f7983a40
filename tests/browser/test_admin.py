"""Admin in a real browser: its theme works within its policy, and many tasks are cancelled at once."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Live

Open = Callable[..., Page]
FAR = {"interval_minutes": 60, "start_at": "2099-01-01T00:00:00Z"}
PAGES = [
    "/admin/",
    "/admin/tasks/task/",
    "/admin/tasks/taskrun/",
    "/admin/tasks/executionplan/",
    "/admin/tasks/tasktransition/",
    "/admin/tasks/agent/",
    "/admin/conversations/conversation/",
    "/admin/conversations/conversationitem/",
    "/admin/auth/user/",
    "/admin/auth/group/",
    "/admin/valuecell_site/apitoken/",
    "/admin/password_change/",
]


def _tasks(live: Live, title: str, number: int) -> str:
    conversation = live.conversation(title)
    body = {"agent_name": "ScriptedAgent", "conversation_id": conversation, "query": "[]", "schedule": FAR}
    for nth in range(number):
        live.call("POST", "/tasks", {**body, "title": f"{title} {nth}"})
    return conversation


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_list_and_the_first_row_of_it_open_without_a_complaint(open_page: Open, live: Live, scheme: str) -> None:
    _tasks(live, f"Looked at {scheme}", 1)
    page = open_page("/admin/", color_scheme=scheme)
    for path in PAGES:
        page.goto(live.url + path)
        row = page.locator("#result_list tbody a[href*='/change/']").first
        if row.count():
            page.goto(live.url + str(row.get_attribute("href")))
        expect(page.locator("body")).to_be_visible()


def test_a_conversation_is_searched_for_in_the_filter_and_its_tasks_cancelled(open_page: Open, live: Live) -> None:
    _tasks(live, "Harvest", 3)
    kept = _tasks(live, "Kept", 1)
    page = open_page("/admin/tasks/task/")
    page.locator("a:has-text('Filters')").first.click()
    page.locator("#changelist-filter .select2-selection, .select2-selection").last.click()
    page.locator(".select2-search__field").last.fill("Harvest")
    page.locator(".select2-results__option", has_text="Harvest").first.click()
    page.get_by_role("button", name=re.compile("apply", re.IGNORECASE)).click()
    expect(page).to_have_url(re.compile("conversation__id__exact="))
    expect(page.locator("#result_list tbody tr")).to_have_count(3)
    page.locator("thead input[type=checkbox]").first.check()
    page.select_option("select[name=action]", "cancel_selected")
    page.locator("button[name=index]").click()
    expect(page.locator("main, body")).to_contain_text("Cancel: 3 tasks of 3 selected tasks?")
    page.get_by_role("button", name="Cancel 3 tasks").click()
    expect(page.locator("body")).to_contain_text("Cancelled 3 tasks.")
    left = live.call("GET", f"/tasks?conversation_id={kept}")["items"]
    assert [task["status"] for task in left] == ["pending"]


def test_everything_unfinished_in_a_conversation_is_cancelled_from_the_list(open_page: Open, live: Live) -> None:
    conversation = _tasks(live, "Whole conversation", 2)
    page = open_page("/admin/conversations/conversation/?q=Whole+conversation")
    page.locator("#result_list input.action-select").first.check()
    page.select_option("select[name=action]", "cancel_unfinished")
    page.locator("button[name=index]").click()
    page.get_by_role("button", name="Cancel 2 tasks").click()
    expect(page.locator("body")).to_contain_text("Cancelled 2 tasks.")
    tasks = live.call("GET", f"/tasks?conversation_id={conversation}")["items"]
    assert {task["status"] for task in tasks} == {"cancelled"}


def test_admin_is_usable_on_a_phone(open_page: Open, live: Live) -> None:
    _tasks(live, "On a phone", 1)
    page = open_page("/admin/tasks/task/", viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
