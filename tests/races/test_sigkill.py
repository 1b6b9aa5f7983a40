"""SIGKILL at any moment: what was committed stays, nothing is left running for ever, nothing is doubled or missing."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import Conversation, ItemTail
from sample_agents.base import Event, component, message_chunk, reasoning, tool_call_completed, tool_call_started
from tasks.models import Agent, Task, TaskRun
from tasks.services import TaskService
from tests.helpers.agents import Asking, TestAgent, Waiting
from tests.helpers.processes import runners
from tests.helpers.tasks import TaskMaker, components, contents, events, history, run_statuses, say

pytestmark = pytest.mark.django_db(transaction=True)

HOURLY = {"interval_minutes": 60}


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, what
        time.sleep(0.02)
    return found


def status(task: Task) -> str:
    return str(Task.objects.get(pk=task.pk).status)


class Novelist(TestAgent):
    """Says one of everything, slowly, in many pieces, until `hurry` is set."""

    PIECES = 1000

    def __init__(self) -> None:
        super().__init__()
        self.hurry = threading.Event()

    async def answer(self, query: str) -> AsyncIterator[Event]:  # noqa: ARG002 (it says the same to all)
        yield reasoning("First I think. ")
        yield tool_call_started("call-1", "look")
        await asyncio.sleep(0.05)
        yield tool_call_completed("call-1", "look", "seen")
        for n in range(self.PIECES):
            yield message_chunk(f"{n} ")
            if not self.hurry.is_set():
                await asyncio.sleep(0.03)
        yield component("report", '{"title": "R"}', component_id="r")
        yield message_chunk("The end.")


NOVEL = "".join(f"{n} " for n in range(Novelist.PIECES))


def test_a_once_and_a_recurring_run_come_to_a_right_end_after_kills_in_mid_stream(
    make_task: TaskMaker, serve_agent: Callable[..., Agent], conversation: Conversation
) -> None:
    novelist = Novelist()
    serve_agent(novelist)
    once = make_task(query="once", now=timezone.now())
    recurring = make_task(query="recurring", now=timezone.now(), schedule=HOURLY)

    def said() -> str:
        return "".join(contents(conversation, "message_chunk"))

    for _ in range(3):
        with runners(1) as (runner,):
            wait_for(lambda: TaskRun.objects.exclude(remote_task_id="").count() == 2, "the agent was not asked")
            before = len(said())
            wait_for(lambda before=before: len(said()) > before, "nothing more was said")
            runner.kill()
        # What was pushed is committed: it is there, and the next worker goes on behind it.
        assert NOVEL.startswith(said())
    novelist.hurry.set()
    with runners(1):
        wait_for(lambda: status(once) == "completed", "the once task did not end")
        wait_for(lambda: run_statuses(recurring) == ["succeeded"], "the recurring run did not end")

    assert sorted(novelist.received) == ["once", "recurring"]
    assert said() == NOVEL + "The end."
    (result,) = components(conversation, "scheduled_task_result")
    assert result["result"] == f"{NOVEL.strip()}\n\nThe end."
    assert TaskRun.objects.get(task=once).result == f"{NOVEL.strip()}\n\nThe end."
    assert status(recurring) == "running"
    names = events(conversation)
    assert names.count("reasoning_completed") == 1
    # One `connect_agent` a task, and the once run's own call; the recurring run's calls are not shown.
    assert names.count("tool_call_completed") == 3
    assert components(conversation, "report") == [{"title": "R"}]
    assert not {"task_failed", "task_cancelled", "tool_call_started", "reasoning"} & set(names)
    assert ItemTail.objects.count() == 0
    positions = [envelope["data"]["position"] for envelope in history(conversation)]
    assert positions == sorted(set(positions))


def test_a_run_whose_process_died_is_taken_up_by_the_one_that_lives(
    make_task: TaskMaker, serve_agent: Callable[..., Agent], conversation: Conversation
) -> None:
    waiting = Waiting()
    serve_agent(waiting)
    with runners(2) as (first, second):
        tasks = [make_task(query=str(n), now=timezone.now()) for n in range(6)]
        wait_for(lambda: TaskRun.objects.exclude(remote_task_id="").count() == 6, "the agent was not asked")
        first.kill()
        survivor = f":{second.process.pid}:"
        wait_for(
            lambda: all(survivor in worker for worker in TaskRun.objects.values_list("worker", flat=True)),
            "its runs were not taken up",
        )
        waiting.go.set()
        wait_for(lambda: not TaskRun.objects.active().exists(), "they did not end")
    assert [status(task) for task in tasks] == ["completed"] * 6
    assert sorted(waiting.received) == [str(n) for n in range(6)]
    assert contents(conversation, "message_chunk") == ["One, two."] * 6


def test_a_question_survives_a_kill_and_its_answer_reaches_the_same_task(
    make_task: TaskMaker, serve_agent: Callable[..., Agent], conversation: Conversation
) -> None:
    asking = Asking()
    serve_agent(asking)
    task = make_task(now=timezone.now())
    with runners(1) as (runner,):
        wait_for(lambda: status(task) == "waiting_input", "nothing was asked")
        runner.kill()
    say(conversation, "blue")
    with runners(1):
        wait_for(lambda: status(task) == "completed", "the answer did not arrive")
    assert len(set(asking.tasks)) == 1
    assert contents(conversation, "message_chunk") == ["Let me see.", "It is blue."]


def test_a_cancel_while_no_process_lives_reaches_the_agent_after_the_restart(
    make_task: TaskMaker, serve_agent: Callable[..., Agent], conversation: Conversation
) -> None:
    waiting = Waiting()
    serve_agent(waiting)
    task = make_task(now=timezone.now())
    other = make_task(now=timezone.now())
    with runners(1) as (runner,):
        wait_for(lambda: TaskRun.objects.exclude(remote_task_id="").count() == 2, "the agent was not asked")
        runner.kill()
    TaskService.cancel(task.pk, actor=None, now=timezone.now())
    TaskService.cancel_plan(other.plan_id, actor=None, now=timezone.now())
    with runners(1):
        wait_for(lambda: not TaskRun.objects.filter(cancel_due=True).exists(), "the agent was not told")
        wait_for(lambda: contents(conversation, "task_cancelled") == ["Cancelled."] * 2, "nobody was told")
    assert sorted(waiting.stopped) == sorted(waiting.tasks)


def test_sigterm_hands_back_what_goes_on_within_ten_seconds(
    make_task: TaskMaker, serve_agent: Callable[..., Agent]
) -> None:
    waiting = Waiting()
    serve_agent(waiting)
    make_task(now=timezone.now())
    with runners(1) as (runner,):
        wait_for(lambda: TaskRun.objects.exclude(remote_task_id="").exists(), "the agent was not asked")
        begun = time.monotonic()
        assert runner.stop() == 0
        assert time.monotonic() - begun < 10
    assert list(TaskRun.objects.values_list("status", "worker")) == [("queued", "")]
    assert waiting.stopped == []
