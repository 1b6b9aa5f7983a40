"""The message that an agent is sent, with what ValueCell's agents expect beside it."""

from typing import Any
from uuid import UUID

from tasks.agents.remote import Outgoing
from tasks.execution.context import RunContext

LANGUAGE = "en-US"


def outgoing(run: RunContext, text: str, task_id: str = "", context_id: str = "") -> Outgoing:
    """`text` for the run's agent; with `task_id` and `context_id`, the agent's own names, in answer to its question.

    The message's id is that of run and lease, so that an agent which sees it twice can tell. (valuecell.md, "What is
    sent to an agent".)
    """
    dependencies = {"user_profile": {}, "current_context": {}, "language": LANGUAGE, "timezone": run.timezone}
    metadata: dict[str, Any] = {"metadata": {}, "dependencies": dependencies}
    return Outgoing(
        text=text,
        message_id=str(UUID(int=run.lease.run_id.int ^ run.lease.token)),
        context_id=(task_id and context_id) or str(run.scope.conversation_id),
        task_id=task_id,
        metadata=metadata,
    )
