"""Push notifications: an agent that does not stream calls back with its run's token, and nothing is doubled."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from conversations.models import Conversation
from sample_agents.base import message_chunk
from tasks.agents import callbacks, polling
from tasks.models import Agent, Task, TaskRun
from tasks.services import TaskService, pushes
from tests.helpers.agents import TestAgent, Waiting
from tests.helpers.calling_agents import calling
from tests.helpers.runners import sync, until, until_over
from tests.helpers.served import served
from tests.helpers.tasks import NOW, TaskMaker, contents, run_statuses, started

pytestmark = pytest.mark.django_db(transaction=True)

LONG = 30.0
"""Seconds between look-ups that no test waits for: what is seen before, a notification brought."""


@pytest.fixture
async def here(settings: Settings, transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The application over HTTP, at the address that agents are told; look-ups without a call are rare."""
    monkeypatch.setattr(polling, "POLL_FIRST", LONG)
    monkeypatch.setattr(polling, "POLL_MOST", LONG)
    monkeypatch.setattr(polling, "CALLS_APART", 0.01)
    monkeypatch.setattr(pushes, "APART", 0.02)
    async with served() as url:
        settings.PUBLIC_URL = url
        settings.ALLOWED_HOSTS = ["127.0.0.1"]
        yield url


def on_file(url: str) -> None:
    Agent.objects.filter(name="Echo").update(url=url, card={}, updated_at=timezone.now())


class Slow(TestAgent):
    """Says three words, one a moment."""

    async def answer(self, query: str) -> AsyncIterator[Any]:  # noqa: ARG002
        for word in ("One, ", "two, ", "three."):
            await asyncio.sleep(0.15)
            yield message_chunk(word)


@pytest.mark.parametrize("version", ["1.0", "0.3"])
async def test_an_agent_that_does_not_stream_calls_back_and_all_of_it_is_there_once(
    here: str, make_task: TaskMaker, running_runner: Any, conversation: Conversation, version: str
) -> None:
    with calling(Slow(), version=version) as (url, sent):
        await sync(on_file, url)
        task = await sync(make_task, now=timezone.now())
        await until_over(task)
    assert await sync(run_statuses, task) == ["succeeded"]
    assert "".join(await sync(contents, conversation, "message_chunk")) == "One, two, three."
    assert sent
    assert (await sync(TaskRun.objects.get)).pushes > 0


async def test_a_notification_that_another_process_took_in_is_heard_too(
    here: str, make_task: TaskMaker, running_runner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if no process here were the one that runs it: only its row tells.
    monkeypatch.setattr(callbacks, "came_in", lambda _: None)
    with calling(Slow()) as (url, _):
        await sync(on_file, url)
        task = await sync(make_task, now=timezone.now())
        await until_over(task)
    assert await sync(run_statuses, task) == ["succeeded"]


async def test_a_run_that_its_worker_left_is_called_back_by_the_same_token(
    here: str, make_task: TaskMaker, running_runner: Any, conversation: Conversation
) -> None:
    agent = Waiting()
    with calling(agent) as (url, _):
        await sync(on_file, url)
        task = await sync(make_task, now=timezone.now())
        run = await until(lambda: TaskRun.objects.filter(task=task).exclude(remote_task_id="").first())
        going = running_runner._backend._going._going
        await until(lambda: run.pk in callbacks._waiting)
        going[run.pk][0].leave()
        going[run.pk][1].cancel()
        await until(lambda: TaskRun.objects.get().token > 1)
        await until(lambda: run.pk in callbacks._waiting)
        agent.go.set()
        await until_over(task)
    assert await sync(run_statuses, task) == ["succeeded"]
    assert "".join(await sync(contents, conversation, "message_chunk")) == "One, two."


async def test_an_agent_that_cannot_reach_us_is_looked_up_as_any_other(
    make_task: TaskMaker, running_runner: Any, settings: Settings
) -> None:
    settings.PUBLIC_URL = "http://127.0.0.1:9"
    with calling(Slow()) as (url, _):
        await sync(on_file, url)
        task = await sync(make_task, now=timezone.now())
        await until_over(task)
    assert await sync(run_statuses, task) == ["succeeded"]


# --- the address itself ---


@pytest.fixture
def run(task: Task) -> TaskRun:
    """A run that goes on, whose agent has named its task."""
    started(task)
    TaskRun.objects.update(remote_task_id="remote-1")
    return TaskRun.objects.get()


def push(run_id: Any, token: str, body: Any = None, *, bearer: bool = False) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if bearer else {"X-A2A-Notification-Token": token}
    body = {"task": {"id": "remote-1", "status": {"state": "TASK_STATE_COMPLETED"}}} if body is None else body
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Client().post(f"/push/{run_id}/", data, content_type="application/json", headers=headers)


def state(run: TaskRun) -> tuple[Any, ...]:
    row = TaskRun.objects.select_related("task").get(pk=run.pk)
    return (row.status, row.pushes, row.result, row.task.status, row.task.updated_at)


BODIES = [
    {"task": {"id": "remote-1", "status": {"state": "TASK_STATE_COMPLETED"}}},
    {"statusUpdate": {"taskId": "remote-1", "contextId": "c", "status": {"state": "TASK_STATE_FAILED"}}},
    {"artifactUpdate": {"taskId": "remote-1", "artifact": {"artifactId": "a"}}},
    {"message": {"messageId": "m", "taskId": "remote-1"}},
    {"kind": "task", "id": "remote-1", "contextId": "c", "status": {"state": "working"}},
    {"kind": "status-update", "taskId": "remote-1", "status": {"state": "completed"}},
    b"not json",
    [],
    {},
    {"task": 3},
    b"x" * 3_000_000,
]


@pytest.mark.parametrize("body", BODIES, ids=[str(number) for number in range(len(BODIES))])
@pytest.mark.parametrize("bearer", [False, True])
def test_a_notification_with_the_runs_token_is_taken_and_changes_nothing_but_the_count(
    run: TaskRun, body: Any, bearer: bool
) -> None:
    before = state(run)
    assert push(run.pk, callbacks.token_of(run.pk), body, bearer=bearer).status_code == 204
    after = state(run)
    assert (after[0], after[2:]) == (before[0], before[2:])
    assert after[1] == before[1] + 1


def test_a_wrong_token_is_401_and_nothing_is_changed(run: TaskRun, caplog: pytest.LogCaptureFixture) -> None:
    before = state(run)
    right = callbacks.token_of(run.pk)
    other = callbacks.token_of(uuid4())
    for token in ("", "x", right[:-1], right + "0", right.upper(), other, "é", "\x00"):
        answer = push(run.pk, token)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "not_proven"), token
    assert push(uuid4(), right).status_code == 401
    assert push("nonsense", right).status_code == 401
    assert state(run) == before
    assert any(getattr(record, "agent", "") == "Echo" for record in caplog.records)


def test_a_token_that_is_replayed_after_the_run_is_401_and_nothing_is_changed(run: TaskRun, task: Task) -> None:
    token = callbacks.token_of(run.pk)
    assert push(run.pk, token).status_code == 204
    TaskService.cancel(task.pk, actor=None, now=NOW)
    before = state(run)
    for _ in range(3):
        assert push(run.pk, token).status_code == 401
    assert state(run) == before


def test_another_tasks_id_is_not_found_and_nothing_is_changed(run: TaskRun) -> None:
    before = state(run)
    foreign = {"task": {"id": "remote-2", "status": {"state": "TASK_STATE_COMPLETED"}}}
    assert push(run.pk, callbacks.token_of(run.pk), foreign).status_code == 404
    assert state(run) == before


def test_words_of_work_that_come_thick_are_counted_once(run: TaskRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushes, "APART", 100.0)
    working = {"task": {"id": "remote-1", "status": {"state": "TASK_STATE_WORKING"}}}
    token = callbacks.token_of(run.pk)
    assert [push(run.pk, token, working).status_code for _ in range(5)] == [204] * 5
    assert state(run)[1] == 1
    assert push(run.pk, token).status_code == 204
    assert state(run)[1] == 2, "an end is never passed over"


def test_other_verbs_are_refused_and_the_api_says_nothing_of_it(run: TaskRun) -> None:
    assert Client().get(f"/push/{run.pk}/").status_code == 405
    assert "push/" not in Client().get("/api/v1/openapi.json").content.decode()


async def test_the_same_notification_twice_during_the_run_doubles_nothing(
    here: str, make_task: TaskMaker, running_runner: Any, conversation: Conversation
) -> None:
    agent = Waiting()
    with calling(agent) as (url, _):
        await sync(on_file, url)
        task = await sync(make_task, now=timezone.now())
        run = await until(lambda: TaskRun.objects.exclude(remote_task_id="").first())
        token = {"X-A2A-Notification-Token": callbacks.token_of(run.pk)}
        async with httpx.AsyncClient() as client:
            body = json.dumps({"task": {"id": run.remote_task_id, "status": {"state": "TASK_STATE_COMPLETED"}}})
            for _ in range(5):
                answer = await client.post(callbacks_url(here, run), content=body, headers=token)
                assert answer.status_code == 204
            agent.go.set()
            await until_over(task)
            answer = await client.post(callbacks_url(here, run), content=body, headers=token)
            assert answer.status_code == 401
    assert "".join(await sync(contents, conversation, "message_chunk")) == "One, two."
    assert await sync(run_statuses, task) == ["succeeded"]


def callbacks_url(here: str, run: TaskRun) -> str:
    return f"{here}/push/{run.pk}/"
