"""The list of tasks: filters from the address, keyset pages, and rows that say what the API says."""

import sys
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tasks.models import Task
from tests.helpers.tasks import TaskMaker

SOME_ID = "01a212be-cea7-776f-9a0a-5dd3b369523a"


def titles(client: Client, query: str = "") -> list[str]:
    """The titles of the rows."""
    return [row["task"].title for row in client.get(f"/tasks/?{query}").context["rows"]]


def test_filters_narrow_the_list_and_stand_in_the_form(visit: Client, make_task: TaskMaker) -> None:
    make_task(title="Once")
    make_task(title="Ended", status="cancelled", next_run_at=None)
    make_task(title="Paused", schedule={"daily_time": "09:00"}, paused_at=timezone.now(), paused_reason="failures")
    make_task(title="Other", query="look at %_ the sea", agent_name="Echo", status="failed", next_run_at=None)
    assert titles(visit) == ["Other", "Paused", "Ended", "Once"]
    assert titles(visit, "status=cancelled") == ["Ended"]
    assert titles(visit, "phase=paused") == ["Paused"]
    assert titles(visit, "pattern=recurring") == ["Paused"]
    assert titles(visit, "q=THE+SEA") == ["Other"]
    assert titles(visit, "q=%25_") == ["Other"]
    assert titles(visit, "agent_name=Nobody") == []
    page = visit.get("/tasks/?phase=paused&q=Pau").content.decode()
    assert '<option value="paused" selected>' in page
    assert 'value="Pau"' in page
    assert "paused · failures" in page


@pytest.mark.parametrize(
    "query", ["status=x", "phase=x", "pattern=x", "created=9y", "conversation=x", "q=%00", "before=x", "created=%00"]
)
def test_values_without_meaning_never_break_the_page(visit: Client, make_task: TaskMaker, query: str) -> None:
    make_task()
    assert visit.get(f"/tasks/?{query}").status_code == 200


def test_older_tasks_come_page_by_page_without_gap_or_double(visit: Client, make_task: TaskMaker) -> None:
    made = [make_task(title=f"Task {number}").title for number in range(53)]
    first = visit.get("/tasks/?pattern=once")
    shown = [row["task"].title for row in first.context["rows"]]
    second = visit.get(f"/tasks/?{first.context['older_query']}")
    shown += [row["task"].title for row in second.context["rows"]]
    assert shown == made[::-1]
    assert (first.context["older"], second.context["older"]) == (True, False)
    assert "pattern=once" in first.context["older_query"]


@pytest.mark.parametrize("sort", ["", "oldest", "next", "changed", "title"])
def test_every_order_goes_on_page_by_page_without_gap_or_double(
    visit: Client, make_task: TaskMaker, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    monkeypatch.setattr(sys.modules["tasks.views.tasks"], "PAGE", 3)  # the view has the module's name
    now = timezone.now()
    for number, title in enumerate(["b", "A", "a", "ä", "d", "Z", "c", "a"]):
        # Two that come at the same moment, and two that come at none.
        coming = now + timedelta(hours=number // 2) if number < 6 else None
        task = make_task(title=title, schedule={"daily_time": "09:00"}, next_run_at=coming)
        Task.objects.filter(pk=task.pk).update(updated_at=now - timedelta(minutes=number // 3))
    shown: list[Task] = []
    query = f"sort={sort}"
    for _page in range(3):
        context = visit.get(f"/tasks/?{query}").context
        shown += [row["task"] for row in context["rows"]]
        query = context["older_query"]
    assert context["older"] is False
    assert len({task.pk for task in shown}) == len(shown) == Task.objects.count()
    keys = {
        "": [-task.pk.int for task in shown],
        "oldest": [task.pk.int for task in shown],
        "next": [(task.next_run_at is None, task.next_run_at or now, task.pk.int) for task in shown],
        "changed": [(-task.updated_at.timestamp(), -task.pk.int) for task in shown],
    }
    if sort == "title":
        # Where "ä" stands is the database's to say.
        letters = [task.title.lower() for task in shown if task.title.isascii()]
        assert letters == ["a", "a", "a", "b", "c", "d", "z"]
    else:
        assert keys[sort] == sorted(keys[sort])  # type: ignore[type-var]


def test_what_is_paused_or_over_comes_last_in_the_order_of_next_runs(visit: Client, make_task: TaskMaker) -> None:
    now = timezone.now()
    daily = {"daily_time": "09:00"}
    make_task(title="Paused", schedule=daily, next_run_at=now, paused_at=now, paused_reason="manual")
    make_task(title="Later", schedule=daily, next_run_at=now + timedelta(hours=2))
    make_task(title="Soon", schedule=daily, next_run_at=now + timedelta(hours=1))
    assert titles(visit, "sort=next") == ["Soon", "Later", "Paused"]
    assert titles(visit, "sort=nothing") == ["Soon", "Later", "Paused"]


@pytest.mark.parametrize(
    "before", ["x", "~", "01a212be-cea7-776f-9a0a-5dd3b369523a~x", "01a212be-cea7-776f-9a0a-5dd3b369523a"]
)
@pytest.mark.parametrize("sort", ["next", "changed", "title"])
def test_a_place_that_is_none_means_the_beginning(visit: Client, make_task: TaskMaker, before: str, sort: str) -> None:
    make_task(title="aaa")
    page = visit.get(f"/tasks/?sort={sort}&before={before}")
    assert page.status_code == 200
    if sort != "title" or "~" not in before.strip("~"):
        assert [row["task"].title for row in page.context["rows"]] == ["aaa"]


def test_created_counts_back_from_now(visit: Client, make_task: TaskMaker) -> None:
    make_task(title="New", created_at=timezone.now() - timedelta(hours=3))
    make_task(title="Old", created_at=timezone.now() - timedelta(days=3))
    assert titles(visit, "created=1d") == ["New"]
    assert titles(visit, "created=7d") == ["Old", "New"]


def test_the_strip_holds_the_last_runs_oldest_first(visit: Client, make_tasks: Callable[[int], list[Task]]) -> None:
    make_tasks(1)
    visit.cookies["tz"] = "UTC"
    row = visit.get("/tasks/").context["rows"][0]
    said = [f"Mon 2 Nov, {at}: succeeded" for at in ("09:00", "09:30", "10:00")]
    assert [bar["title"] for bar in row["strip"]["runs"]] == said
    assert row["strip"]["says"] == "Last runs: 3 succeeded"
    assert row["when"] == "Every 30 min"
