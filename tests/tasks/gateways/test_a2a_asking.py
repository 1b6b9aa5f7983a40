"""What the official A2A client may ask for besides: contexts, lists, skills, cards; and what it is refused."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from a2a.client.errors import A2AClientError
from a2a.helpers import get_artifact_text, get_message_text
from a2a.types import (
    CancelTaskRequest,
    GetExtendedAgentCardRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTasksRequest,
    Part,
    SubscribeToTaskRequest,
    TaskPushNotificationConfig,
)
from a2a.utils import errors
from django.contrib.auth.models import User
from google.protobuf.json_format import MessageToDict

from conversations.models import Conversation
from tasks.models import Task
from tests.helpers.a2a_client import COMPLETED, WORKING, connected, folded, says, stream, to
from tests.helpers.agents import Echo
from tests.helpers.runners import sync

pytestmark = pytest.mark.django_db(transaction=True)


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
