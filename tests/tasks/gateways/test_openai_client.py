"""The official `openai` client talks to agents through the chat completions, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import openai
import pytest
from django.contrib.auth.models import User

from conversations.models import Conversation
from sample_agents.base import Event, message_chunk, reasoning
from tasks.models import Agent, ExecutionPlan, Task, TaskRun
from tests.helpers.agents import Asking, Echo, Failing, Saying, TestAgent, Waiting, one_of_each
from tests.helpers.runners import sync, until


class Counting(TestAgent):
    """Says how many characters it was told, and the first line."""

    async def answer(self, query: str) -> AsyncIterator[Event]:
        yield message_chunk(f"{query.splitlines()[0]} ({len(self.received)})")


@pytest.fixture
async def client(site: str, token: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{site}/v1", api_key=token, timeout=20) as made:
        yield made


def user_says(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


async def ask(client: openai.AsyncOpenAI, *messages: dict[str, Any], model: str = "Echo", **more: Any) -> Any:
    return await client.chat.completions.create(model=model, messages=list(messages), **more)  # type: ignore[call-overload]


async def read(stream: Any) -> str:
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])


async def test_each_enabled_agent_is_a_model_by_its_name(client: openai.AsyncOpenAI, serve_agent: Any):
    await sync(serve_agent, Echo())
    await sync(Agent.objects.create, name="Off", slug="Off", url="http://127.0.0.1:9/", enabled=False)
    assert [model.id async for model in client.models.list()] == ["Echo"]
    assert (await client.models.retrieve("Echo")).owned_by == "valuecell-tasks"
    with pytest.raises(openai.NotFoundError, match="model “Off” does not exist here"):
        await client.models.retrieve("Off")


async def test_a_whole_answer_is_what_the_agent_said(client: openai.AsyncOpenAI, serve_agent: Any, user: User):
    await sync(serve_agent, Echo())
    answer = await ask(client, user_says("good morning"))
    assert answer.choices[0].message.content == "You said: good morning"
    assert (answer.choices[0].finish_reason, answer.model, answer.usage) == ("stop", "Echo", None)
    conversation = await sync(Conversation.objects.get)
    assert (conversation.title, conversation.user_id) == ("good morning", user.pk)


async def test_a_stream_says_each_piece_when_it_is_said(client: openai.AsyncOpenAI, serve_agent: Any):
    agent = Waiting()
    await sync(serve_agent, agent)
    stream = await ask(client, user_says("count"), stream=True)
    said = ""
    async for chunk in stream:
        said += chunk.choices[0].delta.content or ""
        if said == "One, ":
            agent.go.set()  # it waits for this: had the piece not come at once, nothing would
    assert said == "One, two."


async def test_reasoning_stands_beside_the_answer_and_components_with_words_in_it(
    client: openai.AsyncOpenAI, serve_agent: Any
):
    await sync(serve_agent, Saying(*one_of_each()))
    whole = (await ask(client, user_says("x"))).choices[0].message
    expected = "First part.\n\n**R**\n\ntext\n\nSecond part."
    assert (whole.content, whole.reasoning_content) == (expected, "I think")
    stream = await ask(client, user_says("y"), stream=True)
    assert await read(stream) == expected


async def test_several_turns_are_one_conversation_and_the_history_is_not_sent_again(
    client: openai.AsyncOpenAI, serve_agent: Any
):
    agent = Counting()
    await sync(serve_agent, agent)
    system = {"role": "system", "content": "Be brief."}
    history = [system, user_says("one")]
    for number, text in enumerate(("two", "three", ""), 1):
        stream = number % 2 == 0
        answer = await ask(client, *history, stream=stream)
        said = await read(answer) if stream else answer.choices[0].message.content
        history += [{"role": "assistant", "content": said}, user_says(text)]
    assert await sync(Conversation.objects.count) == 1
    assert agent.received[1:] == ["two", "three"]
    assert agent.received[0] == "one\n\n---\nInstructions that came with this:\nBe brief."


async def test_the_same_first_words_in_two_chats_stay_two_conversations(client: openai.AsyncOpenAI, serve_agent: Any):
    await sync(serve_agent, Counting())
    first = (await ask(client, user_says("hello"))).choices[0].message.content
    second = (await ask(client, user_says("hello"))).choices[0].message.content
    assert first != second
    for said in (first, second):
        await ask(client, user_says("hello"), {"role": "assistant", "content": said}, user_says(f"more of {said}"))
    told = await sync(
        lambda: {
            (plan.conversation_id, plan.orig_query)
            for plan in ExecutionPlan.objects.filter(orig_query__startswith="more")
        }
    )
    begun = await sync(lambda: [c.pk for c in Conversation.objects.order_by("id")])
    assert told == {(begun[0], f"more of {first}"), (begun[1], f"more of {second}")}


async def test_a_history_from_elsewhere_is_given_to_the_agent_with_the_text(
    client: openai.AsyncOpenAI, serve_agent: Any
):
    agent = Echo()
    await sync(serve_agent, agent)
    await ask(client, user_says("2 + 2?"), {"role": "assistant", "content": "4 {{ braces }}"}, user_says("and + 1?"))
    assert agent.received == ["and + 1?\n\n---\nWhat was said before:\nUser: 2 + 2?\nAssistant: 4 {{ braces }}"]
    assert (await sync(Conversation.objects.get)).title == "and + 1?"


async def test_a_question_is_the_answer_and_the_next_message_answers_it(client: openai.AsyncOpenAI, serve_agent: Any):
    await sync(serve_agent, Asking())
    asked = (await ask(client, user_says("paint"))).choices[0].message.content
    assert asked == "Let me see.\n\nWhich colour?"
    stream = await ask(
        client, user_says("paint"), {"role": "assistant", "content": asked}, user_says("red"), stream=True
    )
    assert await read(stream) == "It is red."
    run = await sync(TaskRun.objects.get)
    assert run.status == "succeeded"


async def test_usage_is_told_where_the_agent_reports_it(client: openai.AsyncOpenAI, serve_agent: Any):
    said = Event(
        text="Done.", metadata={"response_event": "message_chunk", "usage": {"input_tokens": 7, "output_tokens": 3}}
    )
    await sync(serve_agent, Saying(said))
    usage = (await ask(client, user_says("x"))).usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (7, 3, 10)
    options = {"include_usage": True}
    chunks = [c async for c in await ask(client, user_says("y"), stream=True, stream_options=options)]
    assert chunks[-1].usage.total_tokens == 10
    assert chunks[-1].choices == []
    assert all(chunk.usage is None for chunk in chunks[:-1])


async def test_a_failed_run_is_an_error_that_is_not_sent_again(client: openai.AsyncOpenAI, serve_agent: Any):
    agent = Failing()
    await sync(serve_agent, agent)
    with pytest.raises(openai.APIStatusError, match="Echo failed: The well is dry") as told:
        await ask(client, user_says("water"))
    assert (told.value.status_code, told.value.code) == (502, "agent_failed")
    assert await sync(Task.objects.count) == 1


async def test_a_run_that_fails_while_it_is_streamed_is_an_error_in_the_stream(
    client: openai.AsyncOpenAI, serve_agent: Any
):
    await sync(serve_agent, Failing())
    stream = await ask(client, user_says("water"), stream=True)
    with pytest.raises(openai.APIError, match="The well is dry"):
        await read(stream)


async def test_a_cancelled_run_is_an_error(client: openai.AsyncOpenAI, serve_agent: Any):
    from django.utils import timezone

    from tasks.services import TaskService

    await sync(serve_agent, Waiting())
    asking = asyncio.create_task(ask(client, user_says("count")))
    task = await until(lambda: Task.objects.filter(status="running").first())
    await sync(TaskService.cancel, task.pk, actor=None, now=timezone.now())
    with pytest.raises(openai.ConflictError, match="cancelled") as told:
        await asking
    assert told.value.code == "run_cancelled"


async def test_a_client_that_goes_away_stops_nothing_and_its_chat_goes_on_from_what_it_has(
    client: openai.AsyncOpenAI, serve_agent: Any
):
    agent = Waiting()
    await sync(serve_agent, agent)
    stream = await ask(client, user_says("count"), stream=True)
    async for chunk in stream:
        if chunk.choices[0].delta.content == "One, ":
            break
    await stream.close()
    agent.go.set()
    run = await until(lambda: TaskRun.objects.filter(status="succeeded").first())
    assert run.result == "One, two."
    await ask(client, user_says("count"), {"role": "assistant", "content": "One, "}, user_says("again"))
    assert await sync(Conversation.objects.count) == 1


async def test_a_request_that_is_sent_once_more_joins_the_run_of_the_first(
    client: openai.AsyncOpenAI, serve_agent: Any
):
    agent = Echo()
    await sync(serve_agent, agent)
    for headers in ({"Idempotency-Key": "k-1"}, {"Idempotency-Key": "k-1"}, {"x-stainless-retry-count": "1"}):
        answer = await ask(client, user_says("pay"), extra_headers=headers)
        assert answer.choices[0].message.content == "You said: pay"
    assert agent.received == ["pay"]
    with pytest.raises(openai.ConflictError, match="came with another request"):
        await ask(client, user_says("pay more"), extra_headers={"Idempotency-Key": "k-1"})


@pytest.mark.parametrize(
    ("wrong", "param", "words"),
    [
        ({"messages": []}, "messages", "at least 1"),
        ({"messages": [{"role": "assistant", "content": "hi"}]}, "messages", "last message must be the user's"),
        ({"messages": [user_says("  ")]}, "messages", "say something"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role", "Write one of"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            "messages.0.content.0.type",
            "take text, not “image_url”",
        ),
        ({"n": 2}, "n", "one answer"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools", "their own tools"),
        ({"response_format": {"type": "json_object"}}, "response_format", "json_object"),
        ({"logprobs": True}, "logprobs", "probabilities"),
        ({"stream": "yes"}, "stream", "true or false"),
        ({"messages": [user_says("x" * 32_001)]}, "messages", "32,000"),
    ],
)
async def test_what_no_agent_can_do_is_a_400_that_names_the_parameter(
    client: openai.AsyncOpenAI, serve_agent: Any, wrong: dict[str, Any], param: str, words: str
):
    await sync(serve_agent, Echo())
    asked = {"model": "Echo", "messages": [user_says("x")], **wrong}
    with pytest.raises(openai.BadRequestError, match=words) as told:
        await client.post("/chat/completions", body=asked, cast_to=object)
    assert (told.value.param, told.value.type) == (param, "invalid_request_error")
    assert await sync(Conversation.objects.count) == 0


async def test_an_unknown_model_is_a_404_that_names_those_there_are(client: openai.AsyncOpenAI, serve_agent: Any):
    await sync(serve_agent, Echo())
    with pytest.raises(openai.NotFoundError, match=r"model “gpt-9” does not exist here.*Echo") as told:
        await ask(client, user_says("x"), model="gpt-9")
    assert (told.value.code, told.value.param) == ("model_not_found", "model")


async def test_somebody_elses_history_finds_no_conversation_of_theirs(
    site: str, client: openai.AsyncOpenAI, serve_agent: Any, other_user: User, token_of: Callable[..., str]
):
    await sync(serve_agent, Echo())
    said = (await ask(client, user_says("secret"))).choices[0].message.content
    async with openai.AsyncOpenAI(base_url=f"{site}/v1", api_key=await sync(token_of, other_user)) as other:
        await ask(other, user_says("secret"), {"role": "assistant", "content": said}, user_says("go on"))
    owners = await sync(lambda: list(Conversation.objects.order_by("id").values_list("user__username", flat=True)))
    assert owners == ["ann", "bob"]


async def test_texts_of_replaced_reasoning_do_not_count_twice(client: openai.AsyncOpenAI, serve_agent: Any):
    await sync(serve_agent, Saying(reasoning("hm"), message_chunk("Yes.")))
    answer = (await ask(client, user_says("x"))).choices[0].message
    assert (answer.content, answer.reasoning_content) == ("Yes.", "hm")
