"""Each due slot is in exactly one row of the history: across pauses, runs between, and clocks that were set back."""

from datetime import datetime

import pytest

from tasks.models import Task
from tasks.schedules import jitter_for
from tasks.schemas.inputs import TaskPatch
from tasks.services import TaskService
from tests.helpers.tasks import HOUR, MINUTE, NOW, TaskMaker, ask, claim, run_statuses, runs, settle, started, succeed

pytestmark = pytest.mark.django_db

HOURLY = {"interval_minutes": 60}


def rows(task: Task) -> list[tuple[str, float, int]]:
    """Status, first slot in hours from NOW, and number of slots, in the order of the slots."""
    return [
        (run.status, (run.scheduled_for - NOW) / HOUR, run.slots)
        for run in sorted(runs(task), key=lambda run: run.scheduled_for)
    ]


def test_the_slots_of_a_pause_are_one_row_that_says_so(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    succeed(started(task))
    TaskService.pause(task.pk, actor=None, now=NOW + MINUTE)
    TaskService.resume(task.pk, actor=None, now=NOW + 5.5 * HOUR)
    assert rows(task) == [("succeeded", 0, 1), ("missed", 1, 5)]
    missed = runs(task)[-1]
    assert missed.reason == "The schedule was paused."
    assert (missed.last_slot, missed.finished_at) == (NOW + 5 * HOUR, NOW + 5.5 * HOUR)
    task.refresh_from_db()
    assert (task.run_count, task.next_run_at) == (1, NOW + 6 * HOUR)


def test_a_pause_without_a_slot_leaves_no_row(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    succeed(started(task))
    TaskService.pause(task.pk, actor=None, now=NOW + MINUTE)
    TaskService.resume(task.pk, actor=None, now=NOW + 30 * MINUTE)
    assert rows(task) == [("succeeded", 0, 1)]


def test_pauses_after_one_another_share_a_row(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    for n in range(2):
        TaskService.pause(task.pk, actor=None, now=NOW + 2 * n * HOUR)
        TaskService.resume(task.pk, actor=None, now=NOW + (2 * n + 1.5) * HOUR)
    assert rows(task) == [("missed", 0, 4)]


def test_the_end_of_a_pause_until_a_moment_leaves_the_row_too(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    TaskService.pause(task.pk, actor=None, now=NOW, until=NOW + 90 * MINUTE)
    assert TaskService.resume_due(now=NOW + 90 * MINUTE) == 1
    assert rows(task) == [("missed", 0, 2)]


def test_an_edit_leaves_a_row_for_the_slots_that_came_before_it(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    TaskService.update(task.pk, TaskPatch(schedule={"interval_minutes": 30}), actor=None, now=NOW + 1.2 * HOUR)
    assert rows(task) == [("missed", 0, 2)]
    assert runs(task)[0].reason == "The schedule was changed before it could run."
    task.refresh_from_db()
    assert task.next_run_at == NOW + 1.5 * HOUR


def test_an_edit_in_a_pause_loses_none_of_its_slots(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    TaskService.pause(task.pk, actor=None, now=NOW)
    TaskService.update(task.pk, TaskPatch(schedule={"interval_minutes": 30}), actor=None, now=NOW + 1.2 * HOUR)
    TaskService.resume(task.pk, actor=None, now=NOW + 3.2 * HOUR)
    # Hourly at 0 and 1, then every half hour from 1.5 to 3.
    assert rows(task) == [("missed", 0, 6)]
    assert runs(task)[0].reason == "The schedule was paused."


def test_an_edit_arms_a_schedule_whose_last_slot_was_due(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 60, "end_at": (NOW + 3 * HOUR).isoformat()})
    TaskService.pause(task.pk, actor=None, now=NOW)
    patch = TaskPatch(schedule={"interval_minutes": 30, "end_at": None})
    TaskService.update(task.pk, patch, actor=None, now=NOW + 3.2 * HOUR)
    assert rows(task) == [("missed", 0, 4)]
    task.refresh_from_db()
    assert task.next_run_at == NOW + 3.5 * HOUR


def test_what_waits_ends_with_a_task_that_fails_by_an_interruption(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, overlap="queue", on_interrupt="fail")
    lease = started(task)
    claim(now=NOW + HOUR)
    settle(TaskService.interrupt, lease, why="cut", ours=True, now=NOW + HOUR)
    assert run_statuses(task) == ["interrupted", "cancelled"]
    task.refresh_from_db()
    assert (task.status, task.next_run_at) == ("failed", None)


def test_a_task_waits_for_input_until_the_last_of_its_runs_was_answered(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, overlap="parallel")
    ask(started(task))
    ask(started(task, now=NOW + HOUR), now=NOW + HOUR)
    seen = []
    for minute in (1, 2):
        TaskService.answer(task.pk, "this one", actor=None, now=NOW + HOUR + minute * MINUTE)
        task.refresh_from_db()
        seen.append(task.status)
    assert seen == ["waiting_input", "running"]


def test_a_slot_that_jitter_puts_behind_the_pause_is_kept(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 60, "jitter_seconds": 3600})
    slot, moment = task.next_slot_at, task.next_run_at
    assert slot is not None
    assert moment is not None
    assert moment == slot + jitter_for(task.schedule, str(task.pk), slot)
    TaskService.pause(task.pk, actor=None, now=slot)
    between = slot + (moment - slot) / 2
    TaskService.resume(task.pk, actor=None, now=between)
    task.refresh_from_db()
    assert (task.next_slot_at, task.next_run_at) == (slot, moment)
    claim(now=moment)
    assert run_statuses(task) == ["queued"]


def test_a_run_that_jitter_moves_is_no_catch_up(make_task: TaskMaker) -> None:
    # Of ten tasks with up to an hour of jitter, some are more than a minute away from their slot.
    tasks = [
        make_task(schedule={"interval_minutes": 60, "jitter_seconds": 3600}, catch_up="none", query=f"say {n}")
        for n in range(10)
    ]
    assert any(task.next_run_at > NOW + 2 * MINUTE for task in tasks if task.next_run_at)
    for task in sorted(tasks, key=lambda task: task.next_run_at or NOW):
        assert task.next_run_at is not None
        claim(now=task.next_run_at)
        assert [(run.status, run.trigger) for run in runs(task)] == [("queued", "schedule")]


def test_a_row_of_neighbours_never_reaches_across_a_slot_that_ran(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, overlap="queue", catch_up="all")
    lease = started(task)
    claim(now=NOW + HOUR)  # waits behind the first
    claim(now=NOW + 2 * HOUR)  # one waits already
    succeed(lease, now=NOW + 2.1 * HOUR)
    started(task, now=NOW + 2.1 * HOUR)
    claim(now=NOW + 5 * HOUR)  # three slots at once after a downtime: the first of them waits
    assert rows(task) == [
        ("succeeded", 0, 1),
        ("running", 1, 1),
        ("skipped", 2, 1),
        ("queued", 3, 1),
        ("skipped", 4, 2),
    ]


def replan(task: Task, slot: datetime) -> None:
    """What an edit does on a machine whose clock is behind."""
    Task.objects.filter(pk=task.pk).update(next_slot_at=slot, next_run_at=slot)


@pytest.mark.parametrize("again", [1, 2, 3])
def test_a_slot_among_the_neighbours_of_a_row_is_not_counted_twice(make_task: TaskMaker, again: int) -> None:
    task = make_task(schedule=HOURLY)
    started(task)
    for n in (1, 2, 3):
        claim(now=NOW + n * HOUR)
    before = rows(task)
    assert before == [("running", 0, 1), ("skipped", 1, 3)]
    replan(task, NOW + again * HOUR)
    claim(now=NOW + again * HOUR)
    assert rows(task) == before
