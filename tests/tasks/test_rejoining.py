"""A connection that breaks after the message left and before the agent named its task: the agent is asked, and never
sent the same again on a guess. With real servers of the SDK, which note what they got.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import Conversation
from sample_agents.base import Event, message_chunk
from tasks.agents.connections import connections
from tasks.execution import context as contexts
from tasks.execution.message import outgoing
from tasks.execution.recovery import STALE_AFTER
from tasks.models import Agent, Task, TaskRun
from tasks.services import Lease, TaskService
from tests.helpers.agents import TestAgent, Waiting
from tests.helpers.runners import short_intervals, sync, until, working_runner
from tests.helpers.tasks import TaskMaker, contents, run_statuses

pytestmark = pytest.mark.django_db(transaction=True)

HOURLY = {"interval_minutes": 60}
Serve = Callable[..., Agent]


class Telling(TestAgent):
    """Takes long enough for its answer that the connection breaks before its end."""

    async def answer(self, query: str) -> AsyncIterator[Event]:
        yield message_chunk(f"You said: {query}")
        await asyncio.sleep(0.05)
        yield message_chunk(". Well then.")


@asynccontextmanager
async def cutting(
    agent: Agent, *, pass_on: bool = True, version: str = "1.0", silent: bool = False
) -> AsyncIterator[None]:
    """A proxy before `agent` that cuts the connection of each send before any answer; it is on file in its place.

    pass_on: the agent has got the message by then. silent: instead of a cut, nothing more is heard.
    """
    port = int(agent.url.rsplit(":", 1)[1].strip("/"))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower()[:15] == b"content-length:"), 0
            )
            body = await reader.readexactly(length)
            sends = b'"SendStreamingMessage"' in body or b'"message/stream"' in body
            if sends and not pass_on:
                return
            inside, outside = await asyncio.open_connection("127.0.0.1", port)
            outside.write(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + body)
            await outside.drain()
            if sends:
                await inside.read(1)  # it has begun to answer
                if silent:
                    await reader.read()
            else:
                while piece := await inside.read(65536):
                    writer.write(piece)
                    await writer.drain()
            outside.close()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    interface = {"url": url, "protocolBinding": "JSONRPC", "protocolVersion": version}
    card = {"name": agent.name, "supportedInterfaces": [interface], "capabilities": {"streaming": True}}
    await sync(lambda: Agent.objects.filter(pk=agent.pk).update(url=url, card=card, updated_at=timezone.now()))
    try:
        yield
    finally:
        server.close()


def over(*tasks: Task) -> bool:
    ids = [task.pk for task in tasks]
    begun = TaskRun.objects.filter(task__in=ids).values("task").distinct().count()
    return begun == len(ids) and not TaskRun.objects.active().filter(task__in=ids).exists()


async def test_an_agent_that_lists_its_tasks_is_asked_and_the_answer_is_taken(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any, conversation: Conversation
) -> None:
    telling = Telling()
    async with cutting(await sync(serve_agent, telling)):
        tasks = [await sync(make_task, now=timezone.now(), query=f"number {n}") for n in range(3)]
        await until(lambda: over(*tasks))
    assert sorted(telling.received) == ["number 0", "number 1", "number 2"]
    for n, task in enumerate(tasks):
        (run,) = await sync(lambda task=task: list(task.runs.all()))
        assert (run.status, run.result) == ("succeeded", f"You said: number {n}. Well then.")
        assert run.remote_task_id in telling.tasks
    assert sorted(await sync(contents, conversation, "message_chunk")) == [
        f"You said: number {n}. Well then." for n in range(3)
    ]


@pytest.mark.parametrize("pass_on", [True, False], ids=["it arrived", "it did not"])
async def test_an_agent_that_cannot_be_asked_is_not_sent_it_again(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any, conversation: Conversation, pass_on: bool
) -> None:
    telling = Telling()
    async with cutting(await sync(serve_agent, telling), pass_on=pass_on, version="0.3"):
        once = await sync(make_task, now=timezone.now(), query="once")
        hourly = await sync(make_task, now=timezone.now(), query="hourly", schedule=HOURLY)
        await until(lambda: over(once, hourly))
    assert sorted(telling.received) == (["hourly", "once"] if pass_on else [])
    assert await sync(run_statuses, once) == await sync(run_statuses, hourly) == ["interrupted"]
    await sync(once.refresh_from_db)
    await sync(hourly.refresh_from_db)
    assert (once.status, hourly.status) == ("failed", "running")
    assert "Nobody can tell" in once.error_message
    # Unlike a crash of ours it is the agent's fault: a schedule that it meets again and again comes to rest.
    assert hourly.failures_in_a_row == 1
    assert len(await sync(contents, conversation, "task_failed")) == 2


async def test_an_agent_that_lists_no_such_task_is_not_sent_it_again_either(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any
) -> None:
    telling = Telling()
    async with cutting(await sync(serve_agent, telling), pass_on=False):
        task = await sync(make_task, now=timezone.now())
        await until(lambda: over(task))
    assert telling.received == []
    assert await sync(run_statuses, task) == ["interrupted"]


async def test_a_cancel_before_the_agent_named_its_task_reaches_it(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any
) -> None:
    waiting = Waiting()
    async with cutting(await sync(serve_agent, waiting), silent=True):
        task = await sync(make_task, now=timezone.now())
        await until(lambda: waiting.tasks)
        assert not await sync(TaskRun.objects.exclude(remote_task_id="").exists)
        await sync(TaskService.cancel, task.pk, actor=None, now=timezone.now())
        await until(lambda: waiting.stopped == waiting.tasks, "the agent works on")
    assert await sync(run_statuses, task) == ["cancelled"]


async def test_a_task_that_says_rerun_is_sent_again(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any
) -> None:
    telling = Telling()
    async with cutting(await sync(serve_agent, telling), version="0.3"):
        task = await sync(make_task, now=timezone.now(), query="again", on_interrupt="rerun", max_attempts=3)
        await until(lambda: over(task))
    assert telling.received == ["again"] * 3
    assert await sync(run_statuses, task) == ["interrupted"] * 3
    await sync(task.refresh_from_db)
    assert task.status == "failed"


async def test_a_schedule_whose_agent_always_cuts_comes_to_rest(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any
) -> None:
    telling = Telling()
    async with cutting(await sync(serve_agent, telling), version="0.3"):
        task = await sync(make_task, now=timezone.now(), schedule=HOURLY)
        for n in range(1, 6):
            await until(lambda: over(task))
            assert await sync(task.runs.count) == n
            if n < 5:
                await sync(TaskService.trigger, task.pk, actor=None, now=timezone.now())
    await sync(task.refresh_from_db)
    assert (task.paused_reason, task.paused_at is not None) == ("failures", True)
    assert "Nobody can tell" in task.paused_note


async def test_after_a_crash_between_the_send_and_its_first_answer_the_agent_is_asked_too(
    make_task: TaskMaker, serve_agent: Serve, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    telling = Telling()
    await sync(serve_agent, telling)
    known = await sync(make_task, now=timezone.now(), query="known")
    lease = await sync(_dead, known)
    lost = await sync(make_task, now=timezone.now(), query="lost")
    await sync(_dead, lost)
    # With one of them its worker came as far as the agent.
    context = await sync(contexts.load, lease)
    sending = (await connections.get(context.agent)).send(outgoing(context, "known"))
    await anext(sending)
    await sending.aclose()
    short_intervals(monkeypatch)
    async with working_runner():
        await until(lambda: over(known, lost))
    assert telling.received == ["known"]
    assert await sync(run_statuses, known) == ["succeeded"]
    assert await sync(run_statuses, lost) == ["interrupted"]
    await sync(lost.refresh_from_db)
    assert lost.error_message.startswith("The server stopped while the message was on its way.")


def _dead(task: Task) -> Lease:
    """A worker that took the run of `task`, was about to send, and has not been heard of for long."""
    TaskService.claim_due(now=timezone.now())
    before = timezone.now() - 10 * STALE_AFTER
    (lease,) = TaskService.start(worker="dead", capacity=1, now=timezone.now())
    TaskService.sent([lease], now=before)
    TaskRun.objects.filter(pk=lease.run_id).update(heartbeat_at=before)
    assert TaskRun.objects.get(pk=lease.run_id).task_id == task.pk
    return lease
