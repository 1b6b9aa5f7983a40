"""The runner: it wakes at the right moment, keeps house, and leaves nothing behind when it is drained."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from conversations.models import Conversation
from sample_agents.base import Event
from tasks.execution import context as contexts
from tasks.execution import recovery
from tasks.models import Agent, Task, TaskRun
from tasks.runner import Runner, clock
from tasks.services import TaskService
from tests.helpers.agents import Asking, Echo, Waiting
from tests.helpers.rough_agents import RoughAgent
from tests.helpers.runners import short_intervals, sync, until, until_over, working_runner
from tests.helpers.tasks import TaskMaker, contents, events, run_statuses, runs, say
from tests.helpers.threads import together

pytestmark = pytest.mark.django_db(transaction=True)

Serve = Callable[..., Agent]
HOURLY = {"interval_minutes": 60}


def status(task: Task) -> str:
    return str(Task.objects.get(pk=task.pk).status)


class Turns:
    """Counts the turns of a runner."""

    def __init__(self, runner: Runner) -> None:
        self.number = 0
        inner = runner._turn

        async def turn() -> None:
            self.number += 1
            await inner()

        runner._turn = turn  # type: ignore[method-assign]


async def test_a_task_that_is_made_starts_at_once_and_not_with_the_next_poll(
    make_task: TaskMaker, serve_agent: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "POLL_EVERY", 60)
    await sync(serve_agent, Echo())
    async with working_runner():
        task = await sync(make_task, now=timezone.now())
        await until_over(task)
        (run,) = await sync(runs, task)
        assert run.started_at - task.created_at < timedelta(seconds=1)


async def test_a_task_of_the_future_starts_at_its_moment_by_the_clock_alone(
    make_task: TaskMaker, serve_agent: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "POLL_EVERY", 60)
    await sync(serve_agent, Echo())
    async with working_runner():
        moment = timezone.now() + timedelta(seconds=1)
        task = await sync(make_task, now=timezone.now(), schedule={"start_at": moment.isoformat()})
        await until_over(task)
        (run,) = await sync(runs, task)
        assert timedelta(0) <= run.started_at - moment < timedelta(seconds=1)


async def test_what_is_taken_ahead_of_its_moment_reaches_its_agent_no_earlier(
    make_task: TaskMaker, serve_agent: Serve, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[datetime] = []

    class Punctual(Echo):
        async def answer(self, query: str) -> AsyncIterator[Event]:
            heard.append(timezone.now())
            async for event in super().answer(query):
                yield event

    # So long that a busy machine has it in hand before the moment.
    monkeypatch.setattr(clock, "LEAD", timedelta(seconds=1))
    monkeypatch.setattr(contexts, "LEAD", timedelta(seconds=1))
    await sync(serve_agent, Punctual())
    async with working_runner():
        moment = timezone.now() + timedelta(seconds=1.5)
        task = await sync(make_task, now=timezone.now(), schedule={"start_at": moment.isoformat()})
        await until(lambda: TaskRun.objects.filter(status="running").exists())
        assert timezone.now() < moment
        assert await sync(events, conversation) == ["thread_started"]
        await until_over(task)
        assert heard[0] >= moment


async def test_what_is_cancelled_between_its_claim_and_its_moment_never_reaches_its_agent(
    make_task: TaskMaker, serve_agent: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "LEAD", timedelta(seconds=1))
    monkeypatch.setattr(contexts, "LEAD", timedelta(seconds=1))
    echo = Echo()
    await sync(serve_agent, echo)
    async with working_runner():
        moment = timezone.now() + timedelta(seconds=1.5)
        task = await sync(make_task, now=timezone.now(), schedule={"start_at": moment.isoformat()})
        await until(lambda: TaskRun.objects.filter(status="running").exists())
        await sync(TaskService.cancel, task.pk, actor=None, now=timezone.now())
        await asyncio.sleep((moment - timezone.now()).total_seconds() + 0.2)
    assert echo.received == []
    (run,) = await sync(runs, task)
    assert run.status == "cancelled" and run.finished_at >= run.started_at


async def test_what_another_process_made_is_seen_by_the_poll(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any
) -> None:
    await sync(serve_agent, Echo())
    far = (timezone.now() + timedelta(days=1)).isoformat()
    task = await sync(make_task, now=timezone.now(), schedule={"start_at": far})
    # As another process does it: nobody here is told.
    moment = timezone.now() - timedelta(seconds=1)
    await sync(Task.objects.filter(pk=task.pk).update, next_run_at=moment, next_slot_at=moment)
    await until_over(task)


async def test_a_cancel_by_another_process_stops_the_run_here(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any
) -> None:
    waiting = Waiting()
    await sync(serve_agent, waiting)
    task = await sync(make_task, now=timezone.now())
    await until(lambda: TaskRun.objects.exclude(remote_task_id="").exists())
    await sync(TaskRun.objects.update, status="cancelled", finished_at=timezone.now(), cancel_due=True)
    await until(lambda: not TaskRun.objects.filter(cancel_due=True).exists(), "the agent was not told")
    assert waiting.stopped == waiting.tasks
    assert await sync(run_statuses, task) == ["cancelled"]


async def test_a_run_that_is_stopped_again_and_again_still_tells_its_agent(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any
) -> None:
    waiting = Waiting()
    await sync(serve_agent, waiting)
    task = await sync(make_task, now=timezone.now())
    await until(lambda: TaskRun.objects.exclude(remote_task_id="").exists())
    (run,) = await sync(runs, task)
    await sync(TaskService.cancel, task.pk, actor=None, now=timezone.now())
    for _ in range(50):
        await running_runner._backend.abort([run.pk])
        await asyncio.sleep(0)
    # Long before housekeeping would do it in the worker's place.
    await until(lambda: waiting.stopped == waiting.tasks, "the agent was not told", timeout=5)


async def test_a_run_that_another_worker_took_is_left_to_it_and_its_agent_is_not_told_to_stop(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any
) -> None:
    waiting = Waiting()
    await sync(serve_agent, waiting)
    await sync(make_task, now=timezone.now())
    await until(lambda: TaskRun.objects.exclude(remote_task_id="").exists())
    later = timezone.now() + timedelta(hours=1)
    await sync(TaskRun.objects.update, token=7, worker="elsewhere:1:x", heartbeat_at=later)
    await until(lambda: not running_runner._backend._going)
    assert waiting.stopped == []
    run = await sync(TaskRun.objects.get)
    assert (run.status, run.worker) == ("running", "elsewhere:1:x")
    waiting.go.set()


async def test_a_run_that_was_dropped_here_is_taken_up_again_while_others_go_on(
    make_task: TaskMaker, serve_agent: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_intervals(monkeypatch)
    monkeypatch.setattr(recovery, "STALE_AFTER", timedelta(seconds=1))
    waiting = Waiting()
    await sync(serve_agent, waiting)
    async with working_runner() as runner:
        dropped, other = [await sync(make_task, now=timezone.now()) for _ in range(2)]
        await until(lambda: TaskRun.objects.exclude(remote_task_id="").count() == 2)
        (run,) = await sync(runs, dropped)
        # Its asyncio task is gone, as after an error of ours; the process lives.
        execution, going = runner._backend._going._going[run.pk]  # type: ignore[attr-defined]
        monkeypatch.setattr(execution, "_stop", lambda: asyncio.sleep(0))
        going.cancel()
        await until(lambda: TaskRun.objects.get(pk=run.pk).token > run.token, "nobody took it up again")
        waiting.go.set()
        await until_over(dropped, other)
    assert len(waiting.received) == 2
    assert [await sync(run_statuses, task) for task in (dropped, other)] == [["succeeded"], ["succeeded"]]


async def test_a_pause_ends_at_its_moment_without_turning_in_circles(
    make_task: TaskMaker, serve_agent: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "POLL_EVERY", 60)
    monkeypatch.setattr(recovery, "HEARTBEAT_EVERY", 60)
    await sync(serve_agent, Echo())
    far = (timezone.now() + timedelta(days=1)).isoformat()
    task = await sync(make_task, now=timezone.now(), schedule={**HOURLY, "start_at": far})
    async with working_runner() as runner:
        until_moment = timezone.now() + timedelta(seconds=0.5)
        turns = Turns(runner)
        await sync(TaskService.pause, task.pk, actor=None, now=timezone.now(), until=until_moment)
        await until(lambda: Task.objects.get(pk=task.pk).paused_at is None, "still paused", timeout=3)
        assert turns.number <= 5


async def test_an_idle_runner_does_not_turn(make_task: TaskMaker, serve_agent: Serve, running_runner: Any) -> None:
    far = (timezone.now() + timedelta(days=1)).isoformat()
    for _ in range(5):
        await sync(make_task, now=timezone.now(), schedule={**HOURLY, "start_at": far})
    await asyncio.sleep(0.2)
    turns = Turns(running_runner)
    await asyncio.sleep(0.5)
    assert turns.number == 0


async def test_a_process_runs_at_most_so_many_at_once(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any, settings: Any
) -> None:
    settings.RUN_CONCURRENCY = 2
    waiting = Waiting()
    await sync(serve_agent, waiting)
    tasks = [await sync(make_task, now=timezone.now()) for _ in range(4)]
    await until(lambda: len(waiting.received) == 2)
    assert await sync(TaskRun.objects.filter(status="running").count) == 2
    waiting.go.set()
    await until_over(*tasks)
    assert django_settings.RUN_CONCURRENCY == 2


async def test_an_agents_limit_frees_its_next_run_as_soon_as_one_ends(
    make_task: TaskMaker, serve_agent: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "POLL_EVERY", 60)
    await sync(serve_agent, Echo(), max_concurrency=1)
    async with working_runner():
        tasks = [await sync(make_task, now=timezone.now()) for _ in range(10)]
        begun = time.monotonic()
        await until_over(*tasks)
        assert time.monotonic() - begun < 10


# --- the end of a process ---


async def test_a_drain_lets_end_what_ends_by_itself(make_task: TaskMaker, serve_agent: Serve) -> None:
    waiting = Waiting()
    await sync(serve_agent, waiting)
    runner = Runner()
    await runner.start()
    task = await sync(make_task, now=timezone.now())
    await until(lambda: TaskRun.objects.exclude(remote_task_id="").exists())
    draining = asyncio.ensure_future(runner.drain(10))
    await asyncio.sleep(0.1)
    waiting.go.set()
    await draining
    assert await sync(run_statuses, task) == ["succeeded"]


async def test_a_drain_hands_back_what_does_not_end_and_the_next_runner_goes_on_with_it(
    make_task: TaskMaker, serve_agent: Serve, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_intervals(monkeypatch)
    waiting = Waiting()
    await sync(serve_agent, waiting)
    first = Runner()
    await first.start()
    once = await sync(make_task, now=timezone.now())
    recurring = await sync(make_task, now=timezone.now(), schedule=HOURLY)
    await until(lambda: TaskRun.objects.exclude(remote_task_id="").count() == 2)
    begun = time.monotonic()
    await first.drain(1.0)
    assert time.monotonic() - begun < 3
    handed = await sync(lambda: list(TaskRun.objects.values_list("status", "worker", "heartbeat_at")))
    assert handed == [("queued", "", None)] * 2
    assert waiting.stopped == []
    async with working_runner():
        await until(lambda: TaskRun.objects.filter(status="running").count() == 2)
        waiting.go.set()
        await until_over(once, recurring)
    assert len(waiting.received) == 2
    assert await sync(contents, conversation, "message_chunk") == ["One, two."]
    assert (await sync(events, conversation)).count("tool_call_completed") == 2
    assert [(await sync(runs, task))[0].result for task in (once, recurring)] == ["One, two."] * 2


async def test_nothing_starts_while_a_runner_is_drained(make_task: TaskMaker, serve_agent: Serve) -> None:
    echo = Echo()
    await sync(serve_agent, echo)
    runner = Runner()
    await runner.start()
    await runner.drain(1.0)
    task = await sync(make_task, now=timezone.now())
    await asyncio.sleep(0.2)
    assert (echo.received, await sync(run_statuses, task)) == ([], [])


async def test_a_question_survives_the_restart_of_the_process(
    make_task: TaskMaker, serve_agent: Serve, conversation: Conversation
) -> None:
    asking = Asking()
    await sync(serve_agent, asking)
    async with working_runner():
        task = await sync(make_task, now=timezone.now())
        await until(lambda: status(task) == "waiting_input")
    await sync(say, conversation, "green")
    async with working_runner():
        await until(lambda: status(task) == "completed")
    assert len(set(asking.tasks)) == 1
    assert await sync(contents, conversation, "message_chunk") == ["Let me see.", "It is green."]


async def test_agents_that_do_not_answer_a_cancel_hold_up_neither_the_start_nor_the_house(
    make_task: TaskMaker, serve_agent: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_intervals(monkeypatch)
    done = asyncio.Event()

    async def silent(request: Any, writer: Any) -> None:
        await done.wait()

    async with RoughAgent(silent) as rough:

        def left_behind() -> None:
            Agent.objects.create(name="Silent", slug="Silent", url=rough.url, card=rough.card)
            task = make_task(now=timezone.now(), agent_name="Silent")
            TaskService.claim_due(now=timezone.now())
            TaskRun.objects.update(remote_task_id="r", sent_at=timezone.now())
            TaskService.cancel(task.pk, actor=None, now=timezone.now() - timedelta(minutes=1))

        await sync(left_behind)
        await sync(serve_agent, Echo())
        begun = time.monotonic()
        async with working_runner():
            assert time.monotonic() - begun < 2
            await until(lambda: rough.methods, "the agent was not asked")
            task = await sync(make_task, now=timezone.now())
            await until_over(task)
            assert time.monotonic() - begun < 4
            assert await sync(TaskRun.objects.filter(cancel_due=True).count) == 1
            done.set()


async def test_many_tasks_made_at_once_by_many_threads_all_run_once(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any
) -> None:
    echo = Echo()
    await sync(serve_agent, echo)
    found = await sync(
        together, 4, lambda number: [make_task(now=timezone.now(), query=f"{number}-{n}") for n in range(5)]
    )
    tasks = [task for made in found for task in made]
    await until_over(*tasks)
    assert sorted(echo.received) == sorted(f"{number}-{n}" for number in range(4) for n in range(5))


async def test_a_job_that_a_drain_has_to_cut_is_no_failure_in_the_log(
    user: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begun = asyncio.Event()

    async def hangs(_runner: Runner) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(clock, "RETENTION_EVERY", 0.01)
    monkeypatch.setattr(Runner, "_retain", hangs)
    hangs.__name__ = "_retain"
    runner = Runner()
    await runner.start()
    await begun.wait()
    await runner.drain(0.5)
    await asyncio.sleep(0)
    assert [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")] == []


async def test_a_job_that_is_cut_while_nothing_is_drained_is_told(user: Any) -> None:
    runner = Runner()
    cut = asyncio.ensure_future(runner._at_work(asyncio.Event().wait))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    cut.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cut
    await runner.drain(0.1)
