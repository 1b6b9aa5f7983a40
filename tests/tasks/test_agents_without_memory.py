"""Agents that keep no record of their tasks: what went wrong first is the reason, and an answer reaches them."""

import json
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import Conversation
from tasks import requests
from tasks.models import Agent
from tasks.schemas.inputs import MessageIn
from tests.helpers.rough_agents import HEAD, RoughAgent, ended, event, said, task
from tests.helpers.runners import sync, until
from tests.helpers.tasks import TaskMaker, contents
from tests.tasks.test_bad_agents import Request, Writer, on_file, status

pytestmark = pytest.mark.django_db(transaction=True)


async def refuse(request: Request, writer: Writer, code: int) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": {"code": code, "message": "no"}}).encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


@pytest.mark.parametrize("code", [-32001, -32601], ids=["task not found", "method not found"])
async def test_the_reason_of_a_cut_answer_is_the_cut_and_not_that_nobody_can_be_asked(
    make_task: TaskMaker, running_runner: Any, conversation: Conversation, code: int
) -> None:
    async def answers(request: Request, writer: Writer) -> None:
        if request["method"] == "message/stream":
            writer.write(HEAD + event(request, task()) + event(request, said("One", response_event="message_chunk")))
            writer.write(b"data: {{{{ not json\n\n")
        else:
            await refuse(request, writer, code)
        await writer.drain()

    async with RoughAgent(answers) as rough:
        await sync(on_file, rough)
        once = await sync(make_task, now=timezone.now(), max_attempts=1)
        await until(lambda: status(once) == "failed")
    (reason,) = await sync(contents, conversation, "task_failed")
    assert "not A2A" in reason
    assert "cannot be asked" in reason


@pytest.mark.parametrize("code", [-32001, -32601], ids=["task not found", "method not found"])
async def test_the_answer_to_its_question_reaches_an_agent_that_cannot_be_asked_about_its_task(
    make_task: TaskMaker, running_runner: Any, conversation: Conversation, code: int
) -> None:
    told: list[str] = []

    async def answers(request: Request, writer: Writer) -> None:
        if request["method"] != "message/stream":
            await refuse(request, writer, code)
        else:
            told.append(request["params"]["message"]["parts"][0]["text"])
            asks = len(told) == 1
            writer.write(HEAD + event(request, task()))
            writer.write(event(request, said("Which?", "input-required") if asks else ended()))
        await writer.drain()

    async with RoughAgent(answers) as rough:
        agent: Agent = await sync(on_file, rough)
        once = await sync(make_task, now=timezone.now(), query="begin")
        await until(lambda: status(once) == "waiting_input")
        message = MessageIn(text="that one", answer_to=str(once.pk))
        await sync(requests.submit_message, conversation, message, user=conversation.user, now=timezone.now())
        await until(lambda: status(once) == "completed")
    assert (agent.name, told) == ("Echo", ["begin", "that one"])
