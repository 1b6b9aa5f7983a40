"""What an operator sees at a glance, read by queries over sets whose number and size do not grow with the tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Min, QuerySet
from django.db.models.functions import Substr

from tasks.models import Agent, RunnerProcess, Task, TaskRun, Worker
from tasks.models.agent import Circuit
from tasks.services import Held, TaskService
from tasks.states import RunStatus

COUNTED = 10_000
"""Rows that a count looks at, at most; beyond, it says *more than*."""
SHOWN = 10
"""Due tasks, and reasons of failures."""
PROCESSES = 100
AGENTS = 200
DAY = timedelta(days=1)
ENDED = 20_000
"""Of the last day, so many runs at most are looked through for failures, the latest first."""
REASON = 120
"""Characters by which errors are told apart."""


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """Something that waits."""

    number: int
    oldest: datetime | None

    @property
    def words(self) -> str:
        """The number, bounded."""
        return f"more than {COUNTED:,}" if self.number > COUNTED else f"{self.number:,}"


@dataclass(frozen=True, kw_only=True)
class Process:
    """A runner or worker."""

    name: str
    kind: str
    concurrency: int
    going: int
    started_at: datetime
    seen_at: datetime
    alive: bool
    leaving: bool
    """It ends, or drains already."""
    drained: bool
    """The operator wants it to take nothing new."""


@dataclass(frozen=True, kw_only=True)
class AgentState:
    """An agent, and what goes on at it."""

    agent: Agent
    state: str
    going: int
    waiting: int


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Runs that failed alike."""

    agent_name: str
    reason: str
    number: int


@dataclass(frozen=True, kw_only=True)
class Overview:
    """All of it, at one moment."""

    now: datetime
    held: Held
    due: Backlog
    ready: Backlog
    asking: Backlog
    going: int
    room: int
    """Runs that all living processes together carry out at once."""
    oldest_due: Sequence[Task]
    processes: Sequence[Process]
    agents: Sequence[AgentState]
    failures: Sequence[Failure]
    failures_bounded: bool
    """Only the latest ENDED runs of the day were looked through."""


def read(*, now: datetime) -> Overview:
    """How things stand. Fourteen queries."""
    held = TaskService.held()
    going = TaskRun.objects.filter(status=RunStatus.RUNNING).order_by()
    by_process = _counts(going, "worker")
    by_agent = _counts(going, "agent_name")
    ready = TaskRun.objects.ready(now).order_by()
    waiting = _counts(TaskRun.objects.filter(pk__in=ready.values("pk")[:COUNTED]).order_by(), "agent_name")
    processes = [*_runners(now, held, by_process), *_workers(now, held, by_process)]
    failures, bounded = _failures(now)
    due = Task.objects.due(now).order_by()
    return Overview(
        now=now,
        held=held,
        due=_backlog(due, "next_run_at"),
        ready=_backlog(ready, "ready_at"),
        asking=_backlog(TaskRun.objects.active().filter(status=RunStatus.WAITING_INPUT).order_by(), "started_at"),
        going=sum(by_agent.values()),
        room=sum(process.concurrency for process in processes if process.alive and not process.leaving),
        oldest_due=list(due.order_by("next_run_at").only("title", "agent_name", "priority", "next_run_at")[:SHOWN]),
        processes=processes,
        agents=_agents(now, by_agent, waiting),
        failures=failures,
        failures_bounded=bounded,
    )


def _backlog(rows: "QuerySet[Any]", column: str) -> Backlog:
    number = rows.values("pk")[: COUNTED + 1].count()
    return Backlog(number=number, oldest=rows.aggregate(oldest=Min(column))["oldest"] if number else None)


def _counts(rows: "QuerySet[TaskRun]", column: str) -> dict[str, int]:
    return dict(rows.values_list(column).annotate(number=Count("pk")))


def _runners(now: datetime, held: Held, going: dict[str, int]) -> list[Process]:
    alive = set(RunnerProcess.objects.alive(now).values_list("pk", flat=True)[:PROCESSES])
    return [
        Process(
            name=row.name,
            kind="runner" if row.concurrency == 0 else "runner and worker",
            concurrency=row.concurrency,
            going=going.get(row.name, 0),
            started_at=row.started_at,
            seen_at=row.seen_at,
            alive=row.pk in alive,
            leaving=row.name in held.drained,
            drained=row.name in held.drained,
        )
        for row in RunnerProcess.objects.order_by("-seen_at")[:PROCESSES]
    ]


def _workers(now: datetime, held: Held, going: dict[str, int]) -> list[Process]:
    alive = set(Worker.objects.alive(now).values_list("pk", flat=True)[:PROCESSES])
    return [
        Process(
            name=row.name,
            kind="worker",
            concurrency=row.concurrency,
            going=going.get(row.name, 0),
            started_at=row.started_at,
            seen_at=row.seen_at,
            alive=row.pk in alive,
            leaving=row.leaving or row.name in held.drained,
            drained=row.name in held.drained,
        )
        for row in Worker.objects.order_by("-seen_at")[:PROCESSES]
    ]


def _agents(now: datetime, going: dict[str, int], waiting: dict[str, int]) -> list[AgentState]:
    # The least well first, then by name.
    agents = sorted(Agent.objects.order_by("name").defer("card", "own_card")[:AGENTS], key=lambda a: not a.last_error)
    return [
        AgentState(
            agent=agent, state=_state(agent, now), going=going.get(agent.name, 0), waiting=waiting.get(agent.name, 0)
        )
        for agent in agents
    ]


def _state(agent: Agent, now: datetime) -> str:
    if not agent.enabled:
        return "disabled"
    return {Circuit.OPEN: "left alone", Circuit.HALF_OPEN: "being tried"}.get(agent.circuit(now), "enabled")


def _failures(now: datetime) -> tuple[list[Failure], bool]:
    latest = TaskRun.objects.filter(finished_at__gt=now - DAY).order_by("-finished_at")
    bounded = latest.values("pk")[ENDED : ENDED + 1].exists()
    alike = (
        TaskRun.objects.filter(pk__in=latest.values("pk")[:ENDED], status=RunStatus.FAILED)
        .order_by()
        .values("agent_name", alike=Substr("error", 1, REASON))
        .annotate(number=Count("pk"))
        .order_by(F("number").desc(), "agent_name", "alike")[:SHOWN]
    )
    found = [
        Failure(agent_name=row["agent_name"], reason=row["alike"] or "no reason was given", number=row["number"])
        for row in alike
    ]
    return found, bounded
