"""The line of time: what ran and what comes, placed by when it was, now in the middle; and what it says in words."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from tasks.models import Task, TaskRun
from tasks.states import RunStatus, Trigger
from tasks.views.timeline import MARKS, THIN
from tests.helpers.tasks import TaskMaker


def _next(at: datetime) -> dict[str, Any]:
    return {"next_run_at": at, "next_slot_at": at, "anchor_at": at}


def _runs(task: Task, *ago: timedelta, status: str = RunStatus.SUCCEEDED) -> None:
    now = timezone.now()
    for length in ago:
        TaskRun.objects.create(
            task=task,
            user=task.user,
            conversation=task.conversation,
            agent_name=task.agent_name,
            trigger=Trigger.SCHEDULE,
            scheduled_for=now - length,
            started_at=now - length,
            finished_at=now - length + timedelta(minutes=30),
            status=status,
        )


def _marks(client: Client, query: str = "") -> list[tuple[str, float, float]]:
    (row,) = client.get(f"/tasks/?view=timeline{query}").context["rows"]
    return [(mark.state, float(mark.x), float(mark.width)) for mark in row["lane"]["marks"]]


def test_past_and_coming_runs_stand_where_they_belong(visit: Client, make_task: TaskMaker) -> None:
    now = timezone.now()
    task = make_task(schedule={"interval_minutes": 360}, **_next(now + timedelta(hours=6)))
    _runs(task, timedelta(hours=48), timedelta(hours=12), status=RunStatus.FAILED)
    _runs(task, timedelta(hours=6))
    states, places, widths = zip(*_marks(visit), strict=True)
    assert states == ("failed", "succeeded", "coming", "coming", "coming", "coming")
    assert [round(place, 1) for place in places] == [25, 37.5, 62.5, 75, 87.5, 100]
    assert [round(width, 1) for width in widths] == [1.0, 1.0, *[THIN] * 4]
    assert len(_marks(visit, "&around=7d")) == 3 + 28
    page = visit.get("/tasks/?view=timeline").content.decode()
    assert (
        "1 succeeded, 1 failed; planned: 4, the next" in page or "1 failed, 1 succeeded; planned: 4, the next" in page
    )


def test_what_is_too_much_to_mark_one_by_one_is_a_band(visit: Client, make_task: TaskMaker) -> None:
    now = timezone.now()
    task = make_task(schedule={"interval_minutes": 1}, **_next(now + timedelta(minutes=1)))
    _runs(task, *(timedelta(minutes=n) for n in range(1, MARKS + 5)))
    marks = _marks(visit)
    assert [marks[0][0], marks[-1][0]] == ["earlier", "later"]
    assert len(marks) == 2 * MARKS + 2
    assert marks[0][1] == 0
    assert round(marks[-1][1] + marks[-1][2]) == 100


def test_a_task_that_is_paused_plans_nothing(visit: Client, make_task: TaskMaker) -> None:
    now = timezone.now()
    make_task(schedule={"daily_time": "09:00"}, next_run_at=now, paused_at=now, paused_reason="manual")
    assert _marks(visit) == []
    assert "no runs; nothing planned" in visit.get("/tasks/?view=timeline").content.decode()


def test_the_view_its_span_and_the_order_stay_in_the_address(
    visit: Client, make_tasks: Callable[[int], list[Task]]
) -> None:
    make_tasks(2)
    context = visit.get("/tasks/?view=timeline&around=7d&sort=title&pattern=recurring&other=1").context
    assert context["newest_query"] == "pattern=recurring&sort=title&view=timeline&around=7d"
    assert context["views"]["list"] == "pattern=recurring&sort=title"
    assert visit.get("/tasks/?view=x&around=y&sort=z").status_code == 200
