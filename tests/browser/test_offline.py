"""The site can be installed, and without a connection a page of its own says so and goes back by itself."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Live, Watch


def test_without_a_connection_a_page_says_so_and_comes_back_by_itself(
    open_page: Callable[..., Page], live: Live, watch: Watch
) -> None:
    watch.expected += ["ERR_INTERNET_DISCONNECTED", "Failed to fetch"]
    page = open_page("/tasks/", service_workers="allow")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.goto(f"{live.url}/calendar/")
    page.context.set_offline(True)
    page.goto(f"{live.url}/insights/")
    expect(page.get_by_role("heading", name="Not connected")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).fontFamily").startswith('"Inter Variable"')
    page.context.set_offline(False)
    expect(page.get_by_role("heading", name="Insights")).to_be_visible(timeout=15_000)
    assert page.url == f"{live.url}/insights/"
    kept = page.evaluate(
        "caches.keys().then((names) => Promise.all(names.map((name) => caches.open(name).then((kept) => kept.keys()))))"
        ".then((all) => all.flat().map((request) => new URL(request.url).pathname))"
    )
    assert [path for path in kept if not path.startswith("/static/")] == ["/offline/"]


def test_the_browser_finds_nothing_missing_for_an_installation(open_page: Callable[..., Page]) -> None:
    page = open_page("/", service_workers="allow")
    session = page.context.new_cdp_session(page)
    found = session.send("Page.getAppManifest")
    assert found["errors"] == []
    assert found["manifest"]["startUrl"].endswith("/")
    wrong = [error["errorId"] for error in session.send("Page.getInstallabilityErrors")["installabilityErrors"]]
    # A window of a test is like a private one, and nothing is installed from there.
    assert [one for one in wrong if one != "in-incognito"] == []
