"""The planner's interface: a request and the agents that may be given work go in, tasks or a question come out."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
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
    """One task of a plan: whom to ask, and what."""

    agent_name: str
    query: str


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What a planner made of a request: tasks with a word of guidance, or a question to the person."""

    tasks: list[PlannedTask] = field(default_factory=list)
    guidance: str = ""
    question: str = ""


class Planner(ABC):
    """Decides who is asked. Pure: no database, no clock; the caller gives it the agents that are offered."""

    @abstractmethod
    def plan(self, text: str, agents: Sequence[Candidate]) -> Planned:
        """Split `text` over `agents` (at least one), or ask."""

    @abstractmethod
    def resolve(self, answer: str, agents: Sequence[Candidate]) -> str | None:
        """The name of the agent that `answer` to a question of this planner means; None if it is not clear."""
