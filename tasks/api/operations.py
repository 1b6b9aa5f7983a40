"""What is done to tasks besides the plain acts on one: a copy, a later moment, and any act on many at once."""

from dataclasses import asdict
from typing import Annotated, Any, Literal, Self

from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Router
from pydantic import BaseModel, ConfigDict, Field, model_validator

from conversations import audit
from conversations.audit import Act
from conversations.described import described
from conversations.wire import Instant, Invalid, answer, optional_id, person, read_body
from tasks.api.owned import own_task
from tasks.api.tasks import TasksFilter
from tasks.api.whole import read_task
from tasks.clones import clone_task
from tasks.models import Task
from tasks.schemas.inputs import CloneIn, Line
from tasks.schemas.outputs import BulkOut, TaskOut, task_out
from tasks.services import Many, TaskService

router = Router(tags=["tasks"])

IDS_MAX = 1000
"""Tasks that one request may name; a filter takes more."""


class SnoozeIn(BaseModel):
    """`POST /tasks/{id}/snooze`."""

    model_config = ConfigDict(extra="forbid")

    until: Instant


class BulkIn(BaseModel):
    """`POST /tasks/bulk`: an act, and the tasks that it is meant for, by id or by the filter of `GET /tasks`."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["pause", "resume", "cancel", "trigger", "run_again", "snooze"]
    task_ids: Annotated[list[Line], Field(min_length=1, max_length=IDS_MAX)] | None = None
    filter: TasksFilter | None = Field(default=None, description="As `GET /tasks` takes it; {} means all.")
    until: Instant | None = Field(default=None, description="For pause (may be left out) and snooze.")
    reason: Annotated[str, Field(max_length=500)] | None = Field(default=None, description="For pause.")
    count_only: bool = Field(default=False, description="Change nothing; `matched` says how many it would be about.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.task_ids is None) == (self.filter is None):
            raise ValueError("Send task_ids or filter, one of both.")
        return self


@router.post("/bulk", response={200: BulkOut}, openapi_extra=described(body=BulkIn))
def act_on_many(request: HttpRequest) -> JsonResponse:
    """Act on many tasks; says how many it did, and names those that it left as they were, with the reason.

    With `filter` it acts on those that match at this moment, at most 10,000.
    """
    sent = read_body(request, BulkIn)
    _refuse_what_has_no_effect(sent)
    tasks = _meant(request, sent)
    if sent.count_only:
        return answer(_told(sent, Many(matched=tasks.count())))
    actor, now = person(request), timezone.now()
    if sent.action == "pause":
        done = TaskService.pause_many(tasks, actor=actor, now=now, until=sent.until, reason=sent.reason or "")
    elif sent.action == "snooze":
        assert sent.until is not None  # noqa: S101 (`_refuse_what_has_no_effect`)
        done = TaskService.snooze_many(tasks, actor=actor, now=now, until=sent.until)
    else:
        act = {
            "resume": TaskService.resume_many,
            "cancel": TaskService.cancel_chosen,
            "trigger": TaskService.trigger_many,
            "run_again": TaskService.run_again_many,
        }[sent.action]
        done = act(tasks, actor=actor, now=now)
    audit.record(
        Act.TASKS_ACTED_ON,
        now=now,
        request=request,
        count=done.done,
        action=sent.action,
        matched=done.matched,
        left_out=done.left_out_count,
        chosen="filter" if sent.filter is not None else "ids",
    )
    return answer(_told(sent, done))


@router.post("/{task_id}/clone", response={201: TaskOut}, openapi_extra=described(body=CloneIn))
def clone(request: HttpRequest, task_id: str) -> JsonResponse:
    """Make a task like this one, with what the body changes; a schedule is merged key by key, as by PATCH."""
    task = own_task(request, task_id)
    sent = read_task(request, CloneIn, lambda rest: TaskService.refusals(task, rest, now=timezone.now()))
    user = person(request)
    copy = clone_task(task, sent, user=user, actor=user, now=timezone.now())
    return answer(task_out(own_task(request, str(copy.pk))), 201)


@router.post("/{task_id}/snooze", response={200: TaskOut}, openapi_extra=described(body=SnoozeIn))
def snooze_task(request: HttpRequest, task_id: str) -> JsonResponse:
    """Put off what comes next: a once task runs at that moment instead, a schedule rests until then."""
    task = own_task(request, task_id)
    sent = read_body(request, SnoozeIn)
    TaskService.snooze(task.pk, actor=person(request), now=timezone.now(), until=sent.until)
    return answer(task_out(own_task(request, task_id)))


def _refuse_what_has_no_effect(sent: BulkIn) -> None:
    if sent.until is not None and sent.action not in ("pause", "snooze"):
        raise Invalid.at("until", f"It has no meaning for {sent.action}: leave it out.")
    if sent.reason is not None and sent.action != "pause":
        raise Invalid.at("reason", f"It has no meaning for {sent.action}: leave it out.")
    if sent.until is None and sent.action == "snooze" and not sent.count_only:
        raise Invalid.at("until", "Write the moment until which it is put off.")


def _meant(request: HttpRequest, sent: BulkIn) -> "QuerySet[Task]":
    """The person's tasks that are meant; raises Invalid on `task_ids` for one that is not theirs."""
    user = person(request)
    if sent.filter is not None:
        wanted = sent.filter
        conversation_id = optional_id(wanted.conversation_id)
        if wanted.conversation_id is not None and conversation_id is None:
            return Task.objects.none()
        return TaskService.filtered(user=user, **{**wanted.model_dump(), "conversation_id": conversation_id})
    ids = [(text, optional_id(text)) for text in sent.task_ids or ()]
    own = Task.objects.for_user(user).filter(pk__in=[pk for _, pk in ids if pk is not None])
    known = set(own.values_list("pk", flat=True))
    if unknown := [text for text, pk in ids if pk not in known]:
        more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
        raise Invalid.at("task_ids", f"You have no such task: {unknown[0]}{more}. Leave it out.")
    return own


def _told(sent: BulkIn, done: Many) -> dict[str, Any]:
    return {
        "action": sent.action,
        "matched": done.matched,
        "done": done.done,
        "left_out_count": done.left_out_count,
        "left_out": [{**asdict(row), "task_id": str(row.task_id)} for row in done.left_out],
    }
