"""A2A's operations, whichever binding and version asks: from a caller and the specification's request to its answer.

Streams are followed as every viewer follows (`tasks.gateways.following`): who goes away stops nothing.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace

from a2a.types import a2a_pb2
from a2a.utils.errors import PushNotificationNotSupportedError, TaskNotFoundError, UnsupportedOperationError
from django.utils import timezone

from tasks.gateways.a2a import card, listing, skills, works
from tasks.gateways.a2a.asked import Asked, Skill, read
from tasks.gateways.a2a.errors import invalid
from tasks.gateways.a2a.telling import Telling, Update
from tasks.gateways.a2a.works import STATES, TERMINAL, Begun, Work
from tasks.gateways.caller import Caller, in_thread
from tasks.gateways.following import Beat, Followed, Settled, follow
from tasks.scopes import Scope
from tasks.states import PlanStatus

State = a2a_pb2.TaskState
Event = a2a_pb2.Task | a2a_pb2.Message | Update
ANSWER_SECONDS = 570.0
"""How long a message waits for its end: less than the ten minutes after which proxies and clients give up."""
STREAM_SECONDS = 3600.0
"""How long a stream lasts. What takes longer goes on, and can be subscribed to again."""


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Who asks, and whether they are still there."""

    caller: Caller
    gone: Callable[[], bool]


async def send_message(asker: Asker, sent: a2a_pb2.SendMessageRequest) -> a2a_pb2.Task | a2a_pb2.Message:
    """Take a message, and wait until it is done or asks something, unless it shall return at once."""
    caller = asker.caller
    asked = await _asked(caller, sent)
    if asked.message is None:
        return await in_thread(skills.answer, caller, asked, now=timezone.now())
    if not sent.configuration.return_immediately:
        caller.need_room()
    begun = await in_thread(works.begin, caller, asked, now=timezone.now())
    if not sent.configuration.return_immediately:
        async with aclosing(follow(begun.followed, caller=caller, seconds=ANSWER_SECONDS)) as steps:
            async for _step in steps:
                if asker.gone():
                    break
    return await in_thread(works.show, caller, begun.task_id, history=_length(sent.configuration))


async def stream_message(asker: Asker, sent: a2a_pb2.SendMessageRequest) -> AsyncGenerator[Event | None]:
    """Take a message, and say everything that comes of it until it is done or asks something; None in silences."""
    caller = asker.caller
    asked = await _asked(caller, sent)
    if asked.message is None:
        yield await in_thread(skills.answer, caller, asked, now=timezone.now())
        return
    caller.need_room()
    begun = await in_thread(works.begin, caller, asked, now=timezone.now())
    async with aclosing(_followed(caller, begun, history=_length(sent.configuration))) as events:
        async for event in events:
            yield event


async def get_task(asker: Asker, sent: a2a_pb2.GetTaskRequest) -> a2a_pb2.Task:
    """A task as it is now."""
    asker.caller.need(Scope.READ)
    return await in_thread(works.show, asker.caller, sent.id, history=_length(sent))


async def list_tasks(asker: Asker, sent: a2a_pb2.ListTasksRequest) -> a2a_pb2.ListTasksResponse:
    """A page of the caller's tasks."""
    asker.caller.need(Scope.READ)
    return await in_thread(listing.page, asker.caller, sent)


async def cancel_task(asker: Asker, sent: a2a_pb2.CancelTaskRequest) -> a2a_pb2.Task:
    """Stop a task for good; the task as it is then."""
    asker.caller.need(Scope.MANAGE)
    await in_thread(works.cancel, asker.caller, sent.id, now=timezone.now())
    return await in_thread(works.show, asker.caller, sent.id)


async def subscribe(asker: Asker, sent: a2a_pb2.SubscribeToTaskRequest) -> AsyncGenerator[Event | None]:
    """A task as it is now, then everything that comes: of a schedule, each of its runs, until it ends."""
    caller = asker.caller
    caller.need(Scope.READ)
    work: Work = await in_thread(works.find, caller, sent.id)
    if work.status in TERMINAL:
        raise UnsupportedOperationError(f"Nothing comes any more: the task is {work.status}. Ask for it as it is.")
    caller.need_room()
    begun = Begun(task_id=str(work.id), followed=work.followed)
    only = None if work.whole else str(work.tasks[0].pk)
    async with aclosing(_followed(caller, begun, schedules=True, only=only)) as events:
        async for event in events:
            yield event


async def extended_card(_asker: Asker, _sent: a2a_pb2.GetExtendedAgentCardRequest) -> a2a_pb2.AgentCard:
    """The card with the agents that the caller may ask. Any token is enough, as for the models of `/v1/models`."""
    return await in_thread(card.extended)


async def push_config(_asker: Asker, _sent: object) -> a2a_pb2.TaskPushNotificationConfig:
    """Every call about push notifications: the card says that there are none."""
    raise _no_push()


def _no_push() -> PushNotificationNotSupportedError:
    return PushNotificationNotSupportedError(
        "This agent sends no push notifications (its card says so): subscribe to the task, or ask for it."
    )


async def _asked(caller: Caller, sent: a2a_pb2.SendMessageRequest) -> Asked:
    """What the message asks for, where the caller may."""
    if sent.configuration.HasField("task_push_notification_config"):
        raise _no_push()
    _length(sent.configuration)
    asked = read(sent)
    if asked.title and (task_id := await in_thread(works.titled, caller, asked.title)):
        asked = replace(asked, skill=Skill.CANCEL, task_id=task_id, message=None)
    caller.need(asked.scope)
    return asked


def _length(sent: a2a_pb2.SendMessageConfiguration | a2a_pb2.GetTaskRequest) -> int | None:
    """How many messages of the history are wanted; None: all. Raises `InvalidParamsError`."""
    if not sent.HasField("history_length"):
        return None
    if sent.history_length < 0:
        raise invalid("historyLength is not negative.", [("historyLength", "Write 0 or more.")])
    return int(sent.history_length)


async def _followed(
    caller: Caller, begun: Begun, *, history: int | None = None, schedules: bool = False, only: str | None = None
) -> AsyncGenerator[Event | None]:
    """The task, then what is said of it, then how it stands when there is nothing more to wait for; None in silences.

    1. Read it as it is. What is read is taken by the same telling as what comes, so that nothing is said twice or
       falls between.
    2. Say what comes; and once that it works, when it begins to.
    3. Say its state when it is settled. A stream that ends without one says that its time is up: subscribe again.
    """
    task, telling = await in_thread(works.told, caller, begun.task_id, history=history)
    yield task
    state = task.status.state
    if _ended(state) or (state == State.TASK_STATE_INPUT_REQUIRED and not await _goes_on(begun.followed)):
        return
    settled = False
    steps = follow(begun.followed, caller=caller, seconds=STREAM_SECONDS, schedules=schedules)
    async with aclosing(steps) as following:
        async for step in following:
            if isinstance(step, Settled):
                settled = step.outcome.settled
            elif isinstance(step, Beat):
                yield None
            elif only is None or step.envelope["data"]["task_id"] == only:
                for update in telling.take(step.envelope):
                    if state == State.TASK_STATE_SUBMITTED:
                        state = State.TASK_STATE_WORKING
                        yield telling.status(state, at=timezone.now())
                    yield update
    if settled:
        yield await _last(caller, begun, telling)


async def _goes_on(followed: Followed) -> bool:
    """Whether something of it runs while it asks."""
    found = await in_thread(works.standing_of, followed)
    return not found.settled


async def _last(caller: Caller, begun: Begun, telling: Telling) -> Update:
    """The state in which it was left."""
    try:
        work = await in_thread(works.find, caller, begun.task_id)
    except TaskNotFoundError:
        # Its conversation was deleted meanwhile.
        return telling.status(STATES[PlanStatus.CANCELLED], at=timezone.now())
    status = works.status_of(work, telling)
    return a2a_pb2.TaskStatusUpdateEvent(task_id=begun.task_id, context_id=work.context_id, status=status)


def _ended(state: int) -> bool:
    return state in {STATES[status] for status in TERMINAL}
