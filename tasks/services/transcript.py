"""What a task says about itself in its conversation: its controller, its results, how it ended. Builds changes only."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from conversations.changes import Change, Close, Pass, Put, Scope, item_key
from conversations.events import ComponentType, Event, Role
from conversations.ids import new_id
from conversations.models import ConversationItem
from tasks.models import ExecutionPlan, Task, TaskRun

NO_OUTPUT = "Task completed without output."
"""ValueCell's words for a scheduled run that ended well and said nothing."""
CUT = "ERROR: stopped before it ended"
"""The result of a call that was not over when its run was stopped."""
WITHDRAWN = "Cancelled: the question above needs no answer any more."


def task_scope(task: Task, run: TaskRun | None = None, *, role: Role = Role.AGENT) -> Scope:
    """The place in the transcript of what `task` (in `run`) says."""
    return Scope(
        conversation_id=run.conversation_id if run is not None else task.conversation_id,
        role=role,
        agent_name=task.agent_name,
        thread_id=task.thread_id,
        task_id=task.id,
        run_id=run.id if run is not None else None,
    )


def component(
    scope: Scope,
    kind: ComponentType,
    content: dict[str, Any],
    *,
    key: str = "",
    metadata: dict[str, Any] | None = None,
) -> Put:
    """A component item; its content is a JSON string, as ValueCell's pages read it."""
    payload = {"component_type": kind.value, "content": json.dumps(content, ensure_ascii=False)}
    return Put(
        scope=scope,
        item_id=new_id(),
        event=Event.COMPONENT_GENERATOR,
        payload=payload,
        metadata=metadata or {},
        key=key,
    )


def controller_key(task_id: UUID) -> str:
    """The key of the item that shows and controls a scheduled task."""
    return item_key("controller", task_id)


def controller(task: Task) -> Put:
    """The `scheduled_task_controller` item of a recurring task, as its status is now."""
    return component(
        task_scope(task),
        ComponentType.SCHEDULED_TASK_CONTROLLER,
        {"task_id": str(task.id), "task_title": task.title, "task_status": str(task.status)},
        key=controller_key(task.id),
        metadata={"task_title": task.title},
    )


def controller_item_ids(tasks: Iterable[Task]) -> list[UUID]:
    """The ids of the controller items of `tasks` that exist."""
    keys = {controller_key(task.id): task.conversation_id for task in tasks}
    found = ConversationItem.objects.filter(conversation__in=set(keys.values()), key__in=list(keys))
    return list(found.values_list("id", flat=True))


def thread_started(
    *,
    conversation_id: UUID,
    thread_id: UUID,
    text: str,
    task_id: UUID | None = None,
    files: Sequence[Mapping[str, Any]] = (),
) -> Put:
    """What the person typed, as the item that opens a thread, with the `files` sent along: name, media_type, size."""
    scope = Scope(conversation_id=conversation_id, role=Role.USER, thread_id=thread_id, task_id=task_id)
    payload = {"content": text, **({"files": list(files)} if files else {})}
    return Put(scope=scope, item_id=new_id(), event=Event.THREAD_STARTED, payload=payload)


def subagent(plan: ExecutionPlan, task: Task, phase: str) -> Put:
    """In the plan's conversation, the card of a task that runs in a conversation of its own; `end` replaces `start`."""
    scope = Scope(
        conversation_id=plan.conversation_id,
        role=Role.AGENT,
        agent_name=task.agent_name,
        thread_id=plan.thread_id,
        task_id=task.id,
    )
    return component(
        scope,
        ComponentType.SUBAGENT_CONVERSATION,
        {"conversation_id": str(task.conversation_id), "agent_name": task.agent_name, "phase": phase},
        key=item_key("subagent", task.id),
    )


def failed(task: Task, run: TaskRun | None, reason: str) -> Put:
    """The item that says why a run (or a task that never ran) failed."""
    return _said(task, run, Event.TASK_FAILED, reason)


def cancelled(task: Task, run: TaskRun | None, reason: str = "") -> Put:
    """The item that says that a run or task was stopped."""
    return _said(task, run, Event.TASK_CANCELLED, reason or "Cancelled.")


def cut(runs: Iterable[TaskRun]) -> list[Change]:
    """What runs that others ended had begun to say, closed as it is: their workers may not write any more, or are dead.

    One query for any number of runs. Text stays as far as it came, reasoning is completed, a call gets a result.
    """
    ids = [run.pk for run in runs if run.started_at is not None]
    if not ids:
        return []
    growing = Q(event__in=[Event.REASONING_STARTED, Event.REASONING, Event.TOOL_CALL_STARTED]) | Q(tail__isnull=False)
    items = ConversationItem.objects.filter(growing, run_id__in=ids).distinct().order_by("position")
    changes: list[Change] = []
    for item in items.prefetch_related("tail"):
        scope = Scope(
            conversation_id=item.conversation_id,
            role=Role(item.role),
            agent_name=item.agent_name,
            thread_id=item.thread_id,
            task_id=item.task_id,
            run_id=item.run_id,
        )
        content = str(item.payload.get("content") or "") + "".join(piece.text for piece in item.tail.all())
        closed, payload = Event(item.event), {**item.payload, "content": content}
        if item.event == Event.TOOL_CALL_STARTED:
            closed = Event.TOOL_CALL_COMPLETED
            payload = {**item.payload, "tool_result": item.payload.get("tool_result") or CUT}
        elif item.event in (Event.REASONING_STARTED, Event.REASONING):
            closed = Event.REASONING_COMPLETED
        else:
            changes.append(Close(scope=scope, item_id=item.pk, content=content))
            continue
        changes.append(
            Put(scope=scope, item_id=item.pk, event=closed, payload=payload, metadata=item.metadata, key=item.key or "")
        )
    return changes


def notice(task: Task, text: str) -> Put:
    """What the system has to tell the task's owner."""
    return _said(task, None, Event.MESSAGE, text)


def question(task: Task, run: TaskRun, text: str) -> Put:
    """The agent's question, as the item that asks for the person's input."""
    return _said(task, run, Event.PLAN_REQUIRE_USER_INPUT, text)


def withdrawn(plan: ExecutionPlan) -> Put:
    """The item that says that the planner's question needs no answer any more. The plan has no task to name."""
    scope = Scope(conversation_id=plan.conversation_id, role=Role.SYSTEM, thread_id=plan.thread_id)
    return Put(
        scope=scope,
        item_id=new_id(),
        event=Event.TASK_CANCELLED,
        payload={"content": WITHDRAWN},
        metadata={"plan_id": str(plan.pk)},
    )


def result(task: Task, run: TaskRun, text: str, *, now: datetime) -> Put:
    """The `scheduled_task_result` item of a recurring task's run."""
    return component(
        task_scope(task, run),
        ComponentType.SCHEDULED_TASK_RESULT,
        {"result": text if text.strip() else NO_OUTPUT, "create_time": f"{now.astimezone(UTC):%Y-%m-%d %H:%M:%S}"},
        key=item_key("result", run.id),
        metadata={"task_title": task.title, **({"unchanged": True} if run.unchanged else {})},
    )


def passing(task: Task, run: TaskRun | None, *events: Event) -> list[Change]:
    """Events that are pushed and not stored."""
    scope = task_scope(task, run, role=Role.SYSTEM)
    return [Pass(scope=scope, event=event) for event in events]


def ending(tasks: Sequence[Task]) -> list[Change]:
    """What the plans' conversations show when these tasks have ended: handed-off ones close their card."""
    changes: list[Change] = []
    for task in tasks:
        if task.handoff_from_super_agent:
            changes.append(subagent(task.plan, task, "end"))
        changes.extend(passing(task, None, Event.DONE))
    return changes


def _said(task: Task, run: TaskRun | None, event: Event, text: str) -> Put:
    scope = task_scope(task, run, role=Role.SYSTEM if event != Event.PLAN_REQUIRE_USER_INPUT else Role.AGENT)
    return Put(scope=scope, item_id=new_id(), event=event, payload={"content": text})
