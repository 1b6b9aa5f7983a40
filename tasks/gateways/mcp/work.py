"""What the tools do, synchronously and in a thread: the same as the JSON API, for the caller's person."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from conversations import feed
from conversations.models import Conversation
from tasks.errors import InvalidInput, NotFound
from tasks.gateways.caller import Caller
from tasks.gateways.following import Followed, submit_now
from tasks.gateways.speech import Speech
from tasks.models import Agent, ExecutionPlan, Task
from tasks.planner.language import understand
from tasks.requests import submit_message
from tasks.schemas.inputs import MessageIn
from tasks.schemas.outputs import agent_out, run_out, task_out
from tasks.schemas.previews import known_zone, previewed
from tasks.services import TaskService

TRANSCRIPT_MOST = 500
"""Items of a conversation that its resource shows: the newest."""
LISTED = 50
"""Conversations that the list of them names."""


def agents() -> list[dict[str, Any]]:
    """Those that may be asked."""
    return [dict(agent_out(agent)) for agent in Agent.objects.offered().order_by("name")]


def schedule(
    caller: Caller, *, text: str, keys: dict[str, Any], agent_name: str | None, title: str | None
) -> dict[str, Any]:
    """Put `text` on a schedule, in a conversation of its own; the task. Raises `InvalidInput` and `ScheduleError`."""
    if not keys:
        raise InvalidInput({"schedule": ['Say when, as in {"daily_time": "09:00"} or {"interval_minutes": 30}.']})
    message = MessageIn(text=text, agent_name=agent_name, schedule=keys, title=title)
    followed = submit_now(caller, message, now=timezone.now(), title=title or "")
    task = Task.objects.with_phase().filter(plan=followed.plan_id).first()
    if task is None:
        question = ExecutionPlan.objects.get(pk=followed.plan_id).question
        words = question if isinstance(question, str) and question else "No agent fits this text."
        raise InvalidInput({"agent_name": [f"Name the agent (list_agents tells which there are). {words}"]})
    return dict(task_out(task))


def preview(keys: dict[str, Any], count: int) -> dict[str, Any]:
    """The next `count` times. Raises `ScheduleError`."""
    return previewed(keys, count=count, timezone=settings.TIME_ZONE, now=timezone.now())


def parse(text: str, zone: str | None) -> dict[str, Any]:
    """What a text says about when. Raises `ScheduleError` for an unknown zone."""
    now = timezone.now()
    return dict(understand(text, timezone=known_zone(zone, settings.TIME_ZONE, now), now=now).as_dict())


def tasks(
    caller: Caller, *, status: str | None, phase: str | None, agent_name: str | None, limit: int
) -> list[dict[str, Any]]:
    """The person's tasks, newest first."""
    found = TaskService.list_tasks(user=caller.user, status=status, phase=phase, agent_name=agent_name, limit=limit)
    return [dict(task_out(task)) for task in found]


def task(caller: Caller, task_id: str) -> dict[str, Any]:
    """One task. Raises `NotFound`."""
    return dict(task_out(own(caller, task_id)))


def results(caller: Caller, task_id: str, limit: int) -> list[dict[str, Any]]:
    """Its newest runs. Raises `NotFound`."""
    return [dict(run_out(run)) for run in own(caller, task_id).runs.order_by("-id")[:limit]]


def pause(caller: Caller, task_id: str) -> dict[str, Any]:
    """Let it rest. Raises `NotFound` and `WrongMoment`."""
    TaskService.pause(own(caller, task_id).pk, actor=caller.user, now=timezone.now())
    return task(caller, task_id)


def resume(caller: Caller, task_id: str) -> dict[str, Any]:
    """Go on. Raises `NotFound` and `WrongMoment`."""
    TaskService.resume(own(caller, task_id).pk, actor=caller.user, now=timezone.now())
    return task(caller, task_id)


def trigger(caller: Caller, task_id: str) -> dict[str, Any]:
    """Run it once now; the run. Raises `NotFound` and `WrongMoment`."""
    return dict(run_out(TaskService.trigger(own(caller, task_id).pk, actor=caller.user, now=timezone.now())))


def cancel(caller: Caller, task_id: str) -> dict[str, Any]:
    """Stop it for good. Raises `NotFound` and `AlreadyFinished`."""
    TaskService.cancel(own(caller, task_id).pk, actor=caller.user, now=timezone.now())
    return task(caller, task_id)


def answer(caller: Caller, task_id: str, text: str) -> Followed:
    """Answer what the task asks; what to follow. Raises `NotFound` and `NotWaiting`."""
    asking = own(caller, task_id)
    conversation = asking.conversation
    before = conversation.last_seq
    message = MessageIn(text=text, answer_to=str(asking.pk))
    plan = submit_message(conversation, message, user=caller.user, now=timezone.now())
    return Followed(
        user_id=caller.user.pk,
        plan_id=plan.pk,
        conversation_id=conversation.pk,
        thread_id=plan.thread_id,
        after_seq=before,
    )


def conversations(caller: Caller) -> list[dict[str, Any]]:
    """The person's newest conversations, each with the address of its transcript."""
    found = Conversation.objects.for_user(caller.user).order_by("-updated_at")[:LISTED]
    return [{"uri": f"valuecell://conversations/{row.pk}", "title": row.title, "status": row.status} for row in found]


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
