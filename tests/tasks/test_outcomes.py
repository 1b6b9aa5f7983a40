"""How runs end, and what that makes of their tasks."""

from datetime import timedelta

import pytest

from conversations.journal import write
from conversations.models import Conversation
from tasks.models import Task
from tasks.services import TaskService, history
from tasks.services.outcomes import (
    BACKOFF_FACTOR,
    BACKOFF_FIRST,
    BACKOFF_MAX,
    ERROR_MAX,
    FAILED_TICKS_MAX,
    QUESTION_MAX,
)
from tests.helpers.tasks import (
    HOUR,
    MINUTE,
    NOW,
    TaskMaker,
    ask,
    components,
    contents,
    events,
    fail,
    run_statuses,
    runs,
    settle,
    start,
    started,
    statuses,
    succeed,
)

pytestmark = pytest.mark.django_db

HOURLY = {"interval_minutes": 60}


def test_a_once_task_completes_with_its_run(task: Task, conversation: Conversation) -> None:
    succeed(started(task), result="It is done.", now=NOW + MINUTE)
    task.refresh_from_db()
    (run,) = runs(task)
    assert (task.status, task.completed_at) == ("completed", NOW + MINUTE)
    assert (run.status, run.result, run.no_output, run.finished_at) == (
        "succeeded",
        "It is done.",
        False,
        NOW + MINUTE,
    )
    assert statuses(task)[-1] == ("running", "completed")
    assert components(conversation, "scheduled_task_result") == []


def test_a_recurring_run_leaves_one_result_and_the_task_goes_on(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    task = make_task(schedule=HOURLY, title="News")
    succeed(started(task), result="**All quiet.**", now=NOW)
    assert components(conversation, "scheduled_task_result") == [
        {"result": "**All quiet.**", "create_time": "2026-11-02 09:00:00"}
    ]
    assert [c["task_status"] for c in components(conversation, "scheduled_task_controller")] == ["pending"]
    task.refresh_from_db()
    assert (task.status, task.next_run_at) == ("running", NOW + HOUR)


def test_a_run_that_said_nothing_is_marked_so_and_shown_in_valuecells_words(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    task = make_task(schedule=HOURLY)
    succeed(started(task), result=" \n")
    assert runs(task)[0].no_output is True
    assert components(conversation, "scheduled_task_result")[0]["result"] == "Task completed without output."


def test_a_failed_attempt_is_tried_again_with_growing_waits_and_then_the_task_has_failed(
    task: Task, conversation: Conversation
) -> None:
    now = NOW
    lease = started(task)
    waits = []
    for _ in range(2):
        fail(lease, error="the well is dry", retryable=True, now=now)
        retry = runs(task)[-1]
        assert (retry.trigger, retry.scheduled_for, retry.input) == ("retry", NOW, "say hello")
        waits.append(retry.ready_at - now)
        assert start(now=now) == []
        now = retry.ready_at
        (lease,) = start(now=now)
    fail(lease, error="the well is dry", retryable=True, now=now)
    assert [(run.attempt, run.status) for run in runs(task)] == [(1, "failed"), (2, "failed"), (3, "failed")]
    for number, wait in enumerate(waits):
        expected = BACKOFF_FIRST * BACKOFF_FACTOR**number
        assert expected * 0.75 <= wait <= expected * 1.25
    assert sum(waits, timedelta()) < timedelta(seconds=30)
    task.refresh_from_db()
    assert (task.status, task.error_message) == ("failed", "the well is dry")
    assert contents(conversation, "task_failed") == ["the well is dry"]


def test_waits_have_a_bound(make_task: TaskMaker) -> None:
    task = make_task(max_attempts=20)
    lease, now = started(task), NOW
    for _ in range(10):
        fail(lease, retryable=True, now=now)
        retry = runs(task)[-1]
        assert retry.ready_at - now <= BACKOFF_MAX * 1.25
        now = retry.ready_at
        (lease,) = start(now=now)


def test_what_no_retry_can_mend_is_not_tried_again(task: Task) -> None:
    fail(started(task), retryable=False)
    assert run_statuses(task) == ["failed"]
    task.refresh_from_db()
    assert task.status == "failed"


def test_a_recurring_task_goes_on_with_its_next_tick_after_a_failure(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    task = make_task(schedule=HOURLY)
    fail(started(task), error="no luck")
    task.refresh_from_db()
    assert (task.status, task.failures_in_a_row, task.error_message) == ("running", 1, "")
    assert contents(conversation, "task_failed") == ["no luck"]
    succeed(started(task, now=NOW + HOUR), now=NOW + HOUR)
    task.refresh_from_db()
    assert task.failures_in_a_row == 0


def test_five_failed_ticks_in_a_row_rest_the_schedule_and_it_can_go_on(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, max_attempts=1)
    for tick in range(FAILED_TICKS_MAX):
        task.refresh_from_db()
        assert task.paused_at is None
        fail(started(task, now=NOW + tick * HOUR), error=f"failure {tick}", now=NOW + tick * HOUR)
    task.refresh_from_db()
    assert (task.status, task.paused_reason) == ("running", "failures")
    assert task.paused_note == "5 ticks in a row failed; the last: failure 4"
    assert task.transitions.latest("id").reason == task.paused_note
    assert TaskService.claim_due(now=NOW + 10 * HOUR) == 0
    TaskService.resume(task.pk, actor=None, now=NOW + 10 * HOUR + MINUTE)
    task.refresh_from_db()
    assert (task.paused_at, task.failures_in_a_row, task.next_run_at) == (None, 0, NOW + 11 * HOUR)


def test_a_retry_that_succeeds_is_no_failed_tick(make_task: TaskMaker, conversation: Conversation) -> None:
    task = make_task(schedule=HOURLY)
    fail(started(task), retryable=True)
    (lease,) = start(now=NOW + MINUTE)
    succeed(lease, now=NOW + MINUTE)
    task.refresh_from_db()
    assert task.failures_in_a_row == 0
    assert contents(conversation, "task_failed") == []


def test_a_question_parks_run_and_task_and_asks_the_person(task: Task, conversation: Conversation) -> None:
    ask(started(task), question="Which colour?")
    task.refresh_from_db()
    conversation.refresh_from_db()
    (run,) = runs(task)
    assert (task.status, run.status, run.worker, run.heartbeat_at) == ("waiting_input", "waiting_input", "", None)
    assert conversation.status == "require_user_input"
    assert contents(conversation, "plan_require_user_input") == ["Which colour?"]
    assert statuses(task)[-1] == ("running", "waiting_input")


def test_a_recurring_task_that_asks_shows_it_in_its_controller(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    task = make_task(schedule=HOURLY)
    lease = started(task)
    ask(lease)
    assert [c["task_status"] for c in components(conversation, "scheduled_task_controller")] == ["waiting_input"]
    write(TaskService.answer(task.pk, "blue", actor=None, now=NOW))
    assert [c["task_status"] for c in components(conversation, "scheduled_task_controller")] == ["running"]


def test_a_task_that_the_agent_cancelled_is_cancelled(task: Task, conversation: Conversation) -> None:
    settle(TaskService.stop_at_agent, started(task), reason="Not today.", now=NOW)
    task.refresh_from_db()
    assert (task.status, run_statuses(task)) == ("cancelled", ["cancelled"])
    assert contents(conversation, "task_cancelled") == ["Not today."]


def test_the_end_of_one_of_two_parallel_runs_leaves_the_task_to_the_other(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 60, "max_runs": 2}, overlap="parallel")
    first = started(task)
    second = started(task, now=NOW + HOUR)
    succeed(first, now=NOW + HOUR)
    task.refresh_from_db()
    assert task.status == "running"
    succeed(second, now=NOW + HOUR)
    task.refresh_from_db()
    assert task.status == "completed"


@pytest.mark.parametrize(
    ("schedule", "on_interrupt", "expected", "rows"),
    [
        (None, "fail", "failed", ["interrupted"]),
        (None, "rerun", "running", ["interrupted", "queued"]),
        (HOURLY, "next", "running", ["interrupted"]),
        (HOURLY, "fail", "failed", ["interrupted"]),
        (HOURLY, "rerun", "running", ["interrupted", "queued"]),
    ],
)
def test_what_follows_an_interrupted_run_is_the_tasks_choice(
    make_task: TaskMaker,
    conversation: Conversation,
    schedule: dict[str, int] | None,
    on_interrupt: str,
    expected: str,
    rows: list[str],
) -> None:
    task = make_task(schedule=schedule, on_interrupt=on_interrupt)
    lease = started(task)
    settle(TaskService.interrupt, lease, why="It was cut.", ours=True, now=NOW)
    task.refresh_from_db()
    assert (task.status, run_statuses(task)) == (expected, rows)
    assert len(contents(conversation, "task_failed")) == (on_interrupt != "rerun")


def test_the_defaults_on_interrupt_are_fail_for_once_and_next_for_recurring(make_task: TaskMaker) -> None:
    assert make_task().on_interrupt == "fail"
    assert make_task(schedule=HOURLY).on_interrupt == "next"


def test_a_missed_deadline_stops_the_runs_and_fails_the_task(make_task: TaskMaker, conversation: Conversation) -> None:
    task = make_task(deadline_at=(NOW + HOUR).isoformat())
    started(task)
    write(TaskService.miss_deadline(history.locked(task.pk), now=NOW + HOUR))
    task.refresh_from_db()
    assert (task.status, run_statuses(task)) == ("failed", ["cancelled"])
    assert task.error_message == "Its deadline passed before it ended."
    assert contents(conversation, "task_failed") == [task.error_message]


def test_an_attempt_that_fails_after_the_deadline_is_the_last(make_task: TaskMaker) -> None:
    task = make_task(deadline_at=(NOW + HOUR).isoformat())
    fail(started(task), retryable=True, now=NOW + HOUR)
    assert run_statuses(task) == ["failed"]


def test_a_missed_deadline_closes_its_own_question_only(make_task: TaskMaker, conversation: Conversation) -> None:
    task, other = make_task(deadline_at=(NOW + HOUR).isoformat()), make_task()
    ask(started(task))
    ask(started(other))
    write(TaskService.miss_deadline(history.locked(task.pk), now=NOW + HOUR))
    conversation.refresh_from_db()
    assert conversation.status == "require_user_input"


def test_words_that_no_database_stores_do_not_keep_a_run_from_ending(make_task: TaskMaker) -> None:
    bad = "bad \0 and \ud800"
    succeeded, failed, asking, stopped = (make_task() for _ in range(4))
    succeed(started(succeeded), result=bad)
    fail(started(failed), error=bad)
    ask(started(asking), question=bad)
    settle(TaskService.stop_at_agent, started(stopped), reason=bad, now=NOW)
    assert runs(succeeded)[0].result == "bad \ufffd and \ufffd"
    assert runs(failed)[0].error == "bad \ufffd and \ufffd"
    assert [run_statuses(task) for task in (succeeded, failed, asking, stopped)] == [
        ["succeeded"],
        ["failed"],
        ["waiting_input"],
        ["cancelled"],
    ]


def test_a_very_long_reason_does_not_keep_a_run_from_ending(make_task: TaskMaker) -> None:
    task, other = make_task(), make_task()
    fail(started(task), error="x" * 100_000)
    settle(TaskService.stop_at_agent, started(other), reason="y" * 100_000, now=NOW)
    assert run_statuses(task) == ["failed"]
    assert run_statuses(other) == ["cancelled"]


def test_a_recurring_run_that_ended_well_adds_its_result_and_nothing_else(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    task = make_task(schedule=HOURLY)
    succeed(started(task))
    assert events(conversation) == ["thread_started", "component_generator", "component_generator"]


def test_of_an_agents_endless_reason_what_a_person_reads_is_kept(task: Task, conversation: Conversation) -> None:
    fail(started(task), error="no " * 100_000, retryable=False, now=NOW)
    (run,) = runs(task)
    task.refresh_from_db()
    assert len(run.error) == ERROR_MAX
    assert run.error.endswith("…")
    assert task.error_message == run.error
    assert [len(content) for content in contents(conversation, "task_failed")] == [ERROR_MAX]


def test_of_an_endless_question_too(task: Task, conversation: Conversation) -> None:
    ask(started(task), question="why " * 100_000, now=NOW)
    assert [len(content) for content in contents(conversation, "plan_require_user_input")] == [QUESTION_MAX]
