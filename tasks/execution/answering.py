"""A person's answer on its way to the agent: sent once, however often the connection breaks."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from a2a.types import StreamResponse, Task

from conversations import faults
from tasks.agents.callbacks import Callback
from tasks.agents.connection import Connection
from tasks.agents.errors import AgentRefused
from tasks.agents.remote import Outgoing, remote_state
from tasks.execution import rejoining


class Answering:
    """Sends one answer to the agent's task that waits for it, and follows that task."""

    def __init__(
        self, connection: Connection, answer: Outgoing, callback: Callback, leaving: Callable[[], None]
    ) -> None:
        """leaving: called when the answer is about to leave."""
        self._connection = connection
        self._answer = answer
        self._callback = callback
        self._leaving = leaving
        self._tried = False

    async def events(self, *, watch: bool = False) -> AsyncIterator[StreamResponse]:
        """What the agent says from here on; the answer is sent first, unless it has arrived. To be called again after
        an error. watch: do without a stream where the answer has arrived. Raises AgentForgot, and AgentError.
        """
        try:
            task = await self._connection.look_up(self._answer.task_id)
        except AgentRefused:
            # An agent that keeps no tasks, or lets nobody ask for them: it is told, and says what it thinks of it.
            task = None
        if self._arrived(task):
            following = rejoining.rejoin(self._connection, self._answer.task_id, self._callback, watch=watch)
            async with aclosing(following) as events:  # type: ignore[type-var]
                async for event in events:
                    yield event
            return
        faults.reached("run.before_answer")
        self._leaving()
        self._tried = True
        async with aclosing(self._connection.send(self._answer, self._callback)) as sent:
            async for event in sent:
                yield event

    def _arrived(self, task: Task | None) -> bool:
        """Whether the agent has the answer: it works on, or the message is in the task's history.

        One that keeps no history and asks is taken at its word the first time, and after that for one that asks anew.
        """
        if task is None:
            return self._tried
        if not remote_state(task.status.state).interrupted:
            return True
        if any(message.message_id == self._answer.message_id for message in task.history):
            return True
        return self._tried and not task.history
