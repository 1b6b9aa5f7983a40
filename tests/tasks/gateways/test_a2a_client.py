"""The application as an A2A agent, used by the official client over real HTTP, in both bindings."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from a2a.client import ClientConfig, create_client
from a2a.client.errors import A2AClientError
from a2a.helpers import get_artifact_text, get_message_text
from a2a.types import (
    CancelTaskRequest,
    GetExtendedAgentCardRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTasksRequest,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    SubscribeToTaskRequest,
    TaskPushNotificationConfig,
    TaskState,
)
from a2a.utils import errors
from django.contrib.auth.models import User
from google.protobuf.json_format import MessageToDict, ParseDict

from conversations.models import Conversation
from tasks.models import ExecutionPlan, Task, TaskRun
from tests.helpers.agents import Asking, Echo, Failing, Saying, Waiting, one_of_each
from tests.helpers.runners import sync, until

pytestmark = pytest.mark.django_db(transaction=True)
BINDINGS = ["JSONRPC", "HTTP+JSON"]
COMPLETED, FAILED = TaskState.TASK_STATE_COMPLETED, TaskState.TASK_STATE_FAILED
WORKING, CANCELED = TaskState.TASK_STATE_WORKING, TaskState.TASK_STATE_CANCELED
ASKS = TaskState.TASK_STATE_INPUT_REQUIRED


@asynccontextmanager
async def connected(site: str, token: str, *, binding: str = "JSONRPC", polling: bool = False) -> AsyncIterator[Any]:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(headers=headers, timeout=30) as http:
        config = ClientConfig(
            httpx_client=http, streaming=not polling, polling=polling, supported_protocol_bindings=[binding]
        )
        async with await create_client(site, config) as client:
            yield client


@pytest.fixture(params=BINDINGS)
async def client(request: pytest.FixtureRequest, site: str, token: str) -> AsyncIterator[Any]:
    """A client with a token that may do everything; once for each binding."""
    async with connected(site, token, binding=request.param) as made:
        yield made


def says(
    text: str = "", *, data: Any = None, metadata: Any = None, wait: bool = True, **ids: Any
) -> SendMessageRequest:
    message = Message(message_id=str(uuid4()), role=Role.ROLE_USER, **ids)
    if text:
        message.parts.append(Part(text=text))
    if data is not None:
        message.parts.append(ParseDict({"data": data}, Part()))
    if metadata is not None:
        message.metadata.update(metadata)
    return SendMessageRequest(message=message, configuration=SendMessageConfiguration(return_immediately=not wait))


def to(agent_name: str) -> dict[str, Any]:
    return {"agent_name": agent_name}


async def stream(client: Any, sent: SendMessageRequest) -> list[Any]:
    return [event async for event in client.send_message(sent)]


def folded(events: list[Any]) -> list[str]:
    """The texts of the artifacts, as a client puts them together."""
    texts: dict[str, str] = {}
    for event in events:
        for artifact in event.task.artifacts:
            texts[artifact.artifact_id] = get_artifact_text(artifact)
        if event.HasField("artifact_update"):
            update = event.artifact_update
            before = texts.get(update.artifact.artifact_id, "") if update.append else ""
            texts[update.artifact.artifact_id] = before + get_artifact_text(update.artifact)
    return list(texts.values())


def state_of(events: list[Any]) -> Any:
    """The last state that was told."""
    told = [e.task.status if e.HasField("task") else e.status_update.status for e in events if not is_artifact(e)]
    return told[-1].state


def is_artifact(event: Any) -> bool:
    return bool(event.HasField("artifact_update"))


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


async def test_a_context_is_a_conversation_and_goes_on(client: Any, serve_agent: Any):
    await sync(serve_agent, Echo())
    first = (await stream(client, says("one", metadata=to("Echo"))))[0].task
    second = (await stream(client, says("two", metadata=to("Echo"), context_id=first.context_id)))[0].task
    assert (second.context_id, await sync(Conversation.objects.count)) == (first.context_id, 1)
    assert second.id != first.id
    with pytest.raises(errors.InvalidParamsError, match="no such context"):
        await stream(client, says("three", context_id=str(uuid4())))
    with pytest.raises(errors.UnsupportedOperationError, match="asks nothing"):
        await stream(client, says("more", task_id=first.id))
    assert await sync(Task.objects.count) == 2


async def test_a_context_that_a_client_names_itself_is_kept_and_is_its_persons_own(
    client: Any, site: str, serve_agent: Any, other_user: User, token_of: Callable[..., str]
):
    await sync(serve_agent, Echo())
    first, second = [
        (await stream(client, says(text, metadata=to("Echo"), context_id="my-context")))[0].task for text in "ab"
    ]
    assert first.context_id == second.context_id == "my-context"
    assert await sync(Conversation.objects.count) == 1
    shown = await client.get_task(GetTaskRequest(id=first.id))
    assert (shown.context_id, shown.history[0].context_id) == ("my-context", "my-context")
    listed = await client.list_tasks(ListTasksRequest(context_id="my-context"))
    assert [task.id for task in listed.tasks] == [second.id, first.id]
    async with connected(site, await sync(token_of, other_user)) as other:
        await stream(other, says("c", metadata=to("Echo"), context_id="my-context"))
        assert len((await other.list_tasks(ListTasksRequest(context_id="my-context"))).tasks) == 1
    assert await sync(Conversation.objects.count) == 2
    with pytest.raises(errors.InvalidParamsError, match="at most 255"):
        await stream(client, says("d", context_id="x" * 256))


async def test_lists_results_and_cancels_are_asked_for_in_words_or_as_data(client: Any, serve_agent: Any):
    await sync(serve_agent, Echo())
    done = (await stream(client, says("hello", metadata=to("Echo"))))[0].task
    wanted = {"skill": "schedule", "text": "greet", "agent_name": "Echo", "schedule": {"daily_time": "09:00"}}
    await stream(client, says(data=wanted))
    for ask in (says("List my tasks."), says(data={"skill": "list"}), says("?", metadata={"skill": "list"})):
        (event,) = await stream(client, ask)
        data = MessageToDict(event.message.parts[1].data)
        assert [task["title"] for task in data["tasks"]] == ["greet", "hello"]
        assert done.id in get_message_text(event.message)
    (event,) = await stream(client, says(data={"skill": "list", "phase": "scheduled", "limit": 5}))
    assert "hello" not in get_message_text(event.message)
    for ask in (says(f"results of {done.id}"), says(data={"skill": "results", "task_id": done.id})):
        (event,) = await stream(client, ask)
        assert "You said: hello" in get_message_text(event.message)
    (event,) = await stream(client, says("cancel greet"))
    assert get_message_text(event.message) == "Cancelled: “greet”."
    assert not await sync(Task.objects.unfinished().exists)
    # No task has this title, so it is a request like any other.
    (first, *_rest) = await stream(client, says("cancel my subscription", metadata=to("Echo")))
    assert first.HasField("task")


async def test_tasks_are_listed_last_changed_first_in_pages(client: Any, serve_agent: Any):
    await sync(serve_agent, Echo())
    ids = [(await stream(client, says(text, metadata=to("Echo"))))[0].task.id for text in ("one", "two", "three")]
    first = await client.list_tasks(ListTasksRequest(page_size=2))
    assert ([task.id for task in first.tasks], first.total_size, first.page_size) == ([ids[2], ids[1]], 3, 2)
    assert not any(task.artifacts for task in first.tasks)
    rest = await client.list_tasks(ListTasksRequest(page_size=2, page_token=first.next_page_token))
    assert ([task.id for task in rest.tasks], rest.next_page_token, rest.page_size) == ([ids[0]], "", 1)
    whole = await client.list_tasks(ListTasksRequest(include_artifacts=True, status=COMPLETED, history_length=0))
    assert [get_artifact_text(task.artifacts[0]) for task in whole.tasks] == [
        "You said: three",
        "You said: two",
        "You said: one",
    ]
    assert not any(task.history for task in whole.tasks)
    assert not (await client.list_tasks(ListTasksRequest(status=WORKING))).tasks
    assert not (await client.list_tasks(ListTasksRequest(context_id=str(uuid4())))).tasks
    context = whole.tasks[0].context_id
    assert [task.id for task in (await client.list_tasks(ListTasksRequest(context_id=context))).tasks] == [ids[2]]
    for wrong in ({"page_size": 101}, {"page_token": "nonsense"}):
        with pytest.raises(errors.InvalidParamsError):
            await client.list_tasks(ListTasksRequest(**wrong))


async def test_somebody_elses_task_and_context_are_not_there(
    client: Any, site: str, serve_agent: Any, other_user: User, token_of: Callable[..., str]
):
    await sync(serve_agent, Echo())
    task = (await stream(client, says("secret", metadata=to("Echo"))))[0].task
    async with connected(site, await sync(token_of, other_user)) as other:
        for asked in (
            lambda: other.get_task(GetTaskRequest(id=task.id)),
            lambda: other.cancel_task(CancelTaskRequest(id=task.id)),
            lambda: stream(other, says("hm", task_id=task.id)),
            lambda: anext(other.subscribe(SubscribeToTaskRequest(id=task.id))),
            lambda: stream(other, says(f"results of {task.id}")),
            lambda: other.get_task(GetTaskRequest(id="no-id")),
        ):
            with pytest.raises(errors.TaskNotFoundError, match="Task not found"):
                await asked()
        with pytest.raises(errors.InvalidParamsError, match="no such context"):
            await stream(other, says("hm", context_id=task.context_id))
        assert not (await other.list_tasks(ListTasksRequest())).tasks


async def test_a_token_does_what_its_scopes_say(site: str, serve_agent: Any, user: User, token_of: Callable[..., str]):
    await sync(serve_agent, Echo())
    async with connected(site, await sync(token_of, user, "run")) as runner:
        task = (await stream(runner, says("hello", metadata=to("Echo"))))[0].task
        for asked in (
            lambda: runner.get_task(GetTaskRequest(id=task.id)),
            lambda: stream(runner, says("list my tasks")),
            lambda: runner.cancel_task(CancelTaskRequest(id=task.id)),
        ):
            with pytest.raises(A2AClientError, match=r"403|scope"):
                await asked()
    async with connected(site, await sync(token_of, user, "read")) as reader:
        assert (await reader.get_task(GetTaskRequest(id=task.id))).id == task.id
        assert (await stream(reader, says("list my tasks")))[0].HasField("message")
        with pytest.raises(A2AClientError, match=r"403|scope"):
            await stream(reader, says("more", metadata=to("Echo")))
    assert await sync(Task.objects.count) == 1


async def test_the_extended_card_names_the_agents_and_the_public_one_does_not(client: Any, site: str, serve_agent: Any):
    await sync(serve_agent, Echo())
    extended = await client.get_extended_agent_card(GetExtendedAgentCardRequest())
    assert "run:Echo" in [skill.id for skill in extended.skills]
    async with httpx.AsyncClient() as http:
        public = await http.get(f"{site}/.well-known/agent-card.json")
    assert "Echo" not in public.text
    done = await stream(client, says("hi", metadata={"skill": "run:Echo"}))
    assert folded(done) == ["You said: hi"]


async def test_there_are_no_push_notifications_and_each_call_says_so(client: Any, serve_agent: Any):
    await sync(serve_agent, Echo())
    task = (await stream(client, says("hi", metadata=to("Echo"))))[0].task
    config = TaskPushNotificationConfig(task_id=task.id, id="c", url="https://example.org/")
    for asked in (
        lambda: client.create_task_push_notification_config(config),
        lambda: client.get_task_push_notification_config(GetTaskPushNotificationConfigRequest(task_id=task.id, id="c")),
    ):
        with pytest.raises(errors.PushNotificationNotSupportedError):
            await asked()


async def test_files_are_refused_and_named(client: Any, serve_agent: Any):
    await sync(serve_agent, Echo())
    sent = says("look")
    sent.message.parts.append(Part(url="https://example.org/a.png", media_type="image/png"))
    with pytest.raises(errors.ContentTypeNotSupportedError, match="image/png"):
        await stream(client, sent)
    assert await sync(Conversation.objects.count) == 0


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"skill": "dance"}, "There is no skill “dance”"),
        ({"skill": "list", "status": "sleepy"}, "status"),
        ({"skill": "cancel"}, "Say which task"),
        ({"skill": "run", "text": "x", "agent_name": "Nobody"}, "“Nobody” is not known here"),
        ({"skill": "run", "text": "x", "agentname": "Echo"}, "agentname"),
        ({"skill": "schedule", "text": "x", "agent_name": "Echo", "schedule": {"cron": "no"}}, "cron"),
        ({"skill": "schedule", "text": "x", "agent_name": "Echo", "schedule": {"interval_minutes": 5.5}}, "whole"),
        ({"skill": "run"}, "Say something"),
    ],
)
async def test_a_skill_with_wrong_arguments_says_what_to_change(client: Any, serve_agent: Any, data: Any, words: str):
    await sync(serve_agent, Echo())
    with pytest.raises(errors.InvalidParamsError, match=words):
        await stream(client, says(data=data))
    assert await sync(Conversation.objects.count) == 0
