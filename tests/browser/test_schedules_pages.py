"""What a person does with a schedule: say it in words, pause it until, move it, copy it, make up for it, look ahead."""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Live, Watch

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


def test_a_schedule_is_paused_until_a_moment_with_its_reason(open_page: Callable[..., Page], live: Live) -> None:
    task = _task(live, "Harbour")
    page = open_page(f"/tasks/{task['id']}/")
    _more(page, "Pause until…")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="1 hour").click()
    dialog.get_by_label("Reason").fill("The harbour is shut")
    dialog.get_by_role("button", name="Pause").click()
    expect(page.locator("[data-live=phase]")).to_have_text("paused")
    expect(page.locator("[data-live=facts]")).to_contain_text("The harbour is shut")
    expect(page.locator("[data-live=facts]")).to_contain_text("until today")
    after = live.call("GET", f"/tasks/{task['id']}")
    assert (after["phase"], after["paused_reason"]) == ("paused", "manual")
    page.locator("#acts").get_by_role("button", name="Resume").click()
    expect(page.locator("[data-live=phase]")).to_have_text("scheduled")


def test_a_moment_that_is_over_is_refused_where_it_was_chosen(open_page: Callable[..., Page], live: Live) -> None:
    task = _task(live, "Too late")
    page = open_page(f"/tasks/{task['id']}/")
    _more(page, "Pause until…")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Until…", exact=True).click()
    dialog.get_by_label("For how long?").last.fill("2020-01-01T09:00")
    dialog.get_by_role("button", name="Pause").click()
    expect(dialog.get_by_role("alert")).to_have_text("Choose a moment that is still to come.")
    assert live.call("GET", f"/tasks/{task['id']}")["phase"] == "scheduled"


def test_a_once_task_is_put_off(open_page: Callable[..., Page], live: Live) -> None:
    at = datetime.now().astimezone() + timedelta(hours=3)
    task = _task(live, "Put off", schedule={"start_at": at.isoformat()})
    page = open_page(f"/tasks/{task['id']}/")
    page.get_by_role("button", name="Snooze").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Tomorrow 09:00").click()
    dialog.get_by_role("button", name="Snooze").click()
    expect(page.get_by_role("status").get_by_text(re.compile("Runs tomorrow 09:00"))).to_be_visible()
    moved = datetime.fromisoformat(live.call("GET", f"/tasks/{task['id']}")["next_run_at"])
    assert moved > at and moved.minute == 0


def test_a_past_range_is_made_up_for_after_its_number_is_known(open_page: Callable[..., Page], live: Live) -> None:
    task = _task(live, "Made up", schedule={"cron": "0 */6 * * *", "timezone": "UTC"})
    page = open_page(f"/tasks/{task['id']}/", timezone_id="UTC")
    _more(page, "Make up for the past…")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("To").fill("2026-01-02T00:00")
    dialog.get_by_label("From").fill("2026-01-03T00:00")
    expect(dialog).to_contain_text("The end lies before the beginning.")
    dialog.get_by_label("From").fill("2020-01-01T00:00")
    expect(dialog).to_contain_text("More than 1,000 times lie in this range.")
    expect(dialog.get_by_role("button", name="Run")).to_be_disabled()
    dialog.get_by_label("From").fill("2026-01-01T18:00")
    expect(dialog).to_contain_text("2 times of the schedule lie in this range.")
    dialog.get_by_role("button", name="Run 2").click()
    expect(page.get_by_text("2 runs made.")).to_be_visible()
    expect(page.locator("[data-live=runs] .pill.succeeded")).to_have_count(2)
    runs = live.call("GET", f"/tasks/{task['id']}/runs")["items"]
    assert {(run["trigger"], run["for_slot"][:16]) for run in runs} == {
        ("backfill", "2026-01-01T18:00"),
        ("backfill", "2026-01-02T00:00"),
    }


def test_a_run_runs_again_from_its_row_with_the_same_or_another_text(
    open_page: Callable[..., Page], live: Live
) -> None:
    task = _task(live, "Rows")
    live.call("POST", f"/tasks/{task['id']}/trigger", {})
    page = open_page(f"/tasks/{task['id']}/")
    rows = page.locator("[data-live=runs] tbody:not(.coming) tr")
    expect(rows.locator(".pill.succeeded")).to_have_count(1)
    rows.first.get_by_role("button").click()
    page.get_by_role("menuitem", name="Run again").click()
    expect(rows.locator(".pill.succeeded")).to_have_count(2)
    rows.first.get_by_role("button").click()
    page.get_by_role("menuitem", name="Run with another text…").click()
    other = json.dumps([["chunk", "another answer"]])
    page.get_by_role("dialog").get_by_label("Request").fill(other)
    page.get_by_role("dialog").get_by_role("button", name="Run now").click()
    expect(rows.first).to_contain_text("another answer")
    newest = live.call("GET", f"/tasks/{task['id']}/runs")["items"][0]
    assert newest["input"] == other
    assert live.call("GET", f"/tasks/{task['id']}")["query"] != other  # the task keeps its own
    expect(page.locator("[data-live=runs] tbody.coming tr")).to_have_count(5)


def test_a_run_runs_again_from_its_own_page_and_leads_to_the_new_one(
    open_page: Callable[..., Page], live: Live
) -> None:
    task = _task(live, "Own page")
    run = live.call("POST", f"/tasks/{task['id']}/trigger", {})["id"]
    page = open_page(f"/runs/{run}/")
    expect(page.locator("[data-live=status]")).to_have_text("succeeded")
    expect(page.locator(".split")).to_contain_text("with the agent")
    page.get_by_role("button", name="Run again").click()
    page.wait_for_url(lambda url: "/runs/" in url and run not in url)
    expect(page.locator("[data-live=status]")).to_have_text("succeeded")


def test_a_task_is_duplicated_with_all_of_its_schedule(open_page: Callable[..., Page], live: Live) -> None:
    schedule = {
        "cron": ["0 9 * * MON", "30 17 * * FRI"],
        "timezone": "Asia/Tokyo",
        "exclude": ["2031-01-01"],
        "max_runs": 40,
        "jitter_seconds": 30,
    }
    task = _task(live, "Copied", schedule=schedule)
    page = open_page(f"/tasks/{task['id']}/")
    _more(page, "Duplicate")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Request")).to_have_value(task["query"])
    expect(dialog.locator(".schedule")).to_contain_text("times in Asia/Tokyo")
    expect(dialog).to_contain_text("It begins at the first of its times to come.")
    dialog.get_by_role("button", name="Make it").click()
    expect(page.get_by_text("The copy was made.")).to_be_visible()
    copy, original = live.call("GET", f"/tasks?conversation_id={task['conversation_id']}")["items"]
    assert original["id"] == task["id"]
    assert (copy["schedule"], copy["agent_name"]) == (schedule, "ScriptedAgent")


def test_an_edited_text_is_shown_as_the_agent_would_get_it(
    open_page: Callable[..., Page], live: Live, watch: Watch
) -> None:
    watch.expected.append("422")
    task = _task(live, "Plain words", schedule={"interval_minutes": 600, "timezone": "UTC"})
    page = open_page(f"/tasks/{task['id']}/")
    page.locator("#acts").get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    shown = dialog.locator(".text-preview")
    expect(shown).to_be_hidden()
    dialog.get_by_label("Request").fill("Before: {{ previous.result | default('nothing') }}. Run {{ run_number }}.")
    expect(shown).to_contain_text("What the agent would get")
    expect(shown).to_contain_text("Run ")
    dialog.get_by_label("Request").fill("{{ previous.reslt }}")
    expect(shown).to_contain_text("There is no “previous.reslt” here.")
    dialog.get_by_label("Request").fill("Plain again")
    expect(shown).to_be_hidden()


def test_times_said_in_the_text_become_the_schedule_in_one_press(open_page: Callable[..., Page], live: Live) -> None:
    page = open_page(f"/conversations/{live.conversation('Said')}/", timezone_id="Europe/Berlin")
    text = page.locator("textarea[name=text]")
    text.press_sequentially("Report the load every weekday at 09:05")
    chip = page.locator("[data-take]")
    expect(chip).to_contain_text("09:05")
    chip.click()
    expect(text).to_have_value("Report the load")
    expect(page.locator("[data-part=when]")).to_contain_text("09:05")
    expect(chip).to_have_count(0)
    text.fill("Report the load")
    page.wait_for_timeout(600)
    expect(chip).to_have_count(0)


def _ask(page: Page, text: str) -> None:
    page.fill("textarea[name=text]", text)
    page.keyboard.press("Enter")


def test_a_schedule_said_in_a_message_is_made_after_a_press(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation("Confirmed")
    page = open_page(f"/conversations/{conversation}/", timezone_id="Europe/Berlin")
    _ask(page, "Report this machine's load every weekday at 18:30")
    question = page.locator(".card.question")
    expect(question).to_contain_text("18:30")
    assert live.call("GET", f"/tasks?conversation_id={conversation}")["items"] == []
    question.get_by_role("button", name="Confirm").click()
    expect(page.locator("#rail .card.task")).to_contain_text("18:30")
    (task,) = live.call("GET", f"/tasks?conversation_id={conversation}")["items"]
    assert task["pattern"] == "recurring" and task["schedule"]["timezone"] == "Europe/Berlin"
    expect(question.get_by_role("button")).to_have_count(0)
    page.reload()
    expect(question).to_be_visible()
    expect(question.get_by_role("button")).to_have_count(0)


def test_a_proposed_schedule_is_changed_in_words_or_left(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation("Changed")
    page = open_page(f"/conversations/{conversation}/", timezone_id="Europe/Berlin")
    _ask(page, "Report this machine's load every weekday at 18:30")
    question = page.locator(".card.question")
    question.get_by_role("button", name="Change…").click()
    expect(page.locator("[data-part=answering]")).to_be_visible()
    _ask(page, "make it 10am")
    expect(question).to_have_count(2)
    expect(question.first.get_by_role("button")).to_have_count(0)
    expect(question.last).to_contain_text("10:00")
    question.last.get_by_role("button", name="No, leave it").click()
    expect(question.last.get_by_role("button")).to_have_count(0)
    expect(page.locator("[data-part=answering]")).to_be_hidden()
    assert live.call("GET", f"/tasks?conversation_id={conversation}")["items"] == []


def test_a_text_without_a_time_is_not_sent_anywhere_while_it_is_typed(
    open_page: Callable[..., Page], live: Live
) -> None:
    page = open_page(f"/conversations/{live.conversation('Plain')}/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "parse" in request.url else None)
    page.locator("textarea[name=text]").press_sequentially("Describe the harbour")
    page.wait_for_timeout(700)
    assert asked == []


def test_the_calendar_shows_what_ran_and_what_comes_and_stays_live(open_page: Callable[..., Page], live: Live) -> None:
    task = _task(live, "Seen in the calendar", schedule={"daily_time": "23:59", "timezone": "UTC"})
    page = open_page("/calendar/?view=day", timezone_id="UTC")
    entry = page.locator(".slot", has_text="Seen in the calendar")
    expect(entry.and_(page.locator(".coming"))).to_have_count(1)
    live.call("POST", f"/tasks/{task['id']}/trigger", {})
    expect(entry.and_(page.locator(".succeeded"))).to_have_count(1)
    entry.and_(page.locator(".coming")).click()
    expect(page).to_have_url(f"{live.url}/tasks/{task['id']}/")
    page.go_back()
    entry.and_(page.locator(".succeeded")).click()
    expect(page).to_have_url(re.compile("/runs/"))


def test_the_calendar_turns_by_address_and_by_keys(open_page: Callable[..., Page], live: Live) -> None:
    _task(live, "Turned")
    page = open_page("/calendar/?view=month&date=2026-12-30", timezone_id="UTC")
    heading = page.locator(".calendar-bar h1")
    expect(heading).to_contain_text("December 2026")
    page.locator('[data-date="2026-12-30"] .date').focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator('[data-date="2026-12-31"] .date')).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(heading).to_contain_text("January 2027")
    expect(page.locator('[data-date="2027-01-07"] .date')).to_be_focused()
    expect(page).to_have_url(re.compile(r"view=month&date=2027-01-07"))
    page.keyboard.press("w")
    expect(heading).to_contain_text("4 – 10 January 2027")
    page.reload()
    expect(heading).to_contain_text("4 – 10 January 2027")
    page.get_by_role("link", name="Today").click()
    expect(page.locator(".day.today")).to_be_visible()
    page.go_back()
    expect(heading).to_contain_text("4 – 10 January 2027")


def test_a_calendar_that_cannot_be_brought_says_so_and_tries_again(
    open_page: Callable[..., Page], live: Live, watch: Watch
) -> None:
    watch.expected.append("Failed to load resource")
    page = open_page("/calendar/?view=week&date=2027-01-04", timezone_id="UTC")
    page.route("**/calendar/*", lambda route: route.abort())
    page.get_by_role("link", name="Later").click()
    expect(page.get_by_role("alert")).to_contain_text("could not be brought")
    page.unroute("**/calendar/*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".calendar-bar h1")).to_contain_text("11 – 17 January 2027")
    expect(page.locator("#calendar-failed")).to_be_hidden()


def test_on_a_phone_the_calendar_is_a_list_of_days(open_page: Callable[..., Page], live: Live) -> None:
    _task(live, "On the phone", schedule={"cron": "30 8 3 2 *", "timezone": "UTC"})
    page = open_page("/calendar/?view=month&date=2027-02-01", timezone_id="UTC", viewport=PHONE)
    day = page.locator('[data-date="2027-02-03"]')
    expect(day.get_by_text("Wednesday 3 February 2027")).to_be_visible()
    expect(page.locator('[data-date="2027-03-01"]')).to_be_hidden()  # of another month
    expect(day.locator(".slot .word").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_private_link_is_made_shown_and_revoked(open_page: Callable[..., Page], live: Live) -> None:
    page = open_page("/calendar/")
    page.get_by_role("button", name="Make an address").click()
    address = page.get_by_label("Private address of your calendar").input_value()
    assert address.startswith(f"{live.url}/feeds/")
    response = page.request.get(address)
    assert (response.status, response.text()[:15]) == (200, "BEGIN:VCALENDAR")
    page.goto(f"{live.url}/settings/")
    expect(page.get_by_label("Private address of your calendar")).to_have_value(address)
    page.locator("#feed").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("button", name="Make an address")).to_be_visible()
    assert page.request.get(address).status == 404


def test_all_that_match_are_chosen_beyond_the_page(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation("Matching")
    tasks = [
        {"key": f"k{n}", "agent_name": "ScriptedAgent", "query": "[]", "title": f"Matching {n}", "schedule": DAILY}
        for n in range(54)
    ]
    for begin in range(0, 54, 9):
        live.call("POST", "/plans", {"conversation_id": conversation, "tasks": tasks[begin : begin + 9]})
    page = open_page("/tasks/?q=Matching")
    expect(page.locator("tbody tr")).to_have_count(50)
    page.check("#select-all")
    page.get_by_role("button", name="Select all that match").click()
    expect(page.locator("#selected-count")).to_have_text("All 54 that match")
    page.get_by_role("toolbar").get_by_role("button", name="Pause").click()
    page.get_by_role("dialog").get_by_role("button", name="Pause 54").click()
    expect(page.get_by_text("54 tasks paused.")).to_be_visible()
    paused = live.call("GET", "/tasks?q=Matching&phase=paused&limit=200")["items"]
    assert len(paused) == 54


def test_ended_ones_run_again_with_the_others(open_page: Callable[..., Page], live: Live) -> None:
    ended = _task(live, "Together ended", schedule=None)
    live.wait_for_task(ended["id"], "completed")
    goes_on = _task(live, "Together planned")
    page = open_page("/tasks/?q=Together")
    page.check("#select-all")
    page.get_by_role("toolbar").get_by_role("button", name="Run again").click()
    page.get_by_role("dialog").get_by_role("button", name="Run 2 again").click()
    expect(page.get_by_text("2 runs started.")).to_be_visible()
    live.wait_for_task(ended["id"], "completed")
    assert len(live.call("GET", f"/tasks/{ended['id']}/runs")["items"]) == 2
    assert len(live.call("GET", f"/tasks/{goes_on['id']}/runs")["items"]) == 1
    page.locator("h1").click()
    page.keyboard.press("/")
    expect(page.locator("[name=q]")).to_be_focused()
