"""What the tools do, synchronously and in a thread: the same as the JSON API, for the caller's person."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.timezone import get_current_timezone_name

from conversations import feed
from conversations.models import Conversation
from conversations.schemas import ConversationOut, conversation_out
from conversations.wire import cursor_id, cursor_of
from tasks.errors import InvalidInput, NotFound, NotWaiting
from tasks.gateways.caller import Caller
from tasks.gateways.following import Followed, submit_now
from tasks.gateways.mcp import answers, arguments
from tasks.gateways.speech import Speech
from tasks.models import Agent, ExecutionPlan, Task
from tasks.planner.language import understand
from tasks.schemas.agents import agent_out
from tasks.schemas.inputs import MessageIn
from tasks.schemas.outputs import RunOut, TaskOut, run_out, task_out
from tasks.schemas.previews import known_zone, previewed
from tasks.services import TaskService
from tasks.states import TaskStatus

TRANSCRIPT_MOST = 500
"""Items of a conversation that its resource shows: the newest."""
LISTED = 50
"""Conversations that the list of them names."""


def agents() -> answers.Agents:
    """Those that may be asked."""
    return {"items": [agent_out(agent) for agent in Agent.objects.offered().order_by("name")]}


def schedule(caller: Caller, sent: arguments.ScheduleTask) -> TaskOut:
    """Put a text on a schedule, in a conversation of its own; the task. Raises `InvalidInput` and `ScheduleError`.

    Where nobody was named and the planner has to ask, nothing is left behind: a model can name somebody at once.
    """
    if not sent.schedule:
        raise InvalidInput({"schedule": ['Say when, as in {"daily_time": "09:00"} or {"interval_minutes": 30}.']})
    message = MessageIn(text=sent.text, agent_name=sent.agent_name, schedule=sent.schedule, title=sent.title)
    with transaction.atomic():
        followed = submit_now(caller, message, now=timezone.now(), title=sent.title or "")
        task = Task.objects.with_phase().filter(plan=followed.plan_id).order_by("place").first()
        if task is None:
            question = ExecutionPlan.objects.get(pk=followed.plan_id).question
            raise InvalidInput({"agent_name": [f"Name an agent (list_agents tells which there are). {question}"]})
    return task_out(task)


def preview(_caller: Caller, sent: arguments.PreviewSchedule) -> dict[str, Any]:
    """The next times. Raises `ScheduleError`."""
    zone = get_current_timezone_name()
    return previewed(sent.schedule, count=sent.count, timezone=zone, now=timezone.now())


def parse(_caller: Caller, sent: arguments.ParseSchedule) -> dict[str, Any]:
    """What a text says about when. Raises `ScheduleError` for an unknown zone."""
    now = timezone.now()
    zone = known_zone(sent.timezone, get_current_timezone_name(), now)
    return dict(understand(sent.text, timezone=zone, now=now).as_dict())


def tasks(caller: Caller, sent: arguments.ListTasks) -> answers.Tasks:
    """The person's tasks, newest first."""
    found = TaskService.list_tasks(
        user=caller.user, status=sent.status, phase=sent.phase, agent_name=sent.agent_name, limit=sent.limit
    )
    return {"items": [task_out(task) for task in found]}


def task(caller: Caller, task_id: str) -> TaskOut:
    """One task. Raises `NotFound`."""
    return task_out(own(caller, task_id))


def results(caller: Caller, task_id: str, limit: int) -> list[RunOut]:
    """Its newest runs. Raises `NotFound`."""
    return [run_out(run) for run in own(caller, task_id).runs.order_by("-id")[:limit]]


def pause(caller: Caller, task_id: str) -> TaskOut:
    """Let it rest. Raises `NotFound` and `WrongMoment`."""
    TaskService.pause(own(caller, task_id).pk, actor=caller.user, now=timezone.now())
    return task(caller, task_id)


def resume(caller: Caller, task_id: str) -> TaskOut:
    """Go on. Raises `NotFound` and `WrongMoment`."""
    TaskService.resume(own(caller, task_id).pk, actor=caller.user, now=timezone.now())
    return task(caller, task_id)


def trigger(caller: Caller, task_id: str) -> RunOut:
    """Run it once now; the run. Raises `NotFound` and `WrongMoment`."""
    return run_out(TaskService.trigger(own(caller, task_id).pk, actor=caller.user, now=timezone.now()))


def cancel(caller: Caller, task_id: str) -> answers.CancelledTask:
    """Stop it for good. Raises `NotFound` and `AlreadyFinished`."""
    done = TaskService.cancel(own(caller, task_id).pk, actor=caller.user, now=timezone.now())
    return {
        "task_id": str(done.task_id),
        "success": True,
        "updated_component_ids": [str(item_id) for item_id in done.updated_component_ids],
    }


def answer(caller: Caller, asked_by: str, text: str) -> Followed:
    """Answer what a task, or a plan that has none yet, asks; what to follow. Raises `NotFound` and `NotWaiting`."""
    wanted = _uuid(asked_by, "task")
    asking = Task.objects.filter(pk=wanted, user=caller.user).first()
    plan = ExecutionPlan.objects.filter(pk=wanted, user=caller.user).first() if asking is None else None
    found = asking or plan
    if found is None:
        raise NotFound("There is no such task: list_tasks with the phase waiting_input tells which ask something.")
    if asking is not None and asking.status != TaskStatus.WAITING_INPUT:
        raise NotWaiting(f"“{asking.title}” asks nothing: it is {asking.status}.")
    message = MessageIn(text=text, answer_to=str(wanted))
    return submit_now(caller, message, now=timezone.now(), conversation_id=found.conversation_id)


def conversations(caller: Caller, cursor: str | None) -> tuple[list[ConversationOut], str | None]:
    """A page of the person's conversations, newest first, and the cursor of the next. Raises `Invalid`."""
    found = Conversation.objects.for_user(caller.user).order_by("-id")
    if (before := cursor_id(cursor, "resources")) is not None:
        found = found.filter(pk__lt=before)
    rows = list(found[: LISTED + 1])
    more = cursor_of("resources", rows[LISTED - 1].pk) if len(rows) > LISTED else None
    return [conversation_out(row) for row in rows[:LISTED]], more


def transcript(caller: Caller, conversation_id: str) -> str:
    """A conversation as Markdown: who said what. Raises `NotFound`."""
    row = Conversation.objects.for_user(caller.user).filter(pk=_uuid(conversation_id, "conversation")).first()
    if row is None:
        raise NotFound("There is no such conversation.")
    parts = [f"# {row.title or 'Untitled'}"]
    for envelope in feed.page_before(row.pk, None, TRANSCRIPT_MOST):
        data = envelope["data"]
        if envelope["event"] == "thread_started":
            parts.append(f"**You:** {(data['payload'] or {}).get('content') or ''}")
        elif (piece := Speech().take(envelope)) is not None and piece.text.strip():
            parts.append(f"**{data['agent_name'] or data['role']}:** {piece.text.strip()}")
    return "\n\n".join(parts)


def own(caller: Caller, task_id: str) -> Task:
    """The caller's task. Raises `NotFound`, also for what is no id."""
    return TaskService.get(_uuid(task_id, "task"), user=caller.user)


def _uuid(text: str, what: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(f"There is no such {what}.") from None
