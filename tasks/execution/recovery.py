"""What becomes of runs whose worker died or leaves, of deadlines that passed, and of cancels no agent has heard yet.

Synchronous parts of the runner's housekeeping; each row in a transaction of its own, so that one odd row holds up no
other.
"""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from conversations import faults, journal
from tasks.agents.remote import AgentRef
from tasks.models import Agent, Task, TaskRun
from tasks.models.run import GOES_ON
from tasks.services import Lease, TaskService
from tasks.services.history import announce, locked
from tasks.states import TASK_ENDED, RunStatus

HEARTBEAT_EVERY = 5.0
"""Seconds between two heartbeats of a worker."""
STALE_AFTER = timedelta(seconds=16)
"""Three heartbeats and a second: a worker that was silent for so long is dead, or so busy that it may not go on."""
BATCH = 200
CANCELS_FOR = timedelta(hours=1)
"""How long an agent that cannot be reached is told that a run was cancelled."""
CANCEL_GRACE = timedelta(seconds=10)
"""How long the worker that held a cancelled run has to tell the agent itself."""


@dataclass(frozen=True, kw_only=True)
class DueCancel:
    """A cancel that an agent has not heard yet, or has refused."""

    run_id: UUID
    remote_task_id: str
    agent: AgentRef
    heard: bool
    """It has: now it is to be seen how the task ends."""


def worker_name() -> str:
    """This process, as a name for its leases: host, process and a part that no later process has."""
    return f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"


def take_up_stale(*, now: datetime) -> int:
    """Hand back every run whose worker is dead; returns how many it were.

    1. Find running runs whose heartbeat is stale, or whose process on this host is gone.
    2. Lock task and run, and look again: another house may have been faster, and a worker may have shown that it lives.
    3. Back to the queue. Its next worker sends what was never sent, and rejoins what the agent knows. What was sent
       and is not known it asks the agent for (`rejoining`); if nobody can tell, the run is `interrupted`, and the
       task's `on_interrupt` says what follows.
    """
    going = TaskRun.objects.filter(status=RunStatus.RUNNING).order_by("agent_name")
    stale = {
        run_id: {"token": token, "heartbeat_at": heartbeat}
        for run_id, worker, token, heartbeat in going.values_list("pk", "worker", "token", "heartbeat_at")
        if heartbeat is None or heartbeat < now - STALE_AFTER or _died_here(worker)
    }
    return _hand_back(stale, now=now)


def release_leases(leases: Sequence[Lease], *, now: datetime) -> int:
    """The same for the leases of a worker that leaves and cannot end them."""
    return _hand_back({lease.run_id: {"token": lease.token} for lease in leases}, now=now)


def miss_deadlines(*, now: datetime) -> int:
    """Fail every unfinished task whose deadline has passed; returns how many it were."""
    passed = Task.objects.filter(deadline_at__lte=now, completed_at=None).order_by("deadline_at")
    late = list(passed.values_list("pk", flat=True)[:BATCH])
    for pk in late:
        with transaction.atomic():
            task = locked(pk)
            if task.status not in TASK_ENDED and task.deadline_at is not None and task.deadline_at <= now:
                journal.write(TaskService.miss_deadline(task, now=now))
    return len(late)


def due_cancels(*, now: datetime) -> list[DueCancel]:
    """The cancelled runs of which their agents have not heard, and whose workers had their time to tell."""
    runs = list(
        TaskRun.objects.filter(cancel_due=True, finished_at__gt=now - CANCELS_FOR, finished_at__lte=now).order_by("id")[
            :BATCH
        ]
    )
    return _at_agents(
        [
            run
            for run in runs
            if not run.worker
            or _died_here(run.worker)
            or run.finished_at is None
            or run.finished_at < now - CANCEL_GRACE
        ],
        heard=False,
    )


def open_ends(*, now: datetime) -> list[DueCancel]:
    """The runs that were cancelled here and go on at agents that refused to stop: how they end is still to be seen."""
    going = TaskRun.objects.filter(remote_state__in=GOES_ON, finished_at__gt=now - CANCELS_FOR)
    return _at_agents(list(going.order_by("id")[:BATCH]), heard=True)


def _at_agents(runs: Sequence[TaskRun], *, heard: bool) -> list[DueCancel]:
    agents = {agent.name: AgentRef.of(agent) for agent in Agent.objects.filter(name__in={r.agent_name for r in runs})}
    return [
        DueCancel(run_id=run.pk, remote_task_id=run.remote_task_id, agent=agents[run.agent_name], heard=heard)
        for run in runs
        if run.agent_name in agents
    ]


def _hand_back(held: Mapping[UUID, Mapping[str, Any]], *, now: datetime) -> int:
    """Hand back each of these running runs, if it is still as the columns beside it say; returns how many it were."""
    done = 0
    for pk, columns in held.items():
        faults.reached("recovery.before")
        with transaction.atomic():
            task_id = TaskRun.objects.filter(pk=pk).values_list("task", flat=True).first()
            if task_id is None:
                continue
            task = locked(task_id)
            run = TaskRun.objects.select_for_update().filter(pk=pk, status=RunStatus.RUNNING, **columns).first()
            if run is None:
                continue
            TaskService.hand_back([Lease(run_id=run.pk, token=run.token)], now=now)
            announce([task], [run])
            done += 1
            faults.reached("recovery.before_commit")
        faults.reached("recovery.committed")
    return done


def _died_here(worker: str) -> bool:
    """Whether `worker` was a process of this host that is gone. (A reused number: the heartbeat tells, later.)"""
    host, _, rest = worker.rpartition(":")[0].rpartition(":")
    if host != socket.gethostname() or not rest.isdigit():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
