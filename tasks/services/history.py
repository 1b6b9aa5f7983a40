"""The one way in which a task's status changes: a conditional update, a row that says so, and word to open pages."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from conversations.hub import hub
from conversations.ids import new_id
from tasks.errors import AlreadyFinished, IllegalTransition, NotFound
from tasks.models import Task, TaskRun, TaskTransition, WebhookEvent
from tasks.services import notices
from tasks.services.rows import insert_rows, like, write_columns
from tasks.states import TASK_ENDED, TaskStatus, task_sources


def locked(task_id: UUID) -> Task:
    """The task, its row locked until the transaction ends (on SQLite, where the transaction holds the writer's lock).

    Raises `NotFound`. Locks are taken in one order everywhere: tasks, runs, conversations.
    """
    task = Task.objects.select_for_update(of=("self",)).select_related("plan").filter(pk=task_id).first()
    if task is None:
        raise NotFound("There is no such task.")
    return task


def move(
    task: Task,
    status: TaskStatus,
    *,
    now: datetime,
    run: TaskRun | None = None,
    reason: str = "",
    actor: User | None = None,
    **columns: Any,
) -> None:
    """Bring a locked task to `status` and write the row of its history.

    `columns` are written with it. Raises `IllegalTransition`, naming the state found, where `tasks.states` has no
    such row, and also where the row changed between the caller's read and this update (the loser of a race).
    """
    old = TaskStatus(task.status)
    wanted = {**columns, "status": status, "updated_at": now}
    if status in TASK_ENDED:
        wanted = {"next_run_at": None, "next_slot_at": None, "completed_at": now, "revived_from": "", **wanted}
    if old not in task_sources(status):
        raise IllegalTransition(f"Task “{task.title}”", found=old, wanted=status)
    if not Task.objects.filter(pk=task.pk, status=old).update(**wanted):
        found = Task.objects.filter(pk=task.pk).values_list("status", flat=True).first()
        raise IllegalTransition(f"Task “{task.title}”", found=found or "gone", wanted=status)
    for name, value in wanted.items():
        setattr(task, name, value)
    note(task, old=old, now=now, run=run, reason=reason, actor=actor)
    announce([task])
    if status == TaskStatus.FAILED:
        notices.tell(WebhookEvent.TASK_FAILED, task, run=run, now=now)


def end_of_schedule(task: Task) -> tuple[TaskStatus, str]:
    """What a schedule without a slot left is once its last run has ended: as before, if that was a run again of it."""
    if task.revived_from:
        return TaskStatus(task.revived_from), "The run again has ended."
    return TaskStatus.COMPLETED, "The schedule has no time left."


def note(
    task: Task,
    *,
    now: datetime,
    old: str | None = None,
    run: TaskRun | None = None,
    reason: str = "",
    actor: User | None = None,
    changes: dict[str, Any] | None = None,
) -> TaskTransition:
    """Write one row of a task's history: a transition, or an edit that left its status as it was (`old` is None)."""
    return TaskTransition.objects.create(
        task=task,
        run=run,
        old_status=task.status if old is None else old,
        new_status=task.status,
        reason=reason[:500],
        actor=actor,
        changes=changes or {},
        created_at=now,
    )


def move_many(
    tasks: Sequence[Task],
    status: TaskStatus,
    *,
    now: datetime,
    reason: str,
    actor: User | None = None,
    runs: Mapping[UUID, TaskRun] | None = None,
    columns: Sequence[str] = (),
) -> None:
    """`move` for any number of locked tasks, in two statements. `columns` names what the caller set on each besides.

    `runs` are, by task, those that the rows of the history name. Raises `IllegalTransition` and writes nothing where
    one of them may not become `status`.
    """
    sources = task_sources(status)
    for task in tasks:
        if task.status not in sources:
            raise IllegalTransition(f"Task “{task.title}”", found=task.status, wanted=status)
    olds = {task.pk: str(task.status) for task in tasks}
    for task in tasks:
        task.status, task.updated_at = status, now
        if status in TASK_ENDED:
            task.next_run_at = task.next_slot_at = None
            task.completed_at, task.revived_from = now, ""
    fields = ("status", "updated_at", "next_run_at", "next_slot_at", "completed_at", "revived_from")
    write_columns(tasks, [*fields, *(name for name in columns if name not in fields)])
    note_many(tasks, now=now, reason=reason, actor=actor, olds=olds, runs=runs)
    announce(tasks)
    if status == TaskStatus.FAILED:
        notices.tell_of_many(WebhookEvent.TASK_FAILED, tasks, now=now)


def note_many(
    tasks: Sequence[Task],
    *,
    now: datetime,
    reason: str,
    actor: User | None = None,
    olds: Mapping[UUID, str] | None = None,
    runs: Mapping[UUID, TaskRun] | None = None,
    changes: Mapping[UUID, dict[str, Any]] | None = None,
) -> None:
    """`note` for any number of tasks, in one statement; `olds`, `runs` and `changes` are by task."""
    template = TaskTransition(reason=reason[:500], actor=actor, created_at=now)
    found = runs or {}
    insert_rows(
        [
            like(
                template,
                {"task": task},
                id=new_id(),
                task_id=task.pk,
                run_id=found[task.pk].pk if task.pk in found else None,
                old_status=(olds or {}).get(task.pk, str(task.status)),
                new_status=task.status,
                changes=(changes or {}).get(task.pk, {}),
            )
            for task in tasks
        ]
    )


def ended(task: Task, what: str) -> AlreadyFinished | None:
    """Why an ended task cannot be `what`; None for one that goes on."""
    if task.status not in TASK_ENDED and not task.revived_from:
        return None
    return AlreadyFinished(f"“{task.title}” is {task.revived_from or task.status} already, so it cannot be {what}.")


def refuse_ended(task: Task, what: str) -> None:
    """Raise `AlreadyFinished` if the task has ended."""
    if (error := ended(task, what)) is not None:
        raise error


def announce(tasks: Iterable[Task], runs: Iterable[TaskRun] = ()) -> None:
    """Tell the owners' open pages, after the commit, that these changed."""
    changed: dict[int, list[UUID]] = {}
    owners: dict[UUID, int] = {}
    for task in tasks:
        changed.setdefault(task.user_id, []).append(task.pk)
        owners[task.pk] = task.user_id
    run_ids: dict[int, list[UUID]] = {}
    for run in runs:
        run_ids.setdefault(owners.get(run.task_id) or run.task.user_id, []).append(run.pk)
    _announce_ids("task_changed", changed)
    _announce_ids("run_changed", run_ids)


def announce_tasks(owned: Iterable[tuple[int, UUID]]) -> None:
    """The same for tasks of which only owner and id are known."""
    changed: dict[int, list[UUID]] = {}
    for user_id, task_id in owned:
        changed.setdefault(user_id, []).append(task_id)
    _announce_ids("task_changed", changed)


def _announce_ids(event: str, by_user: dict[int, list[UUID]]) -> None:
    def tell(user_id: int, ids: Sequence[UUID]) -> None:
        hub.announce(user_id, event, ids)

    for user_id, ids in by_user.items():
        transaction.on_commit(lambda user_id=user_id, ids=ids: tell(user_id, ids))  # type: ignore[misc]
