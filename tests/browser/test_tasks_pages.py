"""The list of tasks and a task's page: filters that stay, rows that follow, acts on one and on many."""

import json
import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Live

DAILY = {"daily_time": "09:00"}


def _scheduled(live: Live, n: int, word: str, *, steps: Any = (("chunk", "ok"),)) -> list[str]:
    conversation = live.conversation(word)
    body = {
        "agent_name": "ScriptedAgent",
        "conversation_id": conversation,
        "query": json.dumps(steps),
        "schedule": DAILY,
    }
    return [live.call("POST", "/tasks", {**body, "title": f"{word} {number}"})["id"] for number in range(n)]


def test_filters_live_in_the_address_and_survive_reload_and_live_rows(
    open_page: Callable[..., Page], live: Live
) -> None:
    ids = _scheduled(live, 3, "Filtered")
    page = open_page("/tasks/")
    page.fill("[name=q]", "Filtered")
    expect(page).to_have_url(re.compile(r"q=Filtered"))
    page.select_option("[name=phase]", "scheduled")
    expect(page).to_have_url(re.compile(r"phase=scheduled"))
    expect(page.locator("tbody tr")).to_have_count(3)
    page.reload()
    expect(page.locator("[name=phase]")).to_have_value("scheduled")
    live.call("POST", f"/tasks/{ids[0]}/pause", {})
    expect(page.locator("tbody tr")).to_have_count(2)
    page.select_option("[name=phase]", "paused")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Clear").click()
    expect(page).to_have_url(f"{live.url}/tasks/")


def test_many_are_paused_resumed_and_cancelled_with_their_number(open_page: Callable[..., Page], live: Live) -> None:
    ids = _scheduled(live, 4, "Bulk")
    page = open_page("/tasks/?q=Bulk")
    page.check("#select-all")
    expect(page.locator("#selected-count")).to_have_text("4 selected")
    page.uncheck(f"input[value='{ids[0]}']")
    page.get_by_role("toolbar").get_by_role("button", name="Pause").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Pause 3 tasks?")
    dialog.get_by_role("button", name="Close").click()
    assert live.call("GET", f"/tasks/{ids[1]}")["phase"] == "scheduled"
    page.get_by_role("toolbar").get_by_role("button", name="Pause").click()
    dialog.get_by_label("Reason").fill("holiday")
    dialog.get_by_role("button", name="Pause 3").click()
    expect(page.get_by_text("3 tasks paused.")).to_be_visible()
    assert [live.call("GET", f"/tasks/{one}")["phase"] for one in ids] == ["scheduled", "paused", "paused", "paused"]
    expect(page.locator("tbody .pill.paused")).to_have_count(3)
    assert live.call("GET", f"/tasks/{ids[1]}")["paused_note"] == "holiday"
    page.check("#select-all")
    page.get_by_role("toolbar").get_by_role("button", name="Cancel").click()
    dialog.get_by_role("button", name="Cancel 4").click()
    expect(page.get_by_text("4 tasks cancelled.")).to_be_visible()
    expect(page.locator("tbody .pill.cancelled")).to_have_count(4)
    page.check("#select-all")
    page.get_by_role("toolbar").get_by_role("button", name="Resume").click()
    dialog.get_by_role("button", name="Resume 4").click()
    told = page.locator(".toast.failed")
    expect(told).to_contain_text("0 tasks resumed. 4 were left as found:")
    expect(told.locator("li").first).to_have_text("“Bulk 0” is cancelled already, so it cannot be resumed.")


def test_one_is_run_from_its_menu_and_its_strip_grows(open_page: Callable[..., Page], live: Live) -> None:
    (task,) = _scheduled(live, 1, "Single")
    page = open_page("/tasks/?q=Single")
    page.get_by_role("button", name="Act on Single 0").click()
    page.get_by_role("menuitem", name="Run now").click()
    expect(page.locator(".strip > .succeeded")).to_have_count(1)
    assert live.call("GET", f"/tasks/{task}")["phase"] == "scheduled"


def test_a_task_is_edited_and_its_schedule_keeps_its_zone(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation("Edits")
    schedule = {"daily_time": "09:00", "timezone": "Asia/Tokyo"}
    plan = live.tell(conversation, ["chunk", "ok"], schedule=schedule, title="Before")
    task = plan["tasks"][0]["id"]
    page = open_page(f"/tasks/{task}/")
    page.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Title").fill("After")
    dialog.locator("input[type=time]").fill("07:15")
    expect(dialog.locator(".summary")).to_have_text("Every day at 07:15")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("h1").first).to_have_text("After")
    expect(page.get_by_text("Every day at 07:15, Tokyo").first).to_be_visible()
    after = live.call("GET", f"/tasks/{task}")
    assert (after["title"], after["schedule"]) == ("After", {"daily_time": "07:15", "timezone": "Asia/Tokyo"})
    assert live.call("GET", f"/tasks/{task}/runs")["items"] == []  # Editing never fires.


def test_pause_and_resume_on_the_tasks_page_say_so(open_page: Callable[..., Page], live: Live) -> None:
    (task,) = _scheduled(live, 1, "Pausing")
    page = open_page(f"/tasks/{task}/")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("[data-live=phase]")).to_have_text("paused")
    page.locator("#acts").get_by_role("button", name="Resume").click()
    expect(page.locator("[data-live=phase]")).to_have_text("scheduled")
    expect(page.locator(".timeline li")).to_have_count(3)


def test_a_cancelled_schedule_is_scheduled_again_in_one_step(open_page: Callable[..., Page], live: Live) -> None:
    (task,) = _scheduled(live, 1, "Again")
    page = open_page(f"/tasks/{task}/")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("status").get_by_role("button", name="Schedule again").click()
    expect(page.get_by_text("Scheduled again.")).to_be_visible()
    found = live.call("GET", "/tasks?q=Again%200")["items"]
    assert [(one["phase"], one["schedule"]["daily_time"]) for one in found] == [
        ("scheduled", "09:00"),
        ("cancelled", "09:00"),
    ]


def test_a_run_is_followed_to_its_end_on_its_own_page(open_page: Callable[..., Page], live: Live) -> None:
    (task,) = _scheduled(live, 1, "Followed", steps=[["chunk", "**Done** "], ["sleep", 1.5], ["chunk", "now."]])
    run = live.call("POST", f"/tasks/{task}/trigger", {})["id"]
    page = open_page(f"/runs/{run}/")
    expect(page.locator("[data-live=status]")).to_have_text(re.compile("queued|running"))
    expect(page.locator("[data-live=status]")).to_have_text("succeeded")
    expect(page.locator("[data-live=result] strong")).to_have_text("Done")
    page.get_by_role("link", name="In the conversation").click()
    expect(page.locator(".item:target")).to_be_in_viewport()
