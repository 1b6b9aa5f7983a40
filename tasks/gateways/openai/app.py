"""OpenAI's chat completions as an ASGI application: `/v1/chat/completions`, `/v1/models`, `/v1/models/{name}`.

A request is given to its agent as a message of the person in a conversation (`turns` says in which), and the answer is
what the agent says. A client that goes away stops nothing: the run goes on, and its conversation shows it.
"""

import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, cast
from urllib.parse import unquote
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from conversations.wire import Absent, read_json
from tasks.gateways.caller import Caller, caller_of, in_thread
from tasks.gateways.exchange import Exchange, Message, Receive, Send
from tasks.gateways.following import Followed, Said, Settled, follow
from tasks.gateways.openai import errors, turns
from tasks.gateways.openai.asked import Chat, ChatIn, read
from tasks.gateways.refusals import FORESEEN, refusal
from tasks.gateways.speech import BREAK, Kind, Piece, Speech
from tasks.gateways.standing import Outcome
from tasks.models import Agent
from tasks.scopes import Scope

ANSWER_SECONDS = 570.0
"""How long an answer may take: less than the ten minutes for which OpenAI's clients wait, so that words tell of it."""
STREAM_SECONDS = 3600.0
"""The same for a stream, of which each piece shows that somebody is there."""
COMPLETIONS = "/v1/chat/completions"
MODELS = "/v1/models"


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Answer one request that passed the gate."""
    async with Exchange(scope, receive, send) as exchange:
        caller = caller_of(scope)
        try:
            await _answer(exchange, caller)
        except FORESEEN as error:
            status, body = errors.of_refusal(refusal(error))
            if exchange.begun:
                await exchange.event(body)
                await exchange.end()
            else:
                await exchange.json(body, status, errors.NO_RETRY if status == 409 else ())


async def _answer(exchange: Exchange, caller: Caller) -> None:
    path = exchange.path.rstrip("/")
    if path == COMPLETIONS:
        if await _allows(exchange, "POST"):
            await _complete(exchange, caller)
    elif path == MODELS or path.startswith(f"{MODELS}/"):
        if await _allows(exchange, "GET"):
            await _models(exchange, unquote(path.removeprefix(MODELS).lstrip("/")))
    else:
        raise Absent(f"There is no such address: there are {COMPLETIONS} and {MODELS}.")


async def _allows(exchange: Exchange, method: str) -> bool:
    if exchange.method == method:
        return True
    body = errors.body(405, code="method_not_allowed", message=f"Send {method} to this address.")
    await exchange.json(body, 405, [(b"allow", method.encode())])
    return False


async def _models(exchange: Exchange, name: str) -> None:
    # Whatever a token may be used for, it may be told what there is to be used.
    agents = await in_thread(lambda: list(Agent.objects.offered().order_by("name")))
    if not name:
        await exchange.json({"object": "list", "data": [_model(agent) for agent in agents]})
        return
    found = next((agent for agent in agents if agent.name == name), None)
    if found is None:
        await exchange.json(errors.model_not_found(name, [agent.name for agent in agents]), 404)
    else:
        await exchange.json(_model(found))


def _model(agent: Agent) -> dict[str, Any]:
    return {
        "id": agent.name,
        "object": "model",
        "created": int(agent.created_at.timestamp()),
        "owned_by": "valuecell-tasks",
        "name": agent.display_name or agent.name,
        "description": agent.description,
    }


async def _complete(exchange: Exchange, caller: Caller) -> None:
    caller.need(Scope.RUN)
    sent = read_json(exchange.body, ChatIn)
    chat = read(sent)
    enabled = await in_thread(lambda: list(Agent.objects.enabled().order_by("name").values_list("name", flat=True)))
    if chat.model not in enabled:
        await exchange.json(errors.model_not_found(chat.model, enabled), 404)
        return
    caller.need_room()
    turn_id, followed = await in_thread(
        turns.begin,
        caller,
        chat,
        key=exchange.header("idempotency-key")[:255],
        retry=exchange.header("x-stainless-retry-count") not in ("", "0"),
        now=timezone.now(),
    )
    answer = _Answer(chat=chat, turn_id=turn_id, followed=followed, caller=caller)
    if sent.stream:
        await answer.stream(exchange, usage=bool(sent.stream_options and sent.stream_options.include_usage))
    else:
        await answer.whole(exchange)


class _Answer:
    """One answer, streamed or whole."""

    def __init__(self, *, chat: Chat, turn_id: UUID, followed: Followed, caller: Caller) -> None:
        self._chat = chat
        self._turn_id = turn_id
        self._followed = followed
        self._caller = caller
        self._speech = Speech()
        self._outcome: Outcome | None = None
        self._head = {
            "id": f"chatcmpl-{turn_id.hex}",
            "created": int(time.time()),
            "model": chat.model,
        }
        self._page = f"{settings.PUBLIC_URL}/conversations/{followed.conversation_id}/"

    async def stream(self, exchange: Exchange, *, usage: bool) -> None:
        """Each piece as it is said, a comment in long silences, an error as an event in the end."""
        await exchange.begin()
        await exchange.event(self._chunk({"role": "assistant", "content": ""}))
        said: list[str] = []
        async for piece in self._pieces(exchange, STREAM_SECONDS):
            if piece.kind == Kind.THOUGHT:
                # Not OpenAI's own, but what clients that show reasoning read.
                await exchange.event(self._chunk({"reasoning_content": piece.text}))
            elif piece.kind != Kind.TOOL:
                said.append(piece.text)
                await exchange.event(self._chunk({"content": piece.text}))
        if exchange.gone:
            return
        outcome = cast(Outcome, self._outcome)
        failed = errors.of_outcome(outcome, agent_name=self._chat.model, page=self._page)
        if failed is not None:
            await exchange.event(failed[1])
            await exchange.end()
            return
        if rest := self._unsaid(outcome, bool(said)):
            said.append(BREAK + rest if said else rest)
            await exchange.event(self._chunk({"content": said[-1]}))
        # Before its end: a client that has that may send the next turn at once.
        await in_thread(turns.answered, self._turn_id, self._chat, "".join(said))
        await exchange.event(self._chunk({}, finish="stop"))
        if usage and (used := _usage(outcome)):
            await exchange.event({**self._chunk({}), "choices": [], "usage": used})
        await exchange.event("[DONE]")
        await exchange.end()

    async def whole(self, exchange: Exchange) -> None:
        """Everything at once, when it is there."""
        async for _piece in self._pieces(exchange, ANSWER_SECONDS):
            pass
        if exchange.gone:
            return
        outcome = cast(Outcome, self._outcome)
        failed = errors.of_outcome(outcome, agent_name=self._chat.model, page=self._page)
        if failed is not None:
            status, body = failed
            await exchange.json(body, status, errors.NO_RETRY)
            return
        text = self._speech.text()
        if rest := self._unsaid(outcome, bool(text)):
            text = f"{text}{BREAK}{rest}" if text else rest
        await in_thread(turns.answered, self._turn_id, self._chat, text)
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
        if thoughts := self._speech.thoughts():
            message["reasoning_content"] = thoughts
        answer: dict[str, Any] = {
            **self._head,
            "object": "chat.completion",
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        }
        if used := _usage(outcome):
            answer["usage"] = used
        await exchange.json(answer)

    async def _pieces(self, exchange: Exchange, seconds: float) -> AsyncIterator[Piece]:
        """What is said, until the plan is settled (then there is an outcome) or the client went away."""
        async with aclosing(follow(self._followed, caller=self._caller, seconds=seconds)) as steps:
            async for step in steps:
                if exchange.gone:
                    return
                if isinstance(step, Said):
                    if (piece := self._speech.take(step.envelope)) is not None:
                        yield piece
                elif isinstance(step, Settled):
                    self._outcome = step.outcome
                elif exchange.begun:
                    await exchange.still_here()

    def _unsaid(self, outcome: Outcome, anything: bool) -> str:
        """What belongs to the answer and was said by no event: an answer without words still says where it is."""
        if outcome.question and outcome.question not in self._speech.text():
            return outcome.question
        if anything:
            return ""
        return f"The answer has no text. It is shown at {self._page}"

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**self._head, "object": "chat.completion.chunk", "choices": [choice]}


def _usage(outcome: Outcome) -> dict[str, int]:
    """Tokens, where the agent reports any."""
    if not outcome.usage:
        return {}
    asked, said = outcome.usage.get("input_tokens", 0), outcome.usage.get("output_tokens", 0)
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
