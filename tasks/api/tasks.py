"""Tasks by the JSON API: list, make, change, stop, and start by hand."""

from typing import Annotated, Literal

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Router
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from conversations.described import described
from conversations.wire import (
    Instant,
    Invalid,
    PageQuery,
    answer,
    cursor_id,
    cursor_of,
    optional_id,
    page,
    person,
    read_body,
    read_nothing,
    read_query,
)
from tasks import requests
from tasks.api.owned import named_conversation, own_task
from tasks.api.whole import read_task
from tasks.models import Task, TaskRun, TaskTransition
from tasks.schemas.inputs import Line, TaskIn, TaskPatch, Text
from tasks.schemas.outputs import (
    CancelledOut,
    RunOut,
    RunPage,
    TaskOut,
    TaskPage,
    TransitionPage,
    run_out,
    task_out,
    transition_out,
)
from tasks.services import TaskService

router = Router(tags=["tasks"])


def _with_plus(value: object) -> object:
    """In a query string a bare `+` means a space; before an offset nothing else can be meant."""
    if isinstance(value, str) and len(value) > 6 and value[-6] == " " and value[-3] == ":":
        return f"{value[:-6]}+{value[-5:]}"
    return value


Since = Annotated[Instant, BeforeValidator(_with_plus)]
Filter = Annotated[str, Field(max_length=200)]


class TasksFilter(BaseModel):
    """Which tasks are meant: those that fit every key."""

    model_config = ConfigDict(extra="forbid")

    conversation_id: Filter | None = None
    status: Literal["pending", "running", "waiting_input", "completed", "failed", "cancelled"] | None = None
    phase: (
        Literal["scheduled", "queued", "running", "waiting_input", "paused", "completed", "failed", "cancelled"] | None
    ) = None
    agent_name: Filter | None = None
    pattern: Literal["once", "recurring"] | None = None
    q: Filter | None = Field(default=None, description="Words in the title or the request.")
    created_after: Since | None = None
    created_before: Since | None = None


class TasksQuery(PageQuery, TasksFilter):
    """`GET /tasks`."""


class TaskAloneIn(TaskIn):
    """`POST /tasks`: a task that names its conversation."""

    conversation_id: Line  # required here, optional in a plan


class PauseIn(BaseModel):
    """`POST /tasks/{id}/pause`."""

    model_config = ConfigDict(extra="forbid")

    until: Instant | None = None
    reason: Annotated[str, Field(max_length=500)] | None = None


class BackfillIn(BaseModel):
    """`POST /tasks/{id}/backfill`: both ends count."""

    model_config = ConfigDict(extra="forbid", validate_by_name=False)

    begin: Annotated[Instant, Field(alias="from")]
    end: Annotated[Instant, Field(alias="to")]


class RunList(BaseModel):
    """The runs that were made."""

    items: list[RunOut]


class TriggerIn(BaseModel):
    """`POST /tasks/{id}/trigger`: another text, for this run only."""

    model_config = ConfigDict(extra="forbid")

    query: Text | None = None


class RunAgainIn(TriggerIn):
    """`POST /tasks/{id}/run-again`: which run's slot and text to take; without it the latest one's."""

    run_id: Line | None = None


@router.get("", response={200: TaskPage}, openapi_extra=described(query=TasksQuery))
def list_tasks(request: HttpRequest) -> JsonResponse:
    """The person's tasks, newest first."""
    query = read_query(request, TasksQuery)
    before = cursor_id(query.cursor, "tasks")
    conversation_id = optional_id(query.conversation_id)
    if query.conversation_id is not None and conversation_id is None:
        return answer({"items": [], "next_cursor": None})
    rows = TaskService.list_tasks(
        user=person(request),
        conversation_id=conversation_id,
        status=query.status,
        phase=query.phase,
        agent_name=query.agent_name,
        pattern=query.pattern,
        q=query.q,
        created_after=query.created_after,
        created_before=query.created_before,
        before_id=before,
        limit=query.limit + 1,
    )
    return page(rows, query.limit, show=task_out, cursor=lambda task: cursor_of("tasks", task.pk))


@router.post("", response={201: TaskOut}, openapi_extra=described(body=TaskAloneIn))
def create_task(request: HttpRequest) -> JsonResponse:
    """Make one task: a plan of one, in the conversation that `conversation_id` names."""
    sent = read_task(request, TaskAloneIn, lambda rest: requests.refusals(rest, now=timezone.now()))
    conversation = named_conversation(request, sent.conversation_id)
    plan = requests.submit_tasks(conversation, [sent], user=person(request), now=timezone.now())
    return answer(task_out(Task.objects.with_phase().get(plan=plan)), 201)


@router.get("/{task_id}", response={200: TaskOut})
def get_task(request: HttpRequest, task_id: str) -> JsonResponse:
    """One task."""
    return answer(task_out(own_task(request, task_id)))


@router.patch("/{task_id}", response={200: TaskOut}, openapi_extra=described(body=TaskPatch))
def update_task(request: HttpRequest, task_id: str) -> JsonResponse:
    """Change what is writable; a schedule is merged key by key, and null removes one."""
    task = own_task(request, task_id)
    sent = read_task(request, TaskPatch, lambda rest: TaskService.refusals(task, rest, now=timezone.now()))
    TaskService.update(task.pk, sent, actor=person(request), now=timezone.now())
    return answer(task_out(own_task(request, task_id)))


@router.post("/{task_id}/cancel", response={200: CancelledOut})
def cancel_task(request: HttpRequest, task_id: str) -> JsonResponse:
    """Stop it for good. Cancelling again is harmless; a completed or failed task is a 409."""
    task = own_task(request, task_id)
    read_nothing(request)
    done = TaskService.cancel(task.pk, actor=person(request), now=timezone.now())
    return answer(
        {
            "task_id": str(done.task_id),
            "success": True,
            "updated_component_ids": [str(item_id) for item_id in done.updated_component_ids],
        }
    )


@router.post("/{task_id}/pause", response={200: TaskOut}, openapi_extra=described(body=PauseIn))
def pause_task(request: HttpRequest, task_id: str) -> JsonResponse:
    """Let it rest, until a moment or until it is resumed."""
    task = own_task(request, task_id)
    sent = read_body(request, PauseIn)
    now = timezone.now()
    if sent.until is not None and sent.until <= now:
        raise Invalid.at("until", "That moment is over: write a later one, or leave it out.")
    TaskService.pause(task.pk, actor=person(request), now=now, until=sent.until, reason=sent.reason or "")
    return answer(task_out(own_task(request, task_id)))


@router.post("/{task_id}/resume", response={200: TaskOut})
def resume_task(request: HttpRequest, task_id: str) -> JsonResponse:
    """Go on from now; what was due meanwhile is not caught up."""
    task = own_task(request, task_id)
    read_nothing(request)
    TaskService.resume(task.pk, actor=person(request), now=timezone.now())
    return answer(task_out(own_task(request, task_id)))


@router.post("/{task_id}/trigger", response={201: RunOut}, openapi_extra=described(body=TriggerIn))
def trigger_task(request: HttpRequest, task_id: str) -> JsonResponse:
    """Run it now, also while it is paused; its schedule stays as it is."""
    task = own_task(request, task_id)
    sent = read_body(request, TriggerIn)
    run = TaskService.trigger(task.pk, actor=person(request), now=timezone.now(), query=sent.query)
    return answer(run_out(run), 201)


@router.post("/{task_id}/run-again", response={201: RunOut}, openapi_extra=described(body=RunAgainIn))
def run_again(request: HttpRequest, task_id: str) -> JsonResponse:
    """Run once more what ran before, with the same text or another; an ended once task goes on with it."""
    task = own_task(request, task_id)
    sent = read_body(request, RunAgainIn)
    run_id = optional_id(sent.run_id)
    if sent.run_id is not None and not (run_id and TaskRun.objects.filter(pk=run_id, task=task).exists()):
        raise Invalid.at("run_id", "This task has no such run: GET /api/v1/tasks/{id}/runs lists them.")
    run = TaskService.run_again(task.pk, actor=person(request), now=timezone.now(), run_id=run_id, query=sent.query)
    return answer(run_out(run), 201)


@router.post("/{task_id}/backfill", response={201: RunList}, openapi_extra=described(body=BackfillIn))
def backfill_task(request: HttpRequest, task_id: str) -> JsonResponse:
    """Make up for a past range: one run for each slot of the schedule in it, one after another."""
    task = own_task(request, task_id)
    sent = read_body(request, BackfillIn)
    runs = TaskService.backfill(task.pk, begin=sent.begin, end=sent.end, actor=person(request), now=timezone.now())
    return answer({"items": [run_out(run) for run in runs]}, 201)


@router.get("/{task_id}/runs", response={200: RunPage}, openapi_extra=described(query=PageQuery))
def list_runs(request: HttpRequest, task_id: str) -> JsonResponse:
    """The task's runs, newest first; a slot that did not run is one too, and says why."""
    task = own_task(request, task_id)
    query = read_query(request, PageQuery)
    runs = TaskRun.objects.filter(task=task).order_by("-id")
    if (before := cursor_id(query.cursor, "runs")) is not None:
        runs = runs.filter(pk__lt=before)
    return page(runs[: query.limit + 1], query.limit, show=run_out, cursor=lambda run: cursor_of("runs", run.pk))


@router.get("/{task_id}/transitions", response={200: TransitionPage}, openapi_extra=described(query=PageQuery))
def list_transitions(request: HttpRequest, task_id: str) -> JsonResponse:
    """What became of the task, newest first: each change with its reason and who asked for it."""
    task = own_task(request, task_id)
    query = read_query(request, PageQuery)
    rows = TaskTransition.objects.filter(task=task).select_related("actor").order_by("-id")
    if (before := cursor_id(query.cursor, "transitions")) is not None:
        rows = rows.filter(pk__lt=before)
    return page(
        rows[: query.limit + 1], query.limit, show=transition_out, cursor=lambda row: cursor_of("transitions", row.pk)
    )
