"""Random sequences of all that can happen to a task: the table holds, each change has its row, no task is lost."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversations.models import Conversation
from tasks.errors import AlreadyFinished, InvalidInput, NotWaiting, WrongMoment
from tasks.models import Agent, Task, TaskRun
from tasks.schemas.inputs import TaskPatch
from tasks.services import Lease, TaskService
from tasks.services.history import locked
from tasks.states import (
    RUN_ACTIVE,
    RUN_TRANSITIONS,
    TASK_ENDED,
    TASK_TRANSITIONS,
    Overlap,
    RunStatus,
    TaskStatus,
)
from tests.helpers.tasks import MINUTE, NOW, TaskMaker, settle

pytestmark = pytest.mark.django_db

SCHEDULES: list[dict[str, Any]] = [
    {},
    {"start_at": (NOW + 30 * MINUTE).isoformat()},
    {"interval_minutes": 10},
    {"interval_minutes": 10, "max_runs": 2},
    {"interval_minutes": 10, "end_at": (NOW + 45 * MINUTE).isoformat()},
    {"cron": "*/7 * * * *", "jitter_seconds": 120},
    {"daily_time": ["09:05", "09:10", "09:40"], "timezone": "UTC"},
]
DEEDS = (
    *("claim", "claim", "start", "start", "start"),
    *("succeed", "succeed", "fail", "fail_for_now", "ask", "answer", "stop_at_agent", "hand_back", "interrupt"),
    *("pause", "pause_until", "resume", "trigger", "run_again", "edit", "miss_deadline", "cancel", "agent_away"),
)
STEPS = st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 900), st.integers(0, 2)), min_size=5, max_size=30)


class Life:
    """A task to which things happen, looked at after each."""

    def __init__(self, task: Task) -> None:
        self.task, self.now = task, NOW
        self.seen: dict[UUID, RunStatus] = {}

    def do(self, what: str, which: int) -> None:
        """One thing; what is refused for the state of things changes nothing."""
        before = self._state()
        try:
            self._do(what, which)
        except (AlreadyFinished, InvalidInput, NotWaiting, WrongMoment):
            assert self._state() == before, what

    def _state(self) -> list[Any]:
        runs = TaskRun.objects.filter(task=self.task).order_by("id").values_list("id", "status", "slots")
        return [*Task.objects.filter(pk=self.task.pk).values(), *runs, self.task.transitions.count()]

    def _do(self, what: str, which: int) -> None:
        going = [Lease(run_id=run.pk, token=run.token) for run in self._runs(RunStatus.RUNNING)]
        if going:
            self._to_a_run(what, going[which % len(going)])
        self._to_the_task(what, which)

    def _to_the_task(self, what: str, which: int) -> None:  # noqa: PLR0912  (a case a deed)
        pk, now = self.task.pk, self.now
        match what:
            case "claim":
                TaskService.resume_due(now=now)
                TaskService.claim_due(now=now)
            case "start":
                TaskService.start(worker="a", capacity=5, now=now)
            case "pause":
                TaskService.pause(pk, actor=None, now=now)
            case "pause_until":
                TaskService.pause(pk, actor=None, now=now, until=now + 20 * MINUTE)
            case "resume":
                TaskService.resume(pk, actor=None, now=now)
            case "trigger":
                TaskService.trigger(pk, actor=None, now=now)
            case "run_again":
                TaskService.run_again(pk, actor=None, now=now)
            case "edit":
                patch = ({"cron": "*/11 * * * *"}, {"interval_minutes": 15}, {"max_runs": 3})[which]
                TaskService.update(pk, TaskPatch(schedule=patch), actor=None, now=now)
            case "cancel" if which == 0:
                TaskService.cancel(pk, actor=None, now=now)
            case "agent_away":
                Agent.objects.update(enabled=which != 0)
                if names := TaskService.agents_back():
                    TaskService.resume_for_agents(names, now=now)
            case "answer":
                self._locked(lambda _: TaskService.answer(pk, "this one", actor=None, now=now))
            case "miss_deadline" if which == 0 and self._status() not in TASK_ENDED:
                self._locked(lambda task: TaskService.miss_deadline(task, now=now))

    def _to_a_run(self, what: str, lease: Lease) -> None:
        now = self.now
        match what:
            case "succeed":
                settle(TaskService.complete, lease, result="done", now=now)
            case "fail":
                settle(TaskService.fail, lease, error="no", retryable=False, now=now)
            case "fail_for_now":
                settle(TaskService.fail, lease, error="busy", retryable=True, now=now)
            case "ask":
                settle(TaskService.wait_for_input, lease, question="Which?", now=now)
            case "stop_at_agent":
                settle(TaskService.stop_at_agent, lease, reason="enough", now=now)
            case "hand_back":
                TaskService.hand_back([lease], now=now)
            case "interrupt":
                settle(TaskService.interrupt, lease, why="cut", ours=True, now=now)

    def _locked(self, function: Any) -> None:
        from django.db import transaction

        from conversations.journal import write

        with transaction.atomic():
            write(function(locked(self.task.pk)))

    def _runs(self, *statuses: RunStatus) -> list[TaskRun]:
        return list(TaskRun.objects.filter(task=self.task, status__in=statuses).order_by("id"))

    def _status(self) -> TaskStatus:
        return TaskStatus(Task.objects.values_list("status", flat=True).get(pk=self.task.pk))

    def check(self, what: str) -> None:
        """What holds whatever happened."""
        task = Task.objects.get(pk=self.task.pk)
        rows = list(task.transitions.order_by("id").values_list("old_status", "new_status"))
        # Each change of status is a row, and a legal one; nothing else changed it.
        for (_, before), (old, new) in zip([("", ""), *rows], rows, strict=False):
            assert old == before, what
            assert old in (new, "") or TaskStatus(new) in TASK_TRANSITIONS[TaskStatus(old)], what
        assert rows[-1][1] == task.status, what
        # Runs follow their own table.
        active = []
        for run in TaskRun.objects.filter(task=task).order_by("id"):
            status = RunStatus(run.status)
            old = self.seen.get(run.pk, RunStatus.QUEUED)
            if run.pk in self.seen and old != status:
                assert status in _reachable(old), (what, old, status)
            self.seen[run.pk] = status
            assert (run.finished_at is None) is (status in RUN_ACTIVE), what
            if status in RUN_ACTIVE:
                active.append(status)
        if task.overlap != Overlap.PARALLEL:
            assert active.count(RunStatus.RUNNING) <= 1, what
        if task.status in TASK_ENDED:
            assert (task.next_run_at, task.next_slot_at, active) == (None, None, []), what
            assert task.completed_at is not None, what
        else:
            # Never enabled with nothing planned: there is a time, or a run that goes on.
            assert task.next_run_at is not None or active, what
        assert (task.next_run_at is None) == (task.next_slot_at is None), what
        waits = RunStatus.WAITING_INPUT in active
        assert (task.status == TaskStatus.WAITING_INPUT) is waits, what
        conversation = Conversation.objects.get(pk=task.conversation_id)
        assert (conversation.status == "require_user_input") is waits, what
        if task.max_runs is not None:
            assert task.run_count <= task.max_runs, what


def _reachable(status: RunStatus) -> set[RunStatus]:
    """What a run may become in one step of these tests: a cancelled task's run ends too."""
    return set(RUN_TRANSITIONS[status])


@pytest.fixture
def maker(conversation: Conversation, agent: Agent) -> TaskMaker:
    return TaskMaker(conversation)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(SCHEDULES),
    st.sampled_from(["skip", "queue", "cancel_running", "parallel"]),
    st.sampled_from(["one", "none", "all"]),
    st.sampled_from(["fail", "next", "rerun"]),
    STEPS,
)
def test_no_sequence_of_events_leaves_the_table_or_loses_a_task(
    maker: TaskMaker,
    schedule: dict[str, Any],
    overlap: str,
    catch_up: str,
    on_interrupt: str,
    steps: list[tuple[str, int, int]],
) -> None:
    Task.objects.all().delete()
    Agent.objects.update(enabled=True)
    Conversation.objects.update(status="active")
    life = Life(maker(schedule=schedule, overlap=overlap, catch_up=catch_up, on_interrupt=on_interrupt, max_attempts=2))
    life.check("created")
    for what, seconds, which in steps:
        life.now = _later(life.now, seconds)
        life.do(what, which)
        life.check(what)


def _later(now: datetime, seconds: int) -> datetime:
    return now + timedelta(seconds=seconds)
