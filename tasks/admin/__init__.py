"""Tasks, runs, plans, transitions and agents in Django admin, and what touches conversations and tasks both.

Nothing here writes a status: actions go through `TaskService`, so the history names who asked.
"""

from tasks.admin.agents import AgentAdmin
from tasks.admin.conversations import ConversationWithTasksAdmin
from tasks.admin.history import ExecutionPlanAdmin, TaskRunAdmin, TaskTransitionAdmin
from tasks.admin.operation import OperationAdmin
from tasks.admin.tasks import TaskAdmin

__all__ = [
    "AgentAdmin",
    "ConversationWithTasksAdmin",
    "ExecutionPlanAdmin",
    "OperationAdmin",
    "TaskAdmin",
    "TaskRunAdmin",
    "TaskTransitionAdmin",
]
