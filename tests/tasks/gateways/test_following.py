"""A plan is followed live to its end, and everything that could end it early ends in a last step."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from conversations.hub import hub
from conversations.models import Conversation
from tasks.errors import InvalidInput, NotFound
from tasks.gateways import following
from tasks.gateways.caller import Caller, TooManyFollowed
from tasks.gateways.following import Followed, Settled, follow, submit
from tasks.gateways.speech import Speech
from tasks.models import Agent, Task
from tasks.schemas.inputs import MessageIn
from tasks.scopes import EVERYTHING
from tasks.services import TaskService
from tests.helpers.agents import Asking, Echo, Waiting
from tests.helpers.runners import sync, until
from valuecell_site.models import ApiToken
from valuecell_site.sockets import ended


@pytest.fixture
def caller(user: User) -> Caller:
    return Caller(user=user, scopes=EVERYTHING, credential=("bearer", ApiToken.issue(user_id=user.pk)[1]))


@pytest.fixture(autouse=True)
def short_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "BEAT_SECONDS", 0.05)


async def say(caller: Caller, text: str = "hello", **more: Any) -> Followed:
    return await submit(caller, MessageIn(text=text, agent_name="Echo"), now=timezone.now(), **more)


async def to_the_end(caller: Caller, followed: Followed, seconds: float = 20) -> tuple[str, Any]:
    """What was said, and the outcome."""
    speech, said, outcome = Speech(), "", None
    async for step in follow(followed, caller=caller, seconds=seconds):
        assert outcome is None, "nothing comes behind the last step"
        if isinstance(step, Settled):
            outcome = step.outcome
        elif isinstance(step, following.Said) and (piece := speech.take(step.envelope)) is not None:
            said += piece.text if piece.kind == "answer" else ""
    return said, outcome


async def test_it_is_followed_to_its_end(running_runner: Any, serve_agent: Any, caller: Caller):
    await sync(serve_agent, Echo())
    said, outcome = await to_the_end(caller, await say(caller))
    assert (said, outcome.status, outcome.result) == ("You said: hello", "completed", "You said: hello")
    assert hub.sockets.count(caller.user.pk) == 0


async def test_what_ended_before_it_is_followed_is_told_all_the_same(
    running_runner: Any, serve_agent: Any, caller: Caller
):
    await sync(serve_agent, Echo())
    followed = await say(caller)
    await until(lambda: Task.objects.filter(status="completed").exists())
    assert (await to_the_end(caller, followed))[0] == "You said: hello"


async def test_frames_that_never_come_cost_a_beat_and_no_word(
    running_runner: Any, serve_agent: Any, caller: Caller, monkeypatch: pytest.MonkeyPatch
):
    # As where another process writes, and nothing carries its frames here.
    monkeypatch.setattr(hub, "_publish", lambda *_: None)
    await sync(serve_agent, Echo())
    assert (await to_the_end(caller, await say(caller)))[0] == "You said: hello"


async def test_a_question_ends_it_and_the_answer_is_followed_from_there(
    running_runner: Any, serve_agent: Any, caller: Caller
):
    await sync(serve_agent, Asking())
    first = await say(caller)
    said, outcome = await to_the_end(caller, first)
    assert (said, outcome.status, outcome.question) == ("Let me see.", "waiting_input", "Which colour?")
    message = MessageIn(text="red", answer_to=str(outcome.asked_by))
    second = await submit(caller, message, now=timezone.now(), conversation_id=first.conversation_id)
    assert (await to_the_end(caller, second))[0] == "It is red."


async def test_time_that_is_up_ends_it_and_the_run_goes_on(running_runner: Any, serve_agent: Any, caller: Caller):
    agent = Waiting()
    await sync(serve_agent, agent)
    _, outcome = await to_the_end(caller, await say(caller), seconds=0.2)
    assert (outcome.settled, outcome.status) == (False, "running")
    agent.go.set()
    await until(lambda: Task.objects.filter(status="completed").exists())


@pytest.mark.parametrize("_time", range(5))
async def test_a_conversation_that_is_deleted_ends_it_whatever_its_run_writes_meanwhile(
    _time: int, running_runner: Any, serve_agent: Any, caller: Caller
):
    from tasks.services import TaskService

    await sync(serve_agent, Waiting())
    followed = await say(caller)
    ending = asyncio.create_task(to_the_end(caller, followed))
    await until(lambda: Task.objects.filter(status="running").exists())
    conversation = await sync(Conversation.objects.get)
    await sync(TaskService.delete_conversation, conversation, user=caller.user, now=timezone.now())
    _, outcome = await asyncio.wait_for(ending, 10)
    assert (outcome.settled, outcome.status) == (True, "cancelled")
    assert not await sync(Conversation.objects.exists)


async def test_what_was_deleted_before_it_is_followed_is_told(transactional_db: None, caller: Caller):
    await sync(Agent.objects.create, name="Echo", slug="Echo", url="http://127.0.0.1:9/")
    followed = await say(caller)
    await sync(lambda: Conversation.objects.get().delete())
    _, outcome = await to_the_end(caller, followed)
    assert (outcome.status, outcome.error) == ("cancelled", "Its conversation was deleted.")


async def test_a_cancel_ends_it(running_runner: Any, serve_agent: Any, caller: Caller):
    await sync(serve_agent, Waiting())
    followed = await say(caller)
    ending = asyncio.create_task(to_the_end(caller, followed))
    await until(lambda: Task.objects.filter(status="running").exists())
    await sync(TaskService.cancel_plan, followed.plan_id, actor=caller.user, now=timezone.now())
    assert (await asyncio.wait_for(ending, 10))[1].status == "cancelled"


async def test_a_token_that_is_revoked_ends_it_and_the_run_goes_on(
    running_runner: Any, serve_agent: Any, caller: Caller, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(hub, "check", ended)
    agent = Waiting()
    await sync(serve_agent, agent)
    ending = asyncio.create_task(to_the_end(caller, await say(caller)))
    await until(lambda: Task.objects.filter(status="running").exists())
    await sync(ApiToken.objects.update, revoked_at=timezone.now())
    _, outcome = await asyncio.wait_for(ending, 15)
    assert (outcome.settled, outcome.status) == (False, "running")
    agent.go.set()
    await until(lambda: Task.objects.filter(status="completed").exists())


async def test_who_stops_following_leaves_nothing_open(running_runner: Any, serve_agent: Any, caller: Caller):
    agent = Waiting()
    await sync(serve_agent, agent)
    async with aclosing(follow(await say(caller), caller=caller, seconds=20)) as steps:
        async for step in steps:
            if isinstance(step, following.Said):
                break
    assert (hub.sockets.count(caller.user.pk), hub.logs) == (0, {})
    agent.go.set()


async def test_a_refused_message_leaves_no_conversation_behind(transactional_db: None, caller: Caller):
    await sync(Agent.objects.create, name="Other", slug="Other", url="http://127.0.0.1:9/")
    with pytest.raises(InvalidInput, match="Write one of these: Other"):
        await say(caller)
    assert await sync(Conversation.objects.count) == 0


async def test_somebody_elses_conversation_is_not_found(transactional_db: None, caller: Caller, other_user: User):
    theirs = await sync(Conversation.objects.create, user=other_user)
    with pytest.raises(NotFound):
        await say(caller, conversation_id=theirs.pk)


async def test_a_persons_open_streams_are_limited(transactional_db: None, caller: Caller, settings: Any):
    settings.MAX_SOCKETS_PER_USER = 1
    caller.need_room()
    with hub.connected(caller.user.pk, caller.credential, lambda _: None), pytest.raises(TooManyFollowed):
        caller.need_room()
