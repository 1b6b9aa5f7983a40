"""A client's list of its remote tasks: plans, last changed first, in pages. Synchronously, in a thread."""

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from a2a.types import a2a_pb2
from django.db.models import Count, F, Max, Q, QuerySet
from django.db.models.functions import Coalesce

from conversations import feed
from conversations.events import Envelope, Event
from tasks.gateways.a2a import contexts
from tasks.gateways.a2a.errors import invalid
from tasks.gateways.a2a.works import Work, items_of, plans_of, shown, tasks_of, work_of
from tasks.gateways.caller import Caller
from tasks.states import TASK_UNFINISHED, TaskStatus

State = a2a_pb2.TaskState
PAGE = 50
"""Tasks on a page where nobody says how many."""
PAGE_MOST = 100
EXCHANGED = (Event.THREAD_STARTED, Event.PLAN_REQUIRE_USER_INPUT)
"""What a list shows of a transcript, unless it shows artifacts."""


def page(caller: Caller, sent: a2a_pb2.ListTasksRequest) -> a2a_pb2.ListTasksResponse:
    """The caller's work, last changed first. Raises `InvalidParamsError`."""
    size = sent.page_size if sent.HasField("page_size") else PAGE
    if not 1 <= size <= PAGE_MOST:
        raise invalid("pageSize is from 1 to 100.", [("pageSize", "Write a number from 1 to 100.")])
    if sent.HasField("history_length") and sent.history_length < 0:
        raise invalid("historyLength is not negative.", [("historyLength", "Write 0 or more.")])
    found = _listed(caller, sent)
    total = found.count()
    if sent.page_token:
        changed, pk = _place(sent.page_token)
        found = found.filter(Q(changed__lt=changed) | Q(changed=changed, pk__lt=pk))
    plans = list(found.order_by("-changed", "-pk")[: size + 1])
    more, plans = len(plans) > size, plans[:size]
    tasks = tasks_of([plan.pk for plan in plans])
    works = [work_of(plan, [task for task in tasks if task.plan_id == plan.pk]) for plan in plans]
    history = sent.history_length if sent.HasField("history_length") else None
    transcripts = _transcripts(works, everything=sent.include_artifacts)
    answer = a2a_pb2.ListTasksResponse(page_size=len(plans), total_size=total)
    for work in works:
        telling = work.telling()
        telling.take_all(transcripts.get(work.plan.thread_id, ()))
        answer.tasks.append(shown(work, telling, history=history, artifacts=sent.include_artifacts))
    if more:
        last = plans[-1]
        answer.next_page_token = _token(last.changed, last.pk)
    return answer


def _transcripts(works: list[Work], *, everything: bool) -> dict[UUID, list[Envelope]]:
    """Of each thread what a list shows of it, in one statement."""
    told: dict[UUID, list[Envelope]] = {}
    if not works:
        return told
    items = items_of(works)
    if not everything:
        items = items.filter(event__in=EXCHANGED)
    for item in feed.with_tail(items).order_by("position"):
        if item.thread_id is not None:
            told.setdefault(item.thread_id, []).append(feed.item_envelope(item))
    return told


def _listed(caller: Caller, sent: a2a_pb2.ListTasksRequest) -> "QuerySet[Any]":
    """The plans that fit, annotated with `changed` (of which the type checker knows nothing)."""

    def number(*statuses: TaskStatus) -> Count:
        return Count("tasks", filter=Q(tasks__status__in=statuses))

    found: QuerySet[Any] = plans_of(caller).annotate(changed=Coalesce(Max("tasks__updated_at"), F("created_at")))
    if sent.context_id:
        found = found.filter(conversation=contexts.found(caller, sent.context_id))
    if sent.HasField("status_timestamp_after"):
        found = found.filter(changed__gt=sent.status_timestamp_after.ToDatetime(tzinfo=UTC))
    if sent.status == State.TASK_STATE_UNSPECIFIED:
        return found
    # The same sums as `ExecutionPlan.status`, by the database.
    asks = ~Q(question="")
    found = found.annotate(
        all_tasks=Count("tasks"),
        waiting=number(TaskStatus.WAITING_INPUT),
        pending=number(TaskStatus.PENDING),
        going=number(*TASK_UNFINISHED),
        failed=number(TaskStatus.FAILED),
        completed=number(TaskStatus.COMPLETED),
    )
    over = Q(question="", going=0)
    meant = {
        State.TASK_STATE_INPUT_REQUIRED: asks | Q(waiting__gt=0),
        State.TASK_STATE_SUBMITTED: Q(question="", all_tasks__gt=0, pending=F("all_tasks")),
        State.TASK_STATE_WORKING: Q(question="", waiting=0, going__gt=0) & ~Q(pending=F("all_tasks")),
        State.TASK_STATE_FAILED: over & Q(failed__gt=0),
        State.TASK_STATE_COMPLETED: over & Q(failed=0, completed__gt=0),
        State.TASK_STATE_CANCELED: over & Q(failed=0, completed=0),
    }.get(sent.status)
    return found.none() if meant is None else found.filter(meant)


def _token(changed: datetime, pk: UUID) -> str:
    return base64.urlsafe_b64encode(json.dumps([changed.isoformat(), str(pk)]).encode()).decode().rstrip("=")


def _place(token: str) -> tuple[datetime, UUID]:
    try:
        changed, pk = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        moment = datetime.fromisoformat(changed)
        if moment.tzinfo is None:
            raise ValueError
        return moment, UUID(pk)
    except (ValueError, TypeError, AttributeError, binascii.Error, RecursionError):
        raise invalid("pageToken is none of this list.", [("pageToken", "Send nextPageToken as it was.")]) from None
