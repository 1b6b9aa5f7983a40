"""Events from elsewhere: what one makes of the task that it is for. Who may send one is `tasks.hooks`' to decide."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from conversations import journal
from tasks.models import Agent, Outcome, Task, TaskRun
from tasks.services import claiming, history, pausing, texts, transcript
from tasks.states import TASK_ENDED, PausedReason, RunStatus, TaskStatus


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """What an event came to: an outcome, why it is none better, and the row that it left among the task's runs."""

    outcome: Outcome
    reason: str = ""
    run: TaskRun | None = None


def start_by_event(task: Task, event: Any, *, now: datetime) -> Arrival:
    """Let an event (a JSON value) that comes at `now` start the locked `task`, by the same rules as for a tick.

    1. An ended task, or one that runs only once, takes no events.
    2. A task that rests, whose agent is gone or whose turn in its plan has not come records a skipped run.
    3. Its text must be possible with this event; where it is not, there is no run.
    4. Overlap and limits decide (`claiming.take_event`): a run that starts, one that waits, or a skipped one.

    Must run inside the caller's transaction, `task` locked (`TaskService.locked`).
    """
    if task.status in TASK_ENDED or not task.recurring:
        state = f"is {task.status}" if task.status in TASK_ENDED else "runs only once"
        return Arrival(outcome=Outcome.SKIPPED, reason=f"The task {state}.")
    if why := _why_it_rests(task, now):
        return _skipped(claiming.skip_event(task, reason=why, now=now))
    try:
        given = texts.given_by_event(task, event, now=now)
    except texts.CannotRender as error:
        return Arrival(outcome=Outcome.FAILED, reason=str(error)[:500])
    goes_on = task.runs.active().exists()
    run = claiming.take_event(task, given=given, now=now)
    if run.status == RunStatus.SKIPPED:
        return _skipped(run)
    waits = goes_on and task.overlap == "queue"
    return Arrival(outcome=Outcome.QUEUED if waits else Outcome.STARTED, run=run)


def end_over(*, now: datetime, limit: int = 200) -> int:
    """Complete the tasks that only events start and whose `end_at` has passed; returns how many were looked at.

    No tick ever comes that would end them, and a task must not look open when nothing can start it.
    """
    over = Task.objects.filter(on_event=True, end_at__lt=now, completed_at=None)
    ids = list(over.values_list("pk", flat=True)[:limit])
    for pk in ids:
        with transaction.atomic():
            task = history.locked(pk)
            if task.status in TASK_ENDED or task.listens(now) or task.runs.active().exists():
                continue
            history.move(task, TaskStatus.COMPLETED, now=now, reason="The schedule has no time left.")
            journal.write([transcript.controller(task), *transcript.ending([task])])
    return len(ids)


def _why_it_rests(task: Task, now: datetime) -> str:
    if task.paused_at is None and not Agent.objects.enabled().filter(name=task.agent_name).exists():
        pausing.for_agents([task], now=now)
    if task.paused_at is not None:
        if task.paused_reason == PausedReason.BUDGET:
            return pausing.limit_of(task)
        gone = task.paused_reason == PausedReason.AGENT_GONE
        return task.paused_note if gone else "The schedule was paused."
    if not task.user.is_active:
        return "Its owner is not active."
    if task.behind:
        return "It waits behind another task of its plan."
    return ""


def _skipped(run: TaskRun) -> Arrival:
    return Arrival(outcome=Outcome.SKIPPED, reason=run.reason, run=run)
