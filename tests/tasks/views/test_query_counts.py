"""The number of queries does not grow with what a page shows."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from conversations.models import Conversation
from tasks.models import Task

SESSION_AND_USER = 2
SIDE = 6


@pytest.mark.parametrize("n", [1, 3, 12])
@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("/", 2),  # agents, conversations
        ("/tasks/", 3),  # tasks, their runs, agents
        ("/tasks/?view=timeline", 3),
        ("/tasks/?sort=next", 4),  # which tasks, and the same as above
        ("/conversations/{conversation}/", 5),  # itself, items, tasks, their runs, agents
        ("/tasks/{task}/", 6),  # itself, its plan, runs, last result, hooks, history
        ("/runs/{run}/", 2),  # itself, its first item
        ("/agents/", 2),  # themselves, the runs of their day
        ("/settings/", 6),  # the link of the calendar, webhooks, tokens, devices with their sessions and people
        ("/insights/", 3),  # runs by time and agent, failures by reason, coming tasks
        ("/calendar/", 4),  # the link, the runs by day, coming ones, paused ones
    ],
)
def test_a_page_asks_as_often_for_many_as_for_one(
    visit: Client,
    conversation: Conversation,
    make_tasks: Callable[[int], list[Task]],
    django_assert_num_queries: Any,
    path: str,
    own: int,
    n: int,
) -> None:
    task = make_tasks(n)[0]
    address = path.format(conversation=conversation.pk, task=task.pk, run=task.runs.get(result="Result 0").pk)
    visit.get(address)
    with django_assert_num_queries(SESSION_AND_USER + SIDE + own):
        assert visit.get(address).status_code == 200
