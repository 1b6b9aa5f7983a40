"""The plan of a task on its page: what it waits for, and how far it is."""

import pytest

from tests.helpers.tasks import NOW, TaskMaker, start, started, succeed

pytestmark = pytest.mark.django_db


def test_a_task_says_what_it_waits_for_and_how_far_its_plan_is(visit, make_task: TaskMaker) -> None:
    steps = [
        {"title": "Gather", "key": "a", "query": "one"},
        {"title": "Weigh", "key": "b", "query": "two", "depends_on": ["a"]},
        {"title": "Apart", "key": "c", "query": "three", "depends_on": []},
    ]
    first, second, _ = make_task.plan(steps).tasks.order_by("place")
    page = visit.get(f"/tasks/{second.pk}/").context["plan"]
    assert (page["progress"], page["unfinished"]) == ("0 of 3 done", 3)
    assert [(step["title"], step["waits"], step["here"]) for step in page["steps"]] == [
        ("Gather", "", False),
        ("Weigh", "Gather", True),
        ("Apart", "", False),
    ]
    succeed(started(first))
    start(now=NOW)
    page = visit.get(f"/tasks/{second.pk}/").context["plan"]
    assert (page["progress"], page["steps"][1]["waits"]) == ("1 of 3 done", "")


def test_a_task_alone_in_its_plan_has_none(visit, make_task: TaskMaker) -> None:
    response = visit.get(f"/tasks/{make_task().pk}/")
    assert response.context["plan"] is None
    assert "data-cancel-plan" not in response.content.decode()
