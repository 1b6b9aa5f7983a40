"""The list of tasks in another order and as a line of time: what the address says stays, and rows are kept live."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Live


def _tasks(live: Live, *titles: str) -> list[str]:
    conversation = live.conversation(titles[0])
    ids = []
    for hour, title in enumerate(titles, 1):
        schedule = {"interval_minutes": 60 * hour, "start_at": f"2035-01-0{9 - hour}T00:00:00Z"}
        body = {"agent_name": "ScriptedAgent", "conversation_id": conversation, "query": "x", "schedule": schedule}
        ids.append(live.call("POST", "/tasks", {**body, "title": title})["id"])
    return ids


def test_a_heading_or_a_choice_sorts_and_the_address_keeps_it(open_page: Callable[..., Page], live: Live) -> None:
    _tasks(live, "Sorted b", "Sorted c", "Sorted a")
    page = open_page("/tasks/?q=Sorted")
    titles = page.locator("td.title a")
    expect(titles).to_have_text(["Sorted a", "Sorted c", "Sorted b"])
    page.get_by_role("columnheader", name="Task").get_by_role("link").click()
    expect(page).to_have_url(re.compile("sort=title"))
    expect(titles).to_have_text(["Sorted a", "Sorted b", "Sorted c"])
    expect(page.get_by_role("columnheader", name="Task")).to_have_attribute("aria-sort", "ascending")
    page.reload()
    page.select_option("[name=pattern]", "recurring")
    expect(titles).to_have_text(["Sorted a", "Sorted b", "Sorted c"])
    page.get_by_label("Sort", exact=True).select_option("next")
    expect(titles).to_have_text(["Sorted a", "Sorted c", "Sorted b"])
    expect(page).to_have_url(re.compile("pattern=recurring.*sort=next"))


@pytest.mark.parametrize("options", [{}, {"viewport": PHONE, "has_touch": True}], ids=["desktop", "phone"])
def test_past_and_coming_runs_stand_on_one_line(
    open_page: Callable[..., Page], live: Live, options: dict[str, Any]
) -> None:
    conversation = live.conversation("Lined")
    name = f"Lined {len(options)}"
    plan = live.tell(conversation, ["chunk", "ok"], schedule={"interval_minutes": 240}, title=name)
    task = plan["tasks"][0]["id"]
    live.wait_for_task(task, "scheduled")
    page = open_page(f"/tasks/?q={name.replace(' ', '+')}", **options)
    page.get_by_role("link", name="Time line").click()
    lane = page.get_by_role("img", name=re.compile("1 succeeded; planned: "))
    expect(lane.locator("rect.succeeded")).to_have_count(1)
    assert lane.locator("rect.coming").count() in (5, 6)
    expect(lane.locator("rect.coming").first).to_be_visible()
    before = lane.locator("rect.succeeded").bounding_box()
    after = lane.locator("rect.coming").first.bounding_box()
    assert before is not None
    assert after is not None
    assert before["x"] < after["x"]
    live.call("POST", f"/tasks/{task}/trigger", {})
    expect(page.locator("rect.succeeded")).to_have_count(2)
    page.get_by_role("link", name="a week").click()
    expect(page).to_have_url(re.compile("view=timeline.*around=7d"))
    assert page.evaluate("document.documentElement.scrollWidth") <= (page.viewport_size or PHONE)["width"]
    box = page.locator("rect.succeeded").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page).to_have_url(re.compile(r"/runs/"))
