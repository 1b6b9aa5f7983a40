"""A task's page says what is to come, when the schedule cannot keep its pace, and when nothing is planned at all."""

from datetime import UTC, datetime, timedelta

from django.test import Client
from django.utils import timezone

from tasks.models import Task, TaskRun
from tasks.services import TaskService
from tasks.views.pace import next_times, nothing_planned, slow_words
from tests.helpers.tasks import MINUTE, NOW, TaskMaker, claim, start


def _runs(task: Task) -> list[TaskRun]:
    return list(task.runs.order_by("-id")[:50])


def test_runs_longer_than_the_interval_are_told_with_figures(visit: Client, make_task: TaskMaker) -> None:
    """As it comes about: ticks are claimed every minute, while the first run goes on for ten."""
    task = make_task(schedule={"interval_minutes": 1}, title="Slow")
    for _ in range(3):
        now = task.next_run_at or NOW
        claim(now=now)
        (lease,) = start(now=now)
        for minute in range(1, 11):
            claim(now=now + minute * MINUTE)
        TaskService.complete(lease, result="done", now=now + 10.5 * MINUTE)
        task.refresh_from_db()
    words = slow_words(task, _runs(task), now=NOW)
    assert words == (
        "Planned every 1 min, but it runs every 11 min: 30 of the last 33 times were skipped, since the run before "
        "still went (a run takes 10 min). Choose longer pauses, or what happens when runs overlap."
    )
    assert "30 of the last 33 times were skipped" in visit.get(f"/tasks/{task.pk}/").content.decode()


def test_runs_that_a_newer_slot_stops_are_told(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 5}, overlap="cancel_running")
    for n in range(8):
        claim(now=NOW + 5 * n * MINUTE)
        start(now=NOW + 5 * n * MINUTE)
    task.refresh_from_db()
    assert slow_words(task, _runs(task), now=NOW).startswith(
        "Planned every 5 min, but 7 of the last 8 runs were stopped for the next one."
    )


def test_downtime_limits_and_questions_are_no_matter_of_pace(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 1}, max_runs_per_day=2)
    for n in range(12):
        claim(now=NOW + n * MINUTE)
        for lease in start(now=NOW + n * MINUTE):
            TaskService.complete(lease, result="done", now=NOW + n * MINUTE + timedelta(seconds=2))
    task.refresh_from_db()
    assert task.runs.filter(status="skipped").exists()
    assert slow_words(task, _runs(task), now=NOW) == ""


def test_the_next_five_times_stand_before_the_runs(visit: Client, make_task: TaskMaker) -> None:
    task = make_task(schedule={"daily_time": "09:05", "timezone": "Europe/Berlin"}, now=timezone.now())
    page = visit.get(f"/tasks/{task.pk}/")
    coming = page.context["coming"]
    assert len(coming) == 5 and coming == sorted(coming)
    assert page.content.decode().count('<span class="pill planned">') == 5


def test_the_next_times_end_with_the_schedule_and_rest_with_it(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 60, "max_runs": 3})
    assert [at - NOW for at in next_times(task, now=NOW)] == [n * 60 * MINUTE for n in range(3)]
    task = TaskService.pause(task.pk, actor=None, now=NOW, until=NOW + 90 * MINUTE)
    assert [at - NOW for at in next_times(task, now=NOW)] == [n * 60 * MINUTE for n in (2, 3, 4)]
    task = TaskService.pause(task.pk, actor=None, now=NOW)
    assert next_times(task, now=NOW) == []
    once = make_task(schedule={"start_at": (NOW + 5 * MINUTE).isoformat()})
    assert next_times(once, now=NOW) == [NOW + 5 * MINUTE]


def test_a_pause_says_until_when_and_why(visit: Client, make_task: TaskMaker) -> None:
    task = make_task(schedule={"daily_time": "09:00"})
    TaskService.pause(task.pk, actor=task.user, now=NOW, until=datetime(2032, 1, 2, tzinfo=UTC), reason="Harbour shut")
    content = visit.get(f"/tasks/{task.pk}/").content.decode()
    assert "Harbour shut" in content and "2 Jan 2032" in content


def test_nothing_planned_is_a_fault_that_list_and_page_show_until_it_is_mended(
    visit: Client, make_task: TaskMaker
) -> None:
    task = make_task(schedule={"interval_minutes": 5})
    assert not nothing_planned(task, [])  # pending: its first run is planned
    claim()
    Task.objects.filter(pk=task.pk).update(next_run_at=None, next_slot_at=None)
    task.refresh_from_db()
    assert not nothing_planned(task, _runs(task))  # its last run goes on
    TaskRun.objects.filter(task=task).update(status="succeeded", finished_at=NOW)
    assert b'id="nothing-planned"' in visit.get(f"/tasks/{task.pk}/").content
    assert b"nothing planned" in visit.get("/tasks/").content
    TaskService.mend_unplanned(now=timezone.now())
    assert b'id="nothing-planned"' not in visit.get(f"/tasks/{task.pk}/").content
    assert b"nothing planned" not in visit.get("/tasks/").content


def test_a_range_says_how_many_times_lie_in_it(visit: Client, make_task: TaskMaker) -> None:
    task = make_task(schedule={"daily_time": "09:00", "timezone": "UTC"})
    ask = f"/tasks/{task.pk}/slots/"
    answer = visit.get(ask, {"from": "2026-11-01T09:00:00+00:00", "to": "2026-11-03T09:00:00+00:00"}).json()
    assert answer == {"count": 3, "most": 1000}
    for begin, end in (
        ("x", "y"),
        ("2026-11-03T09:00:00", "2026-11-03T10:00:00"),
        ("9999-12-31T00:00:00Z", "9999-12-31T00:00:00Z"),
    ):
        assert visit.get(ask, {"from": begin, "to": end}).json()["count"] is None
    assert visit.get("/tasks/00000000-0000-0000-0000-000000000000/slots/").status_code == 404
