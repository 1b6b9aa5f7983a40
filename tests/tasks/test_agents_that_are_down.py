"""An agent that is down is left alone after a while, and used again as soon as it is back."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import Conversation
from tasks.agents import circuit
from tasks.models import Agent, Task, TaskRun
from tasks.models.agent import Circuit
from tests.helpers.rough_agents import HEAD, RoughAgent, ended, event, said, task
from tests.helpers.runners import sync, until
from tests.helpers.tasks import TaskMaker, contents, run_statuses

pytestmark = pytest.mark.django_db(transaction=True)


async def fails(request: Any, writer: Any) -> None:
    writer.write(b"HTTP/1.1 500 Oh no\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


async def answers(request: Any, writer: Any) -> None:
    writer.write(HEAD + event(request, task()) + event(request, said("Back!", response_event="message_chunk")))
    writer.write(event(request, ended()))
    await writer.drain()


def status(task: Task) -> str:
    return str(Task.objects.get(pk=task.pk).status)


def on_file(agent: RoughAgent) -> None:
    Agent.objects.update_or_create(name="Echo", defaults={"slug": "Echo", "url": agent.url, "card": agent.card})


def circuit_now() -> Circuit:
    return Agent.objects.get().circuit(timezone.now())


async def test_after_failures_in_a_row_nothing_is_sent_until_a_probe_is_answered(
    make_task: TaskMaker, running_runner: Any, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with RoughAgent(fails) as rough:
        await sync(on_file, rough)
        for _ in range(circuit.FAILURES_MAX):
            failed = await sync(make_task, now=timezone.now(), max_attempts=1)
            await until(lambda failed=failed: status(failed) == "failed")
        assert await sync(circuit_now) is Circuit.OPEN
        asked = len(rough.methods)
        held = await sync(make_task, now=timezone.now())
        await until(lambda: status(held) == "failed")
        assert await sync(run_statuses, held) == ["failed"] * 3, "its attempts fail at once, as they did before"
        assert len(rough.methods) == asked
        said_last = (await sync(contents, conversation, "task_failed"))[-1]
        assert said_last.startswith("Echo did not answer 5 times in a row, so nothing new is sent to it"), said_last
        assert (await sync(Agent.objects.get)).last_error == "Echo failed on the request (HTTP 500)."

        rough.answer = answers
        await sync(lambda: Agent.objects.update(open_until=timezone.now() - timedelta(seconds=1)))
        tried = await sync(make_task, now=timezone.now())
        await until(lambda: status(tried) == "completed")
    assert await sync(circuit_now) is Circuit.CLOSED
    run = await sync(lambda: TaskRun.objects.get(task=tried))
    assert run.sent_at <= run.answered_at <= run.finished_at


async def test_runs_that_come_with_the_probe_wait_for_it_and_go(
    make_task: TaskMaker, running_runner: Any, conversation: Conversation
) -> None:
    async with RoughAgent(answers) as rough:
        await sync(on_file, rough)
        passed = timezone.now() - timedelta(seconds=1)
        await sync(lambda: Agent.objects.update(failures=circuit.FAILURES_MAX, open_until=passed))
        tasks = [await sync(make_task, now=timezone.now()) for _ in range(5)]
        await until(lambda: all(status(one) == "completed" for one in tasks))
        for one in tasks:
            assert await sync(run_statuses, one) == ["succeeded"]


async def test_an_agent_that_says_no_is_not_down(make_task: TaskMaker, running_runner: Any) -> None:
    async def refuses(request: Any, writer: Any) -> None:
        writer.write(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with RoughAgent(refuses) as rough:
        await sync(on_file, rough)
        for _ in range(circuit.FAILURES_MAX + 1):
            failed = await sync(make_task, now=timezone.now(), max_attempts=1)
            await until(lambda failed=failed: status(failed) == "failed")
        assert len(rough.methods) == circuit.FAILURES_MAX + 1
    assert await sync(circuit_now) is Circuit.CLOSED
