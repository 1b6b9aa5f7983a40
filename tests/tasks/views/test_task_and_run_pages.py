"""A task's page and a run's page tell apart due, queued, started and finished, and show every change."""

from collections.abc import Callable
from datetime import timedelta

from django.test import Client

from tasks.models import Task, TaskRun
from tasks.services import TaskService
from tasks.views.words import duration, lateness, queue_time, span
from tests.helpers.tasks import NOW, TaskMaker, fail, started


def test_spans_are_said_in_two_units() -> None:
    said = [span(timedelta(seconds=seconds)) for seconds in (0, 6.2, 59.6, 61, 600, 51_720, 90_000, 691_200)]
    assert said == ["0.0 s", "6.2 s", "1 min", "1 min 1 s", "10 min", "14 h 22 min", "1 d 1 h", "8 d"]


def test_a_run_says_how_late_how_long_queued_and_how_long_it_took(make_task: TaskMaker) -> None:
    run = TaskRun(
        task=make_task(),
        trigger="schedule",
        scheduled_for=NOW,
        created_at=NOW + timedelta(seconds=1),
        ready_at=NOW + timedelta(seconds=1),
        started_at=NOW + timedelta(seconds=5),
        finished_at=NOW + timedelta(seconds=12),
    )
    assert (lateness(run), queue_time(run), duration(run)) == ("5.0 s", "4.0 s", "7.0 s")
    run.trigger = "manual"
    assert lateness(run) == ""
    run.ready_at = NOW + timedelta(seconds=9)  # made ready again by an answer
    assert queue_time(run) == "4.0 s"


def test_a_tasks_page_lists_its_runs_and_its_history(visit: Client, make_task: TaskMaker) -> None:
    task = make_task(title="Tides", max_attempts=1)
    fail(started(task), error="The harbour is closed.")
    page = visit.get(f"/tasks/{task.pk}/")
    content = page.content.decode()
    assert content.count("The harbour is closed.") >= 2  # the task's and its run's
    assert [change["text"] for change in page.context["transitions"]][-1] == "Created"
    assert page.context["runs"][0]["word"] == "failed"
    assert page.context["phase"] == "failed"


def test_edits_and_cancels_are_told_with_who_did_it(visit: Client, make_task: TaskMaker) -> None:
    task = make_task(schedule={"daily_time": "09:00"})
    TaskService.cancel(task.pk, actor=task.user, now=NOW)
    lines = visit.get(f"/tasks/{task.pk}/").context["transitions"]
    assert (lines[0]["text"], lines[0]["who"]) == ("pending → cancelled", "ann")


def test_runs_go_on_page_by_page(visit: Client, make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 1})
    for minute in range(45):
        TaskRun.objects.create(
            task=task,
            user=task.user,
            conversation=task.conversation,
            trigger="schedule",
            scheduled_for=NOW + timedelta(minutes=minute),
            status="skipped",
            agent_name=task.agent_name,
        )
    first = visit.get(f"/tasks/{task.pk}/")
    second = visit.get(f"/tasks/{task.pk}/?runs_before={first.context['older_runs']}")
    assert (len(first.context["runs"]), len(second.context["runs"])) == (40, 5)
    assert len(second.context["strip"]["runs"]) == len(first.context["strip"]["runs"]) == 16 + 5  # and the next five


def test_a_runs_page_shows_what_was_sent_and_what_came(visit: Client, make_tasks: Callable[[int], list[Task]]) -> None:
    task = make_tasks(1)[0]
    run = task.runs.get(result="Result 2")
    run.input = "say <b>hello</b>"
    run.usage = {"input_tokens": 12, "output_tokens": 3, "cost": 0.02, "currency": "EUR"}
    run.save()
    content = visit.get(f"/runs/{run.pk}/").content.decode()
    assert "say &lt;b&gt;hello&lt;/b&gt;" in content
    assert "<div data-markdown>Result 2</div>" in content
    assert "12 tokens in, 3 out · 0.02 EUR" in content


def test_a_runs_page_says_where_its_time_went(visit: Client, make_tasks: Callable[[int], list[Task]]) -> None:
    run = make_tasks(1)[0].runs.get(result="Result 0")
    run.created_at = run.ready_at = NOW + timedelta(seconds=2)
    run.started_at, run.finished_at = NOW + timedelta(seconds=5), NOW + timedelta(seconds=20)
    run.save()
    parts = visit.get(f"/runs/{run.pk}/").context["split"]
    assert [(part["name"], part["x"], part["width"]) for part in parts] == [
        ("late", "0.00", "10.00"),
        ("queued", "10.00", "15.00"),
        ("ran", "25.00", "75.00"),
    ]
    assert parts[2]["says"] == "15 s with the agent"
    run.finished_at = None
    run.save()
    assert visit.get(f"/runs/{run.pk}/").context["split"] == []
