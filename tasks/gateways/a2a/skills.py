"""What is answered at once, by one message: lists, results and cancels. Synchronously, in a thread."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from a2a.types import a2a_pb2
from google.protobuf.json_format import ParseDict

from conversations.ids import new_id
from tasks import schedules
from tasks.gateways.a2a import works
from tasks.gateways.a2a.asked import Asked, ListIn, Skill
from tasks.gateways.caller import Caller
from tasks.models import Task, TaskRun
from tasks.schemas.outputs import run_out, task_out
from tasks.services import TaskService
from tasks.states import RunStatus


def answer(caller: Caller, asked: Asked, *, now: datetime) -> a2a_pb2.Message:
    """The answer, in words and as data. Raises `TaskNotFoundError` and `TaskNotCancelableError`."""
    match asked.skill:
        case Skill.LIST:
            text, data = _list(caller, asked.listing or ListIn())
        case Skill.RESULTS:
            text, data = _results(caller, asked)
        case _:
            text, data = _cancel(caller, asked, now=now)
    said = a2a_pb2.Message(message_id=str(new_id()), role=a2a_pb2.Role.ROLE_AGENT, context_id=asked.context_id)
    said.parts.append(a2a_pb2.Part(text=text))
    said.parts.append(ParseDict({"data": data, "mediaType": "application/json"}, a2a_pb2.Part()))
    return said


def _list(caller: Caller, wanted: ListIn) -> tuple[str, Any]:
    tasks = TaskService.list_tasks(
        user=caller.user, status=wanted.status, phase=wanted.phase, agent_name=wanted.agent_name, limit=wanted.limit
    )
    lines = [_line(task) for task in tasks] or ["There are no such tasks."]
    return "\n".join(lines), {"skill": Skill.LIST, "tasks": [dict(task_out(task)) for task in tasks]}


def _line(task: Task) -> str:
    phase = getattr(task, "phase")  # noqa: B009 (an annotation)
    when = f", {schedules.describe(task.schedule)}" if task.recurring else ""
    return f"* {task.title} ({task.agent_name}, {str(phase).replace('_', ' ')}{when}): {task.pk}"


def _results(caller: Caller, asked: Asked) -> tuple[str, Any]:
    work = works.find(caller, asked.task_id)
    runs = TaskRun.objects.filter(task__in=[task.pk for task in work.tasks])
    # Not the records of slots in which nothing ran.
    ran = runs.exclude(status__in=[RunStatus.SKIPPED, RunStatus.MISSED])
    newest = list(ran.order_by("-pk")[: asked.limit])
    return _told(newest), {"skill": Skill.RESULTS, "task_id": asked.task_id, "runs": [dict(run_out(r)) for r in newest]}


def _told(runs: Sequence[TaskRun]) -> str:
    if not runs:
        return "It has not run yet."
    parts = []
    for run in runs:
        said = run.result or run.error or "No output."
        parts.append(f"**{run.scheduled_for.isoformat()}, {run.status}**\n\n{said}")
    return "\n\n".join(parts)


def _cancel(caller: Caller, asked: Asked, *, now: datetime) -> tuple[str, Any]:
    work = works.cancel(caller, asked.task_id, now=now)
    names = ", ".join(f"“{task.title}”" for task in work.tasks) or f"“{work.plan}”"
    return f"Cancelled: {names}.", {"skill": Skill.CANCEL, "task_id": asked.task_id, "status": str(work.status)}
