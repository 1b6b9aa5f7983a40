"""What users expect of schedules, with the number of its line in `test_expectations.py`."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from conversations.models import Conversation
from tasks import schedules
from tasks.errors import InvalidInput
from tasks.models import Task
from tasks.schemas.inputs import TaskPatch
from tasks.services import TaskService, mending
from tests.api_client import Program, ana, echo
from tests.helpers.tasks import (
    HOUR,
    MINUTE,
    NOW,
    TaskMaker,
    claim,
    contents,
    fail,
    run_statuses,
    runs,
    start,
    started,
    succeed,
)

__all__ = ["ana", "echo"]

pytestmark = pytest.mark.django_db

HOURLY = {"interval_minutes": 60, "timezone": "UTC"}
DAY = timedelta(days=1)


def rows(task: Task) -> list[tuple[str, str, int]]:
    return [(run.trigger, run.status, run.slots) for run in runs(task)]


# --- Schedules ---


def test_line_01_a_zone_per_schedule_the_persons_as_default_and_a_bad_one_refused(make_task: TaskMaker) -> None:
    with timezone.override("Asia/Tokyo"):
        assert make_task(schedule={"daily_time": "09:00"}).timezone == "Asia/Tokyo"
        assert make_task(schedule={"daily_time": "09:00", "timezone": "Europe/Berlin"}).timezone == "Europe/Berlin"
        with pytest.raises(InvalidInput) as refused:
            make_task(schedule={"daily_time": "09:00", "timezone": "Mars/Base"})
    assert list(refused.value.fields) == ["schedule.timezone"]


def test_line_02_the_form_previews_the_next_five_times_in_that_zone(ana: Program) -> None:
    sent = {"daily_time": "09:00", "timezone": "Asia/Kolkata", "count": 5}
    times = ana("POST", "/schedules/preview", sent).data["times"]
    assert len(times) == 5
    assert all(time.endswith("T09:00:00+05:30") for time in times)


def test_line_03_words_next_run_and_actual_run_agree(make_task: TaskMaker) -> None:
    task = make_task(schedule={"daily_time": "07:00", "timezone": "America/New_York"})
    assert "07:00" in schedules.describe(task.schedule)
    times, _ = schedules.preview(task.schedule, now=NOW, count=1)
    assert task.next_run_at == times[0]
    (run,) = claim(now=times[0])
    assert run.scheduled_for == times[0]
    assert run.scheduled_for.astimezone(ZoneInfo("America/New_York")).hour == 7


def test_line_04_the_preview_marks_gaps_and_repeats_and_says_what_will_happen(ana: Program) -> None:
    begin = datetime(timezone.now().year + 1, 1, 1, tzinfo=UTC).isoformat()
    sent = {"daily_time": "02:30", "timezone": "Europe/Berlin", "start_at": begin}
    words = " ".join(note["text"] for note in ana("POST", "/schedules/preview", sent).data["notes"])
    assert "skips from 02:00 to 03:00. The run of 02:30 starts at 03:00." in words


@pytest.mark.parametrize(
    ("catch_up", "window", "caught_up"), [("one", 600, 1), ("none", 600, 0), ("all", 600, 5), ("all", 120, 2)]
)
def test_line_05_missed_runs_are_a_choice_for_each_schedule_with_a_window(
    make_task: TaskMaker, catch_up: str, window: int, caught_up: int
) -> None:
    task = make_task(schedule=HOURLY, catch_up=catch_up, catch_up_window_minutes=window)
    claim(now=NOW + 4.5 * HOUR)
    assert run_statuses(task).count("queued") == caught_up
    assert sum(run.slots for run in runs(task)) == 5


@pytest.mark.parametrize("patch", [{"schedule": {"interval_minutes": 5}}, {"schedule": {"daily_time": "08:00"}}, {}])
def test_line_06_enabling_or_editing_never_fires_at_once(make_task: TaskMaker, patch: dict[str, Any]) -> None:
    task = make_task(schedule=HOURLY)
    succeed(started(task))
    TaskService.pause(task.pk, actor=None, now=NOW + MINUTE)
    TaskService.update(task.pk, TaskPatch(query="other", **patch), actor=None, now=NOW + 3.2 * HOUR)
    TaskService.resume(task.pk, actor=None, now=NOW + 3.3 * HOUR)
    claim(now=NOW + 3.3 * HOUR)
    assert not task.runs.filter(status="queued").exists()


def test_line_07_a_weekly_interval_survives_daily_restarts(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 7 * 1440})
    for day in range(22):
        now = NOW + day * DAY + 5 * MINUTE  # all that a process does when it starts
        mending.mend_unplanned(now=now)
        mending.replan_calendars(now=now)
        TaskService.claim_due(now=now)
        for lease in start(now=now):
            succeed(lease, now=now)
    assert [run.scheduled_for for run in runs(task)] == [NOW + week * 7 * DAY for week in range(4)]


@pytest.mark.django_db(transaction=True)
def test_line_08_two_schedulers_make_one_run_a_slot_and_creation_takes_a_key(
    make_task: TaskMaker, in_threads: Callable[..., list[Any]]
) -> None:
    task = make_task(schedule=HOURLY)
    in_threads(3, lambda _: TaskService.claim_due(now=NOW))
    assert rows(task) == [("schedule", "queued", 1)]


def test_line_08_creation_with_the_same_key_makes_one_task(ana: Program) -> None:
    body = {"query": "x", "agent_name": "Echo", "conversation_id": ana.conversation(), "schedule": HOURLY}
    made = [ana("POST", "/tasks", body, Idempotency_Key="k-1") for _ in range(2)]
    assert [answer.status for answer in made] == [201, 201]
    assert made[0].data["id"] == made[1].data["id"]
    assert Task.objects.count() == 1


def test_line_09_enabled_but_nothing_planned_mends_itself_and_says_so(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    succeed(started(task))
    Task.objects.update(next_run_at=None, next_slot_at=None)
    assert TaskService.mend_unplanned(now=NOW + MINUTE) == 1
    task.refresh_from_db()
    assert task.next_run_at == NOW + HOUR
    assert task.transitions.latest("id").reason.startswith("mended")


def test_line_10_overlap_skips_by_default_and_the_skip_is_recorded(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    started(task)
    claim(now=NOW + HOUR)
    assert task.overlap == "skip"
    assert [(run.status, run.reason) for run in runs(task)][1] == ("skipped", "The run before it was still going.")


def test_line_12_every_due_slot_leaves_a_row_that_says_why(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, max_runs_per_day=2)
    lease = started(task)  # ran
    claim(now=NOW + HOUR)  # skipped, the run before still goes
    succeed(lease, now=NOW + 1.5 * HOUR)
    TaskService.pause(task.pk, actor=None, now=NOW + 1.6 * HOUR)
    TaskService.resume(task.pk, actor=None, now=NOW + 2.5 * HOUR)  # missed in the pause
    succeed(started(task, now=NOW + 5.5 * HOUR), now=NOW + 5.6 * HOUR)  # two missed, one caught up
    claim(now=NOW + 6 * HOUR)  # skipped, the limit of the day
    assert rows(task) == [
        ("schedule", "succeeded", 1),
        ("schedule", "skipped", 1),
        ("schedule", "missed", 1),
        ("schedule", "missed", 2),
        ("catch_up", "succeeded", 1),
        ("schedule", "skipped", 1),
    ]
    assert all(run.reason for run in runs(task) if run.status in ("skipped", "missed"))


def test_line_13_run_now_works_while_paused_and_never_uses_up_the_next_slot(make_task: TaskMaker) -> None:
    task = make_task(schedule={**HOURLY, "max_runs": 2}, max_runs_per_day=2)
    succeed(started(task))
    TaskService.pause(task.pk, actor=None, now=NOW + MINUTE)
    TaskService.trigger(task.pk, actor=None, now=NOW + 2 * MINUTE)
    (lease,) = start(now=NOW + 2 * MINUTE)
    succeed(lease, now=NOW + 3 * MINUTE)
    TaskService.resume(task.pk, actor=None, now=NOW + 4 * MINUTE)
    claim(now=NOW + HOUR)
    assert rows(task) == [("schedule", "succeeded", 1), ("manual", "succeeded", 1), ("schedule", "queued", 1)]


def test_line_14_typing_finds_a_schedule(ana: Program) -> None:
    for title in ("Morning news", "Evening report"):
        ana.task(title=title, schedule=HOURLY)
    assert [task["title"] for task in ana("GET", "/tasks?q=news").data["items"]] == ["Morning news"]


def test_line_15_pause_after_failures_and_recovery_are_announced(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    task = make_task(schedule=HOURLY, title="News")
    for hour in range(5):
        fail(started(task, now=NOW + hour * HOUR), now=NOW + hour * HOUR)
    task.refresh_from_db()
    assert task.paused_reason == "failures"
    TaskService.resume(task.pk, actor=None, now=NOW + 5.5 * HOUR)
    succeed(started(task, now=NOW + 6 * HOUR), now=NOW + 6 * HOUR)
    paused, recovered = contents(conversation, "message")
    assert paused.startswith("“News” was paused: 5 ticks in a row failed")
    assert recovered == "“News” works again."


def test_line_17_an_edited_or_deleted_schedule_never_fires_its_old_version(make_task: TaskMaker) -> None:
    edited, gone = make_task(schedule=HOURLY), make_task(schedule=HOURLY)
    TaskService.update(
        edited.pk,
        TaskPatch(schedule={"daily_time": "12:00"}, query="new words"),
        actor=None,
        now=NOW - MINUTE,
    )
    TaskService.cancel(gone.pk, actor=None, now=NOW - MINUTE)
    claim(now=NOW + 2 * HOUR)
    assert (rows(edited), rows(gone)) == ([], [])
    claim(now=NOW + 3 * HOUR)
    assert [(run.scheduled_for, run.input) for run in runs(edited)] == [(NOW + 3 * HOUR, "new words")]
