"""What a person who writes an agent needs: subclass BaseAgent, yield events from `stream`, call `serve`.

    class Greeter(BaseAgent):
        description = "Says hello."

        async def stream(self, query, conversation_id, task_id, dependencies):
            yield message_chunk("Hello! ")
            yield message_chunk(f"You wrote: {query}")

    serve(Greeter(), port=10123)

This module imports nothing but the standard library; everything that speaks A2A is in `server.py`. The words
of the events (`response_event` and what goes with it) are those of ValueCell's agents.
docs/writing-an-agent.md has more.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

EventState = Literal["working", "input-required", "failed"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that an agent says. Made by the helpers below, yielded from `stream`."""

    text: str = ""
    """Plain text or Markdown; may be empty."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What the text means: `response_event` and what belongs to it."""
    state: EventState = "working"
    """`input-required` and `failed` end the stream, `working` goes on."""


@dataclass(frozen=True, kw_only=True)
class Skill:
    """One thing that an agent can do, as its card tells people and planners."""

    id: str
    name: str
    description: str
    examples: Sequence[str] = ()
    """Prompts that a person could send as they are."""
    tags: Sequence[str] = ()


def message_chunk(text: str) -> Event:
    """The next piece of the answer. Pieces are joined as they are: bring your own spaces and line ends."""
    return Event(text=text, metadata={"response_event": "message_chunk"})


def message(text: str) -> Event:
    """A whole message that stands by itself, as an agent that notifies sends it."""
    return Event(text=text, metadata={"response_event": "message"})


def reasoning_started() -> Event:
    """Opens a block of reasoning; the pieces that follow grow it."""
    return Event(metadata={"response_event": "reasoning_started"})


def reasoning(text: str) -> Event:
    """A piece of what the agent thinks, shown folded and apart from the answer. Opens a block if need be."""
    return Event(text=text, metadata={"response_event": "reasoning"})


def reasoning_completed() -> Event:
    """Closes the block of reasoning."""
    return Event(metadata={"response_event": "reasoning_completed"})


def tool_call_started(id: str, name: str) -> Event:
    """A tool is called; `id` is unique within the task and names the call again when it completes."""
    return Event(metadata={"response_event": "tool_call_started", "tool_call_id": id, "tool_name": name})


def tool_call_completed(id: str, name: str, result: str) -> Event:
    """The call `id` is over; `result` is text, often JSON."""
    return Event(
        metadata={
            "response_event": "tool_call_completed",
            "tool_call_id": id,
            "tool_name": name,
            "tool_result": result,
        }
    )


def component(type: str, content: str, component_id: str | None = None) -> Event:
    """A chart, report or table. `content` is the JSON text that the component `type` takes.

    A `component_id` that this conversation has seen before replaces that component; None always makes a new
    one.
    """
    return Event(
        text=content,
        metadata={
            "response_event": "component_generator",
            "component_type": type,
            "component_id": component_id,
        },
    )


def ask(text: str) -> Event:
    """Asks the person something and ends this turn; `stream` is called again, on the same task, with
    the answer.
    """
    return Event(text=text, state="input-required")


def fail(text: str) -> Event:
    """Ends the task as failed. `text` tells the person who reads it what went wrong and what to change."""
    return Event(text=text, state="failed")


class BaseAgent:
    """An agent: what its card says, and `stream`."""

    name: ClassVar[str]
    """Unique among the agents of one application; the name of the class unless set."""
    description: ClassVar[str] = ""
    """One or two sentences: what it does, on what, and what it does not do."""
    skills: ClassVar[Sequence[Skill]] = ()
    input_modes: ClassVar[Sequence[str]] = ("text/plain",)
    """Media types that it takes: with "image/png" people can send pictures along (`dependencies.get("files")`)."""
    version: ClassVar[str] = "1.0.0"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = cls.__name__

    def stream(
        self, query: str, conversation_id: str, task_id: str, dependencies: Mapping[str, Any]
    ) -> AsyncIterator[Event]:
        """Answer `query`: an async generator of events. Its end completes the task.

        query: what the person wrote, or their answer to what `ask` asked.
        conversation_id, task_id: the A2A context and task; a conversation has many tasks.
        dependencies: what the application knows (`user_profile`, `current_context`, `language`, `timezone`:
        any of them may be absent) and `history`, the turns of this task before this one, oldest first, each
        `{"role": "user" or "agent", "text": …}`. It is empty unless this turn answers a question.

        An exception fails the task with its text. When the task is cancelled, the generator is closed where
        it waits (`finally` blocks run).
        """
        raise NotImplementedError(f"{type(self).__name__} has no stream method: write one that yields events")

    def notify(
        self, query: str, conversation_id: str, task_id: str, dependencies: Mapping[str, Any]
    ) -> AsyncIterator[Event]:
        """Like `stream`, for requests marked `notify`; leave it out if they are like any other."""
        return self.stream(query, conversation_id, task_id, dependencies)

    async def start(self) -> None:
        """Called once before the agent is reachable: open what it needs."""

    async def stop(self) -> None:
        """Called once after its last request: close what `start` opened."""


def serve(agent: BaseAgent, *, host: str = "127.0.0.1", port: int = 0) -> None:
    """Serve `agent` until SIGINT or SIGTERM; prints its address. Port 0 takes a free one."""
    from sample_agents import (
        server,
    )  # Here, so that importing this module loads neither the SDK nor a web server.

    server.serve(agent, host=host, port=port)
