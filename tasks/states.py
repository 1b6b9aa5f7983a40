"""The states of tasks and runs, and which may follow which: one table for code, tests and documents. Pure."""

from enum import StrEnum


class TaskStatus(StrEnum):
    """How far a task is, in ValueCell's words."""

    PENDING = "pending"
    """Never claimed: due in the future, or behind another task of its plan."""
    RUNNING = "running"
    """Claimed at least once; a recurring task stays so between its runs, until it ends."""
    WAITING_INPUT = "waiting_input"
    """Its agent asked something, and the run is parked until a person answers."""
    COMPLETED = "completed"
    """Ended well: the once task's run succeeded, or the schedule has no time left."""
    FAILED = "failed"
    """Ended by a failure of its last attempt, or by its deadline."""
    CANCELLED = "cancelled"
    """Ended by a person."""


class Pattern(StrEnum):
    """How often a task runs."""

    ONCE = "once"
    RECURRING = "recurring"


class Phase(StrEnum):
    """What a task does now; pages speak in phases. Derived, never stored."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    WAITING_INPUT = "waiting_input"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RunStatus(StrEnum):
    """How far one execution is."""

    QUEUED = "queued"
    """Claimed; waits for its turn, for a retry's moment, or to go on with an answer."""
    RUNNING = "running"
    """A worker holds it and says so by its heartbeat."""
    WAITING_INPUT = "waiting_input"
    """Parked: no process, socket or timer holds it."""
    SUCCEEDED = "succeeded"
    """The agent said that it completed."""
    FAILED = "failed"
    """The last attempt of its slot failed, or this attempt did and another follows."""
    CANCELLED = "cancelled"
    """Stopped by a person, or by an overlap that takes its place."""
    SKIPPED = "skipped"
    """Due while the run before still went, or while a limit was reached."""
    MISSED = "missed"
    """Due while nothing could run it (downtime, pause), and not caught up."""
    INTERRUPTED = "interrupted"
    """Cut by a crash at a moment of which nobody can tell whether the agent got the message."""


class Trigger(StrEnum):
    """What started a run."""

    SCHEDULE = "schedule"
    CATCH_UP = "catch_up"
    MANUAL = "manual"
    RETRY = "retry"
    BACKFILL = "backfill"
    EVENT = "event"


BY_SCHEDULE = (Trigger.SCHEDULE, Trigger.CATCH_UP, Trigger.EVENT)
"""Those of runs that a task is given by its schedule or its hooks: they are counted, by `max_runs` and by limits."""


class PlanStatus(StrEnum):
    """What a plan's tasks add up to."""

    WAITING_INPUT = "waiting_input"
    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class PausedReason(StrEnum):
    """Why a task rests."""

    MANUAL = "manual"
    FAILURES = "failures"
    BUDGET = "budget"
    AGENT_GONE = "agent_gone"
    OWNER_INACTIVE = "owner_inactive"


class Overlap(StrEnum):
    """What a tick does that comes while the run before still goes."""

    SKIP = "skip"
    QUEUE = "queue"
    CANCEL_RUNNING = "cancel_running"
    PARALLEL = "parallel"


class CatchUp(StrEnum):
    """What becomes of ticks that nothing could run."""

    ONE = "one"
    NONE = "none"
    ALL = "all"


class OnInterrupt(StrEnum):
    """What follows a run that a crash cut at a moment of which nobody can tell."""

    FAIL = "fail"
    NEXT = "next"
    RERUN = "rerun"


class OnFailure(StrEnum):
    """What the failure (or the cancel) of a task does to those of its plan that come after it."""

    CONTINUE = "continue"
    STOP = "stop"


class Notify(StrEnum):
    """Of which ends of its runs a task's owner is told by webhook."""

    ALWAYS = "always"
    """Of each, also where nothing changed."""
    NEWS = "news"
    """Of each but those that found nothing changed."""
    FINDINGS = "findings"
    """Of those that say something new, and of those that did not end well."""
    FAILURES = "failures"
    """Of those that did not end well."""


TASK_TRANSITIONS: dict[TaskStatus, frozenset[TaskStatus]] = {
    TaskStatus.PENDING: frozenset({TaskStatus.RUNNING, TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED}),
    TaskStatus.RUNNING: frozenset(
        {TaskStatus.WAITING_INPUT, TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED}
    ),
    TaskStatus.WAITING_INPUT: frozenset(
        {TaskStatus.RUNNING, TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED}
    ),
    # "Run again": an ended task gets one more run.
    TaskStatus.COMPLETED: frozenset({TaskStatus.RUNNING}),
    TaskStatus.FAILED: frozenset({TaskStatus.RUNNING}),
    TaskStatus.CANCELLED: frozenset({TaskStatus.RUNNING}),
}
"""From each status, those that may follow. Anything else raises `IllegalTransition`."""

RUN_TRANSITIONS: dict[RunStatus, frozenset[RunStatus]] = {
    RunStatus.QUEUED: frozenset({RunStatus.RUNNING, RunStatus.FAILED, RunStatus.CANCELLED}),
    RunStatus.RUNNING: frozenset(
        {
            RunStatus.QUEUED,  # handed back by a worker that leaves, or taken from one that died before it sent
            RunStatus.WAITING_INPUT,
            RunStatus.SUCCEEDED,
            RunStatus.FAILED,
            RunStatus.CANCELLED,
            RunStatus.INTERRUPTED,
        }
    ),
    RunStatus.WAITING_INPUT: frozenset({RunStatus.QUEUED, RunStatus.FAILED, RunStatus.CANCELLED}),
    RunStatus.SUCCEEDED: frozenset(),
    RunStatus.FAILED: frozenset(),
    RunStatus.CANCELLED: frozenset(),
    RunStatus.SKIPPED: frozenset(),
    RunStatus.MISSED: frozenset(),
    RunStatus.INTERRUPTED: frozenset(),
}
"""From each run status, those that may follow. `skipped` and `missed` rows are made as such."""

TASK_ENDED = frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED})
TASK_UNFINISHED = frozenset(TaskStatus) - TASK_ENDED
RUN_ACTIVE = frozenset({RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.WAITING_INPUT})
RUN_ENDED = frozenset(RunStatus) - RUN_ACTIVE


def task_sources(target: TaskStatus) -> frozenset[TaskStatus]:
    """The statuses from which a task may become `target`."""
    return frozenset(source for source, targets in TASK_TRANSITIONS.items() if target in targets)


def run_sources(target: RunStatus) -> frozenset[RunStatus]:
    """The statuses from which a run may become `target`."""
    return frozenset(source for source, targets in RUN_TRANSITIONS.items() if target in targets)
