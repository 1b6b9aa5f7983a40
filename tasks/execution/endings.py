"""What the ends of runs write; what the runs of one commit have in common is written for all of them at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from conversations.changes import Change
from conversations.journal import Settle, Together
from tasks.agents import health
from tasks.agents.remote import RemoteState
from tasks.execution.outcome import Outcome
from tasks.services import Lease, Success, TaskService
from tasks.services.outcomes import settling


@dataclass(frozen=True, kw_only=True)
class End:
    """A run whose exchange is over."""

    lease: Lease
    agent_name: str
    result: str
    usage: Mapping[str, Any]
    """What the run used since it was taken up (`budgets.read_usage`)."""
    agent_error: str
    """What went wrong with the agent itself, if anything did."""
    silent: bool
    """`agent_error` is that nobody answered, or that what answered is no agent: it counts for the circuit."""
    was_asked: bool
    """Its agent was asked at all."""
    was_sent_before: bool
    """Its message left before this worker took it up: what is not known of it, a crash of ours hid."""


def settle(end: End, outcome: Outcome, *, now: datetime) -> Settle | Together:
    """What the journal is to do in the commit that holds the run's last words."""
    if outcome.state == RemoteState.COMPLETED:
        return Together(completed, end)
    ended: Settle
    if outcome.state in (RemoteState.INPUT_REQUIRED, RemoteState.AUTH_REQUIRED):
        ended = settling(TaskService.wait_for_input, end.lease, question=outcome.text, now=now)
    elif outcome.state == RemoteState.UNKNOWN:
        ended = settling(TaskService.interrupt, end.lease, why=outcome.text, ours=end.was_sent_before, now=now)
    elif outcome.state == RemoteState.CANCELED:
        ended = settling(TaskService.stop_at_agent, end.lease, reason=outcome.text, now=now)
    else:
        ended = settling(
            TaskService.fail,
            end.lease,
            error=outcome.text,
            retryable=outcome.retryable,
            retry_after=timedelta(seconds=outcome.retry_after),
            now=now,
            result=end.result,
        )
    used = settling(TaskService.used, end.lease, usage=end.usage)
    return lambda: [*used(), *ended(), *_note_agent(end, now)]


def completed(ends: Sequence[End]) -> list[Change]:
    """Runs that their agents completed."""
    now = timezone.now()
    successes = [Success(lease=end.lease, result=end.result, usage=end.usage) for end in ends]
    changes = TaskService.complete_many(successes, now=now)
    for name in sorted({end.agent_name for end in ends}):
        health.note_seen(name, now=now)
    return changes


def heard(names: Sequence[str]) -> list[Change]:
    """Agents in trouble that said a word: whoever waits for that need not wait for the end of the run."""
    for name in sorted(set(names)):
        health.note_seen(name, now=timezone.now())
    return []


def sent(leases: Sequence[Lease]) -> list[Change]:
    """Runs whose messages are about to leave."""
    return TaskService.sent(leases, now=timezone.now())


def _note_agent(end: End, now: datetime) -> list[Change]:
    if end.was_asked:
        if end.agent_error:
            health.note_error(end.agent_name, end.agent_error, now=now, failure=end.silent)
        else:
            health.note_seen(end.agent_name, now=now)
    return []
