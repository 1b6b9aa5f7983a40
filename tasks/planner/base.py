"""The planner's interface: a request and the agents that may be given work go in, tasks or a question come out."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An agent as a planner sees it: what its card says it can do."""

    name: str
    display_name: str = ""
    description: str = ""
    skills: Sequence[dict[str, Any]] = ()
    passthrough: bool = False
    """The card's `metadata.planner_passthrough`: its requests are handed over unchanged, as one task."""

    @property
    def label(self) -> str:
        """What people call it."""
        return self.display_name or self.name


@dataclass(frozen=True, kw_only=True)
class PlannedTask:
    """One task of a plan: whom to ask, what, and after which others."""

    agent_name: str
    query: str
    key: str = ""
    """Its name in the plan; empty where it is the plan's only task."""
    depends_on: tuple[str, ...] = ()
    """Keys of tasks whose results it is given."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What a planner made of a request: tasks with a word of guidance, or a question to the person."""

    tasks: list[PlannedTask] = field(default_factory=list)
    guidance: str = ""
    question: str = ""
    schedule: dict[str, Any] | None = None
    """When the request shall run, as the planner reads it, in the contract's JSON form; the person confirms it."""


@dataclass(frozen=True, kw_only=True)
class Inquiry:
    """What a planner that consults somebody asks about."""

    text: str
    """The request, without the time phrase that was understood in it, and what was answered since."""
    said_at: datetime
    """When it was said (aware)."""
    timezone: str
    """The person's zone."""
    exchange: tuple[tuple[str, str], ...] = ()
    """Questions of such a planner about this request, with the person's answers; the answers stand in `text` too."""
    may_schedule: bool = True
    """Whether nothing is known yet about when it shall run."""
    recurring: bool = False
    """It is known already that it comes again."""
    may_ask: bool = True
    """Whether it may come back with a question."""


class Planner(ABC):
    """Decides who is asked. `plan` and `resolve` are pure; the caller gives them the agents that are offered."""

    consults = False
    """Whether `consult` asks anybody: who calls then makes sure that nothing is held meanwhile."""

    @abstractmethod
    def plan(self, text: str, agents: Sequence[Candidate]) -> Planned:
        """Split `text` over `agents` (at least one), or ask."""

    @abstractmethod
    def resolve(self, answer: str, agents: Sequence[Candidate]) -> str | None:
        """The name of the agent that `answer` to a question of this planner means; None if it is not clear."""

    def consult(self, inquiry: Inquiry, agents: Sequence[Candidate]) -> Planned | None:  # noqa: ARG002 (the default)
        """What somebody outside this process makes of it; None where nobody gives anything usable: `plan` decides then.

        May take seconds (a bounded number), so never called while a transaction or a connection is held. Raises
        nothing.
        """
        return None
