"""The application as an A2A agent, used by the official client over real HTTP: what runs, asks, waits and streams."""

import asyncio
from contextlib import aclosing
from typing import Any

import httpx
import pytest
from a2a.client import ClientConfig, create_client
from a2a.helpers import get_artifact_text, get_message_text
from a2a.types import (
    CancelTaskRequest,
    GetTaskRequest,
    SubscribeToTaskRequest,
    TaskState,
)
from a2a.utils import errors
from django.contrib.auth.models import User
from google.protobuf.json_format import MessageToDict

from tasks.models import ExecutionPlan, Task, TaskRun
from tests.helpers.a2a_client import (
    ASKS,
    BINDINGS,
    CANCELED,
    COMPLETED,
    FAILED,
    WORKING,
    connected,
    folded,
    is_artifact,
    says,
    state_of,
    stream,
    to,
)
from tests.helpers.agents import Asking, Echo, Failing, Saying, Waiting, one_of_each
from tests.helpers.runners import sync, until

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_message_runs_and_its_answer_is_streamed(client: Any, serve_agent: Any, user: User):
    agent = Waiting()
    await sync(serve_agent, agent)
    events = []
    async for event in client.send_message(says("count", metadata=to("Echo"))):
        events.append(event)
        if folded(events) == ["One, "]:
            agent.go.set()  # it waits for this: had the piece not come at once, nothing would
    assert folded(events) == ["One, two."]
    assert events[0].HasField("task")
    assert state_of(events) == COMPLETED
    task = await sync(Task.objects.get)
    assert (events[0].task.id, events[0].task.context_id) == (str(task.pk), str(task.conversation_id))
    assert task.user_id == user.pk


async def test_what_get_task_shows_later_is_what_was_streamed(client: Any, serve_agent: Any):
    await sync(serve_agent, Saying(*one_of_each()))
    events = await stream(client, says("x", metadata=to("Echo")))
    shown = await client.get_task(GetTaskRequest(id=events[0].task.id))
    assert shown.status.state == COMPLETED
    texts = [get_artifact_text(artifact) for artifact in shown.artifacts]
    assert texts == folded(events) == ["First part.", "", "Second part."]
    assert MessageToDict(shown.artifacts[1].parts[0].data) == {"title": "R", "data": "text"}
    assert shown.artifacts[1].metadata["component_type"] == "report"
    assert [get_message_text(said) for said in shown.history] == ["x"]
    thoughts = [e.status_update for e in events if e.status_update.metadata.fields.get("response_event")]
    assert "I think" in [get_message_text(update.status.message) for update in thoughts]
    # A call that ends within the commit of its beginning is told once.
    assert "look" in [update.metadata.fields["tool_name"].string_value for update in thoughts]


async def test_a_message_that_waits_brings_the_whole_answer(site: str, token: str, serve_agent: Any):
    await sync(serve_agent, Echo())
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(headers=headers, timeout=30) as http:
        client = await create_client(site, ClientConfig(httpx_client=http, streaming=False))
        (event,) = await stream(client, says("good morning", metadata=to("Echo")))
    assert event.task.status.state == COMPLETED
    assert [get_artifact_text(artifact) for artifact in event.task.artifacts] == ["You said: good morning"]


@pytest.mark.parametrize("binding", BINDINGS)
async def test_a_message_that_returns_at_once_goes_on_and_is_joined(
    site: str, token: str, serve_agent: Any, binding: str
):
    agent = Waiting()
    await sync(serve_agent, agent)
    async with connected(site, token, binding=binding, polling=True) as asking:
        (begun,) = await stream(asking, says("count", metadata=to("Echo"), wait=False))
    async with connected(site, token, binding=binding) as client:
        assert begun.task.status.state in (TaskState.TASK_STATE_SUBMITTED, WORKING)
        await until(lambda: TaskRun.objects.filter(status="running").exists())
        events = []
        async for event in client.subscribe(SubscribeToTaskRequest(id=begun.task.id)):
            events.append(event)
            if folded(events) == ["One, "]:
                agent.go.set()
        assert events[0].HasField("task")
        assert (folded(events), state_of(events)) == (["One, two."], COMPLETED)
        with pytest.raises(errors.UnsupportedOperationError, match="Nothing comes any more"):
            async for _event in client.subscribe(SubscribeToTaskRequest(id=begun.task.id)):
                pass


async def test_a_client_that_goes_away_stops_nothing(client: Any, serve_agent: Any):
    agent = Waiting()
    await sync(serve_agent, agent)
    async with aclosing(client.send_message(says("count", metadata=to("Echo")))) as events:
        async for event in events:
            if is_artifact(event):
                break
    agent.go.set()
    run = await until(lambda: TaskRun.objects.filter(status="succeeded").first())
    assert run.result == "One, two."


async def test_an_agents_question_is_input_required_and_a_message_with_that_task_answers_it(
    client: Any, serve_agent: Any
):
    await sync(serve_agent, Asking())
    asked = await stream(client, says("paint", metadata=to("Echo")))
    assert state_of(asked) == ASKS
    assert get_message_text(asked[-1].status_update.status.message) == "Which colour?"
    task_id, context_id = asked[0].task.id, asked[0].task.context_id
    answered = await stream(client, says("red", task_id=task_id, context_id=context_id))
    assert (answered[0].task.id, state_of(answered)) == (task_id, COMPLETED)
    assert folded(answered) == ["Let me see.", "It is red."]
    shown = await client.get_task(GetTaskRequest(id=task_id))
    assert [get_message_text(said) for said in shown.history] == ["paint", "Which colour?", "red"]
    assert len((await client.get_task(GetTaskRequest(id=task_id, history_length=1))).history) == 1
    assert not (await client.get_task(GetTaskRequest(id=task_id, history_length=0))).history


async def test_a_schedule_in_words_is_confirmed_first_and_goes_on_under_the_same_id(client: Any, serve_agent: Any):
    await sync(serve_agent, Echo())
    asked = await stream(client, says("Every day at 09:00 say hello"))
    assert state_of(asked) == ASKS
    assert "09:00" in get_message_text(asked[0].task.status.message)
    task_id = asked[0].task.id
    confirmed = await stream(client, says("yes", task_id=task_id))
    assert confirmed[0].task.id == task_id
    task = await sync(Task.objects.get)
    assert (task.pattern, task.status, str(task.plan_id)) == ("recurring", "pending", task_id)
    shown = await client.get_task(GetTaskRequest(id=task_id))
    assert "Every day at 09:00" in get_message_text(shown.status.message)
    gone = await client.cancel_task(CancelTaskRequest(id=task_id))
    assert (gone.id, gone.status.state) == (task_id, CANCELED)
    assert (await sync(Task.objects.get)).status == "cancelled"
    with pytest.raises(errors.TaskNotCancelableError, match="cancelled"):
        await client.cancel_task(CancelTaskRequest(id=task_id))


async def test_a_question_of_the_planner_is_cancelled_like_a_task(client: Any, serve_agent: Any):
    await sync(serve_agent, Echo())
    asked = await stream(client, says("Every day at 09:00 say hello"))
    gone = await client.cancel_task(CancelTaskRequest(id=asked[0].task.id))
    assert gone.status.state == CANCELED
    assert not (await sync(ExecutionPlan.objects.get)).question


async def test_a_schedule_that_is_sent_as_data_is_one_at_once_and_its_runs_come_to_who_subscribes(
    client: Any, serve_agent: Any
):
    await sync(serve_agent, Echo())
    schedule = {"on_event": True, "jitter_seconds": 0}
    wanted = {"skill": "schedule", "text": "hello", "agent_name": "Echo", "schedule": schedule, "priority": 7}
    events = await stream(client, says(data=wanted))
    task = await sync(Task.objects.get)
    assert (events[0].task.id, task.pattern, task.priority) == (str(task.pk), "recurring", 7)
    assert state_of(events) in (TaskState.TASK_STATE_SUBMITTED, WORKING)

    heard: list[Any] = []

    async def listen() -> None:
        async for event in client.subscribe(SubscribeToTaskRequest(id=str(task.pk))):
            heard.append(event)

    listening = asyncio.create_task(listen())
    try:
        while not heard:
            await asyncio.sleep(0.02)
        await sync(trigger, task)
        while folded(heard) != ["You said: hello"]:
            await asyncio.sleep(0.02)
            assert not listening.done()
        await client.cancel_task(CancelTaskRequest(id=str(task.pk)))
        await asyncio.wait_for(listening, 10)
    finally:
        listening.cancel()
    assert state_of(heard) == CANCELED


def trigger(task: Task) -> None:
    from django.utils import timezone

    from tasks.services import TaskService

    TaskService.trigger(task.pk, actor=task.user, now=timezone.now())


async def test_a_running_task_is_cancelled_and_its_stream_says_so(client: Any, serve_agent: Any):
    await sync(serve_agent, Waiting())
    events, gone = [], None
    async for event in client.send_message(says("count", metadata=to("Echo"))):
        events.append(event)
        if folded(events) == ["One, "] and gone is None:
            gone = await client.cancel_task(CancelTaskRequest(id=events[0].task.id))
            assert gone.status.state == CANCELED
    assert state_of(events) == CANCELED


async def test_a_failed_run_says_why(client: Any, serve_agent: Any):
    await sync(serve_agent, Failing())
    events = await stream(client, says("water", metadata=to("Echo")))
    assert state_of(events) == FAILED
    assert "The well is dry" in get_message_text(events[-1].status_update.status.message)
    shown = await client.get_task(GetTaskRequest(id=events[0].task.id))
    assert "The well is dry" in get_message_text(shown.status.message)
