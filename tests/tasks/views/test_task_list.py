"""The list of tasks: filters from the address, keyset pages, and rows that say what the API says."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tasks.models import Task
from tests.helpers.tasks import TaskMaker


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
