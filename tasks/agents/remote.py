"""The values that pass between connections, router and executor: an agent's reference, a message, a state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from a2a.types import TaskState

if TYPE_CHECKING:
    from tasks.models import Agent

ADDED_FROM = "x-added-from"
"""Key that we add to a card fetched at somebody's request: the address that may only lead to public hosts."""
TOLD = "x-told"
"""Key that we add to a card: those of its keys that its agent told, and may tell otherwise later."""
MARKS = frozenset({ADDED_FROM, TOLD})


@dataclass(frozen=True, kw_only=True)
class CredentialUse:
    """How an agent's credential is given to it (`credentials`)."""

    scheme: str = "bearer"
    """A `tasks.models.agent.CredentialScheme`."""
    header: str = ""
    """Of an API key; empty: the card's, or the usual one."""
    token_url: str = ""
    scope: str = ""
    """Of OAuth 2."""


@dataclass(frozen=True, kw_only=True)
class AgentRef:
    """An agent as connections need it: taken from its row once, so that async code needs no ORM."""

    name: str
    url: str
    card: Mapping[str, Any]
    credential_env: str = ""
    use: CredentialUse = CredentialUse()
    max_bytes: int = 0
    """Bytes of one run's answer; 0: as many as any agent may send."""
    max_seconds: int = 0
    """Of one run; 0: as many as its task allows."""
    send_mode: str = "stream"
    updated_at: datetime
    names_contexts: bool = False
    """It calls conversations by ids of its own."""
    troubled: bool = False
    """It did not answer lately: its circuit is to be asked before something is sent."""
    public_only: bool = False
    """Added in page or API: each connection is checked not to lead to a loopback or private address."""

    @classmethod
    def of(cls, agent: Agent) -> AgentRef:
        """The reference of a row, as it is now."""
        card = agent.card if isinstance(agent.card, dict) else {}
        return cls(
            name=agent.name,
            url=agent.url,
            card=card,
            credential_env=agent.credential_env,
            use=CredentialUse(
                scheme=agent.credential_scheme,
                header=agent.credential_header,
                token_url=agent.credential_token_url,
                scope=agent.credential_scope,
            ),
            max_seconds=agent.max_seconds or 0,
            max_bytes=(agent.max_megabytes or 0) * 1024 * 1024,
            send_mode=agent.send_mode,
            updated_at=agent.updated_at,
            names_contexts=agent.names_contexts,
            troubled=agent.failures > 0,
            # An address that the operator changed since is the operator's word.
            public_only=bool(card.get(ADDED_FROM)) and card.get(ADDED_FROM) == agent.url,
        )


@dataclass(frozen=True, kw_only=True)
class Attached:
    """A file that goes with a message."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A message to an agent. `task_id` is empty for a new task, the agent's id of it for an answer."""

    text: str
    message_id: str
    context_id: str
    task_id: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    files: Sequence[Attached] = ()


class RemoteState(StrEnum):
    """How far the agent says that its task is."""

    WORKING = "working"
    """Submitted or working."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    REJECTED = "rejected"
    """Declined before any work: terminal, and not success."""
    INPUT_REQUIRED = "input_required"
    AUTH_REQUIRED = "auth_required"
    UNKNOWN = "unknown"
    """Not said, a state of a later version, or a task that the agent does not know."""

    @property
    def terminal(self) -> bool:
        """Whether the agent's task is over."""
        return self in _TERMINAL

    @property
    def interrupted(self) -> bool:
        """Whether the agent waits for a person."""
        return self in (RemoteState.INPUT_REQUIRED, RemoteState.AUTH_REQUIRED)

    @property
    def goes_on(self) -> bool:
        """Whether it is not over yet: at work, or waiting for a person."""
        return self is RemoteState.WORKING or self.interrupted


_TERMINAL = frozenset({RemoteState.COMPLETED, RemoteState.FAILED, RemoteState.CANCELED, RemoteState.REJECTED})
_STATES: dict[int, RemoteState] = {
    TaskState.TASK_STATE_SUBMITTED: RemoteState.WORKING,
    TaskState.TASK_STATE_WORKING: RemoteState.WORKING,
    TaskState.TASK_STATE_COMPLETED: RemoteState.COMPLETED,
    TaskState.TASK_STATE_FAILED: RemoteState.FAILED,
    TaskState.TASK_STATE_CANCELED: RemoteState.CANCELED,
    TaskState.TASK_STATE_REJECTED: RemoteState.REJECTED,
    TaskState.TASK_STATE_INPUT_REQUIRED: RemoteState.INPUT_REQUIRED,
    TaskState.TASK_STATE_AUTH_REQUIRED: RemoteState.AUTH_REQUIRED,
}


def remote_state(state: int) -> RemoteState:
    """The meaning of an `a2a.types.TaskState` number; UNKNOWN for numbers of a later version."""
    return _STATES.get(state, RemoteState.UNKNOWN)
