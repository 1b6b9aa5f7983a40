"""Agents that are down, refuse, are slow, cut in mid-stream or send garbage: the run fails with a reason that a person
understands, the task goes on with its next tick, and nobody else notices.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import Conversation
from tasks.models import Agent, Task
from tasks.services import TaskService
from tests.helpers.agents import Echo
from tests.helpers.rough_agents import HEAD, Answer, RoughAgent, ended, event, said, task
from tests.helpers.runners import sync, until
from tests.helpers.tasks import TaskMaker, contents, history, run_statuses

pytestmark = pytest.mark.django_db(transaction=True)

HOURLY = {"interval_minutes": 60}
Request = dict[str, Any]
Writer = asyncio.StreamWriter


async def refuses(request: Request, writer: Writer) -> None:
    error = {"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32602, "message": "I do not do that"}}
    body = json.dumps(error).encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
    writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    await writer.drain()


async def html_500(request: Request, writer: Writer) -> None:
    writer.write(b"HTTP/1.1 500 Oh no\r\nContent-Type: text/html\r\nContent-Length: 12\r\n\r\n<h1>Oh</h1>\r\n")
    await writer.drain()


async def cuts_at_once(request: Request, writer: Writer) -> None:
    writer.write(HEAD)
    await writer.drain()


async def garbage(request: Request, writer: Writer) -> None:
    writer.write(HEAD + b"data: {{{{ not json\n\n")
    await writer.drain()


async def invalid_utf8(request: Request, writer: Writer) -> None:
    writer.write(HEAD + b'data: {"jsonrpc": "2.0", "result": "\xff\xfe\xfa"}\n\n')
    await writer.drain()


async def no_http(request: Request, writer: Writer) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    await writer.drain()


async def cuts_in_mid_stream_for_good(request: Request, writer: Writer) -> None:
    """Says half of it; nobody can get the rest, and the task is not known any more."""
    if request["method"] == "message/stream":
        writer.write(HEAD + event(request, task()) + event(request, said("Half of ", response_event="message_chunk")))
        await writer.drain()
    else:
        await refuses(request, writer)


async def ends_without_a_word(request: Request, writer: Writer) -> None:
    """Its stream ends cleanly, and its task stays `working` for ever."""
    if request["method"] == "message/stream":
        writer.write(HEAD + event(request, task()))
        await writer.drain()
    else:
        body = json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": task()}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()


async def rejects(request: Request, writer: Writer) -> None:
    writer.write(HEAD + event(request, task()) + event(request, said("Not my job.", state="rejected")))
    await writer.drain()


BAD: list[tuple[Answer, str]] = [
    (refuses, "I do not do that"),
    (html_500, "500"),
    (cuts_at_once, "Echo"),
    (garbage, "Echo"),
    (invalid_utf8, "Echo"),
    (no_http, "Echo"),
    (cuts_in_mid_stream_for_good, "Echo"),
    (ends_without_a_word, "Echo"),
    (rejects, "Not my job."),
]


def on_file(agent: RoughAgent) -> Agent:
    row, _ = Agent.objects.update_or_create(
        name="Echo", defaults={"slug": "Echo", "url": agent.url, "card": agent.card}
    )
    return row


def status(task: Task) -> str:
    return str(Task.objects.get(pk=task.pk).status)


@pytest.mark.parametrize(("answer", "words"), BAD, ids=lambda value: getattr(value, "__name__", ""))
async def test_the_run_fails_with_a_reason_and_the_schedule_goes_on(
    make_task: TaskMaker, running_runner: Any, conversation: Conversation, answer: Answer, words: str
) -> None:
    async with RoughAgent(answer) as rough:
        await sync(on_file, rough)
        recurring = await sync(make_task, now=timezone.now(), schedule=HOURLY, max_attempts=1)
        once = await sync(make_task, now=timezone.now(), max_attempts=1)
        # Of a connection that is cut before the agent named its task nobody can tell what it did.
        ends = "interrupted" if answer in (cuts_at_once, no_http) else "failed"
        await until(lambda: status(once) == "failed" and run_statuses(recurring) == [ends])
    reasons = await sync(contents, conversation, "task_failed")
    assert len(reasons) == 2
    assert all(words in reason and "Traceback" not in reason and len(reason) < 300 for reason in reasons), reasons
    recurring = await sync(TaskService.get, recurring.pk)
    assert (recurring.status, recurring.next_run_at is not None) == ("running", True)


async def test_an_agent_that_is_down_is_tried_again_and_then_named_with_its_address(
    make_task: TaskMaker, running_runner: Any, conversation: Conversation, agent: Agent
) -> None:
    once = await sync(make_task, now=timezone.now())
    await until(lambda: status(once) == "failed")
    assert await sync(run_statuses, once) == ["failed"] * 3
    (reason,) = await sync(contents, conversation, "task_failed")
    assert reason == "Echo did not answer at http://127.0.0.1:9/: connection refused."


async def test_the_transcript_shows_that_the_agent_could_not_be_reached(
    make_task: TaskMaker, running_runner: Any, conversation: Conversation, agent: Agent
) -> None:
    # No card is known of it, so it must be asked for one.
    await sync(lambda: Agent.objects.update(url="http://127.0.0.1:9/", card={}))
    once = await sync(make_task, now=timezone.now(), max_attempts=1)
    await until(lambda: status(once) == "failed")
    calls = [e["data"]["payload"] for e in await sync(history, conversation) if e["event"] == "tool_call_completed"]
    assert [call["tool_result"] for call in calls if call] == ["ERROR: could not connect to agent Echo"]


async def test_ten_megabytes_in_one_chunk_are_kept_or_refused_and_hold_up_nobody(
    make_task: TaskMaker,
    running_runner: Any,
    conversation: Conversation,
    serve_agent: Callable[..., Agent],
) -> None:
    big = "x" * 10_000_000

    async def answers(request: Request, writer: Writer) -> None:
        writer.write(HEAD + event(request, task()) + event(request, said(big, response_event="message_chunk")))
        writer.write(event(request, ended()))
        await writer.drain()

    await sync(serve_agent, Echo(), name="Other")
    async with RoughAgent(answers) as rough:
        await sync(on_file, rough)
        large = await sync(make_task, now=timezone.now(), max_attempts=1)
        other = await sync(make_task, now=timezone.now(), agent_name="Other")
        await until(lambda: status(other) == "completed")
        await until(lambda: status(large) != "running")
    found = await sync(status, large)
    texts = await sync(contents, conversation, "message_chunk")
    if found == "completed":
        assert big in texts
    else:
        (reason,) = await sync(contents, conversation, "task_failed")
        assert "Echo" in reason


async def test_a_slow_agent_holds_up_nobody(
    make_task: TaskMaker, running_runner: Any, serve_agent: Callable[..., Agent]
) -> None:
    done = asyncio.Event()

    async def silent(request: Request, writer: Writer) -> None:
        writer.write(HEAD)
        await writer.drain()
        await done.wait()

    await sync(serve_agent, Echo(), name="Other")
    async with RoughAgent(silent) as rough:
        await sync(on_file, rough)
        slow = await sync(make_task, now=timezone.now())
        other = await sync(make_task, now=timezone.now(), agent_name="Other")
        await until(lambda: status(other) == "completed")
        assert await sync(run_statuses, slow) == ["running"]
        await sync(TaskService.cancel, slow.pk, actor=None, now=timezone.now())
        await until(lambda: not running_runner._backend._going)
        done.set()


async def test_a_stream_that_is_cut_is_joined_again_and_nothing_is_doubled_or_missing(
    make_task: TaskMaker, running_runner: Any, conversation: Conversation
) -> None:
    """0.3: the rest comes by get_task's history, the end by a second stream."""
    first = said("One, ", response_event="message_chunk")
    second = said("two.", response_event="message_chunk")
    heard = [first["status"]["message"] | {"metadata": {"response_event": "message_chunk"}}]

    async def answers(request: Request, writer: Writer) -> None:
        match request["method"]:
            case "message/stream":
                writer.write(HEAD + event(request, task()) + event(request, first))
            case "tasks/get":
                body = json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": task(history=heard)}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
                writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
            case "tasks/resubscribe":
                writer.write(HEAD + event(request, second) + event(request, ended()))
        await writer.drain()

    async with RoughAgent(answers) as rough:
        await sync(on_file, rough)
        once = await sync(make_task, now=timezone.now())
        await until(lambda: status(once) == "completed")
    assert await sync(contents, conversation, "message_chunk") == ["One, two."]
    assert rough.methods.count("message/stream") == 1
