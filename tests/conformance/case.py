"""What is said of one case: its script, and what our database should have of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.conformance.agents.record import Json


@dataclass(frozen=True, kw_only=True)
class Case:
    """One agent's way to answer."""

    name: str
    about: str
    turns: Sequence[Sequence[Json]]
    """The events of each turn; before the second one it waits for the person."""
    ends: str = "completed"
    """The status that our task ends with."""
    answer: str = ""
    """The text that its messages and chunks make, joined."""
    artifacts: Mapping[str, Any] = field(default_factory=dict)
    """Content, data or files (names) of each artifact by its id (or its name, where the id is ours)."""
    questions: Sequence[str] = ()
    """What the person was asked."""
    error: str = ""
    """Words in the reason for which it failed or was cancelled."""
    raw_only: bool = False
    """No SDK would send it, or send it so."""
    live_only: bool = False
    """Its agent keeps it otherwise than it said it: what a rejoin finds is something else."""
    others: Sequence[tuple[str, str, Any]] = ()
    """Its tool calls (event, name, result) and components (event, type, content)."""
    kinds_lost: bool = False
    """Its kinds are told live only: after a rejoin its words are there, as text of unknown kind."""
