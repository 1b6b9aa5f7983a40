"""What can be done to a conversation as a whole, and what its page says when it or the session ends."""

from collections.abc import Callable

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Live, Watch

DAILY = {"daily_time": "09:00"}


def test_a_new_title_shows_at_once_and_in_the_other_window(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation("Old name")
    page, other = open_page(f"/conversations/{conversation}/"), open_page("/")
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_role("dialog").get_by_label("Title").fill("New <b>name</b>")
    page.keyboard.press("Enter")
    expect(page.locator("#title")).to_have_text("New <b>name</b>")
    expect(other.locator("#recent").get_by_text("New <b>name</b>")).to_be_visible()
    expect(other.locator(".talks").get_by_text("New <b>name</b>")).to_be_visible()


def test_everything_in_it_is_cancelled_after_being_asked(open_page: Callable[..., Page], live: Live) -> None:
    conversation = live.conversation("Cancel all")
    for _ in range(2):
        live.tell(conversation, ["chunk", "x"], schedule=DAILY)
    live.tell(conversation, ["sleep", 60])
    page = open_page(f"/conversations/{conversation}/")
    expect(page.locator("#rail-tasks > .stack > .card.task")).to_have_count(3)
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Cancel everything here").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Stopped 3 tasks.")).to_be_visible()
    expect(page.get_by_text("3 ended tasks")).to_be_visible()
    found = live.call("GET", f"/tasks?conversation_id={conversation}")["items"]
    assert {task["phase"] for task in found} == {"cancelled"}


def test_a_conversation_that_was_deleted_elsewhere_says_so(
    open_page: Callable[..., Page], live: Live, watch: Watch
) -> None:
    conversation = live.conversation("Deleted elsewhere")
    page = open_page(f"/conversations/{conversation}/")
    expect(page.locator("#transcript")).to_be_attached()
    live.call("DELETE", f"/conversations/{conversation}")
    expect(page.locator("#banner")).to_contain_text("does not exist any more")
    watch.expected.append("404")


def test_signing_out_in_one_window_shows_in_the_other(browser: Browser, live: Live, watch: Watch) -> None:
    context = browser.new_context()
    page = watch.page(context.new_page())
    page.goto(f"{live.url}/accounts/login/")
    page.fill("[name=username]", "admin")
    page.fill("[name=password]", live.password)
    page.click("button.primary")
    page.wait_for_url(f"{live.url}/")
    other = watch.page(context.new_page())
    other.goto(f"{live.url}/conversations/{live.conversation()}/")
    page.goto(f"{live.url}/settings/")
    page.locator("#sign-out").get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{live.url}/accounts/login/")
    expect(other.locator("#banner")).to_contain_text("You are signed out")
    expect(other.locator("#banner").get_by_role("link", name="Sign in")).to_be_visible()
    context.close()


def test_a_chosen_theme_is_kept_and_there_before_the_first_paint(open_page: Callable[..., Page]) -> None:
    page = open_page("/settings/", color_scheme="light")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.get_by_role("button", name="System").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == light
