"""`make screenshots`: every page, at desktop and phone width, light and dark, into docs/screenshots.

Starts a server of its own with the sample agents and plausible data, so that the pictures need nothing but a Chromium.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import ARGUMENTS, CHROMIUM, PHONE, ROOT, _free_port, _wait_for

FOLDER = ROOT / "docs" / "screenshots"
PASSWORD = "a-password-for-pictures"
WIDTHS = {"desktop": {"width": 1440, "height": 900}, "phone": PHONE}


class Server:
    """The served application, and its API."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._token = token

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """`METHOD /api/v1{path}`, its JSON."""
        request = urllib.request.Request(
            f"{self.url}/api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as response:
            return json.loads(response.read())

    def ask(self, conversation: str, text: str, agent: str, **options: Any) -> Any:
        """Send a message; its first task."""
        body = {"text": text, "agent_name": agent, **options}
        return self.call("POST", f"/conversations/{conversation}/messages", body)["tasks"][0]

    def wait(self, task: Any, *phases: str) -> None:
        """Until the task's phase is one of `phases`."""
        end = time.monotonic() + 60
        while self.call("GET", f"/tasks/{task['id']}")["phase"] not in phases:
            assert time.monotonic() < end
            time.sleep(0.2)


@contextmanager
def served() -> Iterator[Server]:
    """`manage.py serve` on a data folder of its own."""
    folder = tempfile.mkdtemp()
    port = _free_port()
    environment = {**os.environ, "DATA_DIR": folder, "PORT": str(port), "ADMIN_PASSWORD": PASSWORD, "API_RATE": "0"}
    manage = [sys.executable, "manage.py"]
    with (Path(folder) / "log").open("wb") as log:
        process = subprocess.Popen([*manage, "serve"], cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(f"{url}/healthz", process)
            seed = ["--user", "admin", "--conversations", "9", "--tasks", "38", "--items", "120", "--runs", "300"]
            subprocess.run([*manage, "seed_demo", *seed], cwd=ROOT, env=environment, check=True, capture_output=True)
            made = subprocess.run(
                [*manage, "create_api_token", "admin"],
                cwd=ROOT,
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            )
            yield Server(url, made.stdout.split()[-1])
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)
            shutil.rmtree(folder, ignore_errors=True)


def pages(server: Server) -> dict[str, str]:
    """The pages to picture, by name, after something worth seeing has happened."""
    conversation = server.call("POST", "/conversations", {"title": "AAPL and MSFT, each weekday"})["id"]
    server.wait(server.ask(conversation, "How did AAPL and MSFT do over 2009?", "MarketDataAgent"), "completed")
    daily = {"cron": "5 9 * * 1-5", "timezone": "Europe/Berlin"}
    task = server.ask(conversation, "Compare AAPL and MSFT", "MarketDataAgent", schedule=daily, title="AAPL and MSFT")
    for _ in range(3):
        server.call("POST", f"/tasks/{task['id']}/trigger", {})
        server.wait(task, "scheduled")
    asking = server.call("POST", "/conversations", {"title": "Where do prices stand?"})["id"]
    server.wait(server.ask(asking, "What do share prices look like?", "MarketDataAgent"), "waiting_input")
    planned = server.call("POST", "/conversations", {"title": "The machine, each weekday"})["id"]
    wish = {"text": "Report this machine's load every weekday at 18:30"}
    server.call("POST", f"/conversations/{planned}/messages", wish)
    run = server.call("GET", f"/tasks/{task['id']}/runs")["items"][0]
    return {
        "home": "/",
        "conversation": f"/conversations/{conversation}/",
        "question": f"/conversations/{asking}/",
        "confirm": f"/conversations/{planned}/",
        "tasks": "/tasks/",
        "task": f"/tasks/{task['id']}/",
        "run": f"/runs/{run['id']}/",
        "calendar": "/calendar/",
        "calendar-month": "/calendar/?view=month",
        "insights": "/insights/?span=30d",
        "agents": "/agents/",
        "settings": "/settings/",
        "admin": "/admin/tasks/task/",
    }


def take(browser: Browser, server: Server, paths: dict[str, str], width: str, scheme: Any) -> None:
    """Every page in one width and theme."""
    context = browser.new_context(viewport=WIDTHS[width], color_scheme=scheme, timezone_id="Europe/Berlin")  # type: ignore[arg-type]
    page: Page = context.new_page()
    page.goto(f"{server.url}/accounts/login/")
    page.screenshot(path=FOLDER / f"sign-in-{width}-{scheme}.png")
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{server.url}/")
    for name, path in paths.items():
        page.goto(server.url + path)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=FOLDER / f"{name}-{width}-{scheme}.png")
    page.goto(server.url + "/")
    page.get_by_role("button", name="Once").click()
    page.wait_for_timeout(300)
    page.screenshot(path=FOLDER / f"picker-{width}-{scheme}.png")
    page.goto(server.url + "/")
    page.locator("textarea[name=text]").press_sequentially("Report this machine's load every weekday at 18:30")
    page.locator("[data-take]").wait_for()
    page.screenshot(path=FOLDER / f"said-{width}-{scheme}.png")
    page.goto(server.url + paths["task"])
    page.locator("#acts").get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Pause until…").click()
    page.wait_for_timeout(300)
    page.screenshot(path=FOLDER / f"pause-{width}-{scheme}.png")
    context.close()


def main() -> None:
    """Take them all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with served() as server, sync_playwright() as playwright:
        paths = pages(server)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for width in WIDTHS:
            for scheme in ("light", "dark"):
                take(browser, server, paths, width, scheme)
        browser.close()


if __name__ == "__main__":
    main()
