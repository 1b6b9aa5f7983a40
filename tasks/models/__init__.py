"""Agents, plans, tasks, their runs and their history."""

from tasks.models.agent import Agent
from tasks.models.plan import ExecutionPlan
from tasks.models.run import TaskRun
from tasks.models.task import Task, TaskQuerySet
from tasks.models.transition import TaskTransition

__all__ = ["Agent", "ExecutionPlan", "Task", "TaskQuerySet", "TaskRun", "TaskTransition"]
