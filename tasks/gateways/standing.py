"""How far a plan is: whether there is anything to wait for, what it asks, and in the end what came of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from conversations.events import Event
from conversations.models import Conversation, ConversationItem
from tasks.errors import NotFound
from tasks.models import ExecutionPlan, Task, TaskRun
from tasks.states import TASK_UNFINISHED, Pattern, Phase, PlanStatus, RunStatus, TaskStatus


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A plan at one moment."""

    status: PlanStatus
    settled: bool
    """Nothing of it goes on by itself: it has ended, asks something, rests, or comes again by its schedule."""
    last_seq: int
    """Its conversation's counter, read before the rest: what is newer was not looked at."""
    task_ids: tuple[UUID, ...]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a plan, as far as it is."""

    plan_id: UUID
    conversation_id: UUID
    status: PlanStatus
    settled: bool
    task_ids: tuple[UUID, ...] = ()
    scheduled: bool = False
    """One of its tasks comes again by a schedule, so that it does not end by itself."""
    question: str = ""
    """What it asks the person, while its status is `waiting_input`."""
    asked_by: UUID | None = None
    """Whom an answer is for: the task that asks, or the plan where the planner does."""
    result: str = ""
    """What its once tasks answered, one paragraph a task."""
    error: str = ""
    """Why what failed did."""
    usage: dict[str, Any] = field(default_factory=dict)
    """The sum of what its runs used, as far as their agents say: `input_tokens`, `output_tokens`."""


def standing(plan_id: UUID, *, user_id: int, schedules: bool = False) -> Standing:
    """How far the plan is; with `schedules` it is not settled while one of them goes on. Four statements. Raises
    NotFound for one that is gone or somebody else's.

    The counter is read last: what made the plan what it is was committed before, so its words are within it.
    """
    plan = _plan(plan_id, user_id)
    tasks = _tasks(plan)
    settled = _settled(plan, tasks) and not (schedules and _comes_again(tasks))
    last_seq = Conversation.objects.filter(pk=plan.conversation_id).values_list("last_seq", flat=True).first()
    if last_seq is None:
        raise NotFound("Its conversation was deleted.")
    return Standing(
        status=plan.status,
        settled=settled,
        last_seq=last_seq,
        task_ids=tuple(task.pk for task in tasks),
    )


def outcome(plan_id: UUID, *, user_id: int) -> Outcome:
    """What came of the plan. Raises NotFound for one that is gone or somebody else's."""
    plan = _plan(plan_id, user_id)
    tasks = _tasks(plan)
    latest = _latest_runs(tasks)
    asking = next((task for task in tasks if task.status == TaskStatus.WAITING_INPUT), None)
    question, asked_by = plan.question, plan.pk if plan.question else None
    if not question and asking is not None:
        question, asked_by = _question_of(latest.get(asking.pk), asking), asking.pk
    once = [task for task in tasks if task.pattern == Pattern.ONCE]
    results = [latest[task.pk].result for task in once if task.pk in latest and latest[task.pk].result]
    return Outcome(
        plan_id=plan.pk,
        conversation_id=plan.conversation_id,
        status=plan.status,
        settled=_settled(plan, tasks),
        task_ids=tuple(task.pk for task in tasks),
        scheduled=any(task.pattern == Pattern.RECURRING for task in tasks),
        question=question,
        asked_by=asked_by,
        result="\n\n".join(results),
        error="\n\n".join(task.error_message for task in tasks if task.error_message),
        usage=_usage(tasks),
    )


def _plan(plan_id: UUID, user_id: int) -> ExecutionPlan:
    plan = ExecutionPlan.objects.select_related("conversation").filter(pk=plan_id, user=user_id).first()
    if plan is None:
        raise NotFound("There is no such plan any more: it was deleted.")
    return plan


def _tasks(plan: ExecutionPlan) -> list[Task]:
    tasks = list(Task.objects.with_phase().filter(plan=plan).order_by("place"))
    # The plan's status is what its tasks add up to: those that were just read, and no others.
    plan._prefetched_objects_cache = {"tasks": tasks}  # type: ignore[attr-defined]
    return tasks


def _settled(plan: ExecutionPlan, tasks: Sequence[Task]) -> bool:
    if plan.question or not tasks:
        return True
    # A schedule is not waited for: it goes on for ever.
    phases = {getattr(task, "phase") for task in tasks if task.pattern == Pattern.ONCE}  # noqa: B009 (an annotation)
    if Phase.RUNNING in phases:
        return False
    # What comes behind a parked task is queued, and moves only when the question is answered.
    return Phase.QUEUED not in phases or any(task.status == TaskStatus.WAITING_INPUT for task in tasks)


def _comes_again(tasks: Sequence[Task]) -> bool:
    return any(task.pattern == Pattern.RECURRING and task.status in TASK_UNFINISHED for task in tasks)


def _latest_runs(tasks: Iterable[Task]) -> dict[UUID, TaskRun]:
    """Of each task the newest run that was one: not the record of a slot that nothing ran in."""
    ran = TaskRun.objects.filter(task__in=[task.pk for task in tasks]).exclude(
        status__in=[RunStatus.SKIPPED, RunStatus.MISSED]
    )
    return {run.task_id: run for run in ran.order_by("pk")}


def _question_of(run: TaskRun | None, task: Task) -> str:
    if run is not None:
        asked = ConversationItem.objects.filter(run_id=run.pk, event=Event.PLAN_REQUIRE_USER_INPUT)
        if (item := asked.order_by("-position").first()) is not None:
            return str(item.payload.get("content") or "")
    return f"{task.agent_name} waits for your answer."


def _usage(tasks: Iterable[Task]) -> dict[str, Any]:
    total: dict[str, Any] = {}
    runs = TaskRun.objects.filter(task__in=[task.pk for task in tasks], usage__isnull=False)
    for usage in runs.values_list("usage", flat=True):
        for name in ("input_tokens", "output_tokens"):
            if isinstance(figure := (usage or {}).get(name), int):
                total[name] = total.get(name, 0) + figure
    return total
