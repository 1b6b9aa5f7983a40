"""What an agent is sent: the text with the values of its run, and the result before where only changes are wanted."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from conversations.models import Conversation
from tasks.errors import InvalidInput
from tasks.execution import context
from tasks.models import Agent, Task, TaskRun
from tasks.requests import submit_message, submit_tasks
from tasks.schemas.inputs import MessageIn, TaskIn, TaskPatch
from tasks.schemas.outputs import run_out
from tasks.services import TaskService, events, texts
from tasks.services.texts import NO_CHANGE
from tests.helpers.tasks import (
    HOUR,
    MINUTE,
    NOW,
    TaskMaker,
    claim,
    fail,
    history,
    run_statuses,
    runs,
    start,
    started,
    succeed,
)

pytestmark = pytest.mark.django_db

HOURLY = {"interval_minutes": 60, "timezone": "Europe/Berlin"}


def written(run: TaskRun) -> str:
    return texts.written(Task.objects.get(pk=run.task_id), run)


def hours_of(task: Task, *results: str) -> None:
    """Runs in the hours from NOW on that say `results`; an empty word for one that fails."""
    for hour, result in enumerate(results):
        lease = started(task, now=NOW + hour * HOUR)
        if result:
            succeed(lease, result=result, now=NOW + hour * HOUR + MINUTE)
        else:
            fail(lease, now=NOW + hour * HOUR + MINUTE)


def following(task: Task, hour: int) -> TaskRun:
    """The run of that hour, claimed and waiting."""
    (run,) = claim(now=NOW + hour * HOUR)
    return run


# --- values of the run itself and of the run before ---


def test_the_first_run_has_no_result_before_and_is_the_first(make_task: TaskMaker) -> None:
    make_task(query="{{ run_number }}|{{ previous.result }}|{{ previous.finished_at }}", schedule=HOURLY)
    assert written(claim()[0]) == "1||"


def test_a_later_run_is_given_the_result_before_and_when_it_ended(make_task: TaskMaker) -> None:
    task = make_task(query="{{ run_number }}|{{ previous.result }}|{{ previous.finished_at }}", schedule=HOURLY)
    hours_of(task, "It {{ rained }}.")
    # In the zone of the schedule: 09:01 UTC is 10:01 in Berlin.
    assert written(following(task, 1)) == "2|It {{ rained }}.|2026-11-02T10:01:00+01:00"


def test_a_failure_between_is_passed_over(make_task: TaskMaker) -> None:
    task = make_task(query="{{ previous.result }}", schedule=HOURLY, max_attempts=1)
    hours_of(task, "dry", "", "")
    assert written(following(task, 3)) == "dry"


def test_scheduled_for_is_the_slot_however_late_it_runs(make_task: TaskMaker) -> None:
    make_task(query="{{ scheduled_for }}", schedule=HOURLY)
    (run,) = claim(now=NOW + 25 * MINUTE)
    assert (run.trigger, written(run)) == ("catch_up", "2026-11-02T10:00:00+01:00")


def test_scheduled_for_of_what_is_made_up_for_is_the_slot_that_it_stands_for(make_task: TaskMaker) -> None:
    task = make_task(query="{{ scheduled_for }}", schedule=HOURLY)
    hours_of(task, "a", "b")
    later = NOW + 90 * MINUTE
    (run,) = TaskService.backfill(task.pk, begin=NOW, end=NOW + MINUTE, actor=None, now=later)
    assert written(run) == "2026-11-02T10:00:00+01:00"
    TaskRun.objects.filter(pk=run.pk).update(status="cancelled", finished_at=later)
    again = TaskService.run_again(task.pk, actor=None, now=later + MINUTE, run_id=run.pk)
    assert (again.for_slot, written(again)) == (NOW, "2026-11-02T10:00:00+01:00")


def test_a_retry_has_the_number_of_its_slot(make_task: TaskMaker) -> None:
    task = make_task(query="{{ run_number }}", schedule=HOURLY)
    hours_of(task, "a")
    fail(started(task, now=NOW + HOUR), retryable=True, now=NOW + HOUR)
    retry = runs(task)[-1]
    assert (retry.trigger, written(retry)) == ("retry", "2")


def test_runs_that_are_caught_up_together_are_numbered_in_their_order(make_task: TaskMaker) -> None:
    make_task(query="{{ run_number }}", schedule=HOURLY, catch_up="all")
    made = claim(now=NOW + 3.5 * HOUR)
    assert [written(run) for run in made] == ["1", "2", "3", "4"]


def test_a_run_by_hand_takes_no_number(make_task: TaskMaker) -> None:
    task = make_task(query="{{ run_number }}", schedule=HOURLY)
    hours_of(task, "a", "b")
    assert written(TaskService.trigger(task.pk, actor=None, now=NOW + 1.5 * HOUR)) == "2"
    start(now=NOW + 1.5 * HOUR)
    TaskRun.objects.filter(status="running").update(status="succeeded", finished_at=NOW + 1.5 * HOUR)
    assert written(following(task, 2)) == "3"


def test_slots_that_did_not_run_take_no_number(make_task: TaskMaker) -> None:
    task = make_task(query="{{ run_number }}", schedule=HOURLY)
    lease = started(task)
    claim(now=NOW + HOUR)  # skipped: the first still goes
    succeed(lease, now=NOW + 1.5 * HOUR)
    assert written(following(task, 2)) == "2"


def test_an_event_is_given_to_its_run_and_what_the_text_does_not_name_is_not_kept(make_task: TaskMaker) -> None:
    task = make_task(query="{{ event.title }} #{{ event.n }}", schedule={"on_event": True})
    arrival = events.start_by_event(task, {"title": "{{ run_number }}", "n": 5, "token": "secret"}, now=NOW)
    assert arrival.run is not None
    assert arrival.run.given == {"event": {"title": "{{ run_number }}", "n": 5}}
    assert written(arrival.run) == "{{ run_number }} #5"


def test_a_text_that_asks_for_an_event_fails_where_time_started_it_and_says_what_is_missing(
    make_task: TaskMaker,
) -> None:
    task = make_task(query="{{ event.title }}", schedule=HOURLY)
    lease = started(task)
    loaded = context.load(lease)
    assert loaded is not None
    assert loaded.problem.startswith("The text asks for “event.title”")


def test_a_text_as_sent_is_the_runs_input_and_is_sent_again_as_it_was(make_task: TaskMaker) -> None:
    task = make_task(query="{{ previous.result | default('nothing') }}!", schedule=HOURLY)
    hours_of(task, "dry")
    lease = started(task, now=NOW + HOUR)
    loaded = context.load(lease)
    assert loaded is not None
    assert (loaded.text, loaded.problem) == ("dry!", "")
    run = TaskRun.objects.get(pk=lease.run_id)
    assert (run.input, run.rendered) == ("dry!", True)
    succeed(lease, result="wet", now=NOW + HOUR)
    again = TaskService.run_again(task.pk, actor=None, now=NOW + 1.5 * HOUR, run_id=run.pk)
    assert written(again) == "dry!"


def test_braces_that_came_with_a_value_are_sent_again_as_they_are(make_task: TaskMaker) -> None:
    task = make_task(query="{{ previous.result }}", schedule=HOURLY)
    hours_of(task, "{{ event.secret }}")
    lease = started(task, now=NOW + HOUR)
    context.load(lease)
    fail(lease, retryable=True, now=NOW + HOUR)
    assert written(runs(task)[-1]) == "{{ event.secret }}"


def test_braces_that_came_with_a_value_are_run_again_as_they_were_sent(make_task: TaskMaker) -> None:
    task = make_task(query="{{ previous.result }}", schedule=HOURLY)
    hours_of(task, "{{ run_number }}")
    lease = started(task, now=NOW + HOUR)
    context.load(lease)
    succeed(lease, result="done", now=NOW + HOUR)
    again = TaskService.run_again(task.pk, actor=None, now=NOW + 1.5 * HOUR, run_id=lease.run_id)
    (taken,) = start(now=NOW + 1.5 * HOUR)
    loaded = context.load(taken)
    assert loaded is not None and taken.run_id == again.pk
    assert (loaded.text, loaded.problem) == ("{{ run_number }}", "")


# --- values of other tasks of the plan ---


def test_a_later_task_of_a_plan_is_given_what_earlier_ones_found(make_task: TaskMaker) -> None:
    plan = make_task.plan(
        [
            {"query": "look", "key": "step-1"},
            {"query": "fails", "key": "b"},
            {"query": "{{ tasks.step-1.result }}|{{ tasks.b.result }}|{{ tasks.b.status }}"},
        ]
    )
    first, second, third = plan.tasks.order_by("place")
    succeed(started(first), result="found {{ it }}")
    fail(started(second))
    (run,) = claim()
    assert run.task_id == third.pk
    assert written(run) == "found {{ it }}||failed"


def test_the_latest_result_of_a_task_that_ran_again_counts(make_task: TaskMaker) -> None:
    plan = make_task.plan([{"query": "look", "key": "a"}, {"query": "{{ tasks.a.result }}"}])
    first, second = plan.tasks.order_by("place")
    succeed(started(first), result="old")
    TaskService.run_again(first.pk, actor=None, now=NOW)
    succeed(started(first), result="new")
    run = second.runs.order_by("id").last() or claim()[0]
    assert written(run) == "new"


# --- checked at creation, by field ---


@pytest.mark.parametrize(
    ("query", "schedule", "words"),
    [
        ("{{ previous.result }}", None, "only a recurring task has a run before"),
        ("{{ run_number }}", None, "only the runs of a recurring task are numbered"),
        ("{{ event.x }}", None, "only a recurring task is started by events"),
        ("{{ previous.reslt }}", HOURLY, "These can be used: event.…, previous.finished_at, previous.result"),
        ("{{ tasks.a.result }}", HOURLY, "name a task of the same plan that comes before this one"),
        ("{{ scheduled_for.year }}", None, "There is no “scheduled_for.year” here"),
        ("{{ previous.result", HOURLY, "end of print statement"),
        ("{% for x in event %}{% endfor %}", HOURLY, "a loop (for) cannot be used here"),
    ],
)
def test_a_text_that_can_never_be_sent_is_refused_at_creation_on_its_field(
    conversation: Conversation, user: User, agent: Agent, query: str, schedule: Any, words: str
) -> None:
    fields: dict[str, Any] = {"schedule": schedule} if schedule else {}
    with pytest.raises(InvalidInput) as refused:
        submit_tasks(conversation, [TaskIn(query=query, agent_name="Echo", **fields)], user=user, now=NOW)
    assert list(refused.value.fields) == ["query"]
    assert words in refused.value.fields["query"][0]
    with pytest.raises(InvalidInput) as refused:
        submit_message(conversation, MessageIn(text=query, agent_name="Echo", **fields), user=user, now=NOW)
    assert list(refused.value.fields) == ["text"]
    assert not Task.objects.exists()


def test_in_a_plan_the_field_has_its_number_and_only_what_comes_before_can_be_named(
    conversation: Conversation, user: User, agent: Agent
) -> None:
    later = [
        TaskIn(query="{{ tasks.b.result }}", agent_name="Echo", key="a"),
        TaskIn(query="x", agent_name="Echo", key="b"),
    ]
    with pytest.raises(InvalidInput) as refused:
        submit_tasks(conversation, later, user=user, now=NOW)
    assert list(refused.value.fields) == ["tasks.0.query"]
    beside = [
        TaskIn(query="x", agent_name="Echo", key="a", depends_on=[]),
        TaskIn(query="{{ tasks.a.result }}", agent_name="Echo", key="b", depends_on=[]),
    ]
    with pytest.raises(InvalidInput) as refused:
        submit_tasks(conversation, beside, user=user, now=NOW)
    assert "or stands in depends_on" in refused.value.fields["tasks.1.query"][0]
    submit_tasks(
        conversation,
        [beside[0], beside[1].model_copy(update={"depends_on": ["a"]})],
        user=user,
        now=NOW,
    )


def test_an_edit_is_checked_like_a_new_text(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    with pytest.raises(InvalidInput) as refused:
        TaskService.update(task.pk, TaskPatch(query="{{ nothing }}"), actor=None, now=NOW)
    assert list(refused.value.fields) == ["query"]
    TaskService.update(task.pk, TaskPatch(query="{{ previous.result }}"), actor=None, now=NOW)
    task.refresh_from_db()
    assert task.query == "{{ previous.result }}"


@pytest.mark.parametrize("by_hand", ["trigger", "run_again"])
def test_another_text_for_one_run_is_checked_too(make_task: TaskMaker, by_hand: str) -> None:
    task = make_task(schedule=HOURLY)
    hours_of(task, "a")
    with pytest.raises(InvalidInput):
        getattr(TaskService, by_hand)(task.pk, actor=None, now=NOW + MINUTE, query="{{ nothing }}")
    assert run_statuses(task) == ["succeeded"]


# --- only what changed ---


def test_the_first_run_of_only_what_changed_is_asked_plainly(make_task: TaskMaker) -> None:
    make_task(query="News?", schedule=HOURLY, only_changes=True)
    assert written(claim()[0]) == "News?"


def test_from_its_second_result_on_it_is_given_the_answer_before(make_task: TaskMaker) -> None:
    task = make_task(query="News?", schedule=HOURLY, only_changes=True)
    hours_of(task, "It {rained} {{ today }}.")
    text = written(following(task, 1))
    assert text.startswith("News?\n\nYou answered this before, at 2026-11-02T10:01:00+01:00;")
    assert text.endswith("-----\nIt {rained} {{ today }}.\n-----")


@pytest.mark.parametrize(
    ("second", "unchanged"),
    [
        ("It rained.\nThen sun.", True),
        ("  It   rained. Then\tsun.\n\n", True),
        (NO_CHANGE, True),
        ("No change", True),
        ("It rained. Then Sun.", False),
        ("It rained.", False),
        ("No change. But one thing.", False),
    ],
)
def test_results_are_compared_without_their_whitespace(make_task: TaskMaker, second: str, unchanged: bool) -> None:
    task = make_task(schedule=HOURLY, only_changes=True)
    hours_of(task, "It rained. Then sun.", second)
    first, latest = runs(task)
    assert (first.unchanged, latest.unchanged) == (False, unchanged)
    assert latest.result == second


def test_what_is_compared_with_is_the_latest_that_said_something_new(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY, only_changes=True, max_attempts=1)
    hours_of(task, "one", NO_CHANGE, "", "two", "one", "one")
    assert [run.unchanged for run in runs(task)] == [False, True, False, False, False, True]
    assert "-----\none\n-----" in written(following(task, 6))


def test_after_failures_the_last_answer_still_counts(make_task: TaskMaker) -> None:
    task = make_task(query="News?", schedule=HOURLY, only_changes=True, max_attempts=1)
    hours_of(task, "one", "", "")
    assert "-----\none\n-----" in written(following(task, 3))


def test_nothing_and_charts_alone_are_never_unchanged(make_task: TaskMaker) -> None:
    task = make_task(query="News?", schedule=HOURLY, only_changes=True)
    hours_of(task, texts.SHOWN_ABOVE, texts.SHOWN_ABOVE, " ", " ")
    assert [run.unchanged for run in runs(task)] == [False] * 4
    assert [run.no_output for run in runs(task)] == [False, False, True, True]
    assert written(following(task, 4)) == "News?"


def test_without_the_switch_the_same_answer_is_not_unchanged(make_task: TaskMaker) -> None:
    task = make_task(schedule=HOURLY)
    hours_of(task, "same", "same")
    assert [run.unchanged for run in runs(task)] == [False, False]


def test_an_unchanged_result_is_marked_in_the_transcript_and_the_api(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    task = make_task(schedule=HOURLY, only_changes=True)
    hours_of(task, "same", "same")
    assert [run_out(run)["unchanged"] for run in runs(task)] == [False, True]
    marks = [
        envelope["data"]["metadata"].get("unchanged")
        for envelope in history(conversation)
        if (envelope["data"]["payload"] or {}).get("component_type") == "scheduled_task_result"
    ]
    assert marks == [None, True]


def test_values_and_only_what_changed_go_together(make_task: TaskMaker) -> None:
    task = make_task(query="Since {{ previous.finished_at }}?", schedule=HOURLY, only_changes=True)
    hours_of(task, "one")
    assert written(following(task, 1)).startswith("Since 2026-11-02T10:01:00+01:00?\n\nYou answered this before")


def test_a_task_that_runs_by_the_minute_asks_for_few_rows(
    make_task: TaskMaker, django_assert_max_num_queries: Any
) -> None:
    task = make_task(query="{{ previous.result }} {{ run_number }}", schedule=HOURLY, only_changes=True)
    hours_of(task, *(f"answer {n}" for n in range(5)))
    run = following(task, 5)
    with django_assert_max_num_queries(3):
        texts.written(run.task, run)


def test_the_moment_of_the_run_before_is_told_in_the_zone_that_the_schedule_has_now(make_task: TaskMaker) -> None:
    task = make_task(query="{{ previous.finished_at }}", schedule=HOURLY)
    hours_of(task, "one")
    TaskService.update(
        task.pk, TaskPatch(schedule={"timezone": "Asia/Tokyo"}), actor=None, now=NOW + timedelta(minutes=30)
    )
    assert written(following(task, 1)) == "2026-11-02T18:01:00+09:00"
