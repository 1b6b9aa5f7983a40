"""What users expect of runs, with the number of its line in `test_expectations.py`."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from tasks import schedules
from tasks.models import TaskRun
from tasks.schemas.inputs import TaskPatch
from tasks.schemas.outputs import run_out
from tasks.services import TaskService, events, texts
from tests.api_client import Program, ana, echo
from tests.helpers.tasks import (
    HOUR,
    MINUTE,
    NOW,
    TaskMaker,
    ask,
    claim,
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


# --- Runs ---


def test_line_20_any_run_a_scheduled_one_included_runs_again(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, query="first words")
    lease = started(task)
    succeed(lease)
    same = TaskService.run_again(task.pk, actor=None, now=NOW + MINUTE, run_id=lease.run_id)
    other = TaskService.run_again(task.pk, actor=None, now=NOW + MINUTE, run_id=lease.run_id, query="other words")
    assert (same.input, other.input) == ("first words", "other words")
    assert same.for_slot == NOW


def test_line_22_a_run_separates_due_queued_started_and_finished(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    claim(now=NOW + 10 * MINUTE)
    (lease,) = start(now=NOW + 12 * MINUTE)
    succeed(lease, now=NOW + 20 * MINUTE)
    (run,) = runs(task)
    moments = [run.scheduled_for, run.created_at, run.started_at, run.finished_at]
    assert moments == [NOW, NOW + 10 * MINUTE, NOW + 12 * MINUTE, NOW + 20 * MINUTE]


@pytest.mark.parametrize("state", ["queued", "running", "waiting_input"])
def test_line_23_cancel_always_reaches_a_terminal_state(make_task: TaskMaker, state: str) -> None:
    task = make_task()
    claim()
    if state != "queued":
        (lease,) = start()
        if state == "waiting_input":
            ask(lease)
    TaskService.cancel(task.pk, actor=None, now=NOW + MINUTE)
    task.refresh_from_db()
    assert (task.status, run_statuses(task)) == ("cancelled", ["cancelled"])


def test_line_24_list_and_detail_agree(ana: Program) -> None:
    task = ana.task(schedule=HOURLY)
    ana("POST", f"/tasks/{task['id']}/trigger")
    assert ana("GET", "/tasks").data["items"] == [ana("GET", f"/tasks/{task['id']}").data]
    (run,) = ana("GET", f"/tasks/{task['id']}/runs").data["items"]
    assert ana("GET", f"/runs/{run['id']}").data == run


# --- More ---


def test_line_31_fixed_times_fire_once_and_stars_keep_their_pace_through_clock_changes() -> None:
    berlin = ZoneInfo("Europe/Berlin")

    def slots(cron: str, day: str) -> list[str]:
        begin = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=berlin).astimezone(UTC)
        schedule = schedules.parse(
            {"cron": cron, "timezone": "Europe/Berlin"}, now=begin, default_timezone="UTC", allow_past=True
        )
        # Asked minute by minute, the last one before the gap included.
        asked = [schedules.next_after(schedule, begin + n * MINUTE, anchor=begin) for n in range(-1, 300)]
        found = sorted({slot for slot in asked if slot is not None and slot < begin + 5 * HOUR})
        return [f"{slot.astimezone(berlin):%H:%M}" for slot in found]

    assert slots("30 2 * * *", "2027-03-28") == ["03:00"]
    assert slots("30 2 * * *", "2027-10-31") == ["02:30"]
    assert slots("0 * * * *", "2027-03-28") == ["00:00", "01:00", "03:00", "04:00", "05:00"]
    assert slots("0 * * * *", "2027-10-31") == ["00:00", "01:00", "02:00", "02:00", "03:00"]


def test_line_32_an_edit_that_names_no_zone_keeps_it_wherever_it_comes_from(make_task: TaskMaker) -> None:
    task = make_task(schedule={"daily_time": "09:00", "timezone": "Asia/Tokyo"})
    with timezone.override("America/New_York"):
        changed = TaskService.update(task.pk, TaskPatch(schedule={"daily_time": "10:00"}), actor=None, now=NOW)
    assert changed.timezone == "Asia/Tokyo"
    assert changed.next_run_at == datetime(2026, 11, 3, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize("stop", ["pause", "cancel"])
@pytest.mark.parametrize("path", ["tick", "catch_up", "queued", "retry"])
def test_line_33_paused_and_cancelled_are_looked_at_again_at_the_moment_of_starting(
    make_task: TaskMaker, stop: str, path: str
) -> None:
    task = make_task(schedule=HOURLY)
    now = NOW + (2.5 * HOUR if path == "catch_up" else MINUTE)
    if path == "queued":
        claim()
    elif path == "retry":
        fail(started(task), retryable=True)
    getattr(TaskService, stop)(task.pk, actor=None, now=now)
    claim(now=now)
    assert start(now=now + MINUTE) == []


def test_line_34_every_way_to_start_leaves_the_same_row(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, overlap="parallel")
    claim()
    claim(now=NOW + 1.5 * HOUR)
    task.refresh_from_db()
    TaskService.trigger(task.pk, actor=None, now=NOW + 1.6 * HOUR)
    TaskService.backfill(task.pk, begin=NOW, end=NOW + MINUTE, actor=None, now=NOW + 1.6 * HOUR)
    events.start_by_event(task, {}, now=NOW + 1.6 * HOUR)
    (lease, *_) = start(now=NOW + 1.7 * HOUR)
    fail(lease, retryable=True, now=NOW + 1.7 * HOUR)
    shown = [run_out(run) for run in runs(task)]
    triggers = {"schedule", "catch_up", "manual", "backfill", "event", "retry"}
    assert {run["trigger"] for run in shown} == triggers
    assert len({tuple(run) for run in shown}) == 1
    assert all(run["scheduled_for"] and run["status"] for run in shown)


def test_line_34_nothing_is_enabled_with_its_only_time_in_the_past(make_task: TaskMaker) -> None:
    task = make_task(schedule={"start_at": (NOW + HOUR).isoformat()}, catch_up="none")
    claim(now=NOW + 5 * HOUR)
    task.refresh_from_db()
    assert (task.status, task.next_run_at, run_statuses(task)) == ("failed", None, ["missed"])


def test_line_35_a_run_that_ended_well_and_said_nothing_is_marked(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    succeed(started(task), result=" \n")
    assert run_out(runs(task)[0])["no_output"] is True


@pytest.mark.parametrize("how", ["person", "failures", "budget", "agent"])
def test_line_36_a_pause_has_a_reason_and_resuming_plans_from_now(make_task: TaskMaker, agent: Any, how: str) -> None:
    task = make_task(schedule=HOURLY, **({"max_runs_per_day": 1} if how == "budget" else {}))
    if how == "person":
        TaskService.pause(task.pk, actor=None, now=NOW - MINUTE, reason="holiday")
    elif how == "failures":
        for hour in range(5):
            fail(started(task, now=NOW + hour * HOUR), now=NOW + hour * HOUR)
    elif how == "budget":
        succeed(started(task))
        claim(now=NOW + HOUR)
    else:
        agent.delete()
        claim()
    task.refresh_from_db()
    reasons = {"person": "manual", "failures": "failures", "budget": "budget", "agent": "agent_gone"}
    assert task.paused_reason == reasons[how]
    assert task.paused_note
    resumed = TaskService.resume(task.pk, actor=None, now=NOW + 9.5 * HOUR)
    assert (resumed.paused_reason, resumed.next_run_at) == ("", NOW + 10 * HOUR)


def test_line_38_a_run_can_be_given_the_result_of_the_one_before(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, query="Before: {{ previous.result }}")
    succeed(started(task), result="dry")
    (run,) = claim(now=NOW + HOUR)
    assert texts.written(run.task, run) == "Before: dry"


def test_line_40_what_fails_is_tried_again_ever_later(make_task: TaskMaker) -> None:
    task, waits, now = make_task(max_attempts=5), [], NOW
    for _ in range(4):
        fail(started(task, now=now), retryable=True, now=now)
        retry = TaskRun.objects.get(task=task, status="queued")
        waits.append(retry.ready_at - now)
        now = retry.ready_at
    assert waits == sorted(waits)
    assert waits[-1] > 4 * waits[0] > timedelta(0)


def test_line_41_due_work_is_never_lost_to_a_limit(make_task: TaskMaker) -> None:
    tasks = [make_task(schedule=HOURLY) for _ in range(10)]
    TaskService.claim_due(now=NOW)
    begun = 0
    while leases := start(now=NOW + begun * MINUTE, capacity=3):
        begun += len(leases)
        for lease in leases:
            succeed(lease, now=NOW + begun * MINUTE)
    assert [run_statuses(task) for task in tasks] == [["succeeded"]] * 10
