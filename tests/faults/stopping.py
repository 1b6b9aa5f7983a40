"""The paths on which somebody stops, replaces or starts something from outside: cancels, overlap, drains, events."""

from collections.abc import Iterator, Sequence

from django.utils import timezone

from conversations.models import ConversationItem
from tasks.hooks import keeping
from tasks.models import HookDelivery, Task, TaskRun
from tests.faults.auditing import violations
from tests.faults.path import DRAIN, LEASE, Scene, named, once_at_the_agent, over, statuses_of, told
from tests.faults.stage import Stage, until
from tests.helpers.agents import TestAgent, Waiting


class Cancel(Scene):
    """A task and a schedule are cancelled while they run: the person's process dies, or the runner."""

    name = "cancel"
    points = (
        "cancel.stopped",
        "cancel.before_commit",
        "act.done",
        "run.stopping",
        "run.told_agent",
        "run.stopping:2",
        "run.told_agent:2",
        *(f"journal.committed:{n}" for n in (2, 4, 6)),
    )

    def agent(self) -> TestAgent:
        return Waiting()

    def play(self, stage: Stage, point: str) -> bool:
        tasks = [stage.task("once"), stage.task("hourly", schedule={"interval_minutes": 60})]
        by_person = point.startswith(("cancel", "act."))
        runner = stage.start("runner", "" if by_person else point)
        until(lambda: runner.ended() or named(stage, 2), "the agent was not asked")
        died = self.cancel(stage, tasks, point if by_person else "")
        if died:
            self.cancel(stage, tasks, "")
        until(lambda: runner.ended() or told(stage), "the agent was not told")
        died = runner.died or died
        runner.kill()
        stage.heals(lambda: told(stage))
        return died

    def cancel(self, stage: Stage, tasks: Sequence[Task], point: str) -> bool:
        """The person's acts; whether the process of one of them died."""
        return any(stage.acts("cancel", point, task=task.pk) for task in tasks)

    def audit(self, stage: Stage) -> Iterator[str]:
        yield from super().audit(stage)
        if any(task.status != "cancelled" for task in stage.tasks):
            yield f"the tasks are {[task.status for task in stage.tasks]}"
        runs = TaskRun.objects.filter(task__conversation=stage.conversation)
        known = {run.remote_task_id for run in runs if run.remote_task_id}
        if known - set(stage.agent.stopped):
            yield f"the agent was not told to stop: {known} but for {stage.agent.stopped}"
        said = ConversationItem.objects.filter(conversation=stage.conversation, event="task_cancelled").count()
        if said != len(stage.tasks):
            yield f"the transcript says {said} times that a task was cancelled"


class CancelAll(Cancel):
    """The same by one statement over the conversation, whose words follow later."""

    name = "cancel many"
    points = (
        "cancel_many.before_commit",
        "cancel_many.committed",
        "act.done",
        "run.stopping",
        "run.told_agent",
        "cancel_told.before_commit",
        "cancel_told.committed",
    )
    statements = False

    def cancel(self, stage: Stage, tasks: Sequence[Task], point: str) -> bool:  # noqa: ARG002
        return stage.acts("cancel_all", point, conversation=stage.conversation.pk)


class CancelLeft(Cancel):
    """A cancel while no process lives; the next one dies when it has told the agent."""

    name = "cancel heard later"
    points = ("clock.told_agent", "clock.told_agent:2")
    statements = False

    def play(self, stage: Stage, point: str) -> bool:
        tasks = [stage.task("once"), stage.task("hourly", schedule={"interval_minutes": 60})]
        with stage.alive():
            until(lambda: named(stage, 2), "the agent was not asked")
        self.cancel(stage, tasks, "")
        died = stage.dies(point, lambda: told(stage))
        stage.heals(lambda: told(stage))
        return died


class Hook(Scene):
    """An event starts a task; who sent it sends it again where it got no answer."""

    name = "hook"
    points = ("hook.before_commit", "act.done", *LEASE, "run.sent", "run.event:1", "run.before_settle")
    statements = False

    def play(self, stage: Stage, point: str) -> bool:
        task = stage.task("on event", schedule={"on_event": True})
        hook = keeping.create(task.pk, wanted={}, rate_limit=None, actor=task.user, now=timezone.now())
        delivery = {"hook": hook.pk, "secret": hook.secret, "key": "delivery-1"}
        by_sender = stage.acts("deliver", point if point.startswith(("hook.", "act.")) else "", **delivery)
        if by_sender:
            stage.acts("deliver", **delivery)
        died = stage.dies(point, lambda: over(stage)) or by_sender
        stage.heals(lambda: over(stage))
        return died

    def audit(self, stage: Stage) -> Iterator[str]:
        yield from violations(stage)
        yield from once_at_the_agent(stage)
        deliveries = HookDelivery.objects.filter(hook__task__conversation=stage.conversation).count()
        runs = TaskRun.objects.filter(task__conversation=stage.conversation).count()
        if (deliveries, runs) != (1, 1):
            yield f"one delivery left {deliveries} rows and {runs} runs"


class Overlap(Scene):
    """A slot takes the place of the run before."""

    name = "overlap"
    points = ("claim.before_commit:2", "claim.committed:2", "lease.committed:2", "run.stopping", "run.told_agent")
    statements = False

    def agent(self) -> TestAgent:
        return Waiting()

    def play(self, stage: Stage, point: str) -> bool:
        task = stage.task("newest", schedule={"interval_minutes": 60}, overlap="cancel_running")
        runner = stage.start("runner", point)
        until(lambda: runner.ended() or named(stage, 1), "the agent was not asked")
        now = timezone.now()
        Task.objects.filter(pk=task.pk).update(next_slot_at=now, next_run_at=now)
        until(lambda: runner.ended() or (named(stage, 2) and told(stage)), "the newest did not begin")
        died = runner.died
        runner.kill()
        # What made room is told so while it still goes on.
        stage.heals(lambda: told(stage))
        assert isinstance(stage.agent, Waiting)
        stage.agent.go.set()
        stage.heals(lambda: over(stage))
        return died

    def audit(self, stage: Stage) -> Iterator[str]:
        yield from violations(stage)
        statuses = [run.status for run in stage.tasks[0].runs.order_by("id")]
        if statuses not in (["cancelled", "succeeded"], ["cancelled", "interrupted"]):
            yield f"the runs ended as {statuses}"


class Drain(Scene):
    """A runner that is told to end is killed while it hands back what goes on."""

    name = "drain"
    points = (*DRAIN, "recovery.before_commit", "recovery.committed", "run.stopping:2", "recovery.committed:2")
    statements = False

    def agent(self) -> TestAgent:
        return Waiting()

    def play(self, stage: Stage, point: str) -> bool:
        stage.task("once")
        stage.task("hourly", schedule={"interval_minutes": 60})
        died = stage.dies(point, lambda: False, signalled=lambda: named(stage, 2))
        assert isinstance(stage.agent, Waiting)
        stage.agent.go.set()
        stage.heals(lambda: over(stage))
        return died

    def audit(self, stage: Stage) -> Iterator[str]:
        yield from super().audit(stage)
        yield from once_at_the_agent(stage)
        if any(run.status != "succeeded" for task in stage.tasks for run in task.runs.all()):
            yield f"the runs ended as {statuses_of(stage)}"
