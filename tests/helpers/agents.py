"""Small real A2A agents, each with one behaviour. They note what reached them."""

# ruff: noqa: ARG002 - they have the signature of `stream`, whatever they use of it

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sample_agents.base import (
    BaseAgent,
    Event,
    Skill,
    ask,
    component,
    fail,
    message_chunk,
    reasoning,
    reasoning_completed,
    reasoning_started,
    tool_call_completed,
    tool_call_started,
)


class TestAgent(BaseAgent):
    """Notes what it is asked, in `received`, and by whom, in `tasks`; answers with `answer(query)`."""

    __test__ = False
    name = "Echo"
    description = "For tests."
    skills = (Skill(id="test", name="Test", description="For tests."),)

    def __init__(self) -> None:
        self.received: list[str] = []
        self.tasks: list[str] = []
        self.dependencies: list[Mapping[str, Any]] = []
        self.stopped: list[str] = []
        """The tasks whose stream was closed before its end: cancelled."""

    async def stream(
        self, query: str, conversation_id: str, task_id: str, dependencies: Mapping[str, Any]
    ) -> AsyncIterator[Event]:
        self.received.append(query)
        self.tasks.append(task_id)
        self.dependencies.append(dependencies)
        ended = False
        try:
            async for event in self.answer(query):
                yield event
            ended = True
        except Exception:
            ended = True
            raise
        finally:
            if not ended:
                self.stopped.append(task_id)

    async def answer(self, query: str) -> AsyncIterator[Event]:
        """What it says."""
        yield message_chunk(f"You said: {query}")


class Echo(TestAgent):
    """Says in three pieces what it was told."""

    async def answer(self, query: str) -> AsyncIterator[Event]:
        for piece in ("You ", "said: ", query):
            yield message_chunk(piece)


class Saying(TestAgent):
    """Says the events that it was made with."""

    def __init__(self, *events: Event) -> None:
        super().__init__()
        self.events = events

    async def answer(self, query: str) -> AsyncIterator[Event]:
        for event in self.events:
            yield event


class Waiting(TestAgent):
    """Says a word, then waits until `go` is set (from any thread) before it says the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    async def answer(self, query: str) -> AsyncIterator[Event]:
        yield message_chunk("One, ")
        while not self.go.is_set():
            await asyncio.sleep(0.01)
        yield message_chunk("two.")


class Failing(TestAgent):
    """Fails as often as it was told to, then answers."""

    def __init__(self, times: int = 10_000, text: str = "The well is dry.") -> None:
        super().__init__()
        self.times = times
        self.text = text

    async def answer(self, query: str) -> AsyncIterator[Event]:
        if len(self.received) <= self.times:
            yield fail(self.text)
        else:
            yield message_chunk("Water!")


class Asking(TestAgent):
    """Asks for a colour first, and repeats the answer."""

    async def answer(self, query: str) -> AsyncIterator[Event]:
        if self.tasks.count(self.tasks[-1]) == 1:
            yield message_chunk("Let me see.")
            yield ask("Which colour?")
        else:
            yield message_chunk(f"It is {query}.")


def one_of_each() -> Sequence[Event]:
    """Reasoning, a tool call, text, a component, and text again."""
    return (
        reasoning_started(),
        reasoning("I think"),
        reasoning_completed(),
        tool_call_started("call-1", "look"),
        tool_call_completed("call-1", "look", "seen"),
        message_chunk("First "),
        message_chunk("part."),
        component("report", '{"title": "R", "data": "text"}', component_id="r-1"),
        message_chunk("Second part."),
    )
