"""A task that events start, in its page: a hook is made, called from outside, tried, removed; a webhook beside it."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Live
from tests.helpers.receivers import receiving


def _post(url: str, event: Any, secret: str) -> Any:
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, method="POST", data=json.dumps(event).encode(), headers=headers)
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.loads(response.read())


def test_a_hook_is_made_called_tried_and_removed(open_page: Callable[..., Page], live: Live) -> None:
    body = {
        "agent_name": "ScriptedAgent",
        "conversation_id": live.conversation("Doors"),
        "title": "Doors",
        "query": '[["chunk", "Seen: {{ event.title }}"]]',
        "schedule": {"on_event": True},
        "overlap": "queue",
    }
    task_id = live.call("POST", "/tasks", body)["id"]
    page = open_page(f"/tasks/{task_id}/")
    hooks = page.locator("#hooks")
    hooks.get_by_role("button", name="Add a hook").click()
    dialog = page.get_by_role("dialog", name="Add a hook")
    dialog.locator("textarea").fill('{"kind": ')
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("This is not JSON")
    dialog.locator("textarea").fill('{"kind": ["opened", "closed"]}')
    dialog.get_by_role("button", name="Add", exact=True).click()
    made = page.get_by_role("dialog", name="The hook is ready")
    url, secret = (made.locator("input").nth(place).input_value() for place in (0, 1))
    made.get_by_role("button", name="I have it").click()
    expect(hooks.get_by_text("kind = opened or closed")).to_be_visible()
    # A dialog leaves the page a moment after it closed.
    expect(page.locator("dialog")).to_have_count(0)
    assert secret not in page.content()

    sent = _post(url, {"kind": "opened", "title": "a blue door"}, secret)
    assert sent["outcome"] == "started"
    # Without a reload: the delivery, the run and its result.
    expect(hooks.locator(".pill")).to_have_text(["started"])
    expect(page.locator("[data-live=result]")).to_contain_text("Seen: a blue door")
    assert _post(url, {"kind": "painted"}, secret)["outcome"] == "filtered"
    expect(hooks.locator("tbody tr").first).to_contain_text("kind is “painted”.")

    hooks.get_by_role("button", name="Test").click()
    trial = page.get_by_role("dialog", name="Send it an event")
    trial.locator("textarea").fill('{"kind": "closed"}')
    trial.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".toasts")).to_contain_text("event.title")
    expect(hooks.locator(".pill").first).to_have_text("failed")

    hooks.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(hooks.locator("[data-hook]")).to_have_count(0)


def test_a_webhook_is_made_tried_and_removed(open_page: Callable[..., Page], live: Live) -> None:
    with receiving() as receiver:
        page = open_page("/settings/")
        webhooks = page.locator("#webhooks")
        webhooks.get_by_role("button", name="Add a webhook").click()
        dialog = page.get_by_role("dialog", name="Add a webhook")
        dialog.locator("input[type=url]").fill(receiver.url)
        dialog.get_by_label("a task failed").uncheck()
        dialog.get_by_role("button", name="Add", exact=True).click()
        made = page.get_by_role("dialog", name="The webhook is ready")
        made.get_by_role("button", name="I have it").click()
        expect(webhooks.locator("[data-webhook]")).to_have_count(1)
        webhooks.get_by_role("button", name="Test").click()
        expect(webhooks.locator("tbody tr").first).to_contain_text("200 · thanks", timeout=15_000)
        assert json.loads(receiver.received[0][1])["type"] == "test"
        webhooks.get_by_role("button", name="Remove").click()
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        expect(webhooks.locator("[data-webhook]")).to_have_count(0)
