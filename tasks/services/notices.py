"""What people are told away from the page: rows of the outbox, written in the transaction of what they tell of.

Nothing here waits for anybody: `tasks.hooks.outgoing` sends the rows after the commit.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings

from conversations.changes import Change
from tasks.models import Outgoing, Task, TaskRun, Webhook, WebhookEvent
from tasks.schemas.outputs import run_out, task_out
from tasks.services import transcript
from tasks.states import Notify, RunStatus

RESULT_MAX = 10_000
"""Characters of a run's input, result and error in an event; the rest is at `GET /runs/{id}`."""


def tell(
    event: WebhookEvent, task: Task, *, now: datetime, run: TaskRun | None = None, more: Mapping[str, Any] | None = None
) -> None:
    """Tell the webhooks of the task's owner that want `event`. Called in the transaction in which it happens."""
    if event == WebhookEvent.RUN_FINISHED and run is not None and not _worth_telling(task, run):
        return
    wanting = _wanting(event, [task.user_id])[task.user_id]
    if not wanting:
        return
    payload = _payload(event, task, run, now, more or {})
    Outgoing.objects.bulk_create(
        Outgoing(
            user_id=task.user_id,
            webhook=webhook,
            task=task,
            event=event,
            payload=payload,
            next_try_at=now,
            created_at=now,
        )
        for webhook in wanting
    )


def tell_of_many(event: WebhookEvent, tasks: Iterable[Task], *, now: datetime) -> None:
    """The same for many tasks; those whose owner has no such webhook cost nothing."""
    by_user: dict[int, list[Task]] = defaultdict(list)
    for task in tasks:
        by_user[task.user_id].append(task)
    wanting = _wanting(event, by_user)
    for user_id in wanting:
        for task in by_user[user_id]:
            tell(event, task, now=now)


def tell_of_runs(runs: Sequence[TaskRun], *, now: datetime) -> None:
    """Tell of the ends of many runs (with their tasks); those whose owner has no such webhook cost nothing."""
    wanting = _wanting(WebhookEvent.RUN_FINISHED, {run.task.user_id for run in runs})
    for run in runs:
        if run.task.user_id in wanting:
            tell(WebhookEvent.RUN_FINISHED, run.task, run=run, now=now)


def rests(task: Task, run: TaskRun | None, *, now: datetime) -> list[Change]:
    """Tell the owner, in the conversation, by mail and by webhook, that the task was put to rest, and why.

    Returns what the transcript shows. The pause is written, and the row locked, by the caller.
    """
    Task.objects.filter(pk=task.pk).update(failure_told=True)
    task.failure_told = True
    text = f"“{task.title}” was paused: {task.paused_note} Resume it when that is mended."
    _mail(task, WebhookEvent.TASK_PAUSED, f"Paused: {task.title}", text, now)
    tell(WebhookEvent.TASK_PAUSED, task, run=run, now=now)
    return [transcript.notice(task, text)]


def limited(task: Task, *, now: datetime) -> list[Change]:
    """Tell the owner that a limit of the task was reached, and when it goes on. Returns what the transcript shows.

    A limit of runs a day is part of the plan, every day: it is no matter for a mail.
    """
    text = f"“{task.title}” was paused: {task.paused_note}"
    if task.budget and "budget" in task.paused_note:
        _mail(task, WebhookEvent.TASK_PAUSED, f"Paused: {task.title}", text, now)
    tell(WebhookEvent.TASK_PAUSED, task, now=now)
    return [transcript.notice(task, text)]


def recovered(task: Task, run: TaskRun, *, now: datetime) -> list[Change]:
    """Tell the owner, who was told of the failures, that it succeeded again. Returns what the transcript shows."""
    Task.objects.filter(pk=task.pk).update(failure_told=False)
    task.failure_told = False
    text = f"“{task.title}” works again."
    _mail(task, WebhookEvent.TASK_RECOVERED, f"Recovered: {task.title}", text, now)
    tell(WebhookEvent.TASK_RECOVERED, task, run=run, now=now)
    return [transcript.notice(task, text)]


def _worth_telling(task: Task, run: TaskRun) -> bool:
    """Whether the task's owner wants to hear of this end of a run (`Task.notify`)."""
    if task.notify == Notify.ALWAYS or run.status != RunStatus.SUCCEEDED:
        return True
    if task.notify == Notify.NEWS:
        return not run.unchanged
    return task.notify == Notify.FINDINGS and not run.unchanged and not run.no_output


def _wanting(event: WebhookEvent, user_ids: Iterable[int]) -> dict[int, list[Webhook]]:
    found: dict[int, list[Webhook]] = defaultdict(list)
    for webhook in Webhook.objects.filter(user__in=list(user_ids), enabled=True):
        if event in webhook.events:
            found[webhook.user_id].append(webhook)
    return found


def _payload(
    event: WebhookEvent, task: Task, run: TaskRun | None, now: datetime, more: Mapping[str, Any]
) -> dict[str, Any]:
    """The form of Standard Webhooks: a type, a time, and the objects as the API shows them."""
    data: dict[str, Any] = {"task": {**task_out(task), "url": f"{settings.PUBLIC_URL}/tasks/{task.pk}/"}, **more}
    if run is not None:
        shown = dict(run_out(run))
        for name in ("input", "result", "error"):
            if isinstance(text := shown[name], str):
                shown[name] = text[:RESULT_MAX]
        data["run"] = shown
    return {"type": str(event), "timestamp": now.isoformat(), "data": data}


def _mail(task: Task, event: WebhookEvent, subject: str, text: str, now: datetime) -> None:
    if not task.user.email or not task.user.is_active:
        return
    # A header is one line; whoever writes a title may not write others.
    line = " ".join(subject.split())[:200]
    body = f"{text}\n\n{settings.PUBLIC_URL}/tasks/{task.pk}/\n"
    Outgoing.objects.create(
        user_id=task.user_id,
        task=task,
        event=event,
        payload={"subject": line, "text": body},
        next_try_at=now,
        created_at=now,
    )
