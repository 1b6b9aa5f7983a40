"""Following what an agent says, however often the connection breaks, to how the exchange ended."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from a2a.types import Task

from conversations import faults
from tasks.agents.callbacks import Callback
from tasks.agents.connection import Connection
from tasks.agents.errors import (
    AgentBroken,
    AgentBusy,
    AgentCut,
    AgentError,
    AgentRefused,
    AgentTimeout,
    AgentUnreachable,
)
from tasks.agents.router import Routed, Router
from tasks.execution import quiet, rejoining
from tasks.execution.context import RunContext
from tasks.execution.outcome import AgentForgot, NobodyKnows, Outcome

logger = logging.getLogger(__name__)

REJOINS_MAX = 5
"""Times that a broken stream is joined again before the attempt has failed."""
STEADY = 30.0
"""Seconds after which a connection counts as one that held: what breaks then is counted from the beginning."""
REJOIN_DELAY = 0.5
"""Seconds before the first of them; doubled each time."""
LAST_WORDS = 0.5
"""Seconds for which a stream is heard after the end of its task; most end at once."""
WAITING_WORDS = 0.2
"""The same after a question: a person waits, and servers of 1.x keep the stream open meanwhile."""
LAST_LOOK = 5.0
"""Seconds in which an agent may tell what it has, where that may be something else than it said."""

BROKEN = (AgentBroken, AgentTimeout, AgentUnreachable)
Again = Callable[..., AsyncIterator[Any]]


@dataclass(frozen=True, kw_only=True)
class Ears:
    """What the run does with what is heard."""

    take: Callable[[Routed], Awaitable[Outcome | None]]
    """Passes on what one event said; returns how the exchange ended, if it did."""
    named: Callable[[], str]
    """The agent's name for its task, as far as it is known."""
    remember: Callable[[str, str], None]
    """Keeps the agent's names for task and context."""
    heard: Callable[[], int]
    """How many events have come."""
    ids: Callable[[str], dict[str, Any]]
    """What a log record of this event name carries."""


class Following:
    """One exchange with an agent."""

    def __init__(self, connection: Connection, run: RunContext, router: Router, callback: Callback, ears: Ears) -> None:
        """callback: where the agent is to call, if it can, while no stream tells what follows."""
        self._connection = connection
        self._run = run
        self._router = router
        self._callback = callback
        self._ears = ears

    def rejoined(self, *, watch: bool = False) -> AsyncIterator[Any]:
        """The events of the agent's task from here on (`rejoining.rejoin`)."""
        self._router.echoes |= self._connection.legacy and self._connection.streams and not watch
        return rejoining.rejoin(self._connection, self._ears.named(), self._callback, watch=watch)

    async def follow(self, again: Again, events: AsyncIterator[Any] | None = None) -> Outcome:
        """Pass on a stream; join it again where it breaks, and ask how it ended where it does not say.

        again: makes the stream anew (`watch`: without a connection that stays open). events: the first one, if that is
        another. Raises AgentError.
        """
        rejoins, watch, joined = 0, False, time.monotonic()
        self._router.echoes |= self._connection.legacy and self._connection.ref.send_mode == "detached"
        events = events or again()
        broken: AgentError | None = None
        name = self._run.agent_name
        while True:
            asked_for = 0.0
            try:
                outcome = await self._listen(events)
                if outcome is not None:
                    return outcome
                if not self._ears.named():
                    raise AgentCut(f"{name} ended the answer without a word.")
                broken = AgentBroken(f"{name} ended its answer without saying whether it is done.")
            except BROKEN as error:
                if not self._ears.named():
                    if not error.unanswered:
                        raise
                    await self.find(error.message)
                broken = error
            except AgentBusy as error:
                if not self._ears.named():
                    raise
                # The agent has the task: to send it anew would be a second one.
                broken, asked_for = error, error.retry_after or 0.0
            except (AgentForgot, AgentRefused) as error:
                if broken is None:
                    raise
                # What went wrong first is the reason; that the agent cannot be asked about it comes on top.
                raise AgentBroken(f"{broken.message} It cannot be asked about it: {error.message}") from broken
            # A connection that lived for a while shows that the agent is well, however many its run outlives.
            rejoins = 1 if time.monotonic() - joined > STEADY else rejoins + 1
            if rejoins > REJOINS_MAX:
                if watch or not self._connection.card.capabilities.push_notifications:
                    raise broken
                rejoins, watch = 1, True
            logger.info("joining a stream again", extra={**self._ears.ids("run.rejoin"), "error": broken.message})
            await asyncio.sleep(max(REJOIN_DELAY * 2 ** (rejoins - 1), asked_for))
            events = again(watch=watch)
            joined = time.monotonic()

    async def find(self, why: str) -> None:
        """Learn from the agent which task the message became. Raises NobodyKnows, with `why` that has to be asked."""
        task = await rejoining.find(self._connection, self._run)
        if task is None:
            raise NobodyKnows(why)
        faults.reached("run.found")
        self._ears.remember(task.id, task.context_id)

    async def _listen(self, events: AsyncIterator[Any]) -> Outcome | None:
        """Pass on one stream, to its end; returns how the exchange ended, if it did. Raises AgentError."""
        outcome: Outcome | None = None
        async with aclosing(events):  # type: ignore[type-var]
            try:
                async with quiet.watched(self._ears.heard, self._look, self._tell) as limit:
                    async for event in events:
                        outcome = await self._ears.take(self._router.route(event))
                        if outcome is not None:
                            break
            except TimeoutError:
                if not limit.expired():
                    raise
                if outcome is None:
                    said = f"{self._run.agent_name} is done or waits, and its stream does not say so."
                    raise AgentTimeout(said) from None
            if outcome is not None:
                await self._last_words(events, LAST_WORDS if outcome.state.terminal else WAITING_WORDS)
            return outcome

    async def _last_words(self, events: AsyncIterator[Any], seconds: float) -> None:
        """What an agent says after its end or question; and what it has, where that may be something else.

        seconds: how long its stream is heard for that.
        """
        with suppress(TimeoutError, AgentError):
            async with asyncio.timeout(seconds):
                async for event in events:
                    await self._ears.take(self._router.route(event))
        if self._router.doubtful and self._ears.named():
            with suppress(TimeoutError, AgentError):
                async with asyncio.timeout(LAST_LOOK):
                    if (task := await self._look()) is not None:
                        await self._tell(task)

    async def _look(self) -> Task | None:
        """The agent's task as it is now; None where nobody can tell which it is."""
        if named := self._ears.named():
            return await self._connection.look_up(named)
        task = await rejoining.find(self._connection, self._run, looks=1)
        if task is not None:
            self._ears.remember(task.id, task.context_id)
        return task

    async def _tell(self, task: Task) -> None:
        await self._ears.take(self._router.route_snapshot(task))
