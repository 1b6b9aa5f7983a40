"""A real server with real agents, and a real Chromium that is signed in. Nothing here touches a test database."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
ARGUMENTS = ["--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking"]
START_SECONDS = 60
"""A busy machine migrates, starts four agents and a server in this time."""
PHONE = {"width": 390, "height": 844}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what drives the browser; without one it is left out, and says so."""
    for item in items:
        if Path(item.fspath).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.database_independent)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="NO CHROMIUM HERE: apt install chromium"))


@dataclass(frozen=True, kw_only=True)
class Live:
    """The running server: where it is, and a token for its API."""

    url: str
    password: str
    token: str
    folder: Path

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """`METHOD /api/v1{path}`, its JSON."""
        request = urllib.request.Request(
            f"{self.url}/api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as response:
            text = response.read()
        return json.loads(text) if text else None

    def conversation(self, title: str = "A conversation") -> str:
        """The id of a new conversation."""
        return str(self.call("POST", "/conversations", {"title": title})["id"])

    def tell(self, conversation: str, *steps: list[Any], **options: Any) -> Any:
        """Have ScriptedAgent do `steps` in a conversation; the plan."""
        body = {"text": json.dumps(steps), "agent_name": "ScriptedAgent", **options}
        return self.call("POST", f"/conversations/{conversation}/messages", body)

    def wait_for_task(self, task_id: str, *phases: str, seconds: float = 20) -> Any:
        """The task, once its phase is one of `phases`."""
        end = time.monotonic() + seconds
        while True:
            task = self.call("GET", f"/tasks/{task_id}")
            if task["phase"] in phases:
                return task
            assert time.monotonic() < end, f"the task is still {task['phase']}: {task['error_message']}"
            time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            assert process.poll() is None, f"the process for {url} ended with {process.returncode}"
            assert time.monotonic() < end, f"{url} does not answer after {START_SECONDS} s"
            time.sleep(0.2)


@pytest.fixture(scope="package")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """`manage.py serve` with the sample agents and ScriptedAgent, on a data folder of its own."""
    folder = tmp_path_factory.mktemp("served")
    cards = folder / "cards"
    shutil.copytree(ROOT / "agent_cards", cards)
    agent_port, port = _free_port(), _free_port()
    card = {"name": "ScriptedAgent", "url": f"http://127.0.0.1:{agent_port}/"}
    (cards / "ScriptedAgent.json").write_text(json.dumps(card))
    password = secrets.token_urlsafe(12)
    left_out = {"DATABASE_URL", "REDIS_URL", "PUBLIC_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE"}
    environment = {name: value for name, value in os.environ.items() if name not in left_out} | {
        "DATA_DIR": str(folder / "data"),
        "AGENT_CARDS_DIR": str(cards),
        "PORT": str(port),
        "ADMIN_PASSWORD": password,
        "API_RATE": "0",
        "ALLOW_PRIVATE_AGENTS": "true",  # a webhook's receiver is on loopback
        "SAMPLE_AGENT_PACE_MS": "40",
    }
    log = (folder / "log").open("wb")
    options: dict[str, Any] = {"cwd": ROOT, "env": environment, "stdout": log, "stderr": log, "start_new_session": True}
    started: list[subprocess.Popen[bytes]] = []
    try:
        agent = subprocess.Popen([sys.executable, "-m", "tests.browser.scripted_agent", str(agent_port)], **options)
        started.append(agent)
        _wait_for(f"http://127.0.0.1:{agent_port}/.well-known/agent-card.json", agent)
        server = subprocess.Popen([sys.executable, "manage.py", "serve"], **options)
        started.append(server)
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}/healthz", server)
        made = subprocess.run(
            [sys.executable, "manage.py", "create_api_token", "admin"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        yield Live(url=url, password=password, token=made.stdout.split()[-1], folder=folder)
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGTERM)
        for process in started:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        log.close()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium. Ends with this folder: its event loop would forbid later tests the database."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture(scope="package")
def signed_in(browser: Browser, live: Live) -> Any:
    """The cookies of the signed-in admin."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{live.url}/accounts/login/")
    page.fill("[name=username]", "admin")
    page.fill("[name=password]", live.password)
    page.click("button.primary")
    page.wait_for_url(f"{live.url}/")
    state = context.storage_state()
    context.close()
    return state


@dataclass(kw_only=True)
class Watch:
    """What pages complained about."""

    wrong: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    """Parts of complaints that a test provokes."""

    def page(self, page: Page) -> Page:
        """Listen to a page's errors and refusals of its policy."""
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("console", self._console)
        page.on("dialog", self._dialog)
        return page

    def _dialog(self, dialog: Dialog) -> None:
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.wrong.append(f"console: {message.text}")


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Every page's scripts run without an error, and within the policy."""
    found = Watch()
    yield found
    wrong = [text for text in found.wrong if not any(part in text for part in found.expected)]
    assert wrong == []


@pytest.fixture
def open_page(browser: Browser, live: Live, signed_in: Any, watch: Watch) -> Iterator[Callable[..., Page]]:
    """`open_page("/tasks/")`: a page in a window of its own, signed in; options as of `new_context`."""
    contexts: list[BrowserContext] = []

    def show(path: str, **options: Any) -> Page:
        options.setdefault("viewport", {"width": 1280, "height": 860})
        # A worker stands between a page and the requests that tests hold up; the tests of the worker let it in.
        options.setdefault("service_workers", "block")
        context = browser.new_context(storage_state=signed_in, **options)
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = watch.page(context.new_page())
        page.goto(live.url + path)
        return page

    yield show
    for context in contexts:
        context.close()
