"""Settings in a real browser: a token is made, shown once, used and revoked; another device is signed out."""

import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PHONE, Live


def _opens(live: Live, token: str) -> int:
    request = urllib.request.Request(f"{live.url}/api/v1/tasks", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_token_is_made_shown_once_used_and_revoked(open_page: Callable[..., Page], live: Live) -> None:
    page = open_page("/settings/")
    tokens = page.locator("#tokens")
    before = tokens.locator("[data-token]").count()
    tokens.get_by_role("button", name="Make a token").click()
    dialog = page.get_by_role("dialog", name="Make a token")
    for word in ("Read", "Give work", "Change and stop"):
        dialog.get_by_label(word).uncheck()
    dialog.get_by_label("What it is for").fill("<b>nightly</b>")
    dialog.get_by_role("button", name="Make", exact=True).click()
    expect(dialog.get_by_role("alert")).to_have_text("Choose at least one.")
    dialog.get_by_label("Read").check()
    dialog.get_by_role("button", name="Make", exact=True).click()
    made = page.get_by_role("dialog", name="The token is ready")
    secret = made.locator("input").input_value()
    assert secret.startswith("vct_")
    made.get_by_role("button", name="I have it").click()
    row = tokens.locator("[data-token]").filter(has_text="<b>nightly</b>")
    expect(row).to_contain_text("never used")
    expect(page.locator("dialog")).to_have_count(0)
    assert secret not in page.content()
    assert _opens(live, secret) == 200
    page.reload()
    expect(row).to_contain_text("last used")
    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(tokens.locator("[data-token]")).to_have_count(before)
    assert _opens(live, secret) == 401


def _sign_in(browser: Browser, live: Live, **options: Any) -> Page:
    page = browser.new_context(**options).new_page()
    page.goto(f"{live.url}/accounts/login/")
    page.fill("[name=username]", "admin")
    page.fill("[name=password]", live.password)
    page.click("button.primary")
    page.wait_for_url(f"{live.url}/")
    return page


def test_another_device_is_signed_out_and_its_open_page_says_so(
    open_page: Callable[..., Page], browser: Browser, live: Live
) -> None:
    other = _sign_in(browser, live, user_agent="Mozilla/5.0 (iPad; CPU OS 18_0) Version/18 Safari/604.1")
    conversation = live.conversation("Open elsewhere")
    other.goto(f"{live.url}/conversations/{conversation}/")
    page = open_page("/settings/")
    device = page.locator("[data-device]").filter(has_text="Safari on iPad")
    device.get_by_role("button", name="Sign out").click()
    expect(page.locator("#devices")).to_contain_text("this device")
    expect(device).to_have_count(0)
    expect(other.get_by_text("You are signed out").first).to_be_visible()
    other.context.close()


@pytest.mark.parametrize("viewport", [{"width": 1440, "height": 900}, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("path", ["/settings/", "/accounts/password/", "/accounts/password/changed/"])
def test_nothing_is_wider_than_the_window(open_page: Callable[..., Page], path: str, viewport: dict[str, int]) -> None:
    page = open_page(path, viewport=viewport)
    expect(page.locator("h1").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
