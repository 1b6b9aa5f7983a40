"""The message that an agent is sent, with what ValueCell's agents expect beside it."""

from typing import Any
from uuid import UUID

from tasks.agents.remote import Outgoing
from tasks.execution.context import RunContext


def outgoing(run: RunContext, text: str, task_id: str = "", context_id: str = "") -> Outgoing:
    """`text` for the run's agent; with `task_id` and `context_id`, the agent's own names, in answer to its question.

    (valuecell.md, "What is sent to an agent".)
    """
    dependencies = {"user_profile": {}, "current_context": {}, "language": run.language, "timezone": run.timezone}
    metadata: dict[str, Any] = {"metadata": {}, "dependencies": dependencies}
    return Outgoing(
        text=text,
        message_id=_message_id(run.lease.run_id, run.lease.token),
        context_id=(task_id and context_id) or run.context_id,
        task_id=task_id,
        metadata=metadata,
        # An answer goes to a task that has them already.
        files=() if task_id else run.files,
    )


def possible_ids(run: RunContext) -> frozenset[str]:
    """The ids that the run's message may have left with: its own lease's, or that of a worker before."""
    return frozenset(_message_id(run.lease.run_id, token) for token in range(1, run.lease.token + 1))


def _message_id(run_id: UUID, token: int) -> str:
    """Of run and lease, so that an agent which sees a message twice can tell, and one that lists tasks can be asked."""
    return str(UUID(int=run_id.int ^ token))
