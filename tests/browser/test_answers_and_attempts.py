"""Questions that are put aside or cancelled, and work that is tried again: the page says what holds now."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, Request, expect

from tests.browser.conftest import Live


def test_something_else_is_a_plan_of_its_own_and_the_question_stays_open(
    open_page: Callable[..., Page], live: Live
) -> None:
    conversation = live.conversation("Aside")
    waiting = live.tell(conversation, ["ask", "Which one?"])["tasks"][0]["id"]
    live.wait_for_task(waiting, "waiting_input")
    page = open_page(f"/conversations/{conversation}/")
    page.get_by_role("button", name="Ask something else instead").click()
    page.click("[data-part=agent]")
    # The same agent as the one that asks: even so it is no answer.
    page.get_by_role("menuitemradio", name=re.compile("^ScriptedAgent")).click()
    page.fill("textarea[name=text]", "Something else")
    page.keyboard.press("Enter")
    expect(page.locator(".prose").get_by_text("You said: Something else")).to_be_visible()
    assert live.call("GET", f"/tasks/{waiting}")["phase"] == "waiting_input"
    page.locator(".card.question").get_by_role("button", name="Answer").click()
    page.fill("textarea[name=text]", "The second")
    page.keyboard.press("Enter")
    expect(page.locator(".prose").get_by_text("You answered: The second")).to_be_visible()
    live.wait_for_task(waiting, "completed")
    assert len(live.call("GET", f"/tasks?conversation_id={conversation}")["items"]) == 2


def test_the_planners_question_is_cancelled_with_one_press(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation("Not asked any more")
    page, other = (open_page(f"/conversations/{conversation}/") for _ in range(2))
    page.fill("textarea[name=text]", "Report this machine's load every weekday at 18:30")
    page.keyboard.press("Enter")
    question = page.locator(".card.question")
    expect(page.locator("[data-part=answering]")).to_be_visible()
    expect(other.locator(".card.question").get_by_role("button", name="Confirm")).to_be_visible()
    question.get_by_role("button", name="Cancel this question").click()
    expect(page.get_by_text("The question was cancelled.")).to_be_visible()
    for window in (page, other):
        expect(window.locator("[data-part=answering]")).to_be_hidden()
        expect(window.locator(".card.question").get_by_role("button")).to_have_count(0)
    page.reload()
    expect(question).to_be_visible()
    expect(question.get_by_role("button")).to_have_count(0)
    (plan,) = [one for one in live.call("GET", "/plans")["items"] if one["conversation_id"] == conversation]
    assert (plan["status"], plan["tasks"]) == ("cancelled", [])


def test_a_second_attempt_is_marked_beside_the_agents_name(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation("Tried again")
    page = open_page(f"/conversations/{conversation}/")
    plan = live.tell(conversation, ["chunk", "Trying."], ["fail", "No use."], max_attempts=2)
    expect(page.locator(".by").filter(has_text="Attempt 2")).to_contain_text("ScriptedAgent", timeout=30_000)
    live.wait_for_task(plan["tasks"][0]["id"], "failed", seconds=40)
    page.reload()
    expect(page.locator(".by .pill")).to_have_text(["Attempt 2"])


def test_a_claimed_task_is_neither_asked_for_nor_acted_on(open_page: Callable[..., Page], live: Live) -> None:
    mine = live.call(
        "POST",
        "/tasks",
        {
            "conversation_id": live.conversation("Mine"),
            "agent_name": "ScriptedAgent",
            "query": "x",
            "title": "Not to be touched",
            "schedule": {"daily_time": "09:00"},
        },
    )["id"]
    conversation = live.conversation("Claims")
    steps = [
        [
            "component",
            "scheduled_task_controller",
            f'{{"task_id": "{mine}", "task_title": "T", "task_status": "running"}}',
        ],
        ["component", "scheduled_task_result", '{"result": "All is sold.", "create_time": "2026-01-01 10:00:00"}'],
        ["component", "subagent_conversation", f'{{"conversation_id": "{mine}", "agent_name": "A", "phase": "end"}}'],
    ]
    live.wait_for_task(live.tell(conversation, *steps)["tasks"][0]["id"], "completed")
    page = open_page("/")
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("request", note)
    page.goto(f"{live.url}/conversations/{conversation}/")
    log = page.locator("#transcript .items")
    expect(log.get_by_text("ScriptedAgent sent this as")).to_have_count(3)
    expect(log.locator(".card").get_by_role("button")).to_have_count(0)
    expect(log.locator(".card").get_by_role("link")).to_have_count(0)
    assert not [url for url in asked if mine in url]
