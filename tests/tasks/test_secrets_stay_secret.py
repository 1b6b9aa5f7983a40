"""A planted credential is in no row, no log line and no page, although its agent quotes it wherever it can."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from conversations.models import Conversation
from tasks.models import Agent, Task, TaskRun
from tests.helpers.runners import sync, until_over
from tests.helpers.tasks import TaskMaker, contents, run_statuses
from tests.tasks.agents.raw_server import Answer, Asked, RawServer, answered, event, http

pytestmark = pytest.mark.django_db(transaction=True)

VALUE, CLIENT = "pl4nted-s3cret-value", "planted-client"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
HEADERS = ("authorization", "x-api-key")
KINDS = {
    "bearer": (VALUE, VALUE),
    "api_key": (VALUE, VALUE),
    "basic": (f"{CLIENT}:{VALUE}", base64.b64encode(f"{CLIENT}:{VALUE}".encode()).decode()),
    "oauth2": (f"{CLIENT}:{VALUE}", "t0ken-of-the-server"),
}
"""Of each scheme: what its variable holds, and what the agent is given."""


class Quoting:
    """An agent that says its credential in a text, an artifact, and the reason of its failure; and its token server."""

    def __init__(self) -> None:
        self.given: list[str] = []
        self.server = RawServer(respond=self.answer).start()

    def answer(self, asked: Asked) -> Answer:
        if asked.path == "/token":
            return answered({"access_token": KINDS["oauth2"][1], "token_type": "Bearer", "expires_in": 60})
        if asked.method == "GET":
            return http(404, b"")
        quoted = next((asked.headers[name] for name in HEADERS if name in asked.headers), "")
        self.given.append(quoted)
        if asked.rpc != "SendStreamingMessage":
            error = {"code": -32603, "message": f"no such task for {quoted}"}
            return answered({"jsonrpc": "2.0", "id": "1", "error": error})
        ids = {"taskId": "t", "contextId": "c"}
        said = {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": f"You are {quoted}."}]}
        why = {"messageId": "n", "role": "ROLE_AGENT", "parts": [{"text": f"I do not take {quoted}."}]}
        artifact = {"artifactId": "a", "parts": [{"data": {"header": quoted}}]}
        return [
            STREAM,
            event({"statusUpdate": {**ids, "status": {"state": "TASK_STATE_WORKING", "message": said}}}),
            event({"artifactUpdate": {**ids, "artifact": artifact}}),
            event({"statusUpdate": {**ids, "status": {"state": "TASK_STATE_FAILED", "message": why}}}),
        ]


@pytest.fixture
def quoting() -> Iterator[Quoting]:
    agent = Quoting()
    yield agent
    agent.server.stop()


def everything_stored() -> str:
    """Every value of every row."""
    rows = [list(model._base_manager.values_list()) for model in apps.get_models()]
    return json.dumps(rows, default=str, ensure_ascii=False)


def pages(task: Task, conversation: Conversation) -> str:
    boss = User.objects.create_superuser("boss")
    task.refresh_from_db()
    run, agent = TaskRun.objects.filter(task=task).latest("id"), Agent.objects.get()
    owner, admin = Client(), Client()
    owner.force_login(task.user)
    admin.force_login(boss)
    for_owner = [f"/conversations/{conversation.pk}/", f"/tasks/{task.pk}/", f"/runs/{run.pk}/", "/agents/", "/tasks/"]
    for_owner += ["/api/v1/agents", f"/api/v1/runs/{run.pk}", f"/api/v1/conversations/{conversation.pk}/items"]
    for_admin = ["/agents/", f"/admin/tasks/agent/{agent.pk}/change/", "/admin/tasks/agent/", "/metrics"]
    answers = [owner.get(path) for path in for_owner] + [admin.get(path) for path in for_admin]
    assert {answer.status_code for answer in answers} == {200}
    return "".join(answer.content.decode() for answer in answers)


@pytest.mark.parametrize("scheme", KINDS)
async def test_a_planted_secret_is_found_nowhere(
    scheme: str,
    quoting: Quoting,
    make_task: TaskMaker,
    running_runner: Any,
    conversation: Conversation,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level("DEBUG")
    held, given = KINDS[scheme]
    monkeypatch.setenv("PLANTED", held)
    card = {
        "name": "Echo",
        "supportedInterfaces": [{"url": quoting.server.url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
        "capabilities": {"streaming": True},
    }
    columns = {
        "url": quoting.server.url,
        "card": card,
        "credential_env": "PLANTED",
        "credential_scheme": scheme,
        "credential_token_url": f"{quoting.server.url}token" if scheme == "oauth2" else "",
    }
    await sync(lambda: Agent.objects.filter(name="Echo").update(**columns, updated_at=timezone.now()))
    task = await sync(make_task, now=timezone.now(), max_attempts=1)
    await until_over(task)
    assert await sync(run_statuses, task) == ["failed"]
    assert all(given in header for header in quoting.given) and quoting.given, "it was given its credential"

    shown = await sync(pages, task, conversation)
    stored = await sync(everything_stored)
    for secret in (VALUE, given):
        assert secret not in stored
        assert secret not in shown
        assert secret not in caplog.text
        assert secret not in "".join(capfd.readouterr())
    # It is the secret alone that was taken out.
    assert (await sync(contents, conversation, "task_failed"))[0].endswith("•••.")


def test_the_search_for_it_would_find_it(conversation: Conversation, make_task: Callable[..., Task]) -> None:
    make_task(query=f"say {VALUE}")
    assert VALUE in everything_stored()
