"""What a path is: what is made, where a process dies on it, how the next one ends it, and what must hold."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from django.utils import timezone

from sample_agents.base import Event, message_chunk, reasoning, tool_call_completed, tool_call_started
from tasks.models import Task, TaskRun
from tests.faults.auditing import violations
from tests.faults.stage import Stage
from tests.helpers.agents import TestAgent

HOUR = timedelta(hours=1)
PIECES = [f"piece {number} of the answer, " for number in range(8)]
ANSWER = "".join(PIECES).strip()

CLAIM = ("claim.before_commit", "claim.committed")
LEASE = ("lease.before_commit", "lease.committed")
SEND = ("run.before_sent", "run.sent")
EVENTS = tuple(f"run.event:{n}" for n in (1, 2, 3, 4, 6, 9, 12))
COMMITS = tuple(f"journal.{when}:{n}" for n in range(1, 9) for when in ("before_commit", "committed"))
END = ("run.before_settle", "task.ended")
PATH = (*CLAIM, *LEASE, *SEND, *EVENTS, *COMMITS, *END)
RECOVERY = ("recovery.before", "recovery.before_commit", "recovery.committed")
DRAIN = ("drain.begun", "drain.handing_back", "run.stopping")


class Telling(TestAgent):
    """Thinks, calls a tool, and answers in pieces, slowly enough to be cut in the middle of it."""

    async def answer(self, query: str) -> AsyncIterator[Event]:  # noqa: ARG002 (it says the same to all)
        yield reasoning("let me think")
        yield tool_call_started("call", "look_up")
        yield tool_call_completed("call", "look_up", "found")
        for piece in PIECES:
            await asyncio.sleep(0.015)
            yield message_chunk(piece)


@dataclass(frozen=True)
class Trial:
    """What came of one death: whether anything died, how the runs ended, and what did not hold."""

    died: bool
    outcome: str
    violations: Sequence[str]


class Scene:
    """One path. `points` are those that it has by name; with `statements`, each statement that writes is one too."""

    name: ClassVar[str]
    points: ClassVar[Sequence[str]]
    statements: ClassVar[bool] = True
    turns: ClassVar[int] = 1

    def agent(self) -> TestAgent:
        """Whom the tasks are for."""
        return Telling()

    def play(self, stage: Stage, point: str) -> bool:
        """Make what there is, let a process die at `point`, and a healthy one end it; whether any died."""
        raise NotImplementedError

    def audit(self, stage: Stage) -> Iterator[str]:
        """What does not hold afterwards."""
        yield from violations(stage, turns=self.turns, next_slot=HOUR)

    def trial(self, stage: Stage, point: str) -> Trial:
        """All of it."""
        try:
            died = self.play(stage, point)
            found = list(self.audit(stage))
        except AssertionError as error:
            died, found = True, [f"{error}: {statuses_of(stage)}"]
        return Trial(died=died, outcome=", ".join(sorted(set(statuses_of(stage)))), violations=found)


def over(stage: Stage) -> bool:
    """Nothing of it is due, queued, running or waiting, and each task has run."""
    tasks = stage.tasks
    if any(task.next_run_at is not None and task.next_run_at <= timezone.now() for task in tasks):
        return False
    if TaskRun.objects.active().filter(task__conversation=stage.conversation).exists():
        return False
    return all(task.runs.exists() for task in tasks)


def parked(stage: Stage) -> bool:
    """Over, or everything that is not waits for a person."""
    runs = list(TaskRun.objects.filter(task__conversation=stage.conversation))
    return bool(runs) and not any(run.status in ("queued", "running") for run in runs)


def waits(stage: Stage) -> bool:
    """Whether a run waits for a person."""
    return TaskRun.objects.filter(task__conversation=stage.conversation, status="waiting_input").exists()


def finished(stage: Stage) -> bool:
    """Each task of a plan has ended."""
    return all(task.completed_at is not None for task in stage.tasks)


def named(stage: Stage, number: int) -> bool:
    """So many runs are known at their agent."""
    known = TaskRun.objects.filter(task__conversation=stage.conversation).exclude(remote_task_id="")
    return known.count() >= number


def told(stage: Stage) -> bool:
    """What was cancelled is told, in the transcript and at the agent."""
    runs = TaskRun.objects.filter(task__conversation=stage.conversation)
    if (
        Task.objects.filter(conversation=stage.conversation, untold=True).exists()
        or runs.filter(cancel_due=True).exists()
    ):
        return False
    cancelled = runs.filter(status="cancelled").exclude(remote_task_id="").values_list("remote_task_id", flat=True)
    return set(cancelled) <= set(stage.agent.stopped)


def blue(stage: Stage, task: Task) -> dict[str, object]:
    """The person's answer."""
    return {"conversation": stage.conversation.pk, "task": str(task.pk), "text": "blue"}


def once_at_the_agent(stage: Stage) -> Iterator[str]:
    """Each task reached the agent once, or was interrupted before."""
    for task in stage.tasks:
        received = stage.agent.received.count(task.query)
        ended = [run.status for run in task.runs.all()]
        if received > 1:
            yield f"{task.query}: reached the agent {received} times"
        if received == 0 and "interrupted" not in ended:
            yield f"{task.query}: never reached the agent, and ended as {ended}"


def answered_once(stage: Stage) -> Iterator[str]:
    """The person's answer reached the agent once, and made the result."""
    (run,) = TaskRun.objects.filter(task__conversation=stage.conversation)
    blue = stage.agent.received.count("blue")
    if run.status == "succeeded" and (blue != 1 or run.result != "Let me see.\n\nIt is blue."):
        yield f"the answer reached the agent {blue} times, and the result is {run.result!r}"
    if blue > 1:
        yield f"the answer reached the agent {blue} times"


def statuses_of(stage: Stage) -> list[str]:
    """How its runs stand, oldest first."""
    runs = TaskRun.objects.filter(task__conversation=stage.conversation).order_by("id")
    return list(runs.values_list("status", flat=True))
