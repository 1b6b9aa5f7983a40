"""Runs that succeed, any number in one commit, by statements over sets: the way in which nearly all runs end.

What `outcomes` does for the one run that fails, asks or is cut, this does for those that end well.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from conversations import faults
from conversations.changes import Change
from conversations.events import Event, made_storable
from tasks import wakeup
from tasks.models import Task, TaskRun
from tasks.services import creation, history, notices, texts, transcript
from tasks.services.leases import Lease
from tasks.services.rows import write_columns
from tasks.states import RunStatus, TaskStatus


@dataclass(frozen=True, kw_only=True)
class Success:
    """The agent said that it completed."""

    lease: Lease
    result: str
    usage: Mapping[str, Any] = field(default_factory=dict)
    """What the run used since it was taken up (`budgets.read_usage`)."""


def succeed(lease: Lease, *, result: str, now: datetime) -> list[Change]:
    """The agent said that it completed: the run succeeded; a once task is completed with it."""
    return succeed_many([Success(lease=lease, result=result)], now=now)


def succeed_many(successes: Sequence[Success], *, now: datetime) -> list[Change]:
    """The same for many runs; returns what their transcripts show of it. Tasks and runs are locked by the gate.

    1. Write the runs.
    2. Bring to their end the once tasks, and the schedules that have no slot left, of which nothing else goes on.
    3. Arm what comes next in their plans, where anything waits.
    4. Tell webhooks and open pages.
    """
    runs = _load(successes)
    changes: list[Change] = []
    for run, success in zip(runs, successes, strict=True):
        changes.extend(_end(run, success, now))
    write_columns(runs, ["status", "finished_at", "heartbeat_at", "result", "no_output", "unchanged", "usage"])
    tasks = {run.task_id: run.task for run in runs}
    _forget_failures(tasks.values())
    over = _over(runs, now)
    by_fate: dict[tuple[TaskStatus, str], list[TaskRun]] = defaultdict(list)
    for run, status, reason in over:
        run.task.error_message = reason if status == TaskStatus.FAILED else ""
        by_fate[status, reason].append(run)
    for (status, reason), ended in by_fate.items():
        history.move_many(
            [run.task for run in ended],
            status,
            now=now,
            reason=reason,
            runs={run.task_id: run for run in ended},
            columns=["error_message"],
        )
        faults.reached("task.ended")
    for run, _, _ in over:
        if run.task.recurring:
            changes.append(transcript.controller(run.task))
        changes.extend(transcript.ending([run.task]))
    changes.extend(creation.arm_after([run.task for run, _, _ in over], now=now))
    notices.tell_of_runs(runs, now=now)
    history.announce(tasks.values(), runs)
    wakeup.moved()
    return changes


def _load(successes: Sequence[Success]) -> list[TaskRun]:
    """The runs in their order, with one object a task. Raises `TaskRun.DoesNotExist` where a lease does not hold."""
    found = TaskRun.objects.select_related("task").in_bulk([success.lease.run_id for success in successes])
    tasks: dict[Any, Task] = {}
    runs: list[TaskRun] = []
    for success in successes:
        run = found.get(success.lease.run_id)
        if run is None or run.token != success.lease.token:
            raise TaskRun.DoesNotExist(f"run {success.lease.run_id} has another lease")
        run.task = tasks.setdefault(run.task_id, run.task)
        runs.append(run)
    return runs


def _end(run: TaskRun, success: Success, now: datetime) -> list[Change]:
    task, result = run.task, made_storable(success.result)
    run.status, run.finished_at, run.heartbeat_at = RunStatus.SUCCEEDED, now, None
    run.result = result
    run.no_output = not result.strip()
    run.unchanged = texts.is_unchanged(task, run, result)
    if success.usage:
        run.usage = {**(run.usage or {}), **success.usage}
    changes: list[Change] = []
    if task.recurring:
        changes.append(transcript.result(task, run, result, now=now))
        if task.failure_told:
            changes.extend(notices.recovered(task, run, now=now))
    changes.extend(transcript.passing(task, run, Event.TASK_COMPLETED))
    return changes


def _forget_failures(tasks: Iterable[Task]) -> None:
    failed = [task for task in tasks if task.recurring and task.failures_in_a_row]
    if failed:
        Task.objects.filter(pk__in=[task.pk for task in failed]).update(failures_in_a_row=0)
        for task in failed:
            task.failures_in_a_row = 0


def _over(runs: Sequence[TaskRun], now: datetime) -> list[tuple[TaskRun, TaskStatus, str]]:
    """The runs with which their tasks end, how those end, and why."""
    active = TaskRun.objects.active().filter(task__in={run.task_id for run in runs})
    seen = set(active.order_by().values_list("task_id", flat=True))
    over: list[tuple[TaskRun, TaskStatus, str]] = []
    for run in reversed(runs):
        task = run.task
        if task.pk in seen:
            continue  # something else of it goes on, or a later one of these runs speaks for it
        seen.add(task.pk)
        if not task.recurring:
            over.append((run, TaskStatus.COMPLETED, ""))
            continue
        waiting = task.next_run_at is not None or task.behind or task.listens(now)
        if not waiting and task.status in (TaskStatus.RUNNING, TaskStatus.WAITING_INPUT):
            over.append((run, *history.end_of_schedule(task)))
    return over[::-1]
