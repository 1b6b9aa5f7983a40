"""The doctor for one agent: card, send, stream, look-up, question, cancel and resume are tried, and each is told.

It talks as a run does (`connection`, `router`), with nothing stored, so what it reports is what the application can do
with the agent.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import uuid4

from tasks.agents.card_format import CardError
from tasks.agents.connection import Connection
from tasks.agents.connections import connect
from tasks.agents.errors import AgentError
from tasks.agents.own_cards import UNDATED, examined_card
from tasks.agents.remote import AgentRef, Outgoing, RemoteState, remote_state
from tasks.agents.router import Router


class Verdict(StrEnum):
    """What became of one check."""

    WORKS = "works"
    FAILS = "fails"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the report."""

    what: str
    verdict: Verdict
    words: str


@dataclass(kw_only=True)
class _Heard:
    """What one exchange brought."""

    task_id: str = ""
    context_id: str = ""
    state: RemoteState | None = None
    text: str = ""
    question: str = ""
    error: str = ""
    events: int = 0
    kinds: set[str] = field(default_factory=set)
    first_after: float = 0.0
    seconds: float = 0.0


async def examine(
    url: str, *, text: str, answer: str, seconds: float, credential_env: str = ""
) -> AsyncIterator[Finding]:
    """Examine the agent at `url` (its own, or its card's), and yield each finding as soon as it is known.

    text: what it is asked, thrice. answer: what it is told if it asks something. seconds: the most that each exchange
    may take. credential_env: the name of the variable that holds its bearer token. Ends early where nothing more can
    be tried.
    """
    try:
        card = await examined_card(url, credential_env=credential_env)
    except (AgentError, CardError) as error:
        yield _fails("card", str(error))
        return
    name, address = str(card.get("name", "The agent")), str(card["url"])
    skills = [str(skill.get("name", "")) for skill in card.get("skills", []) if isinstance(skill, dict)]
    yield _works("card", f"{name} at {address}; skills: {', '.join(skills) or 'none named'}")
    ref = AgentRef(name=name, url=address, card=card, credential_env=credential_env, updated_at=UNDATED)
    try:
        connection = await connect(ref)
    except AgentError as error:
        yield _fails("protocol", error.message)
        return
    try:
        async for finding in _exchanges(connection, text, answer, seconds):
            yield finding
    finally:
        await connection.aclose()


async def _exchanges(connection: Connection, text: str, answer: str, seconds: float) -> AsyncIterator[Finding]:
    try:
        heard = await _hear(connection, _message(text), seconds)
    except (AgentError, TimeoutError) as error:
        yield _fails("send", _why(error, seconds))
        return
    yield _sent(heard)
    yield _streamed(connection, heard)
    if not heard.task_id:
        yield _not_tried("look-up, question, cancel, resume", "it answers with a message and names no task")
        return
    yield await _looked_up(connection, heard)
    yield await _answered(connection, heard, answer, seconds)
    yield await _cancelled(connection, text, seconds)
    yield await _resumed(connection, text, heard, seconds)


def _sent(heard: _Heard) -> Finding:
    ended = f"{heard.state or 'said nothing about its end'} after {heard.seconds:.1f} s"
    said = f"{len(heard.text):,} characters; {ended}; events: {', '.join(sorted(heard.kinds)) or 'none'}"
    if heard.state in (RemoteState.FAILED, RemoteState.REJECTED):
        return _fails("send", f"{said}. It says: {heard.error or 'nothing'}")
    return _works("send", said)


def _streamed(connection: Connection, heard: _Heard) -> Finding:
    if not connection.streams:
        return _not_tried("stream", "its card does not say that it streams; it is asked every few seconds instead")
    return _works("stream", f"{heard.events} events, the first after {heard.first_after:.2f} s")


async def _looked_up(connection: Connection, heard: _Heard) -> Finding:
    try:
        task = await connection.look_up(heard.task_id)
    except AgentError as error:
        return _fails("look-up", f"{error.message} A run that a crash cut cannot be found again there.")
    if task is None:
        return _fails("look-up", "it does not know the task that it named: a cut run cannot be found again there")
    state = remote_state(task.status.state)
    return _works("look-up", f"the task is {state}, with {len(task.history)} messages, {len(task.artifacts)} artifacts")


async def _answered(connection: Connection, heard: _Heard, answer: str, seconds: float) -> Finding:
    if heard.state is None or not heard.state.interrupted:
        return _not_tried("question", "it asked nothing; --text with something unclear may make it ask")
    try:
        message = _message(answer, task_id=heard.task_id, context_id=heard.context_id)
        after = await _hear(connection, message, seconds)
    except (AgentError, TimeoutError) as error:
        return _fails("question", _why(error, seconds))
    if after.task_id and after.task_id != heard.task_id:
        return _fails("question", "it began another task for the answer instead of going on with the one that asked")
    return _works("question", f"asked “{heard.question[:80]}”, and is {after.state} after the answer")


async def _cancelled(connection: Connection, text: str, seconds: float) -> Finding:
    try:
        begun = await _hear(connection, _message(text), seconds, until_named=True)
        if begun.state is not None and begun.state.terminal:
            return _not_tried("cancel", "it was done before it could be cancelled; try a --text that takes longer")
        state = await connection.cancel(begun.task_id)
    except (AgentError, TimeoutError) as error:
        return _fails("cancel", _why(error, seconds))
    if state == RemoteState.CANCELED:
        return _works("cancel", "the task is canceled")
    if state == RemoteState.COMPLETED:
        return _not_tried("cancel", "it was done before it could be cancelled; try a --text that takes longer")
    return _fails("cancel", f"the task is {state}: what is cancelled here goes on there")


async def _resumed(connection: Connection, text: str, whole: _Heard, seconds: float) -> Finding:
    try:
        begun = await _hear(connection, _message(text), seconds, until_named=True)
        if begun.state is not None and begun.state.terminal:
            return _not_tried("resume", "it was done before the stream could be cut; try a --text that takes longer")
        again = await _hear(connection, begun.task_id, seconds)
    except (AgentError, TimeoutError) as error:
        return _fails("resume", _why(error, seconds))
    if again.state is None:
        return _fails("resume", "after a cut it does not say how the task ended")
    if whole.text and not again.text:
        return _fails("resume", f"the task is {again.state}, and what it said before the cut is lost")
    return _works("resume", f"joined again after a cut: {len(again.text):,} characters, {again.state}")


async def _hear(connection: Connection, what: Outgoing | str, seconds: float, *, until_named: bool = False) -> _Heard:
    """Send a message, or join a task by its name, and listen to the end; or only until the agent named its task."""
    router, heard, begun = Router(), _Heard(), time.monotonic()
    said: list[str] = []
    stream = connection.send(what) if isinstance(what, Outgoing) else connection.rejoin(what)
    async with asyncio.timeout(seconds), aclosing(stream) as events:
        async for event in events:
            routed = router.route(event)
            heard.events += 1
            heard.first_after = heard.first_after or time.monotonic() - begun
            heard.kinds.update(str(response.event) for response in routed.responses)
            said.extend(_words(response.payload) for response in routed.responses)
            heard.task_id, heard.context_id = routed.task_id or heard.task_id, routed.context_id or heard.context_id
            heard.state = routed.state or heard.state
            heard.question, heard.error = routed.question or heard.question, routed.error or heard.error
            if until_named and heard.task_id:
                break
    heard.text = "".join(said)
    heard.seconds = time.monotonic() - begun
    return heard


def _words(payload: Any) -> str:
    content = payload.get("content") if isinstance(payload, dict) else None
    return content if isinstance(content, str) else ""


def _message(text: str, *, task_id: str = "", context_id: str = "") -> Outgoing:
    return Outgoing(text=text, message_id=str(uuid4()), context_id=context_id or str(uuid4()), task_id=task_id)


def _why(error: Exception, seconds: float) -> str:
    return error.message if isinstance(error, AgentError) else f"it was not done after {seconds:g} s (--timeout)"


def _works(what: str, words: str) -> Finding:
    return Finding(what=what, verdict=Verdict.WORKS, words=words)


def _fails(what: str, words: str) -> Finding:
    return Finding(what=what, verdict=Verdict.FAILS, words=words)


def _not_tried(what: str, words: str) -> Finding:
    return Finding(what=what, verdict=Verdict.NOT_TRIED, words=words)
