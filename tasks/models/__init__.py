"""Agents, plans, tasks, their runs and their history; hooks that start tasks; what tells of them; workers."""

from tasks.models.agent import Agent
from tasks.models.chat import ChatTurn
from tasks.models.context import RemoteContext
from tasks.models.feed import CalendarFeed
from tasks.models.file import TaskFile
from tasks.models.hook import TAKEN, HookDelivery, Outcome, TaskHook
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
    "SendStatus",
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
