"""Remote tasks, as A2A's clients know them: each is one of our plans, found, begun, shown and cancelled.
Synchronously, in a thread.

A plan of one task goes by that task's id, any other by its own; either id of the first kind finds it. One task of a
plan of several is found by its own id too, and then it alone is meant.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from a2a.types import a2a_pb2
from a2a.utils.errors import TaskNotCancelableError, TaskNotFoundError, UnsupportedOperationError
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet

from conversations import feed
from conversations.events import Envelope
from conversations.models import ConversationItem
from tasks import schedules
from tasks.errors import AlreadyFinished
from tasks.gateways.a2a import contexts
from tasks.gateways.a2a.asked import Asked
from tasks.gateways.a2a.errors import invalid
from tasks.gateways.a2a.telling import Telling, status
from tasks.gateways.caller import Caller
from tasks.gateways.following import Followed, submit_now
from tasks.gateways.standing import Standing, outcome, standing
from tasks.models import ExecutionPlan, Task
from tasks.services import TaskService
from tasks.states import TASK_ENDED, TASK_UNFINISHED, Pattern, Phase, PlanStatus

State = a2a_pb2.TaskState
STATES = {
    PlanStatus.PENDING: State.TASK_STATE_SUBMITTED,
    PlanStatus.RUNNING: State.TASK_STATE_WORKING,
    PlanStatus.WAITING_INPUT: State.TASK_STATE_INPUT_REQUIRED,
    PlanStatus.COMPLETED: State.TASK_STATE_COMPLETED,
    PlanStatus.FAILED: State.TASK_STATE_FAILED,
    PlanStatus.CANCELLED: State.TASK_STATE_CANCELED,
}
TERMINAL = frozenset({PlanStatus.COMPLETED, PlanStatus.FAILED, PlanStatus.CANCELLED})
ITEMS_MOST = 500
"""Items of a plan that are shown, the newest: a schedule may have any number."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """A plan, or one task of it, under the id by which it was asked for."""

    id: UUID
    plan: ExecutionPlan
    tasks: tuple[Task, ...]
    """Those that are meant, in the plan's order, with their phases."""
    whole: bool

    @property
    def status(self) -> PlanStatus:
        """What it is. A task's statuses are a plan's by name."""
        return self.plan.status if self.whole else PlanStatus(self.tasks[0].status)

    @property
    def changed_at(self) -> datetime:
        """When it last changed."""
        return max((task.updated_at for task in self.tasks), default=self.plan.created_at)

    @property
    def followed(self) -> Followed:
        """What to follow, from its beginning."""
        plan = self.plan
        return Followed(
            user_id=plan.user_id,
            plan_id=plan.pk,
            conversation_id=plan.conversation_id,
            thread_id=plan.thread_id,
            after_seq=0,
        )

    @property
    def context_id(self) -> str:
        """Its conversation, by the name that a client gave to it, or its id."""
        return getattr(self.plan, "context", None) or str(self.plan.conversation_id)

    def telling(self) -> Telling:
        """A new reading of its transcript."""
        return Telling(task_id=str(self.id), context_id=self.context_id)


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What a message began, or went on with."""

    task_id: str
    followed: Followed


def find(caller: Caller, task_id: str) -> Work:
    """The caller's work. Raises `TaskNotFoundError`, also for what is no id and for somebody else's."""
    try:
        wanted = UUID(task_id)
    except ValueError:
        raise _not_found() from None
    plans = plans_of(caller)
    plan = plans.filter(pk=wanted).first() or plans.filter(tasks=wanted).first()
    if plan is None:
        raise _not_found()
    return work_of(plan, tasks_of([plan.pk]), asked_for=wanted)


def begin(caller: Caller, asked: Asked, *, now: datetime) -> Begun:
    """Give a message as its person would. Raises what `submit_now` raises, and A2A's errors for wrong ids."""
    assert asked.message is not None  # noqa: S101  (of whoever asks for work)
    if asked.answers:
        return _answer(caller, asked, now=now)
    try:
        followed = _submitted(caller, asked, now=now)
    except IntegrityError:
        # The same new name came twice at one moment, and the other was faster: what this one began is undone.
        followed = _submitted(caller, asked, now=now)
    plan = plans_of(caller).get(pk=followed.plan_id)
    return Begun(task_id=str(_id_of(plan, tasks_of([plan.pk]))), followed=followed)


def _submitted(caller: Caller, asked: Asked, *, now: datetime) -> Followed:
    assert asked.message is not None  # noqa: S101
    conversation_id = contexts.meant(caller, asked.context_id)
    with transaction.atomic():
        followed = submit_now(caller, asked.message, now=now, conversation_id=conversation_id)
        if conversation_id is None:
            contexts.remember(caller, asked.context_id, followed.conversation_id, now=now)
    return followed


def _answer(caller: Caller, asked: Asked, *, now: datetime) -> Begun:
    work = find(caller, asked.answers)
    if asked.context_id and contexts.found(caller, asked.context_id) != work.plan.conversation_id:
        told = "The task belongs to another context: leave contextId out, or send the task's."
        raise invalid(told, [("message.contextId", told)])
    if work.status != PlanStatus.WAITING_INPUT:
        raise UnsupportedOperationError(
            f"This task asks nothing: it is {work.status}. Leave taskId out to ask for something new in its context."
        )
    asked_by = outcome(work.plan.pk, user_id=caller.user.pk).asked_by if work.whole else work.tasks[0].pk
    assert asked.message is not None  # noqa: S101
    message = asked.message.model_copy(update={"answer_to": str(asked_by or work.plan.pk), "new_plan": False})
    followed = submit_now(caller, message, now=now, conversation_id=work.plan.conversation_id)
    return Begun(task_id=str(work.id), followed=followed)


def show(caller: Caller, task_id: str, *, history: int | None = None) -> a2a_pb2.Task:
    """The work as it is now, whole. `history`: how many of the newest messages; None: all. Raises
    `TaskNotFoundError`.
    """
    return told(caller, task_id, history=history)[0]


def told(caller: Caller, task_id: str, *, history: int | None = None) -> tuple[a2a_pb2.Task, Telling]:
    """The same, with the telling that took what is shown, so that whoever goes on with it says nothing twice."""
    work = find(caller, task_id)
    telling = work.telling()
    telling.take_all(_transcript(work))
    return shown(work, telling, history=history), telling


def cancel(caller: Caller, task_id: str, *, now: datetime) -> Work:
    """Stop it for good. Raises `TaskNotFoundError`, and `TaskNotCancelableError` for what has ended."""
    work = find(caller, task_id)
    if work.status in TERMINAL:
        raise TaskNotCancelableError(f"There is nothing left to cancel: it is {work.status}.")
    unfinished = [task for task in work.tasks if task.status in TASK_UNFINISHED]
    try:
        if len(unfinished) == 1 and not work.plan.question:
            # One task's transcript says so at once; those of many follow within seconds.
            TaskService.cancel(unfinished[0].pk, actor=caller.user, now=now)
        else:
            TaskService.cancel_plan(work.plan.pk, actor=caller.user, now=now)
    except AlreadyFinished as error:
        raise TaskNotCancelableError(error.message) from None
    return find(caller, task_id)


def standing_of(followed: Followed) -> Standing:
    """How far what is followed is."""
    return standing(followed.plan_id, user_id=followed.user_id)


def titled(caller: Caller, title: str) -> str:
    """The id of the one unfinished task that has this title; empty where none has, or several have."""
    found = Task.objects.for_user(caller.user).unfinished().filter(title__iexact=title, conversation__delete_at=None)
    ids = list(found.values_list("pk", flat=True)[:2])
    return str(ids[0]) if len(ids) == 1 else ""


def _not_found() -> TaskNotFoundError:
    return TaskNotFoundError("Task not found: you have none with this id.")


def plans_of(caller: Caller) -> "QuerySet[ExecutionPlan]":
    """The caller's plans, without those of conversations that are about to be deleted; `context` is a client's name."""
    plans = ExecutionPlan.objects.filter(user=caller.user, conversation__delete_at=None)
    return plans.annotate(context=F("conversation__remote_context__name"))


def tasks_of(plan_ids: Collection[UUID]) -> list[Task]:
    """The tasks of these plans, in their order, with their phases."""
    return list(Task.objects.with_phase().filter(plan__in=plan_ids).order_by("place"))


def _id_of(plan: ExecutionPlan, tasks: list[Task]) -> UUID:
    """By which id a plan goes. One that asked before it had tasks went by its own already, and keeps it."""
    if len(tasks) == 1 and tasks[0].created_at == plan.created_at:
        return tasks[0].pk
    return plan.pk


def work_of(plan: ExecutionPlan, tasks: list[Task], *, asked_for: UUID | None = None) -> Work:
    """The work of a plan and its tasks; `asked_for`: the id by which it was found."""
    plan._prefetched_objects_cache = {"tasks": tasks}  # type: ignore[attr-defined]
    meant = [task for task in tasks if task.pk == asked_for] if len(tasks) > 1 else []
    return Work(id=asked_for or _id_of(plan, tasks), plan=plan, tasks=tuple(meant or tasks), whole=not meant)


def items_of(works: Iterable[Work]) -> "QuerySet[ConversationItem]":
    """What the transcripts say of them."""
    wanted = Q(pk__in=[])
    for work in works:
        if work.whole:
            wanted |= Q(conversation_id=work.plan.conversation_id, thread_id=work.plan.thread_id)
        else:
            wanted |= Q(conversation_id=work.plan.conversation_id, task_id=work.tasks[0].pk)
    return ConversationItem.objects.filter(wanted)


def _transcript(work: Work) -> list[Envelope]:
    items = feed.with_tail(items_of([work])).order_by("-position")[:ITEMS_MOST]
    return [feed.item_envelope(item) for item in reversed(items)]


def shown(work: Work, telling: Telling, *, history: int | None, artifacts: bool = True) -> a2a_pb2.Task:
    """The work as `telling` has read it; `history`: how many of the newest messages, None: all."""
    made = a2a_pb2.Task(id=str(work.id), context_id=work.context_id, status=status_of(work, telling))
    if artifacts:
        made.artifacts.extend(telling.artifacts())
    messages = telling.history()
    made.history.extend(messages if history is None else messages[max(0, len(messages) - history) :])
    made.metadata.update(_metadata(work))
    return made


def status_of(work: Work, telling: Telling) -> a2a_pb2.TaskStatus:
    """Its state, with the words that belong to it: the question, why it failed, when it comes again."""
    text, moment = _words(work, telling), work.changed_at
    message = telling.message(f"{work.id}:{work.status}", text) if text else None
    return status(STATES[work.status], at=moment, message=message)


def _words(work: Work, telling: Telling) -> str:
    if work.status == PlanStatus.WAITING_INPUT:
        return work.plan.question or telling.question() or "It waits for your answer."
    if work.status == PlanStatus.FAILED:
        return "\n\n".join(task.error_message for task in work.tasks if task.error_message) or "It failed."
    if work.status in TERMINAL:
        return ""
    return "\n".join(_when(task) for task in work.tasks if _planned(task))


def _planned(task: Task) -> bool:
    """Whether its schedule says when it runs next."""
    if task.status in TASK_ENDED:
        return False
    return task.pattern == Pattern.RECURRING or getattr(task, "phase") == Phase.SCHEDULED  # noqa: B009 (an annotation)


def _when(task: Task) -> str:
    summary = schedules.describe(task.schedule)
    if task.paused_at is not None:
        return f"“{task.title}” rests ({task.paused_reason or 'manual'}). {summary}"
    if task.next_run_at is None:
        return f"“{task.title}”: {summary}"
    return f"“{task.title}”: {summary}. Next: {task.next_run_at.astimezone(ZoneInfo(task.timezone)).isoformat()}"


def _metadata(work: Work) -> dict[str, Any]:
    return {
        "plan_id": str(work.plan.pk),
        "tasks": [
            {
                "task_id": str(task.pk),
                "title": task.title,
                "agent_name": task.agent_name,
                "status": str(task.status),
                "phase": str(getattr(task, "phase")),  # noqa: B009 (an annotation)
                "pattern": str(task.pattern),
            }
            for task in work.tasks
        ],
    }
