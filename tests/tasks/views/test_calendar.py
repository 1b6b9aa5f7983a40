"""The calendar shows what ran and what will, in the person's zone, however much there is."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from conversations.models import Conversation
from tasks import schedules
from tasks.models import ExecutionPlan, Task, TaskRun
from tasks.schedules import Schedule
from tasks.services import TaskService
from tasks.views.agenda import Agenda, Entry, agenda
from tests.helpers.tasks import NOW, TaskMaker
from tests.tasks.views.test_query_counts import SESSION_AND_USER, SIDE

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 11, 2)


def _run(task: Task, at: datetime, status: str = "succeeded", **fields: Any) -> TaskRun:
    return TaskRun.objects.create(
        **{
            "task": task,
            "user": task.user,
            "conversation": task.conversation,
            "trigger": "schedule",
            "scheduled_for": at,
            "status": status,
            "agent_name": task.agent_name,
            **fields,
        }
    )


def _week(user: User, *, now: datetime = NOW, first: date = MONDAY, days: int = 7, places: int = 14) -> Agenda:
    return agenda(user, first=first, days=days, zone=BERLIN, now=now, places=places, singly=4)


def _said(entries: Any) -> list[tuple[str, str]]:
    return [(f"{entry.at.astimezone(BERLIN):%H:%M}", entry.state) for entry in entries]


def test_a_day_shows_what_ran_and_what_is_to_come_in_the_order_of_time(user: User, make_task: TaskMaker) -> None:
    task = make_task(schedule={"daily_time": ["06:00", "20:00"], "timezone": "Europe/Berlin"})
    _run(task, datetime(2026, 11, 2, 5, tzinfo=UTC), "failed")
    monday, tuesday = _week(user).days[:2]
    assert _said(monday.entries) == [("06:00", "failed"), ("20:00", "coming")]
    assert _said(tuesday.entries) == [("06:00", "coming"), ("20:00", "coming")]


def test_a_retry_takes_the_place_of_the_attempt_that_failed(user: User, make_task: TaskMaker) -> None:
    task = make_task(schedule={"daily_time": "06:00"})
    at = NOW - timedelta(hours=2)
    _run(task, at, "failed")
    again = _run(task, at, "succeeded", attempt=2, trigger="retry")
    (entry, *_rest) = _week(user).days[0].entries
    assert (entry.run_id, entry.state) == (again.pk, "succeeded")


def test_many_runs_of_a_day_are_one_line_with_their_number_and_their_failures(user: User, make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 10, "start_at": NOW.isoformat()})
    for n in range(12):
        _run(task, NOW - timedelta(minutes=10 * n), "failed" if n == 3 else "succeeded")
    monday = _week(user, now=NOW + timedelta(seconds=1)).days[0]
    past, due, coming = monday.entries
    assert (past.state, past.count, past.trouble) == ("failed", 12, 1)
    # That of 10:00 in Berlin is due and not claimed yet; from then on every ten minutes until midnight.
    assert _said([due, coming]) == [("10:00", "coming"), ("10:10", "coming")]
    assert (coming.count, coming.says) == (83, "Every 10 min")


def test_what_failed_never_hides_behind_what_went_well(user: User, make_task: TaskMaker) -> None:
    for n in range(5):
        _run(make_task(title=f"Fine {n}"), NOW - timedelta(hours=8 - n))
    _run(make_task(title="Broken"), NOW - timedelta(minutes=5), "failed")
    Task.objects.update(next_run_at=None, next_slot_at=None)
    monday = _week(user, places=3).days[0]
    assert [entry.title for entry in monday.entries] == ["Fine 0", "Fine 1", "Broken"]
    assert monday.more == 3


def test_days_have_the_hours_that_the_zone_gives_them(user: User, make_task: TaskMaker) -> None:
    """25 October 2026 has 25 hours in Berlin: a run of each hour is 25 runs."""
    make_task(schedule={"interval_minutes": 60, "start_at": "2026-10-20T00:00:00+00:00"}, now=NOW - timedelta(days=20))
    days = _week(user, now=datetime(2026, 10, 20, tzinfo=UTC), first=date(2026, 10, 24), days=3).days
    assert [sum(entry.count for entry in day.entries) for day in days] == [24, 25, 24]


@pytest.mark.parametrize(
    "schedule",
    [
        {"daily_time": "09:05", "timezone": "Asia/Tokyo"},
        {"cron": "*/20 8-17 * * 1-5", "timezone": "America/New_York"},
        {"cron": "0 0 1 * *"},
        {"interval_minutes": 7},
        {"interval_minutes": 7, "max_runs": 50},
        {"interval_minutes": 1500, "max_runs": 3},
        {"daily_time": ["01:00", "13:00"], "exclude": ["SAT", "SUN", "2026-11-10"]},
        {"interval_minutes": 90, "end_at": "2026-11-05T12:00:00+00:00"},
    ],
)
def test_coming_runs_are_those_that_the_schedule_says(
    user: User, make_task: TaskMaker, schedule: dict[str, Any]
) -> None:
    task = make_task(schedule=schedule)
    left = task.schedule.max_runs or 10**6
    begin = NOW - timedelta(microseconds=1)
    for first, days in ((MONDAY, 7), (date(2026, 11, 30), 7), (date(2026, 10, 26), 42)):
        end = datetime.combine(first + timedelta(days=days), datetime.min.time(), BERLIN)
        times = schedules.slots_between(task.schedule, begin, end, anchor=task.anchor_at, limit=min(left, 100_000))
        start = datetime.combine(first, datetime.min.time(), BERLIN)
        expected = [0] * days
        for at in times:
            if start <= at < end:
                expected[(at.astimezone(BERLIN).date() - first).days] += 1
        shown = _week(user, first=first, days=days).days
        assert [sum(entry.count for entry in day.entries) for day in shown] == expected


def test_a_paused_schedule_has_nothing_to_come_until_its_pause_ends(user: User, make_task: TaskMaker) -> None:
    task = make_task(schedule={"daily_time": "20:00", "timezone": "Europe/Berlin"})
    TaskService.pause(task.pk, actor=None, now=NOW, until=NOW + timedelta(days=3))
    assert [len(day.entries) for day in _week(user).days] == [0, 0, 0, 1, 1, 1, 1]
    TaskService.pause(task.pk, actor=None, now=NOW)
    assert [len(day.entries) for day in _week(user).days] == [0] * 7


def test_other_peoples_runs_are_not_shown(other_user: User, make_task: TaskMaker) -> None:
    _run(make_task(schedule={"daily_time": "20:00"}), NOW)
    assert all(not day.entries for day in _week(other_user).days)


def test_the_page_is_in_the_persons_zone_and_turns_by_address(visit: Client, make_task: TaskMaker) -> None:
    task = make_task(schedule={"daily_time": "23:30", "timezone": "UTC"}, title="Late")
    Task.objects.filter(pk=task.pk).update(
        next_slot_at=datetime(2032, 3, 3, 23, 30, tzinfo=UTC), next_run_at=datetime(2032, 3, 3, 23, 30, tzinfo=UTC)
    )
    visit.cookies["tz"] = "Asia/Shanghai"
    page = visit.get("/calendar/?view=week&date=2032-03-04")
    days = {f"{day['date']}": [entry["clock"] for entry in day["entries"]] for day in page.context["days"]}
    assert days["2032-03-03"] == [] and days["2032-03-04"] == ["07:30"]
    assert page.context["title"] == "1 – 7 March 2032"
    assert page.context["before"] == "/calendar/?view=week&date=2032-02-26"
    assert "Asia/Shanghai" in page.content.decode()
    month = visit.get("/calendar/?view=month&date=2032-03-31")
    assert (month.context["title"], len(month.context["days"])) == ("March 2032", 35)
    assert month.context["after"] == "/calendar/?view=month&date=2032-04-01"


@pytest.mark.parametrize("query", ["view=year", "date=2026-02-30", "date=0001-01-01", "date=%00", "date=9999-12-31"])
def test_an_address_that_means_nothing_shows_today(visit: Client, query: str) -> None:
    page = visit.get(f"/calendar/?{query}")
    assert page.status_code == 200
    assert any(day["today"] for day in page.context["days"])


def test_an_empty_page_says_where_something_is(visit: Client, make_task: TaskMaker) -> None:
    assert b"Nothing planned yet" in visit.get("/calendar/").content
    make_task(schedule={"daily_time": "23:30", "start_at": "2032-03-03T00:00:00+00:00", "timezone": "UTC"})
    page = visit.get("/calendar/?view=week&date=2030-01-01")
    assert page.context["elsewhere"] == "/calendar/?view=week&date=2032-03-03"
    assert b"Go to the next run" in page.content


def _many(conversation: Conversation, number: int, schedule: Schedule, **fields: Any) -> list[Task]:
    plans = ExecutionPlan.objects.bulk_create(
        ExecutionPlan(conversation=conversation, user=conversation.user, orig_query="x") for _ in range(number)
    )
    tasks = []
    for n, plan in enumerate(plans):
        task = Task(
            plan=plan, conversation=conversation, user=conversation.user, title=f"Task {n}", agent_name="Echo", **fields
        )
        task.schedule = schedule
        tasks.append(task)
    return Task.objects.bulk_create(tasks)


@pytest.mark.parametrize(("view", "own"), [("day", 3), ("week", 5), ("month", 5)])
def test_a_thousand_schedules_take_as_many_queries_as_one(
    visit: Client, conversation: Conversation, django_assert_num_queries: Any, view: str, own: int
) -> None:
    now = timezone.now()
    schedule = Schedule(crons=("5 9 * * *",), timezone="Europe/Berlin")
    coming = schedules.next_after(schedule, now, anchor=now)
    planned = {"next_slot_at": coming, "next_run_at": coming, "status": "running"}
    # The link, the runs by day, the single ones; and where the page goes beyond today, the coming and the paused ones.
    for number in (1, 999):
        tasks = _many(conversation, number, schedule, **planned)
        TaskRun.objects.bulk_create(
            TaskRun(
                task=task,
                user=task.user,
                conversation=conversation,
                trigger="schedule",
                status="succeeded",
                agent_name="Echo",
                scheduled_for=now - timedelta(days=day, hours=1),
            )
            for task in tasks
            for day in range(3)
        )
        day = (timezone.localtime(now) - timedelta(days=1)).date()
        with django_assert_num_queries(own + SIDE + SESSION_AND_USER):
            page = visit.get(f"/calendar/?view={view}&date={day}")
    shown = page.context["days"]
    busiest = max(len(day["entries"]) + day["more"] for day in shown)
    assert busiest >= 1000


def test_entries_lead_to_their_run_or_their_task(visit: Client, make_tasks: Callable[[int], list[Task]]) -> None:
    (task,) = make_tasks(1)
    run = task.runs.first()
    assert run is not None
    page = visit.get(f"/calendar/?view=day&date={NOW:%Y-%m-%d}").content.decode()
    assert f'href="/runs/{run.pk}/"' in page
    assert Entry(at=NOW, task_id=task.pk, title="x", state="failed").urgent
