"""Pictures that go with a request: to an agent that takes them, with every run, and no further than that."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from conversations.models import Conversation
from tasks.models import Agent, Task, TaskFile
from tasks.schemas.files import BYTES_MAX
from tests.helpers.agents import Asking, Echo
from tests.helpers.runners import sync, until
from tests.helpers.tasks import contents, history

pytestmark = pytest.mark.django_db(transaction=True)

Serve = Callable[..., Agent]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def _file(content: bytes = PNG, *, name: str = "map.png", media_type: str = "image/png") -> dict[str, str]:
    return {"name": name, "media_type": media_type, "data": base64.b64encode(content).decode()}


class Looking(Echo):
    """Takes pictures."""

    input_modes = ("text/plain", "image/*")


class LookingAndAsking(Asking):
    """Takes pictures, and asks about them."""

    input_modes = ("text/plain", "image/png")


def _send(client: Client, conversation: Conversation, **body: Any) -> Any:
    path = f"/api/v1/conversations/{conversation.pk}/messages"
    return client.post(path, {"text": "What is this?", **body}, content_type="application/json")


@pytest.fixture
def visit(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


async def test_every_run_brings_the_files_to_the_agent_as_they_were(
    visit: Client, serve_agent: Serve, running_runner: Any, conversation: Conversation
) -> None:
    agent = Looking()
    await sync(serve_agent, agent, card={"defaultInputModes": list(agent.input_modes)})
    second = _file(b"\xff\xd8\xff\x00", name="b.jpg", media_type="image/jpeg")
    sent = await sync(_send, visit, conversation, agent_name="Echo", files=[_file(), second])
    assert sent.status_code == 202
    task_id = sent.json()["tasks"][0]["id"]
    await until(lambda: len(agent.dependencies) == 1)
    await until(lambda: Task.objects.filter(pk=task_id, status="completed").exists())
    got = [(file["name"], file["media_type"], file["content"]) for file in agent.dependencies[0]["files"]]
    assert got == [("map.png", "image/png", PNG), ("b.jpg", "image/jpeg", b"\xff\xd8\xff\x00")]
    told = (await sync(history, conversation))[0]["data"]["payload"]
    assert told["files"] == [
        {"name": "map.png", "media_type": "image/png", "size": len(PNG)},
        {"name": "b.jpg", "media_type": "image/jpeg", "size": 4},
    ]
    again = await sync(visit.post, f"/api/v1/tasks/{task_id}/run-again", {}, content_type="application/json")
    assert again.status_code == 201
    await until(lambda: len(agent.dependencies) == 2)
    assert agent.dependencies[1]["files"] == agent.dependencies[0]["files"]


async def test_an_answer_does_not_bring_them_again(
    visit: Client, serve_agent: Serve, running_runner: Any, conversation: Conversation
) -> None:
    agent = LookingAndAsking()
    await sync(serve_agent, agent, card={"defaultInputModes": list(agent.input_modes)})
    await sync(_send, visit, conversation, agent_name="Echo", files=[_file()])
    await until(lambda: Task.objects.filter(status="waiting_input").exists())
    refused = await sync(_send, visit, conversation, files=[_file()])
    assert refused.status_code == 422
    assert "not with an answer" in refused.json()["error"]["fields"]["files"][0]
    await sync(_send, visit, conversation, text="The second")
    await until(lambda: len(agent.dependencies) == 2)
    assert ["files" in one for one in agent.dependencies] == [True, False]


def test_who_does_not_take_them_is_named_and_nothing_is_written(
    visit: Client, conversation: Conversation, agent: Agent
) -> None:
    refused = _send(visit, conversation, agent_name="Echo", files=[_file()])
    assert refused.status_code == 422
    assert refused.json()["error"]["fields"]["files"] == ["Echo does not take image/png. It takes: text/plain."]
    refused = _send(visit, conversation, files=[_file()])
    assert "Name the agent" in refused.json()["error"]["fields"]["files"][0]
    assert not TaskFile.objects.exists()
    assert contents(conversation, "thread_started") == []


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ([_file(b"GIF89a", media_type="image/png")], "Its content is no image/png."),
        ([{**_file(), "data": "not base64!"}], "base64"),
        ([_file(media_type="image/svg+xml")], "image/webp"),
        ([_file()] * 5, "at most 4"),
        ([_file(PNG + bytes(BYTES_MAX // 2))] * 2, "larger than 1,000 kB"),
        ([{**_file(), "name": "a\nb"}], "control characters"),
        ([{"name": "x"}], "required"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(
    visit: Client, conversation: Conversation, agent: Agent, files: Any, word: str
) -> None:
    refused = _send(visit, conversation, agent_name="Echo", files=files)
    assert refused.status_code == 422
    assert word in refused.content.decode()


def test_a_copy_has_the_files_and_a_deleted_conversation_leaves_none(
    visit: Client, conversation: Conversation, agent: Agent
) -> None:
    agent.card = {"defaultInputModes": ["text/plain"], "skills": [{"id": "see", "inputModes": ["image/png"]}]}
    agent.save()
    assert _send(visit, conversation, agent_name="Echo", files=[_file()]).status_code == 202
    task = Task.objects.get()
    copy = visit.post(f"/api/v1/tasks/{task.pk}/clone", {}, content_type="application/json").json()["id"]
    assert bytes(Task.objects.get(pk=copy).files.get().content) == PNG
    assert Task.objects.get(pk=copy).file_count == 1
    assert visit.delete(f"/api/v1/conversations/{conversation.pk}").status_code == 204
    assert not TaskFile.objects.exists()


@pytest.mark.parametrize(
    ("card", "takes"),
    [
        ({}, False),
        ({"defaultInputModes": ["text/plain"]}, False),
        ({"defaultInputModes": ["image/png"]}, True),
        ({"defaultInputModes": ["image/*"]}, True),
        ({"defaultInputModes": "image/png"}, False),
        ({"skills": [{"inputModes": ["image/jpeg", 7]}, "x"]}, False),
        ([], False),
    ],
)
def test_what_an_agent_takes_is_what_its_card_says(card: Any, takes: bool) -> None:
    assert Agent(card=card).takes("image/png") is takes
