"""What the operator allows an agent: runs a minute, seconds of a run, megabytes of an answer."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import Conversation
from sample_agents.base import message_chunk
from tasks.models import Agent, TaskRun
from tasks.services import TaskService
from tests.helpers.agents import Saying, Waiting
from tests.helpers.runners import sync, until, until_over
from tests.helpers.tasks import NOW, TaskMaker, claim, contents, many_due, start

MINUTE = timedelta(minutes=1)


def test_an_agent_is_given_so_many_runs_a_minute_and_the_others_wait(agent: Agent, conversation: Conversation) -> None:
    Agent.objects.update(max_per_minute=3)
    many_due(conversation, 8)
    claim()
    assert [len(start()) for _ in range(2)] == [3, 0]
    assert len(start(now=NOW + MINUTE - timedelta(seconds=1))) == 0
    assert [len(start(now=NOW + MINUTE)) for _ in range(2)] == [3, 0]
    assert len(start(now=NOW + 2 * MINUTE)) == 2


@pytest.mark.django_db(transaction=True)
def test_workers_that_ask_at_once_share_the_minute(
    agent: Agent, conversation: Conversation, in_threads: Callable[..., list[Any]]
) -> None:
    Agent.objects.update(max_per_minute=5)
    many_due(conversation, 20)
    claim()
    taken = in_threads(4, lambda n: len(TaskService.start(worker=f"worker-{n}", capacity=20, now=NOW)))
    assert sum(taken) == 5


def test_one_agents_minute_is_not_anothers(agent: Agent, conversation: Conversation) -> None:
    Agent.objects.update(max_per_minute=1)
    Agent.objects.create(name="Other", slug="Other", url="http://127.0.0.1:9/")
    many_due(conversation, 3)
    many_due(conversation, 3, agent_name="Other")
    claim()
    start()
    running = TaskRun.objects.filter(status="running").values_list("agent_name", flat=True)
    assert sorted(running) == ["Echo", "Other", "Other", "Other"]


@pytest.mark.django_db(transaction=True)
async def test_a_run_may_not_take_longer_than_its_agent_may(
    serve_agent: Callable[..., Agent], make_task: TaskMaker, running_runner: Any, conversation: Conversation
) -> None:
    await sync(serve_agent, Waiting(), max_seconds=1)
    task = await sync(make_task, now=timezone.now(), max_attempts=1)
    await until_over(task)
    assert (await sync(contents, conversation, "task_failed")) == ["Echo was not done after 1 seconds."]


@pytest.mark.django_db(transaction=True)
async def test_an_answer_may_not_be_larger_than_its_agents_may(
    serve_agent: Callable[..., Agent], make_task: TaskMaker, running_runner: Any, conversation: Conversation
) -> None:
    talker = Saying(*[message_chunk("x" * 200_000) for _ in range(8)])
    await sync(serve_agent, talker, max_megabytes=1)
    task = await sync(make_task, now=timezone.now(), max_attempts=1)
    await until(lambda: TaskRun.objects.filter(task=task, status="failed").exists(), timeout=40)
    (reason,) = await sync(contents, conversation, "task_failed")
    assert "more than 1,048,576 bytes in one answer" in reason
