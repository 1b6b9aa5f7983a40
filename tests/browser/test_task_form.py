"""The form of a whole task in the page: every kind and limit, every fault at once, what is left of an ended one."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Live, Watch

DAILY = {"daily_time": "09:00", "timezone": "UTC"}


def _task(live: Live, title: str, **fields: Any) -> Any:
    body = {
        "conversation_id": live.conversation(title),
        "agent_name": "ScriptedAgent",
        "query": json.dumps([["chunk", "ok"]]),
        "title": title,
        "schedule": DAILY,
    }
    return live.call("POST", "/tasks", {**body, **fields})


def _more(page: Page, entry: str) -> None:
    page.locator("#acts").get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name=entry).click()


def test_a_duplicated_interval_goes_on_in_its_grid_and_says_so(open_page: Callable[..., Page], live: Live) -> None:
    start = "2026-01-05T09:17:00+00:00"
    for schedule in (
        {"interval_minutes": 60, "start_at": start, "timezone": "UTC"},
        {"interval_minutes": 60, "start_at": "2098-01-05T09:17:00+00:00", "timezone": "UTC"},
    ):
        task = _task(live, "In its grid", schedule=schedule)
        page = open_page(f"/tasks/{task['id']}/", timezone_id="UTC")
        _more(page, "Duplicate")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("It goes on in the grid of this one's times.")
        expect(dialog.locator(".times li").first).to_contain_text(":17")
        dialog.get_by_role("button", name="Make it").click()
        expect(page.get_by_text("The copy was made.")).to_be_visible()
        copy = live.call("GET", f"/tasks?conversation_id={task['conversation_id']}")["items"][0]
        assert datetime.fromisoformat(copy["next_run_at"]).minute == 17


def test_limits_are_edited_and_taken_away_in_place(open_page: Callable[..., Page], live: Live, watch: Watch) -> None:
    watch.expected.append("422")
    start = "2026-01-05T09:00:30+00:00"
    task = _task(
        live, "Limited", schedule={"interval_minutes": 30, "start_at": start, "timezone": "UTC", "max_runs": 99999}
    )
    page = open_page(f"/tasks/{task['id']}/")
    page.locator("#acts").get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Limits, days of rest, overlaps").click()
    expect(dialog.get_by_label("Not before")).to_have_value("2026-01-05T09:00")
    dialog.get_by_label("End after runs").fill("")
    dialog.get_by_label("Rests on").fill("Sometimes")
    expect(dialog.locator("[data-wrong=exclude]")).to_contain_text("“Sometimes” is neither a date nor a weekday")
    dialog.get_by_label("Rests on").fill("SAT, SUN")
    dialog.get_by_label("Not after").fill("2031-01-01T00:00")
    expect(dialog.locator(".summary")).to_contain_text("except Saturday")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    after = live.call("GET", f"/tasks/{task['id']}")["schedule"]
    assert after.pop("end_at").startswith("2031-01-01T00:00:00")
    assert after.pop("start_at").startswith("2026-01-05T09:00:30")  # not touched: not cut to its minute
    assert after == {"interval_minutes": 30, "timezone": "UTC", "exclude": ["SAT", "SUN"]}


def test_a_task_that_events_start_is_made_in_the_page_and_asks_for_its_hook(
    open_page: Callable[..., Page], live: Live
) -> None:
    conversation = live.conversation("On events")
    page = open_page(f"/conversations/{conversation}/")
    page.fill("textarea[name=text]", '@ScriptedAgent [["chunk", "Seen: {{ event.title }}"]]')
    page.locator("[data-part=when]").click()
    page.get_by_role("button", name="On an event").click()
    picker = page.locator(".picker .schedule")
    expect(picker).to_contain_text("Add a hook")
    picker.get_by_text("Limits, days of rest, overlaps").click()
    expect(picker.get_by_label("Missed while the server was down")).to_be_hidden()
    expect(picker.get_by_label("Spread over seconds")).to_be_hidden()
    picker.get_by_label("Still running at the next time").select_option("queue")
    picker.get_by_label("End after runs").fill("20")
    page.locator("[data-part=send]").click()
    expect(page.locator("#rail .card.task")).to_be_visible()
    (task,) = live.call("GET", f"/tasks?conversation_id={conversation}")["items"]
    assert (task["schedule"]["on_event"], task["schedule"]["max_runs"], task["overlap"]) == (True, 20, "queue")
    page.goto(f"{live.url}/tasks/{task['id']}/")
    hint = page.locator("#no-hook")
    expect(hint).to_contain_text("Nothing starts this task yet")
    live.call("POST", f"/tasks/{task['id']}/hooks", {})
    page.reload()
    expect(hint).to_have_count(0)


def test_what_an_event_starts_is_edited_with_its_limits_and_given_times(
    open_page: Callable[..., Page], live: Live
) -> None:
    task = _task(live, "Doorbell", schedule={"on_event": True, "timezone": "UTC", "max_runs": 9})
    page = open_page(f"/tasks/{task['id']}/")
    page.locator("#acts").get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Limits, days of rest, overlaps").click()
    expect(dialog.get_by_label("End after runs")).to_have_value("9")
    dialog.get_by_label("Still running at the next time").select_option("parallel")
    dialog.get_by_label("End after runs").fill("")
    dialog.get_by_label("Not after").fill("2098-01-01T00:00")
    dialog.get_by_label("Rests on").fill("SUN")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    after = live.call("GET", f"/tasks/{task['id']}")
    assert after["overlap"] == "parallel"
    assert after["schedule"].pop("end_at").startswith("2098-01-01T00:00")
    assert after["schedule"] == {"on_event": True, "timezone": "UTC", "exclude": ["SUN"]}
    page.locator("#acts").get_by_role("button", name="Edit").click()
    dialog.get_by_role("button", name="Daily").click()
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("[data-live=facts]")).to_contain_text("09:00")
    assert "on_event" not in live.call("GET", f"/tasks/{task['id']}")["schedule"]


def test_a_moment_that_may_be_missed_is_edited_in_place(open_page: Callable[..., Page], live: Live) -> None:
    task = _task(live, "Missed or not", schedule={"start_at": "2098-05-01T09:00:00+00:00", "timezone": "UTC"})
    page = open_page(f"/tasks/{task['id']}/")
    page.locator("#acts").get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("If its moment is missed").click()
    expect(dialog.get_by_label("Still running at the next time")).to_be_hidden()
    dialog.get_by_label("Missed while the server was down").select_option("none")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    after = live.call("GET", f"/tasks/{task['id']}")
    assert (after["catch_up"], after["schedule"]) == ("none", task["schedule"])


def test_every_wrong_field_of_the_form_is_said_at_once(
    open_page: Callable[..., Page], live: Live, watch: Watch
) -> None:
    watch.expected.append("422")
    task = _task(live, "Much is wrong", schedule={"interval_minutes": 5, "timezone": "UTC"})
    page = open_page(f"/tasks/{task['id']}/")
    page.locator("#acts").get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Limits, days of rest, overlaps").click()
    dialog.get_by_label("End after runs").fill("0")
    dialog.get_by_label("Spread over seconds").fill("301")
    dialog.get_by_text("More options").click()
    dialog.get_by_label("Priority").fill("12")
    dialog.get_by_label("Deadline").fill("2001-01-01T09:00")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.locator("[data-wrong=max_runs]")).to_contain_text("write a whole number from 1")
    expect(dialog.locator("[data-wrong=jitter_seconds]")).to_contain_text("write 300 at most")
    expect(dialog.locator("[data-wrong=priority]")).to_have_text("Write 9 or less.")
    expect(dialog.locator("[data-wrong=deadline_at]")).to_contain_text("It is past already")
    assert live.call("GET", f"/tasks/{task['id']}")["priority"] == 5


def test_an_ended_task_is_renamed_and_kept_in_place(open_page: Callable[..., Page], live: Live) -> None:
    task = _task(live, "Over", schedule=None)
    live.wait_for_task(task["id"], "completed")
    page = open_page(f"/tasks/{task['id']}/")
    page.locator("#acts").get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Request")).not_to_be_editable()
    dialog.get_by_label("Title").fill("Over, and kept")
    dialog.get_by_text("More options").click()
    expect(dialog.get_by_label("Priority")).to_be_hidden()
    dialog.get_by_label("Keep its runs for, in days").fill("0")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Over, and kept")).to_be_visible()
    after = live.call("GET", f"/tasks/{task['id']}")
    assert (after["title"], after["phase"]) == ("Over, and kept", "completed")
