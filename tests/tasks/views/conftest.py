"""A signed-in person's browser, and some tasks with runs to look at."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tasks.models import Task, TaskRun
from tests.helpers.tasks import NOW, TaskMaker


@pytest.fixture
def visit(client: Client, user: User) -> Client:
    """`user`'s browser."""
    client.force_login(user)
    client.get("/agents/")  # its first request is noted in the list of devices
    return client


@pytest.fixture
def make_tasks(make_task: TaskMaker) -> Callable[[int], list[Task]]:
    """`make_tasks(n)`: scheduled tasks with three runs each."""

    def make(n: int) -> list[Task]:
        tasks = [make_task(schedule={"interval_minutes": 30}, title=f"Task {number}") for number in range(n)]
        for task in tasks:
            for place in range(3):
                at = NOW + timedelta(minutes=30 * place)
                TaskRun.objects.create(
                    task=task,
                    user=task.user,
                    conversation=task.conversation,
                    trigger="schedule",
                    scheduled_for=at,
                    status="succeeded",
                    agent_name=task.agent_name,
                    created_at=at,
                    ready_at=at,
                    started_at=at + timedelta(seconds=0.5),
                    finished_at=at + timedelta(seconds=7),
                    result=f"Result {place}",
                )
        return tasks

    return make
