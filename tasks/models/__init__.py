"""Agents, plans, tasks, their runs and their history; hooks that start tasks; what tells of them; workers, runners, and
the operator's switches.
"""

from tasks.models.agent import Agent
from tasks.models.chat import ChatTurn
from tasks.models.context import RemoteContext
from tasks.models.feed import CalendarFeed
from tasks.models.file import TaskFile
from tasks.models.hook import TAKEN, HookDelivery, Outcome, TaskHook
from tasks.models.operation import RunnerProcess, Switches
from tasks.models.plan import ExecutionPlan
from tasks.models.run import TaskRun
from tasks.models.task import Task, TaskQuerySet
from tasks.models.transition import TaskTransition
from tasks.models.webhook import TEST_EVENT, Outgoing, SendStatus, Webhook, WebhookEvent
from tasks.models.worker import Worker

__all__ = [
    "TAKEN",
    "TEST_EVENT",
    "Agent",
    "CalendarFeed",
    "ChatTurn",
    "ExecutionPlan",
    "HookDelivery",
    "Outcome",
    "Outgoing",
    "RemoteContext",
    "RunnerProcess",
    "SendStatus",
    "Switches",
    "Task",
    "TaskFile",
    "TaskHook",
    "TaskQuerySet",
    "TaskRun",
    "TaskTransition",
    "Webhook",
    "WebhookEvent",
    "Worker",
]
