"""A connection: one client for one agent, in one event loop. Send, rejoin, look up, cancel."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, TypeVar

import httpx
from a2a.client import Client
from a2a.client.client import ClientCallContext
from a2a.compat.v0_3.versions import is_legacy_version
from a2a.types import (
    AgentCard,
    AuthenticationInfo,
    CancelTaskRequest,
    GetExtendedAgentCardRequest,
    GetTaskRequest,
    ListTasksRequest,
    Message,
    Part,
    Role,
    SendMessageRequest,
    StreamResponse,
    SubscribeToTaskRequest,
    Task,
    TaskPushNotificationConfig,
)
from a2a.utils.errors import (
    TaskNotFoundError,
)
from google.protobuf.json_format import MessageToDict, ParseDict

from tasks.agents.ahead import Ahead
from tasks.agents.callbacks import Callback
from tasks.agents.errors import AgentBroken, AgentError, AgentLost, AgentRefused, AgentUnreachable
from tasks.agents.explaining import UNREADABLE, explained
from tasks.agents.polling import polled as polled_task
from tasks.agents.remote import AgentRef, Attached, Outgoing, RemoteState, remote_state
from tasks.agents.transport import CALL_TIMEOUT

logger = logging.getLogger(__name__)
T = TypeVar("T")

CONNECT_TRIES = 3
"""A server that restarts is back within a second; longer outages are for the run's own attempts."""
CONNECT_BACKOFF = 0.2
"""Seconds before the second try, doubled before each further one."""
SUBSCRIBED_WITHIN = 0.1
"""Seconds that an old server gets to open a subscription that says nothing yet."""
PATIENCE_AFTER_CUT = 120.0
"""Seconds that a 0.3 agent gets for a sign of life on a task that was streamed and joined again. Servers of the Python
SDK's 0.3 drop the work with the connection and list the task as working for ever (a2a.md)."""
CALLBACK = "valuecell-tasks"
"""What our callback is called at the agent: set again, it takes its own place."""
LISTED_AT_ONCE = 20
LISTED_PAGES = 50
"""Tasks of one context that are looked through for a message: so many at once, and so often."""


class Connection:
    """A client for one agent, in one event loop. Made by RemoteConnections; any number of runs share it."""

    def __init__(
        self, ref: AgentRef, *, card: AgentCard, http: httpx.AsyncClient, streaming: Client, at_once: Client
    ) -> None:
        """http: the client under both; closed with the connection. at_once: does not wait for the task's end."""
        self.ref = ref
        self.card = card
        """The card that is used: the row's, or the agent's own where the row's does not say how to talk."""
        self.users = 0
        """Calls and streams that go on."""
        self.last_used = time.monotonic()
        self._http = http
        self._client = streaming
        self._at_once = at_once

    @property
    def streams(self) -> bool:
        """Whether the agent's card says that it streams; if not, its tasks are polled."""
        return bool(self.card.capabilities.streaming)

    async def send(self, message: Outgoing, callback: Callback | None = None) -> AsyncGenerator[StreamResponse]:
        """Send a message and yield what comes, until the stream ends.

        The end of the stream does not prove that the task is over: `look_up` or `rejoin` tells. An error after a
        terminal or waiting state is swallowed (ValueCell's agents complete once more after they failed). Tries again
        only while no connection came about. Raises AgentError.
        """
        live = self.streams and self.ref.send_mode != "detached"
        with self._in_use():
            stream, event = await _retried(lambda: self._started(message, live=live))
            task_id, resting = "", False
            async with aclosing(stream):
                try:
                    while event is not None:
                        task_id = task_id or _task_id(event)
                        resting = _rests(event, resting)
                        yield event
                        event = await anext(stream, None)
                except AgentError:
                    if not resting:
                        raise
            if live or resting or not task_id:
                return
            async with aclosing(self.rejoin(task_id, callback)) as rest:
                async for event in rest:
                    yield event

    async def rejoin(self, task_id: str, callback: Callback | None = None) -> AsyncGenerator[StreamResponse]:
        """The task as it is now; what follows, live; and, where no end was seen, the task once more.

        task_id: the agent's id of the task. callback: where the agent is to call while it is polled. An agent that does
        not stream, or lets nobody subscribe, is polled. Yields nothing where the agent does not know the task. Raises
        AgentError.
        """
        with self._in_use():
            subscribed = self._subscribed(task_id)
            ahead: Ahead | None = None
            if self.streams and self.legacy:
                ahead = Ahead(subscribed)
                await ahead.begun(SUBSCRIBED_WITHIN)
            try:
                task = await self.look_up(task_id)
                if task is None:
                    return
                since = ahead.since(task) if ahead is not None else []
                yield StreamResponse(task=task)
                for event in since:
                    yield event
                if _state(task).terminal or _state(task).interrupted:
                    return
                async with aclosing(self._followed(task, subscribed, ahead, callback)) as followed:
                    async for event in followed:
                        yield event
            finally:
                if ahead is not None:
                    await ahead.aclose()
                await subscribed.aclose()

    async def watch(self, task_id: str, callback: Callback) -> AsyncGenerator[StreamResponse]:
        """The task as it is now, and whenever it has changed, without a stream: for a task that outlives connections.

        Yields nothing where the agent does not know the task. Raises AgentError.
        """
        with self._in_use():
            task = await self.look_up(task_id)
            if task is None:
                return
            yield StreamResponse(task=task)
            if not (_state(task).terminal or _state(task).interrupted):
                async for event in polled_task(self, task, patience=None, callback=callback):
                    yield event

    async def call_back(self, task_id: str, url: str, token: str) -> None:
        """Ask the agent to post to `url`, with `token`, what becomes of its task. Raises AgentError."""
        how = AuthenticationInfo(scheme="Bearer", credentials=token)
        request = TaskPushNotificationConfig(task_id=task_id, id=CALLBACK, url=url, token=token, authentication=how)
        context = ClientCallContext(timeout=CALL_TIMEOUT)
        await self._asked(lambda: self._client.create_task_push_notification_config(request, context=context))

    async def look_up(self, task_id: str) -> Task | None:
        """The agent's task with all that it keeps of it; None where it does not know the task. Raises AgentError."""
        try:
            return await self._asked(
                lambda: self._client.get_task(
                    GetTaskRequest(id=task_id), context=ClientCallContext(timeout=CALL_TIMEOUT)
                )
            )
        except TaskNotFoundError:
            return None

    async def find(self, message_ids: Collection[str], context_id: str) -> Task | None:
        """The task of `context_id` that began with a message of one of these ids; None: the agent lists no such task.

        That it lists none proves nothing: it may list the task later, or forget messages. Raises AgentError; that is
        AgentRefused where the agent lists no tasks at all (0.3 has no such question).
        """
        request = ListTasksRequest(context_id=context_id, page_size=LISTED_AT_ONCE)
        for _ in range(LISTED_PAGES):
            listed = await self._asked(
                lambda: self._client.list_tasks(request, context=ClientCallContext(timeout=CALL_TIMEOUT))
            )
            found: Task | None = next((task for task in listed.tasks if _began_with(task, message_ids)), None)
            if found is not None:
                return found
            if not listed.next_page_token:
                return None
            request.page_token = listed.next_page_token
        return None

    async def cancel(self, task_id: str) -> RemoteState:
        """Ask the agent to stop; returns the state that its task is really in, also where the agent refuses.

        A task that the agent does not know (any more) is UNKNOWN. Raises AgentError where it cannot be asked.
        """
        request = CancelTaskRequest(id=task_id)
        try:
            task = await self._asked(
                lambda: self._client.cancel_task(request, context=ClientCallContext(timeout=CALL_TIMEOUT))
            )
        except TaskNotFoundError:
            return RemoteState.UNKNOWN
        except (AgentRefused, AgentBroken):
            return await self.state_of(task_id)
        return _state(task)

    async def state_of(self, task_id: str) -> RemoteState:
        """How its task stands; UNKNOWN where the agent does not know it (any more). Raises AgentError."""
        found = await self.look_up(task_id)
        return RemoteState.UNKNOWN if found is None else _state(found)

    async def extended_card(self) -> dict[str, Any]:
        """The card that the agent shows to those who have a credential, as JSON of 1.0. Raises AgentError."""
        request = GetExtendedAgentCardRequest()
        card = await self._asked(
            lambda: self._client.get_extended_agent_card(request, context=ClientCallContext(timeout=CALL_TIMEOUT))
        )
        found: dict[str, Any] = MessageToDict(card)
        return found

    async def aclose(self) -> None:
        """Close the client; streams that still run on it end with an error."""
        await self._http.aclose()

    @property
    def legacy(self) -> bool:
        """Whether the agent speaks 0.3."""
        return is_legacy_version(self.card.supported_interfaces[0].protocol_version)

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        self.users += 1
        try:
            yield
        finally:
            self.users -= 1
            self.last_used = time.monotonic()

    async def _started(
        self, message: Outgoing, *, live: bool
    ) -> tuple[AsyncGenerator[StreamResponse], StreamResponse | None]:
        """The stream and its first event: a connection that did not come about shows here."""
        request = SendMessageRequest(
            message=Message(
                message_id=message.message_id,
                context_id=message.context_id,
                task_id=message.task_id,
                role=Role.ROLE_USER,
                parts=[Part(text=message.text), *(_file_part(file) for file in message.files)],
            )
        )
        # Even an empty object: ValueCell's executor fails where metadata is missing.
        ParseDict(dict(message.metadata), request.message.metadata)
        client = self._client if live else self._at_once
        stream = self._translated(client.send_message(request, context=ClientCallContext()))
        try:
            return stream, await anext(stream, None)
        except BaseException:
            await stream.aclose()
            raise

    async def _followed(
        self,
        task: Task,
        subscribed: AsyncGenerator[StreamResponse],
        ahead: Ahead | None,
        callback: Callback | None,
    ) -> AsyncGenerator[StreamResponse]:
        """What follows a snapshot: the subscription (which may be under way), or polls in its place."""
        resting = False
        patience = PATIENCE_AFTER_CUT if self.legacy and self.streams and self.ref.send_mode == "stream" else None
        try:
            following = ahead.next if ahead is not None else lambda: anext(subscribed, None)
            event = await asyncio.wait_for(following(), patience) if self.streams else None
            while event is not None:
                resting = _rests(event, resting)
                yield event
                event = await following()
        except TimeoutError:
            raise self.lost() from None
        except AgentRefused:
            # The task has just ended, or this agent lets nobody subscribe.
            polled = True
        except AgentError:
            if not resting:
                raise
            polled = False
        else:
            polled = not self.streams
        if polled:
            async for event in polled_task(self, task, patience=patience, callback=callback):
                yield event
        elif not resting and (now := await self.look_up(task.id)) is not None:
            yield StreamResponse(task=now)

    async def _subscribed(self, task_id: str) -> AsyncGenerator[StreamResponse]:
        request = SubscribeToTaskRequest(id=task_id)
        async with aclosing(self._translated(self._client.subscribe(request, context=ClientCallContext()))) as events:
            async for event in events:
                yield event

    async def _translated(self, events: AsyncIterator[StreamResponse]) -> AsyncGenerator[StreamResponse]:
        """The events, with what the SDK raises turned into AgentErrors."""
        try:
            async for event in events:
                yield event
        except UNREADABLE as error:
            raise explained(error, self.ref) from error
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()

    async def _asked(self, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer to a question that may be asked again. Raises TaskNotFoundError and AgentError."""
        with self._in_use():
            try:
                return await _retried(ask)
            except TaskNotFoundError:
                raise
            except UNREADABLE as error:
                raise explained(error, self.ref) from error

    def lost(self) -> AgentLost:
        """What to say of a task that nobody seems to work on any more."""
        return AgentLost(
            f"{self.ref.name} has said nothing more about this task since the connection broke. Agents of A2A 0.3 often"
            " stop when that happens: the send mode 'detached' avoids it."
        )


async def _retried(action: Callable[[], Awaitable[T]]) -> T:
    """Try again, a bounded number of times, while no connection comes about."""
    for attempt in range(1, CONNECT_TRIES):
        try:
            return await action()
        except AgentUnreachable as error:
            if error.slow:
                raise
            await asyncio.sleep(CONNECT_BACKOFF * 2 ** (attempt - 1))
    return await action()


def _began_with(task: Task, message_ids: Collection[str]) -> bool:
    return any(message.message_id in message_ids for message in task.history)


def _file_part(file: Attached) -> Part:
    return Part(raw=file.content, filename=file.name, media_type=file.media_type)


def _state(task: Task) -> RemoteState:
    return remote_state(task.status.state)


def _task_id(event: StreamResponse) -> str:
    kind = event.WhichOneof("payload")
    if kind == "task":
        return str(event.task.id)
    return str(getattr(event, kind).task_id) if kind else ""


def _rests(event: StreamResponse, before: bool) -> bool:
    """Whether nothing more is to be expected after this event: over, or waiting for a person."""
    kind = event.WhichOneof("payload")
    if kind == "message":
        return True
    if kind in ("task", "status_update"):
        state = remote_state(getattr(event, kind).status.state)
        return state.terminal or state.interrupted
    return before
