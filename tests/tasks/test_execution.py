"""One run from its claim to its end, with a real agent on loopback: what the transcript and the rows hold then."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import Conversation
from tasks.models import Agent
from tests.helpers.agents import Echo
from tests.helpers.runners import sync, until_over
from tests.helpers.tasks import TaskMaker, contents, events, run_statuses

pytestmark = pytest.mark.django_db(transaction=True)

Serve = Callable[..., Agent]


async def test_a_once_task_is_answered(
    make_task: TaskMaker, serve_agent: Serve, running_runner: Any, conversation: Conversation
) -> None:
    echo = Echo()
    await sync(serve_agent, echo)
    task = await sync(make_task, now=timezone.now(), query="good morning")
    await until_over(task)
    assert echo.received == ["good morning"]
    assert await sync(run_statuses, task) == ["succeeded"]
    assert await sync(contents, conversation, "message_chunk") == ["You said: good morning"]
    assert await sync(events, conversation) == ["thread_started", "tool_call_completed", "message_chunk"]
