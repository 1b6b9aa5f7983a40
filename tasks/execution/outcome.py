"""How an exchange with an agent ended, before it is settled. Pure."""

from dataclasses import dataclass

from tasks.agents.errors import AgentError
from tasks.agents.remote import RemoteState
from tasks.agents.router import Routed

CRASHED = "The server stopped while the message was on its way."


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How the exchange ended, before it is settled."""

    state: RemoteState
    text: str = ""
    """Why it failed, or what the agent asks."""
    retryable: bool = False
    retry_after: float = 0.0
    """Seconds for which the agent asks to be left alone."""
    kind: str = ""
    """What sort of failure, for `/metrics`; empty: the agent said how it ended."""


class AgentUnreachableForGood(AgentError):
    """There is nobody to ask, and trying again changes nothing."""

    retryable = False
    may_have_arrived = False


class NobodyKnows(AgentError):
    """The message was sent, and neither its answer nor the agent's list of tasks tells whether it arrived."""

    retryable = False


class AgentForgot(AgentError):
    """The agent has no such task: what it did of it cannot be known any more."""

    retryable = False


def failed(text: str, retryable: bool, retry_after: float = 0.0, *, kind: str) -> Outcome:
    """An exchange that failed, for a reason in plain words; `retry_after` is in seconds."""
    return Outcome(state=RemoteState.FAILED, text=text, retryable=retryable, retry_after=retry_after, kind=kind)


def unknown(why: str) -> Outcome:
    """Nobody can tell whether the agent has the message, for this reason: the task's `on_interrupt` decides."""
    return Outcome(state=RemoteState.UNKNOWN, text=f"{why} Nobody can tell whether the agent got it.", kind="unknown")


def said_by(agent_name: str, routed: Routed) -> Outcome | None:
    """How the exchange ended by what the agent says; None: it goes on."""
    state = routed.state
    if state == RemoteState.COMPLETED:
        return Outcome(state=state)
    if state in (RemoteState.INPUT_REQUIRED, RemoteState.AUTH_REQUIRED):
        return Outcome(state=state, text=routed.question or asks(agent_name, state))
    if state in (RemoteState.FAILED, RemoteState.REJECTED):
        said = routed.error or f"{agent_name} {state} without saying why."
        return Outcome(state=state, text=said, retryable=state == RemoteState.FAILED)
    if state == RemoteState.CANCELED:
        return Outcome(state=state, text=routed.error or f"{agent_name} cancelled it.")
    return None


def asks(agent_name: str, state: RemoteState) -> str:
    """What to show where an agent waits and does not say for what."""
    if state == RemoteState.AUTH_REQUIRED:
        return f"{agent_name} needs a credential before it can go on. Answer when it has been provided."
    return f"{agent_name} waits for your answer."
