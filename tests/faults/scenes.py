"""The paths from claim to end: runs, retries, questions, plans, and what the dead left."""

import random
from collections.abc import Iterator

from tasks.models import TaskRun
from tests.faults.path import (
    ANSWER,
    CLAIM,
    COMMITS,
    END,
    EVENTS,
    LEASE,
    PATH,
    RECOVERY,
    SEND,
    Scene,
    answered_once,
    blue,
    finished,
    once_at_the_agent,
    over,
    parked,
    waits,
)
from tests.faults.stage import Stage, until
from tests.helpers.agents import Asking, Echo, Failing, TestAgent


class Run(Scene):
    """A once task and a schedule, from claim to end."""

    name = "run"
    points = PATH

    def play(self, stage: Stage, point: str) -> bool:
        stage.task("once")
        stage.task("hourly", schedule={"interval_minutes": 60})
        died = stage.dies(point, lambda: over(stage))
        stage.heals(lambda: over(stage))
        return died

    def audit(self, stage: Stage) -> Iterator[str]:
        yield from super().audit(stage)
        yield from once_at_the_agent(stage)
        for run in TaskRun.objects.filter(task__conversation=stage.conversation, status="succeeded"):
            if run.result != ANSWER:
                yield f"{run.input}: its result is {run.result!r}"


class Retry(Scene):
    """A task whose first attempt fails."""

    name = "retry"
    points = (
        *CLAIM,
        *LEASE,
        "lease.committed:2",
        *SEND,
        "run.sent:2",
        "run.failed",
        "run.retry_queued",
        *COMMITS,
        *END,
    )

    def agent(self) -> TestAgent:
        return Failing(times=1)

    def play(self, stage: Stage, point: str) -> bool:
        stage.task("water")
        died = stage.dies(point, lambda: over(stage))
        stage.heals(lambda: over(stage))
        return died

    def audit(self, stage: Stage) -> Iterator[str]:
        yield from super().audit(stage)
        statuses = [run.status for run in stage.tasks[0].runs.order_by("attempt")]
        if statuses not in (["failed", "succeeded"], ["interrupted"], ["failed", "interrupted"]):
            yield f"the attempts ended as {statuses}"


class Rerun(Scene):
    """A task that says that an interrupted run is made again."""

    name = "rerun"
    points = (*SEND, "run.interrupted", "run.retry_queued", "run.event:1")
    statements = False

    def play(self, stage: Stage, point: str) -> bool:
        stage.task("again", on_interrupt="rerun")
        died = False
        if point in ("run.interrupted", "run.retry_queued"):
            died = stage.dies("run.sent", lambda: over(stage))
        died = stage.dies(point, lambda: over(stage)) or died
        stage.heals(lambda: over(stage))
        return died

    def audit(self, stage: Stage) -> Iterator[str]:
        yield from super().audit(stage)
        statuses = [run.status for run in stage.tasks[0].runs.order_by("attempt")]
        if statuses[-1] != "succeeded" or set(statuses[:-1]) > {"interrupted"}:
            yield f"the attempts ended as {statuses}"


class Ask(Scene):
    """A task whose agent asks: the process dies on the way to the question, and the answer comes afterwards."""

    name = "question"
    points = (*LEASE, *SEND, "run.event:1", "run.event:2", "run.event:3", "run.before_settle", "run.parked", *COMMITS)
    turns = 2

    def agent(self) -> TestAgent:
        return Asking()

    def play(self, stage: Stage, point: str) -> bool:
        task = stage.task("paint it")
        died = stage.dies(point, lambda: parked(stage))
        stage.heals(lambda: parked(stage))
        if waits(stage):
            stage.acts("message", **blue(stage, task))
            stage.heals(lambda: over(stage))
        return died

    def audit(self, stage: Stage) -> Iterator[str]:
        yield from super().audit(stage)
        yield from answered_once(stage)


class Answer(Ask):
    """The same, and a process dies between the answer and the end: the person's, or the runner."""

    name = "answer"
    points = (
        "answer.before_commit",
        "act.done",
        *LEASE,
        "run.before_answer",
        "run.event:1",
        "run.event:2",
        *COMMITS,
        *END,
    )

    def play(self, stage: Stage, point: str) -> bool:
        task = stage.task("paint it")
        stage.heals(lambda: parked(stage))
        by_person = stage.acts("message", point if point.startswith(("answer.", "act.")) else "", **blue(stage, task))
        if waits(stage):
            # Nobody got a 202, so the person says it again.
            stage.acts("message", **blue(stage, task))
        died = stage.dies(point, lambda: parked(stage)) or by_person
        # An answer that may have been lost with its worker is asked for once more.
        stage.heals(lambda: parked(stage))
        if waits(stage):
            stage.acts("message", **blue(stage, task))
            stage.heals(lambda: over(stage))
        return died


class Plan(Scene):
    """Three tasks, one after the other."""

    name = "plan"
    points = (
        "claim.committed:2",
        "claim.before_commit:3",
        "lease.committed:2",
        "run.sent:2",
        "run.before_settle",
        "run.before_settle:2",
        "task.ended",
        "task.ended:2",
        "plan.armed",
        "plan.armed:2",
        *COMMITS,
    )

    def agent(self) -> TestAgent:
        return Echo()

    def play(self, stage: Stage, point: str) -> bool:
        stage.plan("first", "second", "third")
        died = stage.dies(point, lambda: finished(stage))
        stage.heals(lambda: finished(stage))
        return died

    def audit(self, stage: Stage) -> Iterator[str]:
        yield from super().audit(stage)
        yield from once_at_the_agent(stage)
        received = [query for query in stage.agent.received if query in ("first", "second", "third")]
        if received != sorted(received, key=["first", "second", "third"].index):
            yield f"the plan went {received}"


class Recovery(Run):
    """A second process dies while it takes up what the first one left."""

    name = "recovery"
    points = (*RECOVERY, *LEASE, "run.found", *EVENTS[:4], *COMMITS[:6], *END)
    first = "run.event:4"

    def play(self, stage: Stage, point: str) -> bool:
        stage.task("once")
        stage.task("hourly", schedule={"interval_minutes": 60})
        # Before the agent's name for the task is committed, it must be asked for it.
        first = stage.dies("run.event:1" if point == "run.found" else self.first, lambda: over(stage))
        died = stage.dies(point, lambda: over(stage))
        stage.heals(lambda: over(stage))
        return died or (first and point == "")


class Unknown(Run):
    """The first process dies when it was about to send; the second when it has found that nobody can tell."""

    name = "interrupted"
    points = (*RECOVERY, *LEASE, "run.before_settle", "run.interrupted", "task.ended", *COMMITS[:6])

    def play(self, stage: Stage, point: str) -> bool:
        stage.task("once")
        stage.task("hourly", schedule={"interval_minutes": 60})
        stage.dies("run.sent", lambda: over(stage))
        died = stage.dies(point, lambda: over(stage))
        stage.heals(lambda: over(stage))
        return died


class Beside(Scene):
    """Two runners share six tasks; one dies, and nobody comes but the other one."""

    name = "second runner alive"
    points = (*CLAIM, *LEASE, *SEND, "run.event:1", "run.event:6", "journal.committed:2", "run.before_settle")
    statements = False

    def play(self, stage: Stage, point: str) -> bool:
        with stage.alive(concurrency=2):
            dying = stage.start("runner", point, concurrency=2)
            for number in range(6):
                stage.task(f"number {number}")
            until(lambda: over(stage), "the other runner did not bring it to an end")
            died = dying.died
            dying.kill()
            # Killed between two runs it may hold one more.
            until(lambda: over(stage), "the other runner did not bring it to an end")
        return died

    def audit(self, stage: Stage) -> Iterator[str]:
        yield from super().audit(stage)
        yield from once_at_the_agent(stage)


class Again(Run):
    """Death after death: sequences of points, drawn with the seed."""

    name = "death after death"
    points = ()
    statements = False

    def draw(self, seed: int, number: int) -> list[str]:
        """So many sequences, of two to five points each."""
        drawn = random.Random(seed)
        names = [*PATH, *RECOVERY, "run.found"]
        return [" ".join(drawn.choices(names, k=drawn.randint(2, 5))) for _ in range(number)]

    def play(self, stage: Stage, point: str) -> bool:
        stage.task("once")
        stage.task("hourly", schedule={"interval_minutes": 60})
        died = [stage.dies(each, lambda: over(stage)) for each in point.split()]
        stage.heals(lambda: over(stage))
        return any(died)
