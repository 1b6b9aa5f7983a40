"""Lists come in pages by an opaque cursor, newest first, with as many queries for many rows as for one."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from conversations.models import Conversation
from tests.api_client import Program


def walk(ana: Program, path: str, limit: int) -> list[str]:
    """The ids of all pages of a list."""
    ids: list[str] = []
    cursor = None
    while True:
        page = ana("GET", f"{path}{'&' if '?' in path else '?'}limit={limit}" + (f"&cursor={cursor}" if cursor else ""))
        assert page.status == 200
        assert len(page.data["items"]) <= limit
        ids += [row["id"] for row in page.data["items"]]
        cursor = page.data["next_cursor"]
        if cursor is None:
            return ids
        assert re.fullmatch(r"[A-Za-z0-9_.~-]+", cursor)


@pytest.mark.parametrize("limit", [1, 2, 5, 6, 200])
def test_tasks_and_plans_come_newest_first_over_all_pages(ana: Program, limit):
    conversation = ana.conversation()
    tasks = [ana.task(conversation_id=conversation) for _ in range(5)]
    assert walk(ana, "/tasks", limit) == [task["id"] for task in reversed(tasks)]
    assert walk(ana, "/plans", limit) == [task["plan_id"] for task in reversed(tasks)]
    assert walk(ana, f"/tasks?conversation_id={conversation}", limit) == [task["id"] for task in reversed(tasks)]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_conversations_come_latest_changed_first_also_when_many_changed_at_once(ana: Program, limit):
    ids = [ana.conversation() for _ in range(5)]
    moment = timezone.now()
    Conversation.objects.filter(pk__in=ids[:4]).update(updated_at=moment)
    Conversation.objects.filter(pk=ids[0]).update(updated_at=moment + timedelta(seconds=1))
    Conversation.objects.filter(pk=ids[4]).update(updated_at=moment - timedelta(days=1))
    assert walk(ana, "/conversations", limit) == [ids[0], ids[3], ids[2], ids[1], ids[4]]


def test_what_is_made_while_one_pages_is_neither_doubled_nor_in_the_way(ana: Program):
    conversation = ana.conversation()
    tasks = [ana.task(conversation_id=conversation) for _ in range(4)]
    first = ana("GET", "/tasks?limit=2").data
    ana.task(conversation_id=conversation)
    second = ana("GET", f"/tasks?limit=2&cursor={first['next_cursor']}").data
    assert [row["id"] for row in second["items"]] == [tasks[1]["id"], tasks[0]["id"]]
    assert second["next_cursor"] is None


def test_runs_and_history_page_too(ana: Program):
    task = ana.task(schedule={"interval_minutes": 60})
    runs = [ana("POST", f"/tasks/{task['id']}/trigger").data["id"] for _ in range(3)]
    assert walk(ana, f"/tasks/{task['id']}/runs", 2) == list(reversed(runs))
    assert len(walk(ana, f"/tasks/{task['id']}/transitions", 2)) == 4


@pytest.mark.parametrize(
    "path", ["/conversations", "/tasks", "/plans", "/tasks/{id}/runs", "/tasks/{id}/transitions", "/agents"]
)
def test_three_rows_take_no_more_queries_than_one(ana: Program, django_assert_num_queries, path):
    def add() -> dict:
        task = ana.task(schedule={"interval_minutes": 60})
        ana("POST", f"/tasks/{task['id']}/trigger")
        return task

    task = add()
    # One for the token; one for the rows; one more for the task that the path names, or the tasks of the plans.
    queries = 3 if path == "/plans" or "{id}" in path else 2
    path = path.format(id=task["id"])
    with django_assert_num_queries(queries):
        ana("GET", path)
    add()
    add()
    ana("POST", f"/tasks/{task['id']}/trigger")
    ana("POST", f"/tasks/{task['id']}/trigger")
    with django_assert_num_queries(queries):
        ana("GET", path)


def test_filters_of_tasks(ana: Program):
    now = timezone.now()
    once = ana.task(query="weather in Oslo", title="Weather")
    every = ana.task(query="prices", schedule={"interval_minutes": 5})
    paused = ana.task(query="news", schedule={"interval_minutes": 5})
    ana("POST", f"/tasks/{paused['id']}/pause", {})
    gone = ana.task(query="old")
    ana("POST", f"/tasks/{gone['id']}/cancel")

    def found(query: str) -> set[str]:
        return {row["id"] for row in ana("GET", f"/tasks?{query}").data["items"]}

    assert found("pattern=once") == {once["id"], gone["id"]}
    assert found("status=cancelled") == found("phase=cancelled") == {gone["id"]}
    assert found("phase=paused") == {paused["id"]}
    assert found("q=oslo") == found("q=WEATHER") == {once["id"]}
    assert found("q=o_l") == set()
    assert found("agent_name=Echo&pattern=recurring") == {every["id"], paused["id"]}
    assert found("agent_name=Nobody") == set()
    before = (now - timedelta(minutes=1)).isoformat()
    assert len(found(f"created_after={before.replace('+', '%2B')}")) == 4
    assert len(found(f"created_after={before}")) == 4  # an offset whose + nobody escaped
    assert found(f"created_before={before.replace('+', '%2B')}") == set()
