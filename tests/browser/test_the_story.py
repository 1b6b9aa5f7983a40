"""A person signs in, asks, watches the answer, schedules it, sees results come, and stops it: the main job."""

import re
from collections.abc import Callable

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Live, Watch


def test_a_wrong_password_says_so_and_a_right_one_leads_on(browser: Browser, live: Live, watch: Watch) -> None:
    context = browser.new_context()
    page = watch.page(context.new_page())
    page.goto(f"{live.url}/tasks/?phase=failed")
    page.fill("[name=username]", "admin")
    page.fill("[name=password]", "not this")
    page.click("button.primary")
    expect(page.get_by_role("alert")).to_contain_text("correct username")
    page.fill("[name=password]", live.password)
    page.click("button.primary")
    expect(page).to_have_url(f"{live.url}/tasks/?phase=failed")
    context.close()


def test_asked_streamed_scheduled_and_cancelled_in_two_windows(open_page: Callable[..., Page], live: Live) -> None:
    page = open_page("/")
    page.locator(".example").first.click()
    page.wait_for_url(re.compile(r"/conversations/[0-9a-f-]{36}/$"))
    expect(page.locator(".asked")).to_have_text("Report this machine's load")
    # Word by word: the answer is there while the agent still writes it, and its cursor goes when it is done.
    expect(page.locator(".prose.live")).to_be_visible()
    expect(page.locator(".prose").last).to_contain_text("cores are")
    expect(page.locator(".chart svg").first).to_be_visible()
    expect(page.locator("#running")).to_be_hidden()
    expect(page.locator(".prose.live")).to_have_count(0)

    page.fill("textarea", "Report this machine's load")
    page.click("[data-part=when]")
    page.click("[data-kind=every]")
    page.fill("input[type=number]", "1")
    expect(page.locator(".schedule .summary")).to_have_text("Every minute")
    expect(page.locator(".times li")).to_have_count(5)
    expect(page.locator("[data-part=send]")).to_have_attribute("aria-label", "Schedule")
    page.click("[data-part=send]")
    card = page.locator("#transcript .card.task")
    expect(card.locator("header .pill")).to_have_text(re.compile("scheduled|running|queued"))
    expect(card.locator("dd").first).to_have_text("Every minute")
    assert page.input_value("textarea") == ""

    # Two results come by themselves, the second with its minute; the first one folds.
    expect(page.locator(".card.result")).to_have_count(2, timeout=80_000)
    expect(page.locator(".card.result > details[open]")).to_have_count(1)
    expect(page.locator(".card.result").last.locator("details")).to_have_attribute("open", "")

    second = open_page(page.url.removeprefix(live.url))
    expect(second.locator("#transcript .card.task header .pill")).to_have_text(re.compile("scheduled|running"))
    card.locator("[data-act=cancel]").click()
    expect(second.locator("#transcript .card.task header .pill")).to_have_text("cancelled", timeout=2_000)
    expect(card.locator("header .pill")).to_have_text("cancelled")
    expect(page.get_by_role("status").get_by_text("Schedule again")).to_be_visible()
    task = live.call("GET", f"/tasks/{card.get_attribute('data-task')}")
    assert (task["status"], task["next_run_at"]) == ("cancelled", None)


def test_an_agents_question_is_answered_in_place(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation("Questions")
    page = open_page(f"/conversations/{conversation}/")
    plan = live.tell(conversation, ["chunk", "First."], ["ask", "Which **exchange**?"])
    expect(page.locator(".question strong")).to_have_text("exchange")
    expect(page.locator("[data-part=answering]")).to_contain_text("ScriptedAgent asks")
    page.locator(".question").get_by_role("button", name="Answer").click()
    page.keyboard.type("Frankfurt")
    page.keyboard.press("Enter")
    expect(page.locator(".prose").get_by_text("You answered: Frankfurt")).to_be_visible()
    expect(page.locator("[data-part=answering]")).to_be_hidden()
    assert live.wait_for_task(plan["tasks"][0]["id"], "completed")["phase"] == "completed"


def test_a_running_answer_can_be_stopped_and_run_again(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation("Stopping")
    page = open_page(f"/conversations/{conversation}/")
    plan = live.tell(conversation, ["chunk", "It begins"], ["sleep", 30], ["chunk", " and ends"])
    expect(page.locator(".prose").get_by_text("It begins")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".said")).to_contain_text(re.compile("cancel", re.IGNORECASE))
    assert live.wait_for_task(plan["tasks"][0]["id"], "cancelled")["phase"] == "cancelled"
    expect(page.locator(".prose").get_by_text("It begins")).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_be_visible()
