"""How runs end, and what that makes of their tasks. Each function belongs into the commit that holds the run's items.

All take a `Lease`, are called inside that transaction with task and run locked by the gate, and return what the
transcript shows of it. What they raise rolls back the run's own part of the commit only.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from conversations import faults
from conversations.changes import Change
from conversations.events import Event, made_storable
from conversations.services import ConversationService
from tasks import wakeup
from tasks.models import Agent, Task, TaskRun, WebhookEvent
from tasks.services import creation, history, notices, questions, stopping, transcript
from tasks.services.leases import Lease
from tasks.services.rows import write_columns
from tasks.states import OnInterrupt, PausedReason, RunStatus, TaskStatus, Trigger

BACKOFF_FIRST = timedelta(seconds=2)
BACKOFF_FACTOR = 3
BACKOFF_MAX = timedelta(minutes=5)
"""Waits before attempts 2, 3, 4, …: 2 s, 6 s, 18 s, … each moved by up to a quarter, so that tasks which failed
together do not come back together. With three attempts a task whose agent is down is over within ten seconds."""

NO_WAIT = timedelta(0)

FAILED_TICKS_MAX = 5
"""Failed ticks in a row after which a schedule rests with the reason `failures`."""

ERROR_MAX = 2_000
QUESTION_MAX = 32_000
"""Characters of an agent's reason and question that are kept: what a person reads, not what an agent can send."""

REASON_MAX = 500

DEADLINE_PASSED = "Its deadline passed before it ended."


def sent(leases: Sequence[Lease], *, now: datetime) -> list[Change]:
    """Their messages are about to leave: from here on the agents may have them."""
    by_token: dict[int, list[UUID]] = defaultdict(list)
    for lease in leases:
        by_token[lease.token].append(lease.run_id)
    for token, ids in by_token.items():
        TaskRun.objects.filter(pk__in=ids, token=token).update(sent_at=now)
    return []


@dataclass(frozen=True, kw_only=True)
class Known:
    """The agent named its task: from here on it can be asked about it. The answer, if one was sent, has arrived."""

    lease: Lease
    remote_task_id: str
    remote_context_id: str
    at: datetime
    """When it did."""


def known_at_agent(known: Sequence[Known]) -> list[Change]:
    """Remember how agents name their tasks."""
    names = {one.lease.run_id: one for one in known}
    found = TaskRun.objects.filter(pk__in=names).order_by()
    found = found.only("pk", "token", "answered_at", "agent_name", "conversation_id")
    runs = [run for run in found if run.token == names[run.pk].lease.token]
    for run in runs:
        run.remote_task_id = names[run.pk].remote_task_id[:200]
        run.remote_context_id = names[run.pk].remote_context_id[:200]
        run.answer = ""
        run.answered_at = run.answered_at or names[run.pk].at
    write_columns(runs, ["remote_task_id", "remote_context_id", "answer", "answered_at"])
    own = {run.agent_name for run in runs if run.remote_context_id not in ("", str(run.conversation_id))}
    if own:
        Agent.objects.filter(name__in=own, names_contexts=False).update(names_contexts=True)
    return []


def used(lease: Lease, *, usage: Mapping[str, Any]) -> list[Change]:
    """The agent said what the run used so far (`budgets.read_usage`); also of one that was cancelled meanwhile."""
    if usage:
        stored = TaskRun.objects.filter(pk=lease.run_id).values_list("usage", flat=True).first()
        TaskRun.objects.filter(pk=lease.run_id).update(usage={**(stored or {}), **usage})
    return []


def fail(
    lease: Lease, *, error: str, retryable: bool, now: datetime, result: str = "", retry_after: timedelta = NO_WAIT
) -> list[Change]:
    """The attempt failed: another one follows if it may help, else the run's slot has failed, and a once task."""
    task, run = _load(lease)
    error = _kept(error, ERROR_MAX)
    run.error, run.result = error, made_storable(result)
    _end_run(run, RunStatus.FAILED, now)
    faults.reached("run.failed")
    if retryable and run.attempt < task.max_attempts and not _past_deadline(task, now):
        _queue_retry(task, run, now, at_least=retry_after)
        history.announce([task], [run])
        return []
    changes: list[Change] = [transcript.failed(task, run, error), *_count_failure(task, run, now)]
    return [*changes, *after_run(task, run, TaskStatus.FAILED, now=now, reason=error)]


def wait_for_input(lease: Lease, *, question: str, now: datetime) -> list[Change]:
    """The agent asked something: run and task are parked, and the conversation asks its person."""
    task, run = _load(lease)
    TaskRun.objects.filter(pk=run.pk).update(status=RunStatus.WAITING_INPUT, worker="", heartbeat_at=None, answer="")
    run.status = RunStatus.WAITING_INPUT
    if task.status == TaskStatus.RUNNING:
        history.move(task, TaskStatus.WAITING_INPUT, now=now, run=run, reason="the agent asked something")
    question = _kept(question, QUESTION_MAX)
    notices.tell(WebhookEvent.WAITING_FOR_INPUT, task, run=run, now=now, more={"question": question})
    ConversationService.set_waiting([run.conversation_id], waiting=True)
    faults.reached("run.parked")
    history.announce([task], [run])
    changes: list[Change] = [transcript.question(task, run, question)]
    if task.recurring:
        changes.append(transcript.controller(task))
    return [*changes, *transcript.passing(task, run, Event.DONE)]


def stop_at_agent(lease: Lease, *, reason: str, now: datetime) -> list[Change]:
    """The agent said that it cancelled its task: the run is cancelled, and a once task with it."""
    task, run = _load(lease)
    reason = _kept(reason, ERROR_MAX)
    run.reason = reason[:REASON_MAX]
    _end_run(run, RunStatus.CANCELLED, now)
    changes: list[Change] = [transcript.cancelled(task, run, reason)]
    return [*changes, *after_run(task, run, TaskStatus.CANCELLED, now=now, reason=reason)]


def interrupt(lease: Lease, *, why: str, ours: bool, now: datetime) -> list[Change]:
    """The run was cut at a moment of which nobody can tell; the task's `on_interrupt` says what follows.

    `ours`: by a crash on our side; else by its agent, which is a failed tick of a schedule.
    """
    task, run = _load(lease)
    run.reason = why = _kept(why, REASON_MAX)
    _end_run(run, RunStatus.INTERRUPTED, now)
    faults.reached("run.interrupted")
    if task.on_interrupt == OnInterrupt.RERUN and run.attempt < task.max_attempts:
        _queue_retry(task, run, now)
        history.announce([task], [run])
        return []
    changes: list[Change] = [transcript.failed(task, run, why)]
    if not ours:
        changes.extend(_count_failure(task, run, now))
    ends = TaskStatus.FAILED if not task.recurring or task.on_interrupt == OnInterrupt.FAIL else None
    if ends is not None and task.recurring:
        # What waits behind it, or goes on beside it, ends with its task.
        stopped = stopping.stop_runs([task.pk], now=now, reason=why)
        questions.closed(other.conversation_id for other in stopped)
        history.move(task, TaskStatus.FAILED, now=now, run=run, reason=why, error_message=why)
        notices.tell(WebhookEvent.RUN_FINISHED, task, run=run, now=now)
        return [*changes, *transcript.cut(stopped), transcript.controller(task), *transcript.ending([task])]
    return [*changes, *after_run(task, run, TaskStatus.FAILED, now=now, reason=why)]


def miss_deadline(task: Task, *, now: datetime) -> list[Change]:
    """The task's deadline passed before it ended: its runs stop and it has failed. The row is locked by the caller."""
    why = DEADLINE_PASSED
    stopped = stopping.stop_runs([task.pk], now=now, reason=why)
    runs = [run for run in stopped if run.started_at]
    history.move(task, TaskStatus.FAILED, now=now, reason=why, error_message=why)
    questions.closed(run.conversation_id for run in stopped)
    changes = [*transcript.cut(runs), transcript.failed(task, runs[0] if runs else None, why)]
    if task.recurring:
        changes.append(transcript.controller(task))
    return [*changes, *transcript.ending([task]), *_successors(task, now)]


def told_cancel(run_id: UUID, remote_state: str = "") -> None:
    """The agent heard that the run was cancelled.

    remote_state: what its task is after that, as it says (`agents.remote.RemoteState`): an agent may refuse to stop,
    or have been faster. One that still works on it is asked again (`recovery.open_ends`).
    """
    TaskRun.objects.filter(pk=run_id).update(cancel_due=False, remote_state=remote_state[:20])


def settling(function: Callable[..., list[Change]], lease: Lease, **arguments: Any) -> Callable[[], list[Change]]:
    """The function to hand to the journal: `function(lease, …)`, called in the commit's transaction."""
    return lambda: function(lease, **arguments)


def _load(lease: Lease) -> tuple[Task, TaskRun]:
    run = TaskRun.objects.select_related("task__plan").get(pk=lease.run_id, token=lease.token)
    return run.task, run


def _end_run(run: TaskRun, status: RunStatus, now: datetime) -> None:
    run.status = status
    run.finished_at = now
    run.heartbeat_at = None
    run.save(
        update_fields=[
            "status",
            "finished_at",
            "heartbeat_at",
            "result",
            "no_output",
            "unchanged",
            "error",
            "reason",
        ]
    )


def after_run(task: Task, run: TaskRun, status: TaskStatus, *, now: datetime, reason: str) -> list[Change]:
    """What the end of a run makes of its task: a once task ends so; a schedule ends when it has no slot left."""
    changes = _after_run(task, run, status, now=now, reason=reason)
    notices.tell(WebhookEvent.RUN_FINISHED, task, run=run, now=now)
    return changes


def _after_run(task: Task, run: TaskRun, status: TaskStatus, *, now: datetime, reason: str) -> list[Change]:
    others = TaskRun.objects.active().filter(task=task).exclude(pk=run.pk).exists()
    history.announce([task], [run])
    wakeup.moved()
    if others:
        return []
    if task.recurring:
        waiting = task.next_run_at is not None or task.behind or task.listens(now)
        if waiting or task.status not in (TaskStatus.RUNNING, TaskStatus.WAITING_INPUT):
            return []
        status, reason = history.end_of_schedule(task)
    error = reason if status == TaskStatus.FAILED else ""
    history.move(task, status, now=now, run=run, reason=reason, error_message=error)
    faults.reached("task.ended")
    changes: list[Change] = [transcript.controller(task)] if task.recurring else []
    return [*changes, *transcript.ending([task]), *_successors(task, now)]


def _successors(task: Task, now: datetime) -> list[Change]:
    return creation.arm_next(task.plan, list(task.plan.tasks.all()), now=now)


def _queue_retry(task: Task, run: TaskRun, now: datetime, *, at_least: timedelta = NO_WAIT) -> None:
    wait = min(max(at_least, BACKOFF_FIRST * BACKOFF_FACTOR ** (run.attempt - 1)), BACKOFF_MAX)
    TaskRun.objects.create(
        task=task,
        user_id=task.user_id,
        conversation_id=run.conversation_id,
        trigger=Trigger.RETRY,
        scheduled_for=run.scheduled_for,
        for_slot=run.for_slot,
        attempt=run.attempt + 1,
        status=RunStatus.QUEUED,
        priority=run.priority,
        agent_name=run.agent_name,
        ready_at=now + wait * random.uniform(0.75, 1.25),  # noqa: S311
        input=run.input,
        rendered=run.rendered,
        given=run.given,
        created_at=now,
    )
    faults.reached("run.retry_queued")
    wakeup.moved()


def _count_failure(task: Task, run: TaskRun, now: datetime) -> list[Change]:
    """A tick of a schedule has failed: after so many in a row it rests. Returns what the transcript shows of that."""
    if not task.recurring:
        return []
    task.failures_in_a_row += 1
    task.save(update_fields=["failures_in_a_row"])
    if task.failures_in_a_row < FAILED_TICKS_MAX or task.paused_at is not None:
        return []
    return _pause_for_failures(task, run, now)


def _pause_for_failures(task: Task, run: TaskRun, now: datetime) -> list[Change]:
    task.paused_at = now
    task.paused_reason = PausedReason.FAILURES
    task.paused_note = f"{task.failures_in_a_row} ticks in a row failed; the last: {run.error or run.reason}"[:500]
    task.save(update_fields=["paused_at", "paused_reason", "paused_note"])
    history.note(task, now=now, run=run, reason=task.paused_note)
    return notices.rests(task, run, now=now)


def _kept(text: str, most: int) -> str:
    text = made_storable(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _past_deadline(task: Task, now: datetime) -> bool:
    return task.deadline_at is not None and task.deadline_at <= now
