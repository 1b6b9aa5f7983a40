"""One run: connect, send (or answer, or rejoin), pass on what the agent says, and settle how it ended."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from channels.db import database_sync_to_async
from django.db import OperationalError
from django.utils import timezone

from conversations import faults
from conversations.changes import Change, Pass, Response
from conversations.events import Event, Role
from conversations.journal import Settle, Together, journal
from conversations.paragraphs import Paragraphs
from conversations.threads import DatabaseThreads, Gathered
from tasks import metrics
from tasks.agents import callbacks
from tasks.agents.connection import Connection
from tasks.agents.credentials import scrubber
from tasks.agents.errors import (
    AgentError,
    CircuitOpen,
)
from tasks.agents.router import Routed, Router, scrubbed
from tasks.execution import context as contexts
from tasks.execution import endings, rejoining
from tasks.execution.accumulator import Accumulator
from tasks.execution.answering import Answering
from tasks.execution.connecting import connected
from tasks.execution.context import RunContext
from tasks.execution.following import Ears, Following
from tasks.execution.message import outgoing
from tasks.execution.outcome import (
    CRASHED,
    NobodyKnows,
    Outcome,
    failed,
    said_by,
    unknown,
)
from tasks.execution.recovery import release_leases
from tasks.services import Known, Lease, TaskService
from tasks.services.outcomes import DEADLINE_PASSED, settling
from tasks.services.transcript import thread_started

logger = logging.getLogger(__name__)
T = TypeVar("T")

FAIR_SHARE = 64
"""Events of one stream after which other runs get their turn, where the agent sends without a pause."""
CANCEL_TIMEOUT = 5.0
"""Seconds for which an agent is asked to stop."""


class RunExecution:
    """Carries out one leased run. `leave()` hands it back instead of ending it."""

    def __init__(
        self,
        lease: Lease,
        *,
        threads: DatabaseThreads | None = None,
        contexts: Gathered[Lease, RunContext | None] | None = None,
    ) -> None:
        """`threads` do its reads on connections that they keep, without them each read opens one of its own;
        `contexts` reads what many need in one go.
        """
        self.lease = lease
        self._threads = threads
        self._contexts = contexts
        self.settling = False
        """The exchange is over and its end is being written: nobody may stop it any more."""
        self._leaving = False
        self._events = 0
        self._agent_error = ""
        self._silent = False
        self._asked = True

    def leave(self) -> None:
        """Say that a cancellation which comes now means: another worker goes on with it."""
        self._leaving = True

    async def _in_thread(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        if self._threads is not None:
            return await self._threads.run(function, *args, **kwargs)
        found: T = await database_sync_to_async(function, thread_sensitive=False)(*args, **kwargs)
        return found

    async def execute(self) -> None:
        """Carry the run out to its end. Never raises but for cancellation; every way out leaves a right state.

        1. Read what it needs; a lease that was lost meanwhile ends here.
        2. Talk to the agent until it completes, fails, asks, or the time is over.
        3. Settle: the items, the result and the statuses become visible in one transaction. Shielded, since a
           cancellation between would leave the run `running` for ever.
        """
        found = await self._load()
        if found is None:
            return
        self._context = found
        self._scope = found.scope
        self._paragraphs = Paragraphs(found.scope, found.stored.keyed)
        if (last := found.stored.open_item) is not None:
            self._paragraphs.reopen(last.item_id, last.event, last.content)
        self._router = Router()
        if found.was_sent:
            self._router.resume(found.stored.text, reasoning=found.stored.reasoning, components=found.stored.components)
        self._accumulator = Accumulator(recurring=found.recurring)
        for response in found.stored.said:
            self._accumulator.take(response)
        self._remote_task_id = found.remote_task_id
        self._remote_context_id = found.remote_context_id
        self._connection: Connection | None = None
        self._sent = found.was_sent
        self._scrub = scrubber(found.agent)
        begun = time.monotonic()
        try:
            with callbacks.expected(self.lease.run_id, pushes=found.pushes) as self._callback:
                outcome = failed(found.problem, False, kind="text") if found.problem else await self._outcome()
        except asyncio.CancelledError:
            await asyncio.shield(self._stop())
            raise
        metrics.ended(found.agent_name, str(outcome.state), outcome.kind, time.monotonic() - begun)
        await asyncio.shield(self._settle(outcome))

    async def _load(self) -> RunContext | None:
        if self._contexts is not None:
            return await self._contexts.ask(self.lease)
        return await self._in_thread(contexts.load, self.lease)

    async def _outcome(self) -> Outcome:
        """Talk, and turn everything that can go wrong into an outcome."""
        found = self._context
        try:
            async with asyncio.timeout(self._seconds_left()):
                return await self._talk()
        except TimeoutError:
            await self._cancel_remote()
            if found.deadline_at is not None and found.deadline_at <= timezone.now():
                return failed(DEADLINE_PASSED, False, kind="deadline")
            late = f"{found.agent_name} was not done after {found.timeout_seconds} seconds."
            if not self._events:
                self._agent_error, self._silent = f"{late} It never said a word.", True
            return failed(late, True, kind="timeout")
        except CircuitOpen as error:
            self._asked = False
            return failed(error.message, error.retryable, kind=type(error).__name__)
        except AgentError as error:
            self._agent_error, self._silent = error.message, error.silent
            if isinstance(error, NobodyKnows) or (found.was_sent and not self._remote_task_id):
                return unknown(error.message)
            wait = getattr(error, "retry_after", None) or 0.0
            return failed(error.message, error.retryable, wait, kind=type(error).__name__)
        except Exception as error:
            logger.exception("a run failed on our side", extra=self._ids("run.broken"))
            return failed(
                f"ValueCell Tasks failed on this run: {type(error).__name__}. See its log.", True, kind="ours"
            )

    def _seconds_left(self) -> float:
        seconds = float(self._context.timeout_seconds)
        if self._context.deadline_at is not None:
            seconds = min(seconds, (self._context.deadline_at - timezone.now()).total_seconds())
        return max(0.0, seconds)

    async def _talk(self) -> Outcome:
        """Connect, open the exchange, and follow it until the agent is done or asks."""
        found = self._context
        if early := found.early(timezone.now()):
            await asyncio.sleep(early)
        if found.own_conversation and not found.was_sent:
            scope = self._scope
            opening = thread_started(
                conversation_id=scope.conversation_id,
                thread_id=scope.thread_id or self.lease.run_id,
                text=found.text,
                task_id=scope.task_id,
            )
            self._add([opening])
        self._connection = await connected(found, self.lease, show=self._show, in_thread=self._in_thread)
        self._pass(Event.TASK_STARTED)
        following = Following(self._connection, found, self._router, self._callback, self._ears())
        if found.remote_task_id and found.answer:
            return await following.follow(self._answering(self._connection).events)
        if found.was_sent and not found.remote_task_id:
            await following.find(CRASHED)
        if self._remote_task_id:
            return await following.follow(following.rejoined)
        faults.reached("run.before_sent")
        if not await journal.settle((), Together(endings.sent, self.lease), gate_pass=self.lease):
            raise asyncio.CancelledError
        self._sent = True
        faults.reached("run.sent")
        sent = self._connection.send(outgoing(found, found.text), self._callback)
        return await following.follow(following.rejoined, sent)

    def _ears(self) -> Ears:
        return Ears(
            take=self._take,
            named=lambda: self._remote_task_id,
            remember=self._remember,
            heard=lambda: self._events,
            ids=self._ids,
        )

    def _answering(self, connection: Connection) -> Answering:
        remote = (self._remote_task_id, self._remote_context_id)
        answer = outgoing(self._context, self._context.answer, *remote)
        return Answering(connection, answer, self._callback, leaving=lambda: self._remember(*remote))

    async def _take(self, routed: Routed) -> Outcome | None:
        """Pass on what one event said; returns how the exchange ended, if it did."""
        if routed.task_id and routed.task_id != self._remote_task_id:
            self._remember(routed.task_id, routed.context_id)
        if self._scrub is not None:
            routed = scrubbed(routed, self._scrub)
        for response in routed.responses:
            self._say(response)
        faults.reached("run.event")
        self._events += 1
        if self._events == 1 and self._context.agent is not None and self._context.agent.troubled:
            journal.add((), Together(endings.heard, self._context.agent_name), gate_pass=self.lease)
        if self._events % FAIR_SHARE == 0:
            await journal.room()
            await asyncio.sleep(0)
        return said_by(self._context.agent_name, routed)

    # --- what is written ---

    def _say(self, response: Response) -> None:
        """The agent's words: kept for the result, and shown unless the result will say them."""
        if self._accumulator.take(response):
            self._show(response)

    def _show(self, response: Response) -> None:
        self._add(self._paragraphs.apply(response))

    def _pass(self, event: Event) -> None:
        self._add([Pass(scope=replace(self._scope, role=Role.SYSTEM), event=event)])

    def _add(self, changes: list[Change]) -> None:
        journal.add(changes, gate_pass=self.lease)

    def _remember(self, task_id: str, context_id: str) -> None:
        """The agent's name for the task, committed with what it said first."""
        self._remote_task_id, self._remote_context_id = task_id, context_id or self._remote_context_id
        known = Known(
            lease=self.lease,
            remote_task_id=task_id,
            remote_context_id=self._remote_context_id,
            at=timezone.now(),
        )
        journal.add((), Together(TaskService.known_at_agent, known), gate_pass=self.lease)

    async def _settle(self, outcome: Outcome) -> None:
        """Write the end: what is still open, the outcome, and everything that follows from it, in one transaction."""
        self.settling = True
        faults.reached("run.before_settle")
        end = endings.End(
            lease=self.lease,
            agent_name=self._context.agent_name,
            result=self._accumulator.result(),
            usage=self._router.usage,
            agent_error=self._agent_error,
            silent=self._silent,
            was_asked=self._asked and not self._context.problem,
            was_sent_before=self._context.was_sent,
        )
        held = await self._write_end(endings.settle(end, outcome, now=timezone.now()))
        logger.info(
            "a run ended" if held else "a run ended after somebody else had decided about it",
            extra={**self._ids("run.ended"), "state": str(outcome.state), "error": outcome.text},
        )

    async def _write_end(self, settle: Settle | Together) -> bool:
        """Commit the end; if what was said cannot be stored, the run has failed, and says so. Returns as `settle`."""
        try:
            return await journal.settle(self._paragraphs.close_all(), settle, gate_pass=self.lease)
        except OperationalError:
            # The database stayed away: recovery takes the run up, and asks the agent for what was lost.
            raise
        except Exception as error:
            logger.exception("a run's words could not be stored", extra=self._ids("run.unstorable"))
            why = f"ValueCell Tasks could not store what {self._context.agent_name} said: {type(error).__name__}."
            failed = settling(TaskService.fail, self.lease, error=why, retryable=False, now=timezone.now())
            return await journal.settle((), failed, gate_pass=self.lease)

    # --- when somebody else decided ---

    async def _stop(self) -> None:
        """The run was cancelled, or this worker leaves: keep what was said, and tell the agent or hand the run back."""
        faults.reached("run.stopping")
        held = await journal.settle(self._paragraphs.close_all(), gate_pass=self.lease)
        if self._router.usage:
            await database_sync_to_async(TaskService.used, thread_sensitive=False)(self.lease, usage=self._router.usage)
        if self._leaving and held:
            await self._in_thread(release_leases, [self.lease], now=timezone.now())
            return
        if not await self._in_thread(contexts.goes_on_elsewhere, self.lease):
            await self._cancel_remote()

    async def _cancel_remote(self) -> None:
        """Ask the agent to stop, for a bounded time; what it says about it does not change our state."""
        if self._connection is None or not (self._remote_task_id or self._sent):
            return
        try:
            async with asyncio.timeout(CANCEL_TIMEOUT):
                if not self._remote_task_id:
                    # Cut before the agent named its task: it may have one all the same.
                    task = await rejoining.find(self._connection, self._context, looks=1)
                    self._remote_task_id = task.id if task is not None else ""
                state = self._remote_task_id and await self._connection.cancel(self._remote_task_id)
            faults.reached("run.told_agent")
        except (TimeoutError, AgentError) as error:
            logger.info("the agent did not hear the cancel", extra={**self._ids("run.cancel"), "error": str(error)})
            return
        await self._in_thread(TaskService.told_cancel, self.lease.run_id, str(state))
        logger.info("the agent was told to stop", extra={**self._ids("run.cancel"), "state": str(state)})

    def _ids(self, event: str) -> dict[str, Any]:
        return {
            "event": event,
            "conversation_id": str(self._scope.conversation_id),
            "task_id": str(self._scope.task_id),
            "run_id": str(self.lease.run_id),
        }
