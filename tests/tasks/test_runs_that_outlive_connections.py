"""Runs that last longer than any connection to their agent."""

import json
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import Conversation
from tasks.execution import following
from tasks.models import Agent
from tests.helpers.rough_agents import HEAD, RoughAgent, event, task
from tests.helpers.runners import sync, until_over
from tests.helpers.tasks import TaskMaker, contents, run_statuses

pytestmark = pytest.mark.django_db(transaction=True)


class Cutting:
    """Cuts every stream at once; its task is done when `done_after` methods were asked, or when it may call back."""

    def __init__(self, *, done_after: int | None = None) -> None:
        self.done_after = done_after
        self.called: dict[str, Any] = {}
        self.asked = 0

    async def __call__(self, request: dict[str, Any], writer: Any) -> None:
        self.asked += 1
        method = request["method"]
        if method in ("message/stream", "tasks/resubscribe"):
            writer.write(HEAD + event(request, task()))
        elif method == "tasks/pushNotificationConfig/set":
            self.called = request["params"]
            await _answer(request, writer, request["params"])
        else:
            over = bool(self.called) or (self.done_after is not None and self.asked > self.done_after)
            said = {"kind": "message", "role": "agent", "messageId": "m", "parts": [{"kind": "text", "text": "Done."}]}
            state = {"status": {"state": "completed", "message": said}} if over else {}
            await _answer(request, writer, {**task(), **state})
        await writer.drain()


async def _answer(request: dict[str, Any], writer: Any, result: dict[str, Any]) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}).encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def on_file(agent: RoughAgent, **capabilities: bool) -> None:
    card = {**agent.card, "capabilities": {"streaming": True, **capabilities}}
    Agent.objects.filter(name="Echo").update(url=agent.url, card=card, updated_at=timezone.now())


async def test_an_agent_whose_streams_never_hold_is_asked_to_call_back(
    make_task: TaskMaker, running_runner: Any, conversation: Conversation
) -> None:
    cutting = Cutting()
    async with RoughAgent(cutting) as rough:
        await sync(on_file, rough, pushNotifications=True)
        one = await sync(make_task, now=timezone.now(), max_attempts=1)
        await until_over(one)
    assert await sync(run_statuses, one) == ["succeeded"]
    assert "".join(await sync(contents, conversation, "message_chunk")) == "Done."
    config = cutting.called["pushNotificationConfig"]
    assert cutting.called["taskId"] == "remote-1"
    assert config["url"].endswith(f"/push/{(await sync(one.runs.get)).pk}/") and len(config["token"]) == 64


async def test_one_that_cannot_call_back_has_failed_after_so_many_cuts(
    make_task: TaskMaker, running_runner: Any, conversation: Conversation
) -> None:
    async with RoughAgent(Cutting()) as rough:
        await sync(on_file, rough)
        one = await sync(make_task, now=timezone.now(), max_attempts=1)
        await until_over(one)
    assert await sync(run_statuses, one) == ["failed"]


async def test_connections_that_held_for_a_while_are_joined_again_without_end(
    make_task: TaskMaker, running_runner: Any, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "STEADY", 0.0)
    async with RoughAgent(Cutting(done_after=6 * following.REJOINS_MAX)) as rough:
        await sync(on_file, rough)
        one = await sync(make_task, now=timezone.now(), max_attempts=1)
        await until_over(one)
        assert rough.methods.count("tasks/resubscribe") > following.REJOINS_MAX
    assert await sync(run_statuses, one) == ["succeeded"]
