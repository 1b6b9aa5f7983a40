"""What a person typed is never cut and never lost: too long a text, an ended session, a schedule of several parts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Live, Watch

LONG = "Long 😀 text. " * 4000


def _typed(field: Locator, text: str) -> None:
    """Put a text in as a paste does, which the browser itself may cut."""
    field.evaluate(
        "(area, text) => { area.focus(); area.select(); document.execCommand('insertText', false, text); }", text
    )


@contextmanager
def _posts(page: Page) -> Iterator[list[str]]:
    """What the page sends to change something."""
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.url) if one.method in ("POST", "PATCH") else None)
    yield sent


def test_a_text_that_is_too_long_is_kept_whole_said_with_its_numbers_and_not_sent(
    open_page: Callable[..., Page], live: Live
) -> None:
    page = open_page(f"/conversations/{live.conversation('Too long')}/")
    field = page.locator("textarea[name=text]")
    with _posts(page) as sent:
        _typed(field, LONG)
        expect(page.locator("#composer-wrong")).to_have_text("52,000 characters; at most 32,000.")
        expect(field).to_have_attribute("aria-invalid", "true")
        page.click("[data-part=send]")
        expect(field).to_be_focused()
        assert field.input_value() == LONG
        page.wait_for_timeout(500)
        assert [url for url in sent if "messages" in url] == []
        page.reload()
        assert field.input_value() == LONG
        expect(page.locator("#composer-wrong")).to_have_text("52,000 characters; at most 32,000.")
        _typed(field, "Short enough")
        expect(page.locator("#composer-wrong")).to_be_empty()
        page.keyboard.press("Enter")
        expect(page.locator(".asked")).to_have_text("Short enough")


def _task(live: Live, schedule: Any, **fields: Any) -> str:
    body = {"agent_name": "ScriptedAgent", "query": "[]", "title": "Kept", "schedule": schedule}
    return str(live.call("POST", "/tasks", {**body, "conversation_id": live.conversation("Kept"), **fields})["id"])


def test_a_tasks_title_and_text_are_not_cut_either(open_page: Callable[..., Page], live: Live) -> None:
    task = _task(live, {"daily_time": "09:00"})
    page = open_page(f"/tasks/{task}/")
    page.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    with _posts(page) as sent:
        _typed(dialog.get_by_label("Request"), LONG)
        _typed(dialog.get_by_label("Title"), "t" * 201)
        expect(dialog).to_contain_text("52,000 characters; at most 32,000.")
        expect(dialog).to_contain_text("201 characters; at most 200.")
        dialog.get_by_role("button", name="Save").click()
        expect(dialog.get_by_label("Request")).to_have_value(LONG)
        expect(dialog.get_by_label("Title")).to_have_value("t" * 201)
        page.wait_for_timeout(300)
        assert [url for url in sent if "preview" not in url] == []
        _typed(dialog.get_by_label("Title"), "t" * 200)
        _typed(dialog.get_by_label("Request"), "r" * 32_000)
        dialog.get_by_role("button", name="Save").click()
        expect(dialog).to_have_count(0)
    after = live.call("GET", f"/tasks/{task}")
    assert (after["title"], after["query"]) == ("t" * 200, "r" * 32_000)


FULL = {
    "timezone": "Asia/Tokyo",
    "exclude": ["2031-01-01", "SUN"],
    "max_runs": 40,
    "jitter_seconds": 30,
    "start_at": "2026-01-05T09:00:30+09:00",
    "end_at": "2031-01-01T00:00:12+09:00",
}


@pytest.mark.parametrize(
    ("kind", "field", "shown", "changed", "wanted"),
    [
        (
            {"cron": ["0 9 * * MON", "30 17 * * FRI", "0 0 1 * *"]},
            "textarea.lines",
            ["0 9 * * MON\n30 17 * * FRI\n0 0 1 * *"],
            "0 9 * * MON\n45 17 * * FRI\n0 0 1 * *",
            {"cron": ["0 9 * * MON", "45 17 * * FRI", "0 0 1 * *"]},
        ),
        (
            {"daily_time": ["09:00", "13:30", "18:00"]},
            "input[type=time]",
            ["09:00", "13:30", "18:00"],
            "08:45",
            {"daily_time": ["08:45", "13:30", "18:00"]},
        ),
    ],
    ids=["cron", "daily"],
)
def test_a_schedule_of_several_parts_is_edited_without_losing_any(
    open_page: Callable[..., Page], live: Live, kind: Any, field: str, shown: list[str], changed: str, wanted: Any
) -> None:
    task = _task(live, {**kind, **FULL}, overlap="queue", catch_up="all")
    before = live.call("GET", f"/tasks/{task}")
    bodies: list[Any] = []
    page = open_page(f"/tasks/{task}/", timezone_id="Europe/Berlin")
    page.on("request", lambda one: bodies.append(one.post_data_json) if one.method == "PATCH" else None)

    def edit() -> Locator:
        page.get_by_role("button", name="Edit").click()
        return page.get_by_role("dialog")

    dialog = edit()
    values = dialog.locator(field).evaluate_all("(fields) => fields.map((field) => field.value)")
    assert values == shown
    dialog.get_by_label("Title").fill("Another title")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("h1").first).to_have_text("Another title")
    assert bodies == [{"title": "Another title"}]
    assert live.call("GET", f"/tasks/{task}")["schedule"] == before["schedule"]
    dialog = edit()
    dialog.locator(field).first.fill(changed)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    assert bodies[1:] == [{"schedule": wanted}]
    after = live.call("GET", f"/tasks/{task}")
    assert after["schedule"] == {**before["schedule"], **wanted}
    assert (after["overlap"], after["catch_up"]) == ("queue", "all")


def test_who_is_signed_out_while_sending_comes_back_to_what_was_typed(
    browser: Browser, live: Live, watch: Watch
) -> None:
    watch.expected.append("401")
    context = browser.new_context()
    page = watch.page(context.new_page())

    def sign_in() -> None:
        page.fill("[name=username]", "admin")
        page.fill("[name=password]", live.password)
        page.click("button.primary")

    page.goto(f"{live.url}/accounts/login/")
    sign_in()
    page.wait_for_url(f"{live.url}/")
    conversation = f"{live.url}/conversations/{live.conversation('Signed out')}/"
    page.goto(conversation)
    context.clear_cookies(name="vct_session")
    page.fill("textarea[name=text]", "Not lost")
    page.click("[data-part=send]")
    wrong = page.locator("#composer-wrong")
    expect(wrong).to_have_text("You are signed out. Sign in again: your text is kept.")
    wrong.get_by_role("link", name="Sign in again").click()
    sign_in()
    page.wait_for_url(conversation)
    expect(page.locator("textarea[name=text]")).to_have_value("Not lost")
    page.keyboard.press("Enter")
    page.locator("textarea[name=text]").press("Enter")
    expect(page.locator(".asked")).to_have_text("Not lost")
    context.close()


def test_who_signed_in_again_in_another_window_saves_from_the_dialog_that_is_open(
    browser: Browser, live: Live, watch: Watch
) -> None:
    watch.expected += ["401", "403"]
    task = _task(live, {"daily_time": "09:00"})
    context = browser.new_context()
    page = watch.page(context.new_page())

    def sign_in(window: Page) -> None:
        window.fill("[name=username]", "admin")
        window.fill("[name=password]", live.password)
        window.click("button.primary")
        window.wait_for_url(f"{live.url}/")

    page.goto(f"{live.url}/accounts/login/")
    sign_in(page)
    page.goto(f"{live.url}/tasks/{task}/")
    page.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Title").fill("Typed before")
    context.clear_cookies()
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_contain_text("You are signed out. Sign in again: your text is kept.")
    with context.expect_page() as opened:
        dialog.get_by_role("link", name="Sign in again").click()
    sign_in(watch.page(opened.value))
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    assert live.call("GET", f"/tasks/{task}")["title"] == "Typed before"
    context.close()
