"""What an agent is told beside the text: who asks in which language, in which zone, and in which conversation."""

import asyncio
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from conversations.models import Conversation
from tasks.language import DEFAULT, preferred
from tasks.models import Agent, Task, TaskRun
from tasks.services import TaskService
from tests.helpers.agents import Asking
from tests.helpers.rough_agents import HEAD, RoughAgent, ended, event, said
from tests.helpers.runners import sync, until, until_over
from tests.helpers.tasks import TaskMaker, say

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("", DEFAULT),
        ("de", "de"),
        ("de-DE,de;q=0.9,en;q=0.8", "de-DE"),
        ("en;q=0.2, zh-Hant-TW;q=0.9", "zh-Hant-TW"),
        ("*", DEFAULT),
        ("*, fr;q=0.5", "fr"),
        ("de;q=0", DEFAULT),
        ("de;q=x, fr", "fr"),
        ("<script>", DEFAULT),
        ("de\x00", DEFAULT),
        ("a" * 5000, DEFAULT),
        ("en-" + "abcdefgh-" * 10 + "x", DEFAULT),
    ],
)
def test_the_language_is_what_the_browser_wants_most(header: str, tag: str) -> None:
    assert preferred(header) == tag


def ask(user: User, conversation: Conversation, **headers: str) -> Task:
    client = Client()
    client.force_login(user)
    client.cookies["tz"] = "Asia/Tokyo"
    path = f"/api/v1/conversations/{conversation.pk}/messages"
    body = json.dumps({"text": "hello", "agent_name": "Echo"})
    answer = client.post(path, body, content_type="application/json", headers=headers)
    assert answer.status_code == 202, answer.content
    return Task.objects.get(pk=answer.json()["tasks"][0]["id"])


def test_a_task_keeps_language_and_zone_of_who_asked(user: User, conversation: Conversation, agent: Agent) -> None:
    task = ask(user, conversation, **{"Accept-Language": "de-DE,en;q=0.5"})
    assert (task.language, task.timezone) == ("de-DE", "Asia/Tokyo")
    assert ask(user, conversation).language == DEFAULT, "nothing stays of the request before"


class Naming:
    """Answers at once, and calls each conversation by an id of its own; notes what it is sent."""

    def __init__(self, name: str | None = "its-own-context") -> None:
        self.name = name
        self.sent: list[dict[str, Any]] = []

    async def __call__(self, request: dict[str, Any], writer: Any) -> None:
        message = request["params"]["message"]
        self.sent.append(message)
        ids = {"taskId": f"t-{len(self.sent)}", "contextId": self.name or message["contextId"]}
        writer.write(HEAD + event(request, {**said("Hi.", response_event="message_chunk"), **ids}))
        writer.write(event(request, {**ended(), **ids}))
        await writer.drain()

    @property
    def contexts(self) -> list[str]:
        return [message["contextId"] for message in self.sent]


def on_file(agent: RoughAgent) -> None:
    Agent.objects.update_or_create(name="Echo", defaults={"slug": "Echo", "url": agent.url, "card": agent.card})


async def test_an_agent_is_told_language_zone_and_conversation(
    make_task: TaskMaker, running_runner: Any, conversation: Conversation
) -> None:
    naming = Naming(name=None)
    async with RoughAgent(naming) as rough:
        await sync(on_file, rough)
        task = await sync(make_task, now=timezone.now(), language="pt-BR", timezone="America/Recife")
        await until_over(task)
    (message,) = naming.sent
    assert message["contextId"] == str(conversation.pk)
    assert message["metadata"] == {
        "metadata": {},
        "dependencies": {
            "user_profile": {},
            "current_context": {},
            "language": "pt-BR",
            "timezone": "America/Recife",
        },
    }


async def test_a_further_message_carries_the_agents_own_name_of_the_conversation(
    make_task: TaskMaker, running_runner: Any, conversation: Conversation, user: User
) -> None:
    naming = Naming()
    async with RoughAgent(naming) as rough:
        await sync(on_file, rough)
        for _ in range(3):
            await until_over(await sync(make_task, now=timezone.now()))
        elsewhere = await sync(lambda: Conversation.objects.create(user=user))
        await until_over(await sync(TaskMaker(elsewhere), now=timezone.now()))
    ours = str(conversation.pk)
    assert naming.contexts == [ours, "its-own-context", "its-own-context", str(elsewhere.pk)]


async def test_an_answer_carries_the_task_that_asked(
    make_task: TaskMaker, running_runner: Any, conversation: Conversation, serve_agent: Any
) -> None:
    asking = Asking()
    await sync(serve_agent, asking)
    task = await sync(make_task, now=timezone.now())
    await until(lambda: Task.objects.get(pk=task.pk).status == "waiting_input")
    await sync(say, conversation, "red")
    await until(lambda: Task.objects.get(pk=task.pk).status == "completed")
    assert len(set(asking.tasks)) == 1 and asking.received[-1] == "red"


class Refusing:
    """Works until `done`, and refuses every cancel."""

    def __init__(self) -> None:
        self.done = asyncio.Event()
        self.cancels = 0

    async def __call__(self, request: dict[str, Any], writer: Any) -> None:
        method = request["method"]
        state = "completed" if self.done.is_set() else "working"
        found = {"kind": "task", "id": "remote-1", "contextId": "c", "status": {"state": state}}
        if method == "message/stream":
            writer.write(HEAD + event(request, found))
            await writer.drain()
            await self.done.wait()
            return
        body: dict[str, Any] = {"result": found}
        if method == "tasks/cancel":
            self.cancels += 1
            body = {"error": {"code": -32004, "message": "This operation is not supported"}}
        data = json.dumps({"jsonrpc": "2.0", "id": request["id"], **body}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(data))
        writer.write(data)
        await writer.drain()


async def test_the_true_end_of_what_an_agent_refused_to_stop_is_seen_and_shown(
    make_task: TaskMaker, running_runner: Any, user: User
) -> None:
    refusing = Refusing()
    async with RoughAgent(refusing) as rough:
        await sync(on_file, rough)
        task = await sync(make_task, now=timezone.now())
        await until(lambda: TaskRun.objects.exclude(remote_task_id="").exists())
        await sync(TaskService.cancel, task.pk, actor=None, now=timezone.now())
        await until(lambda: TaskRun.objects.get().remote_state == "working")
        assert "it refused to stop, and goes on" in await sync(run_page, user)
        refusing.done.set()
        running_runner.ask_agents_again()
        await until(lambda: TaskRun.objects.get().remote_state == "completed")
    assert refusing.cancels == 1, "it is asked to stop once, and then looked at"
    run = await sync(TaskRun.objects.get)
    assert (run.status, run.cancel_due) == ("cancelled", False)
    assert "it was completed all the same" in await sync(run_page, user)


def run_page(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.get(f"/runs/{TaskRun.objects.get().pk}/").content.decode()
