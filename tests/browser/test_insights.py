"""The insights page in a real browser: charts are drawn, read by keyboard, and each has its numbers as a table."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Live


@pytest.fixture(scope="module")
def some_runs(live: Live) -> None:
    """A run that succeeded, one that failed, and one that is to come."""
    conversation = live.conversation("Figures")
    good = live.tell(conversation, ["chunk", "well"])["tasks"][0]["id"]
    bad = live.tell(conversation, ["fail", "The figures' own <b>reason</b>"], max_attempts=1)["tasks"][0]["id"]
    live.wait_for_task(good, "completed")
    live.wait_for_task(bad, "failed")
    live.tell(conversation, ["chunk", "x"], title="Every quarter", schedule={"interval_minutes": 15})


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [{"width": 1440, "height": 900}, PHONE], ids=["desktop", "phone"])
def test_every_chart_is_drawn_with_a_table_behind_it(
    open_page: Callable[..., Page], some_runs: None, viewport: dict[str, int], scheme: str
) -> None:
    page = open_page("/insights/?span=24h", viewport=viewport, color_scheme=scheme)
    charts = page.locator("[data-chart]")
    expect(charts).to_have_count(5)
    for chart in charts.all():
        expect(chart.locator("svg[role=img] text").first).to_be_attached()
        chart.locator("summary").click()
        expect(chart.locator("tbody tr").first).to_be_visible()
    assert page.locator("[data-chart=runs] tbody tr").count() == 24
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_chart_is_read_by_keyboard(open_page: Callable[..., Page], some_runs: None) -> None:
    page = open_page("/insights/?span=24h")
    chart = page.locator("[data-chart=runs]")
    chart.locator("svg").first.focus()
    page.keyboard.press("ArrowLeft")
    # The server is every browser test's, so others have failed there too; but not hours ago.
    expect(chart.locator("span.key").nth(1)).to_have_text(re.compile(r"failed [1-9]\d*"))
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    expect(chart.locator("span.key").nth(1)).to_have_text("failed 0")


def test_reasons_agents_and_what_comes_are_said(open_page: Callable[..., Page], some_runs: None) -> None:
    page = open_page("/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Insights").first.click()
    expect(page.locator("#reasons")).to_contain_text("The figures' own <b>reason</b>")
    expect(page.locator("#busiest")).to_contain_text("ScriptedAgent")
    expect(page.locator("#coming tbody")).to_contain_text("Every quarter")
    page.get_by_role("link", name="30 days").click()
    expect(page).to_have_url(re.compile("span=30d"))
    page.get_by_role("link", name="Everybody's").click()
    expect(page).to_have_url(re.compile("who=all"))
    assert "span=30d" in page.url
    expect(page.locator("#coming tbody")).to_contain_text("admin")
