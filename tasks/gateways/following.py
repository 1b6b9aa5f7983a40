"""A request of somebody outside: given as a person's message is, and followed live until there is nothing to wait for.

    followed = await submit(caller, message, now=now)
    async with aclosing(follow(followed, caller=caller, seconds=600)) as steps:
        async for step in steps: …          # Said, Said, Beat, Said, …, and last Settled

What is followed is what every viewer sees: the history, then the hub's log. The log is the bounded queue: who reads too
slowly loses its place in it, and comes back by `seq`. Who stops following stops nothing: the run goes on. It counts as
one of the person's open streams, and ends early when their token does, or this process.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic
from typing import cast
from uuid import UUID

from django.db import transaction

from conversations import feed
from conversations.events import Envelope, Event
from conversations.hub import Entry, StreamViewer, conversation_key, hub
from conversations.models import Conversation
from conversations.services import ConversationService
from tasks.errors import NotFound
from tasks.gateways.caller import Caller, in_thread
from tasks.gateways.standing import Outcome, Standing, outcome, standing
from tasks.requests import submit_message
from tasks.schemas.inputs import MessageIn
from tasks.states import PlanStatus

BEAT_SECONDS = 2.0
"""How long a silence may be before the plan's standing is looked at, whatever was pushed: frames are a hint."""
TURNS = frozenset(
    {
        Event.PLAN_REQUIRE_USER_INPUT,
        Event.PLAN_FAILED,
        Event.TASK_COMPLETED,
        Event.TASK_FAILED,
        Event.TASK_CANCELLED,
        Event.DONE,
    }
)
"""Events after which a plan may have nothing more to say."""


@dataclass(frozen=True, kw_only=True)
class Followed:
    """A plan, and where in its conversation to follow it from."""

    user_id: int
    plan_id: UUID
    conversation_id: UUID
    thread_id: UUID
    after_seq: int


@dataclass(frozen=True, kw_only=True)
class Said:
    """Something was said or shown: an envelope of the plan's thread, in `seq` order; never the person's own words."""

    envelope: Envelope


@dataclass(frozen=True, kw_only=True)
class Beat:
    """Nothing was said for a while."""


@dataclass(frozen=True, kw_only=True)
class Settled:
    """The last step: nothing goes on by itself any more, or time is up (`outcome.settled` is false)."""

    outcome: Outcome


Step = Said | Beat | Settled


async def submit(
    caller: Caller, message: MessageIn, *, now: datetime, conversation_id: UUID | None = None, title: str = ""
) -> Followed:
    """Give `message` as its person would, in their conversation or in a new one; returns what to follow.

    Raises `tasks.errors.InvalidInput`, `NotWaiting`, and `NotFound` for somebody else's conversation. A message that is
    refused leaves no conversation behind.
    """
    return await in_thread(submit_now, caller, message, now=now, conversation_id=conversation_id, title=title)


def submit_now(
    caller: Caller, message: MessageIn, *, now: datetime, conversation_id: UUID | None = None, title: str = ""
) -> Followed:
    """The same, for who is in a thread, or in a transaction of their own."""
    user = caller.user
    with transaction.atomic():
        if conversation_id is None:
            conversation = ConversationService.create(user=user, title=title, now=now)
        else:
            found = Conversation.objects.for_user(user).filter(pk=conversation_id).first()
            if found is None:
                raise NotFound("There is no such conversation.")
            conversation = found
        before = conversation.last_seq
        plan = submit_message(conversation, message, user=user, now=now)
    return Followed(
        user_id=user.pk,
        plan_id=plan.pk,
        conversation_id=conversation.pk,
        thread_id=plan.thread_id,
        after_seq=before,
    )


async def follow(
    followed: Followed, *, caller: Caller, seconds: float, schedules: bool = False
) -> AsyncGenerator[Step]:
    """What the plan says from `followed` on, and last how it stands; at most for `seconds`. With `schedules` also what
    comes by a schedule, until that ends.

    1. Open the hub's log, then read the history, so that nothing falls between.
    2. Look how the plan stands. Settled: read what was committed with that and not seen yet, say so, end.
    3. Wait for the next frame. Look again after one that may be the last, and after each silence. Where the counter
       moved and no frame came (a process that pushes nothing here wrote it), or the place in the log is lost: 1.

    A plan that is deleted meanwhile is settled as cancelled. Close the generator (`aclosing`) to stop following.
    """
    deadline = monotonic() + seconds
    closed = asyncio.Event()
    with hub.connected(followed.user_id, caller.credential, lambda _code: closed.set()):
        async with aclosing(_steps(followed, deadline, closed, schedules)) as steps:
            async for step in steps:
                yield step


async def _steps(followed: Followed, deadline: float, closed: asyncio.Event, schedules: bool) -> AsyncGenerator[Step]:
    last: Outcome | None = None
    try:
        while last is None:
            viewer = cast(StreamViewer, await hub.open(conversation_key(followed.conversation_id)))
            try:
                async for envelopes, _end in feed.history(
                    followed.conversation_id, followed.user_id, followed.after_seq, viewer.seek
                ):
                    for envelope in envelopes:
                        followed = _seen(followed, envelope)
                        if _belongs(followed, envelope):
                            yield Said(envelope=envelope)
                async with aclosing(_live(viewer, followed, deadline, closed, schedules)) as live:
                    async for step in live:
                        if isinstance(step, Said):
                            followed = _seen(followed, step.envelope)
                            if not _belongs(followed, step.envelope):
                                continue
                        if isinstance(step, Settled):
                            last = step.outcome
                            break
                        yield step
            finally:
                hub.close(viewer)
    except (Conversation.DoesNotExist, NotFound):
        last = Outcome(
            plan_id=followed.plan_id,
            conversation_id=followed.conversation_id,
            status=PlanStatus.CANCELLED,
            settled=True,
            error="Its conversation was deleted.",
        )
    yield Settled(outcome=last)


async def _live(
    viewer: StreamViewer, followed: Followed, deadline: float, closed: asyncio.Event, schedules: bool
) -> AsyncGenerator[Step]:
    """Every envelope of the conversation from the viewer's place on, until the plan is settled, time is up, or the
    history must be read again.
    """
    reading: asyncio.Task[Entry | None] | None = None
    closing = asyncio.create_task(closed.wait())
    seq, look = followed.after_seq, True
    try:
        while True:
            over = monotonic() >= deadline or closed.is_set()
            if look or over:
                look = False
                now = await in_thread(standing, followed.plan_id, user_id=followed.user_id, schedules=schedules)
                if now.settled or over:
                    async for said in _rest(followed, seq, now):
                        yield said
                    yield Settled(outcome=await in_thread(outcome, followed.plan_id, user_id=followed.user_id))
                    return
            else:
                now = None
            reading = reading or asyncio.create_task(viewer.read())
            await asyncio.wait(
                {reading, closing},
                timeout=max(0.0, min(BEAT_SECONDS, deadline - monotonic())),
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not reading.done():
                look = True
                if now is not None and now.last_seq > seq:
                    return
                yield Beat()
                continue
            entry, reading = reading.result(), None
            if entry is None:
                return
            for _seq, text in entry.events:
                envelope: Envelope = json.loads(text)
                seq = max(seq, envelope["seq"] or 0)
                look = look or envelope["event"] in TURNS
                yield Said(envelope=envelope)
    finally:
        closing.cancel()
        if reading is not None:
            reading.cancel()


async def _rest(followed: Followed, seq: int, now: Standing) -> AsyncGenerator[Said]:
    """What is committed beyond `seq` up to the moment of `now`: it was, or is about to be, pushed too."""
    while seq < now.last_seq:
        envelopes = await in_thread(feed.changed_since, followed.conversation_id, seq, feed.PAGE)
        for envelope in envelopes:
            seq = max(seq, envelope["seq"] or 0)
            yield Said(envelope=envelope)
        if len(envelopes) < feed.PAGE:
            return


def _belongs(followed: Followed, envelope: Envelope) -> bool:
    data = envelope["data"]
    return data["thread_id"] == str(followed.thread_id) and envelope["event"] != Event.THREAD_STARTED


def _seen(followed: Followed, envelope: Envelope) -> Followed:
    seq = envelope["seq"]
    return replace(followed, after_seq=seq) if seq is not None and seq > followed.after_seq else followed
