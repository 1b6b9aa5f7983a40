"""What stands around every page: the side's conversations and counts; and what several pages ask for."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict, cast
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import BooleanField, Exists, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest

from conversations.models import Conversation
from conversations.schemas import moment, moment_or_none
from tasks.models import Agent, Task, TaskRun
from tasks.schemas.outputs import task_out
from tasks.services import TaskService
from tasks.states import TASK_UNFINISHED, Pattern, RunStatus

PINNED = 50
"""Pinned conversations that the list shows above the others."""
COUNTED_UNREAD = 100
"""Conversations with something new that the browser's title counts."""
RECENT = 14
"""Conversations in the side."""
MOST_COUNTED = 999
"""Beyond this a count says nothing more to a person, and only costs."""
STRIP = 16
"""Runs in the strip of a task."""
PICKER_PROMPTS = 3
"""Sample prompts of an agent that a page offers."""


class Frame(TypedDict):
    """The side."""

    pinned: list[Conversation]
    recent: list[Conversation]
    unread: list[str]
    unfinished: str
    agents: int


def person(request: HttpRequest) -> User:
    """The signed-in user (the views are behind `login_required`)."""
    return cast(User, request.user)


def frame(request: HttpRequest, here: str) -> dict[str, Any]:
    """The context of `page.html`: `here` names the place in the navigation. Six queries."""
    user = person(request)
    unfinished = Task.objects.for_user(user).unfinished()[: MOST_COUNTED + 1].count()
    there = Conversation.objects.for_user(user).filter(archived_at=None)
    pinned = list(with_state(there.filter(pinned_at__isnull=False)).order_by("-pinned_at")[:PINNED])
    others = list(with_state(there.filter(pinned_at=None))[:RECENT])
    content: Frame = {
        "pinned": pinned,
        "recent": [*pinned, *others][:RECENT],
        "unread": [str(pk) for pk in there.unread().values_list("pk", flat=True)[:COUNTED_UNREAD]],
        "unfinished": f"{MOST_COUNTED}+" if unfinished > MOST_COUNTED else str(unfinished or ""),
        "agents": Agent.objects.enabled().count(),
    }
    return {"frame": content, "here": here, "held": TaskService.held()}


def with_state(conversations: QuerySet[Conversation]) -> QuerySet[Conversation]:
    """Annotate `live` (an agent works in it now) and `planned` (a schedule of it goes on)."""
    active = TaskRun.objects.filter(conversation=OuterRef("pk"), status__in=[RunStatus.QUEUED, RunStatus.RUNNING])
    planned = Task.objects.filter(
        conversation=OuterRef("pk"), pattern=Pattern.RECURRING, status__in=TASK_UNFINISHED, paused_at=None
    )
    return conversations.annotate(
        live=Exists(active, output_field=BooleanField()), planned=Exists(planned, output_field=BooleanField())
    )


def offered_agents() -> list[dict[str, Any]]:
    """The agents that the composer's picker offers, with some of their sample prompts. One query."""
    return [
        {
            "name": agent.name,
            "display_name": agent.display_name or agent.name,
            "description": agent.description,
            "prompts": prompts(agent),
            "input_modes": agent.input_modes,
        }
        for agent in Agent.objects.offered()
    ]


def prompts(agent: Agent) -> list[str]:
    """Sample prompts from the card's skills: texts only, whatever else a card may hold there."""
    found: list[str] = []
    for skill in agent.skills:
        examples = skill.get("examples")
        found += [text for text in examples if isinstance(text, str)] if isinstance(examples, list) else []
    return found[:PICKER_PROMPTS]


def with_nth_run(tasks: QuerySet[Task], n: int = STRIP) -> QuerySet[Task]:
    """Annotate `nth_run`, the id of the n-th newest run: what `last_runs` reads each task's runs down to.

    A window over all runs of the page's tasks would read every run that they ever had.
    """
    newest = TaskRun.objects.filter(task=OuterRef("pk")).order_by("-id").values("id")
    return tasks.annotate(nth_run=Subquery(newest[n - 1 : n]))


def last_runs(tasks: Iterable[Task]) -> Mapping[UUID, list[TaskRun]]:
    """The newest runs of tasks that carry `nth_run`, newest first, without their long texts. One query."""
    wanted = Q()
    for task in tasks:
        nth: UUID | None = task.nth_run  # type: ignore[attr-defined]
        wanted |= Q(task=task.pk) if nth is None else Q(task=task.pk, id__gte=nth)
    runs: dict[UUID, list[TaskRun]] = defaultdict(list)
    if wanted:
        long_texts = ("input", "answer", "result", "error", "usage")
        for run in TaskRun.objects.filter(wanted).order_by("-id").defer(*long_texts):
            runs[run.task_id].append(run)
    return runs


def entry(task: Task, runs: Sequence[TaskRun]) -> dict[str, Any]:
    """A task and its last runs as the page's task store takes them (the runs without their long texts)."""
    return {"task": task_out(task), "runs": [_brief(run) for run in runs]}


def _brief(run: TaskRun) -> dict[str, Any]:
    return {
        "id": str(run.id),
        "task_id": str(run.task_id),
        "trigger": str(run.trigger),
        "status": str(run.status),
        "scheduled_for": moment(run.scheduled_for),
        "started_at": moment_or_none(run.started_at),
        "finished_at": moment_or_none(run.finished_at),
        "attempt": run.attempt,
    }
