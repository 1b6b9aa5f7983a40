"""The table of operations (docs/schedules.md) in the page: the whole form, many at once by filter, plans, copies."""

import json
import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Live, Watch

Open = Callable[..., Page]
FAR = {"daily_time": "09:00", "timezone": "UTC", "start_at": "2099-01-01T00:00:00Z"}
OK = json.dumps([["chunk", "ok"]])


def _task(live: Live, title: str, *, schedule: Any = FAR, query: str = OK, **options: Any) -> Any:
    body = {"agent_name": "ScriptedAgent", "conversation_id": live.conversation(title), "query": query}
    body |= {"title": title, **options}
    return live.call("POST", "/tasks", {**body, **({"schedule": schedule} if schedule else {})})


def _edit(page: Page) -> Any:
    page.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("More options").click()
    return dialog


def test_everything_that_can_be_written_is_edited_behind_more_options(open_page: Open, live: Live) -> None:
    task = _task(live, "All of it", budget={"cost_per_day": 2}, max_runs_per_day=3)
    page = open_page(f"/tasks/{task['id']}/")
    dialog = _edit(page)
    written = {
        "priority": "8",
        "max_attempts": "2",
        "timeout_seconds": "60",
        "deadline_at": "2099-05-01T09:00",
        "catch_up_window_minutes": "90",
        "max_runs_per_day": "",
        "budget.tokens_per_month": "5000",
        "retention_days": "7",
    }
    for name, value in written.items():
        dialog.locator(f"[data-option='{name}']").fill(value)
    for name, value in {"on_interrupt": "rerun", "conversation_mode": "new", "notify": "failures"}.items():
        dialog.locator(f"[data-option='{name}']").select_option(value)
    dialog.get_by_label("Only what changed").check()
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    now = live.call("GET", f"/tasks/{task['id']}")
    wanted = {
        "priority": 8,
        "max_attempts": 2,
        "timeout_seconds": 60,
        "catch_up_window_minutes": 90,
        "max_runs_per_day": None,
        "budget": {"cost_per_day": 2, "tokens_per_month": 5000},
        "retention_days": 7,
        "on_interrupt": "rerun",
        "conversation_mode": "new",
        "notify": "failures",
        "only_changes": True,
    }
    assert {name: now[name] for name in wanted} == wanted
    assert now["deadline_at"].startswith("2099-05-01T") or now["deadline_at"].startswith("2099-04-30T")
    assert now["schedule"] == task["schedule"]


def test_what_is_wrong_is_said_beside_its_field_and_what_was_written_can_be_gone_on_with(
    open_page: Open, live: Live, watch: Watch
) -> None:
    watch.expected.append("422")
    task = _task(live, "Wrong ones")
    page = open_page(f"/tasks/{task['id']}/")
    dialog = _edit(page)
    dialog.locator("[data-option=priority]").fill("44")
    dialog.locator("[data-option=max_attempts]").fill("")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.locator("[data-wrong=max_attempts]")).to_contain_text("cannot be empty")
    dialog.locator("[data-option=max_attempts]").fill("0")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.locator("[data-wrong=priority]")).to_contain_text("9 or less")
    expect(dialog.locator("[data-wrong=max_attempts]")).to_contain_text("1 or more")
    expect(dialog.locator("[data-option=priority]")).to_have_attribute("aria-invalid", "true")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Go on writing").click()
    expect(dialog.locator("[data-option=priority]")).to_have_value("44")
    dialog.locator("[data-option=priority]").fill("4")
    dialog.locator("[data-option=max_attempts]").fill("1")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    now = live.call("GET", f"/tasks/{task['id']}")
    assert (now["priority"], now["max_attempts"]) == (4, 1)


def test_a_wrong_limit_of_a_schedule_is_said_beside_it(open_page: Open, live: Live, watch: Watch) -> None:
    watch.expected.append("422")
    task = _task(live, "Wrong limit", schedule={"interval_minutes": 60})
    page = open_page(f"/tasks/{task['id']}/")
    page.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Limits, days of rest, overlaps").click()
    dialog.get_by_label("Rests on").fill("MOON")
    expect(dialog.locator("[data-wrong=exclude]")).not_to_be_empty()
    expect(dialog.get_by_label("Rests on")).to_have_attribute("aria-invalid", "true")


def test_the_form_of_what_has_ended_meanwhile_says_what_happened(open_page: Open, live: Live, watch: Watch) -> None:
    watch.expected.append("409")
    task = _task(live, "Gone meanwhile")
    page = open_page(f"/tasks/{task['id']}/")
    page.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Request").fill("Too late")
    live.call("POST", f"/tasks/{task['id']}/cancel", {})
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert").filter(has_text="is cancelled already, so it cannot be changed")).to_be_visible()
    expect(dialog.get_by_label("Request")).to_have_value("Too late")


def test_a_duplicate_has_every_option_and_is_changed_before_it_is_made(open_page: Open, live: Live) -> None:
    task = _task(live, "Original", priority=8, max_attempts=2, notify="failures", retention_days=7)
    page = open_page(f"/tasks/{task['id']}/")
    page.locator("#acts").get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Duplicate").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Title").fill("Second")
    dialog.get_by_role("button", name="Make it").click()
    expect(page.get_by_text("The copy was made.")).to_be_visible()
    (copy,) = live.call("GET", "/tasks?q=Second")["items"]
    same = ("query", "schedule", "priority", "max_attempts", "notify", "retention_days", "agent_name")
    assert {name: copy[name] for name in same} == {name: task[name] for name in same}
    page.get_by_role("status").get_by_role("button", name="Open task").click()
    expect(page.locator("h1").first).to_have_text("Second")


def test_more_options_are_sent_with_a_new_request(open_page: Open, live: Live) -> None:
    page = open_page("/")
    page.locator("[data-part=when]").click()
    page.get_by_text("More options").click()
    page.locator("[data-option=priority]").fill("9")
    page.locator("[data-option=max_attempts]").fill("1")
    expect(page.locator("[data-for=only_changes]")).to_be_hidden()  # it has a run before only on a schedule
    page.locator("[data-part=agent]").click()
    page.get_by_role("menuitemradio", name="ScriptedAgent").click()
    page.fill("#composer textarea", OK)
    page.locator("[data-part=send]").click()
    expect(page).to_have_url(re.compile("/conversations/"))
    (task,) = live.call("GET", f"/tasks?conversation_id={page.url.rstrip('/').rpartition('/')[2]}")["items"]
    assert (task["priority"], task["max_attempts"]) == (9, 1)


def test_all_that_match_the_filter_are_acted_on_beyond_the_page(open_page: Open, live: Live) -> None:
    conversation = live.conversation("Beyond")
    body = {"agent_name": "ScriptedAgent", "conversation_id": conversation, "query": OK, "schedule": FAR}
    for nth in range(53):
        live.call("POST", "/tasks", {**body, "title": f"Beyond {nth}"})
    kept = _task(live, "Not of them")
    page = open_page(f"/tasks/?conversation={conversation}")
    page.check("#select-all")
    expect(page.locator("#selected-count")).to_have_text("50 selected")
    page.get_by_role("button", name="Select all that match").click()
    expect(page.locator("#selected-count")).to_have_text("All 53 that match")
    page.get_by_role("toolbar").get_by_role("button", name="Snooze").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Put off 53 tasks?")
    dialog.get_by_role("button", name="Put off 53").click()
    expect(page.get_by_text("53 tasks put off.")).to_be_visible()
    expect(page.locator("#selection")).to_be_hidden()
    paused = live.call("GET", f"/tasks?conversation_id={conversation}&phase=paused&limit=200")["items"]
    assert len(paused) == 53 and all(task["paused_until"] for task in paused)
    assert live.call("GET", f"/tasks/{kept['id']}")["phase"] == "scheduled"


def test_failed_ones_run_again_together(open_page: Open, live: Live) -> None:
    wrong = json.dumps([["fail", "no"]])
    tasks = [_task(live, f"Broken {n}", schedule=None, query=wrong, max_attempts=1) for n in range(2)]
    for task in tasks:
        live.wait_for_task(task["id"], "failed")
    page = open_page("/tasks/?q=Broken")
    page.check("#select-all")
    page.get_by_role("toolbar").get_by_role("button", name="Run again").click()
    page.get_by_role("dialog").get_by_role("button", name="Run 2 again").click()
    expect(page.get_by_text("2 runs started.")).to_be_visible()
    for task in tasks:
        live.wait_for_task(task["id"], "failed")
        assert len(live.call("GET", f"/tasks/{task['id']}/runs")["items"]) == 2


def test_a_plan_is_seen_and_cancelled_as_a_whole(open_page: Open, live: Live) -> None:
    conversation = live.conversation("A plan")
    step = {"agent_name": "ScriptedAgent", "query": OK}
    plan = live.call(
        "POST",
        "/plans",
        {
            "conversation_id": conversation,
            "tasks": [
                {**step, "key": "a", "title": "Gather"},
                {
                    **step,
                    "key": "b",
                    "title": "Weigh",
                    "depends_on": ["a"],
                    "schedule": {"start_at": "2099-01-01T00:00:00Z"},
                },
                {**step, "key": "c", "title": "Tell", "depends_on": ["b"], "on_failure": "stop"},
            ],
        },
    )
    first, _, last = (task["id"] for task in plan["tasks"])
    live.wait_for_task(first, "completed")
    page = open_page(f"/conversations/{conversation}/")
    head = page.locator(f"[data-plan='{plan['id']}']")
    expect(head).to_contain_text("1 of 3 done")
    waiting = page.locator("#rail-tasks .card", has_text="Tell")
    expect(waiting.locator(".facts")).to_contain_text("Weigh")
    page.goto(f"{live.url}/tasks/{last}/")
    steps = page.locator(".plan li")
    expect(steps).to_have_count(3)
    expect(steps.nth(2)).to_contain_text("waits for Weigh")
    page.get_by_role("button", name="Cancel plan").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Cancel 2 tasks of this plan?")
    dialog.get_by_role("button", name="Cancel plan").click()
    expect(page.get_by_text("2 tasks cancelled.")).to_be_visible()
    expect(page.locator("[data-live=plan]")).to_contain_text("3 of 3 done")
    assert live.call("GET", f"/plans/{plan['id']}")["status"] == "completed"


def test_a_schedule_is_snoozed_from_its_page_and_says_until_when(open_page: Open, live: Live) -> None:
    task = _task(live, "Sleepy")
    page = open_page(f"/tasks/{task['id']}/", viewport=PHONE)
    page.locator("#acts").get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Snooze").click()
    page.get_by_role("dialog").get_by_role("button", name="Snooze").click()
    expect(page.locator("[data-live=phase]")).to_have_text("paused")
    expect(page.locator("[data-live=facts]")).to_contain_text("until")
    now = live.call("GET", f"/tasks/{task['id']}")
    assert now["paused_until"] is not None


def _out_of_date(page: Page, live: Live, conversation: str) -> None:
    """Open a conversation whose live connection tells nothing: the page shows what was, not what is."""
    page.route_web_socket(re.compile("/ws/"), lambda _socket: None)
    page.goto(f"{live.url}/conversations/{conversation}/")


def test_who_confirms_second_is_told_what_happened(open_page: Open, live: Live, watch: Watch) -> None:
    watch.expected.append("409")
    conversation = live.conversation("Confirmed twice")
    text = "Report this machine's load every weekday at 18:30"
    plan = live.call("POST", f"/conversations/{conversation}/messages", {"text": text})
    assert plan["status"] == "waiting_input"
    page = open_page("/settings/")
    _out_of_date(page, live, conversation)
    button = page.get_by_role("button", name="Confirm")
    expect(button).to_be_visible()
    live.call("POST", f"/conversations/{conversation}/messages", {"text": "yes", "answer_to": plan["id"]})
    button.click()
    expect(page.locator(".toast.failed")).to_contain_text(re.compile("answered"))
    assert len(live.call("GET", f"/tasks?conversation_id={conversation}")["items"]) == 1


def test_who_answers_second_is_told_what_happened_and_keeps_what_was_typed(
    open_page: Open, live: Live, watch: Watch
) -> None:
    watch.expected.append("409")
    conversation = live.conversation("Answered twice")
    task = live.tell(conversation, ["ask", "Which one?"])["tasks"][0]["id"]
    live.wait_for_task(task, "waiting_input")
    page = open_page("/settings/")
    _out_of_date(page, live, conversation)
    expect(page.locator("[data-part=answering]")).to_contain_text("asks")
    live.call("POST", f"/conversations/{conversation}/messages", {"text": "the first", "answer_to": task})
    live.wait_for_task(task, "completed")
    page.fill("#composer textarea", "the second")
    page.locator("[data-part=send]").click()
    expect(page.locator("#composer-wrong")).to_contain_text("does not wait for an answer (any more): it is completed")
    expect(page.locator("#composer textarea")).to_have_value("the second")
    assert len(live.call("GET", f"/tasks/{task}/runs")["items"]) == 1
