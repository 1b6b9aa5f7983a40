"""Every page in both themes and widths, its menus and dialogs open, has no violation of WCAG 2.2 AA that axe finds."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PHONE, Live, Watch

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
DESKTOP = {"width": 1440, "height": 900}
LOOK = """() => axe.run(document, {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  resultTypes: ['violations'],
})"""


@pytest.fixture(scope="module")
def places(live: Live) -> Callable[[], dict[str, str]]:
    """The addresses of pages that hold something of each kind, made once."""

    @cache
    def make() -> dict[str, str]:
        conversation = live.conversation("Everything that an agent says")
        steps: list[list[Any]] = [
            ["think", "About *it*."],
            ["tool", "look_up", "found"],
            ["chunk", "# Head\n\nText with a [link](https://example.org) and `code`.\n\n"],
            ["chunk", "| a | b |\n|---|--:|\n| 1 | 2 |\n\n```python\nx = 1\n```\n\n> quoted\n"],
            ["component", "report", '{"title": "Report", "data": "**All** is well", "create_time": "2026-01-01"}'],
            [
                "component",
                "filtered_line_chart",
                '{"title": "Chart", "data": "[[\\"\\", \\"A\\"], [\\"2026-01-01\\", 1]]"}',
            ],
            ["component", "no_such_thing", "x"],
        ]
        plan = live.tell(conversation, *steps)
        task = plan["tasks"][0]["id"]
        live.wait_for_task(task, "completed")
        live.tell(conversation, ["chunk", "x"], ["fail", "The exchange is closed."], max_attempts=1)
        again = live.tell(conversation, ["chunk", "**ok**"], schedule={"daily_time": "09:00"}, title="Again")
        scheduled = again["tasks"][0]["id"]
        live.call("POST", f"/tasks/{scheduled}/trigger", {})
        asking = live.conversation("Where an agent asks")
        waiting = live.tell(asking, ["ask", "Which one?"])["tasks"][0]["id"]
        live.wait_for_task(waiting, "waiting_input")
        planned = live.conversation("Where the planner asks")
        text = "Report this machine's load every weekday at 18:30"
        live.call("POST", f"/conversations/{planned}/messages", {"text": text})
        live.wait_for_task(scheduled, "scheduled")
        run = live.call("GET", f"/tasks/{scheduled}/runs")["items"][0]["id"]
        shared = live.call("POST", f"/conversations/{conversation}/share", {})["url"]
        return {
            "home": "/",
            "found": "/?q=asks",
            "nothing found": "/?q=xyzzyx",
            "archived": "/?show=archived",
            "conversation": f"/conversations/{conversation}/",
            "question": f"/conversations/{asking}/",
            "confirm": f"/conversations/{planned}/",
            "shared": "/shared/" + shared.partition("/shared/")[2],
            "tasks": "/tasks/",
            "no tasks": "/tasks/?q=xyzzyx",
            "time line": "/tasks/?view=timeline",
            "task": f"/tasks/{scheduled}/",
            "ended task": f"/tasks/{task}/",
            "run": f"/runs/{run}/",
            "week": "/calendar/",
            "month": "/calendar/?view=month",
            "day": "/calendar/?view=day",
            "insights": "/insights/",
            "agents": "/agents/",
            "settings": "/settings/",
            "password": "/accounts/password/",
        }

    return make


def violations(page: Page) -> list[str]:
    """What axe finds wrong with the page as it stands, in words."""
    # Evaluated from outside: the page's policy allows no foreign script, and shall not.
    page.evaluate(AXE.read_text())
    found = page.evaluate(LOOK)["violations"]
    return [_told(rule, node) for rule in found for node in rule["nodes"]]


def _told(rule: dict[str, Any], node: dict[str, Any]) -> str:
    why = [check["message"] for kind in ("any", "all", "none") for check in node[kind]]
    return f"{rule['id']}: {node['target']} {node['html'][:160]} | {' / '.join(why)[:300]}"


THEMES = pytest.mark.parametrize("theme", ["light", "dark"])
WIDTHS = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])


@THEMES
@WIDTHS
def test_no_page_has_a_violation(
    open_page: Callable[..., Page], places: Callable[[], dict[str, str]], live: Live, theme: str, size: Any
) -> None:
    page = open_page("/settings/", viewport=size, color_scheme=theme, has_touch=size is PHONE)
    wrong: list[str] = []
    for name, path in places().items():
        page.goto(live.url + path)
        page.wait_for_load_state("networkidle")
        wrong.extend(f"{name}: {one}" for one in violations(page))
    assert wrong == [], "\n".join(wrong)


@THEMES
@WIDTHS
def test_nothing_that_opens_has_a_violation(
    open_page: Callable[..., Page], places: Callable[[], dict[str, str]], live: Live, theme: str, size: Any
) -> None:
    page = open_page("/", viewport=size, color_scheme=theme, has_touch=size is PHONE)
    wrong: list[str] = []

    def look(name: str) -> None:
        page.wait_for_timeout(250)  # what opens is moved in, and half-shown colours are no colours
        wrong.extend(f"{name}: {one}" for one in violations(page))

    page.locator("textarea[name=text]").press_sequentially("Ask @s")
    expect(page.get_by_role("option").first).to_be_visible()
    look("mention")
    page.keyboard.press("Escape")
    page.click("[data-part=agent]")
    look("agent picker")
    page.get_by_role("menuitemradio").nth(1).click()
    page.fill("textarea[name=text]", "")
    look("samples")
    page.click("[data-part=when]")
    page.click("[data-kind=daily]")
    page.locator(".schedule summary").first.click()
    expect(page.locator(".times li")).to_have_count(5)
    look("schedule picker")
    page.goto(live.url + "/")
    page.locator("[data-talk] [data-more]").first.click()
    look("menu of a conversation")
    page.get_by_role("menuitem", name="Share…").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    look("share")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Go to a conversation")).to_be_focused()
    page.keyboard.type("agent")
    expect(page.get_by_role("group", name="Agents")).to_be_visible()
    look("palette")
    page.goto(live.url + places()["task"])
    page.get_by_role("button", name="Edit").click()
    look("edit")
    page.keyboard.press("Escape")
    page.locator("#acts").get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Pause until…").click()
    look("pause")
    page.goto(live.url + "/tasks/")
    page.check("#select-all")
    look("selection")
    page.get_by_role("toolbar").get_by_role("button", name="Cancel").click()
    look("confirmation")
    page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    if size is PHONE:
        page.goto(live.url + places()["conversation"])
        page.get_by_role("button", name="Tasks here").tap()
        look("tasks of a conversation")
    assert wrong == [], "\n".join(wrong)


@THEMES
def test_pages_for_nobody_have_no_violation(browser: Browser, live: Live, watch: Watch, theme: Any) -> None:
    watch.expected.append("404")
    context = browser.new_context(color_scheme=theme)
    page = watch.page(context.new_page())
    wrong: list[str] = []
    for path in ("/accounts/login/", "/accounts/password/forgotten/", "/shared/none/", "/offline/"):
        page.goto(live.url + path)
        wrong.extend(f"{path}: {one}" for one in violations(page))
    context.close()
    assert wrong == [], "\n".join(wrong)
