"""Plans as graphs: what waits for what, what a failure stops, what cannot be put in order, and what a plan shows."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from django.contrib.auth.models import User
from hypothesis import given, settings
from hypothesis import strategies as st

from conversations.models import Conversation
from tasks.errors import InvalidInput
from tasks.execution import recovery
from tasks.models import Agent, ExecutionPlan, Task
from tasks.requests import submit_tasks
from tasks.schemas.inputs import TaskIn
from tasks.services import TaskService, events, order
from tests.helpers.tasks import (
    HOUR,
    MINUTE,
    NOW,
    TaskMaker,
    ask,
    claim,
    components,
    contents,
    fail,
    started,
    succeed,
)

pytestmark = pytest.mark.django_db

DIAMOND = [
    {"query": "first", "key": "a"},
    {"query": "left", "key": "b", "depends_on": ["a"]},
    {"query": "right", "key": "c", "depends_on": ["a"]},
    {"query": "last", "key": "d", "depends_on": ["b", "c"]},
]


def tasks_of(plan: ExecutionPlan) -> dict[str, Task]:
    return {task.key: task for task in plan.tasks.order_by("place")}


def armed(plan: ExecutionPlan) -> list[str]:
    """The keys of those that have a moment at which they run."""
    return [key for key, task in tasks_of(plan).items() if task.next_run_at is not None]


def statuses(plan: ExecutionPlan) -> dict[str, str]:
    return {key: str(task.status) for key, task in tasks_of(plan).items()}


def plan_status(plan: ExecutionPlan) -> str:
    return str(ExecutionPlan.objects.get(pk=plan.pk).status)


# --- in which order ---


def test_what_depends_on_nothing_starts_at_once_and_side_by_side(make_task: TaskMaker) -> None:
    plan = make_task.plan([{"key": "a", "depends_on": []}, {"key": "b"}, {"key": "c", "depends_on": ["a"]}])
    assert armed(plan) == ["a", "b"]


def test_the_last_of_a_diamond_waits_for_both_sides(make_task: TaskMaker) -> None:
    plan = make_task.plan(DIAMOND)
    assert armed(plan) == ["a"]
    tasks = tasks_of(plan)
    succeed(started(tasks["a"]))
    assert armed(plan) == ["b", "c"]
    succeed(started(tasks["c"]))
    assert statuses(plan) == {"a": "completed", "b": "running", "c": "completed", "d": "pending"}
    assert armed(plan) == []
    succeed(started(tasks["b"]))
    assert armed(plan) == ["d"]
    succeed(started(tasks["d"]))
    assert plan_status(plan) == "completed"


def test_the_order_of_writing_does_not_matter_in_a_graph(make_task: TaskMaker) -> None:
    plan = make_task.plan([{"key": "last", "depends_on": ["first"]}, {"key": "first"}])
    assert armed(plan) == ["first"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(5))
def test_of_two_sides_that_end_at_once_the_last_is_armed_once(
    make_task: TaskMaker, in_threads: Callable[..., list[Any]], attempt: int
) -> None:
    plan = make_task.plan(DIAMOND)
    tasks = tasks_of(plan)
    succeed(started(tasks["a"]))
    leases = [started(tasks["b"]), started(tasks["c"])]
    assert in_threads(2, lambda number: succeed(leases[number])) == [None, None]
    assert armed(plan) == ["d"]


def test_a_parked_task_holds_up_its_successors_and_nobody_else(make_task: TaskMaker) -> None:
    plan = make_task.plan(
        [
            {"key": "asks"},
            {"key": "beside"},
            {"key": "behind", "depends_on": ["asks"]},
            {"key": "after", "depends_on": ["beside"]},
        ]
    )
    tasks = tasks_of(plan)
    ask(started(tasks["asks"]))
    succeed(started(tasks["beside"]))
    assert armed(plan) == ["after"]
    assert plan_status(plan) == "waiting_input"
    TaskService.answer(tasks["asks"].pk, "blue", actor=None, now=NOW)
    succeed(started(tasks["asks"]))
    assert "behind" in armed(plan)


def test_a_recurring_task_does_not_hold_up_what_depends_on_it(make_task: TaskMaker) -> None:
    plan = make_task.plan(
        [{"key": "again", "schedule": {"interval_minutes": 60}}, {"key": "b", "depends_on": ["again"]}]
    )
    assert armed(plan) == ["again", "b"]


def test_a_task_that_events_start_takes_none_before_its_turn_and_is_made_ready_once(
    make_task: TaskMaker, conversation: Conversation, user: User
) -> None:
    there = Conversation.objects.create(user=user)
    plan = make_task.plan(
        [
            {"key": "a"},
            {
                "key": "on_event",
                "schedule": {"on_event": True},
                "depends_on": ["a"],
                "conversation_id": str(there.pk),
            },
            {"key": "c", "depends_on": ["a"]},
        ]
    )
    tasks = tasks_of(plan)
    early = events.start_by_event(tasks["on_event"], {}, now=NOW)
    assert (early.outcome, early.reason) == ("skipped", "It waits behind another task of its plan.")
    succeed(started(tasks["a"]))
    cards = len(components(conversation, "subagent_conversation"))
    there.refresh_from_db()
    seq = there.last_seq
    succeed(started(tasks["c"]), now=NOW + MINUTE)
    there.refresh_from_db()
    assert (len(components(conversation, "subagent_conversation")), there.last_seq) == (cards, seq)
    assert events.start_by_event(tasks_of(plan)["on_event"], {}, now=NOW + 2 * MINUTE).outcome == "started"


# --- failure ---


def test_a_failure_goes_on_by_default(make_task: TaskMaker) -> None:
    plan = make_task.plan(DIAMOND)
    fail(started(tasks_of(plan)["a"]))
    assert armed(plan) == ["b", "c"]


def test_on_failure_stop_cancels_all_that_follows_and_says_why(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    wanted = [{**DIAMOND[0], "on_failure": "stop", "title": "First"}, *DIAMOND[1:], {"key": "free", "depends_on": []}]
    plan = make_task.plan(wanted)
    fail(started(tasks_of(plan)["a"]), error="no")
    assert statuses(plan) == {"a": "failed", "b": "cancelled", "c": "cancelled", "d": "cancelled", "free": "running"}
    why = "“First” failed, and stops what follows."
    assert contents(conversation, "task_cancelled") == [why] * 3
    assert tasks_of(plan)["d"].transitions.latest("id").reason == why


def test_on_failure_stop_waits_for_the_last_attempt(make_task: TaskMaker) -> None:
    plan = make_task.plan([{"key": "a", "on_failure": "stop"}, {"key": "b"}])
    fail(started(tasks_of(plan)["a"]), retryable=True)
    assert statuses(plan)["b"] == "pending"


def test_a_cancelled_task_stops_what_follows_too(make_task: TaskMaker) -> None:
    plan = make_task.plan([{"key": "a", "on_failure": "stop", "title": "A"}, {"key": "b"}])
    TaskService.cancel(tasks_of(plan)["a"].pk, actor=None, now=NOW)
    assert statuses(plan) == {"a": "cancelled", "b": "cancelled"}
    assert tasks_of(plan)["b"].transitions.latest("id").reason == "“A” was cancelled, and stops what follows."


def test_in_order_a_failure_that_stops_lets_what_came_before_it_be(make_task: TaskMaker) -> None:
    plan = make_task.plan([{"key": "a"}, {"key": "b", "on_failure": "stop"}, {"key": "c"}])
    tasks = tasks_of(plan)
    succeed(started(tasks["a"]))
    fail(started(tasks["b"]))
    assert statuses(plan) == {"a": "completed", "b": "failed", "c": "cancelled"}
    assert plan_status(plan) == "failed"


def test_a_deadline_that_passes_is_a_failure_of_its_plan(make_task: TaskMaker) -> None:
    plan = make_task.plan([{"key": "a", "on_failure": "stop", "deadline_at": (NOW + HOUR).isoformat()}, {"key": "b"}])
    started(tasks_of(plan)["a"])
    recovery.miss_deadlines(now=NOW + 2 * HOUR)
    assert statuses(plan) == {"a": "failed", "b": "cancelled"}


# --- a whole plan ---


def test_cancelling_a_plan_stops_what_runs_what_waits_and_what_has_not_begun(make_task: TaskMaker) -> None:
    plan = make_task.plan([{"key": "a", "depends_on": []}, {"key": "asks"}, {"key": "b", "depends_on": ["a"]}])
    tasks = tasks_of(plan)
    ask(started(tasks["asks"]))
    assert TaskService.cancel_plan(plan.pk, actor=None, now=NOW) == 3
    assert set(statuses(plan).values()) == {"cancelled"}
    assert armed(plan) == []
    assert TaskService.cancel_plan(plan.pk, actor=None, now=NOW) == 0
    assert claim(now=NOW + HOUR) == []


def test_the_progress_of_a_plan_is_that_of_its_tasks(make_task: TaskMaker) -> None:
    plan = make_task.plan(DIAMOND)
    tasks, seen = tasks_of(plan), []
    for key in "abcd":
        seen.append(plan_status(plan))
        lease = started(tasks[key])
        seen.append(plan_status(plan))
        succeed(lease)
    assert [*seen, plan_status(plan)] == ["pending", *["running"] * 7, "completed"]


# --- refused at creation ---


def refused(conversation: Conversation, user: User, *tasks: dict[str, Any]) -> dict[str, list[str]]:
    wanted = [TaskIn(query="x", agent_name="Echo", **fields) for fields in tasks]
    with pytest.raises(InvalidInput) as error:
        submit_tasks(conversation, wanted, user=user, now=NOW)
    assert not Task.objects.exists()
    return dict(error.value.fields)


@pytest.mark.parametrize(
    ("tasks", "fields"),
    [
        (
            [{"key": "a"}, {"key": "b", "depends_on": ["c"]}],
            {"tasks.1.depends_on": ["No task of this plan has the key “c”. Keys here: a, b."]},
        ),
        (
            [{"depends_on": ["c"]}, {}],
            {"tasks.0.depends_on": ["No task of this plan has the key “c”. Keys here: none: give the tasks keys."]},
        ),
        (
            [{"key": "a", "depends_on": ["a"]}, {"key": "b"}],
            {"tasks.0.depends_on": ["“a” cannot depend on itself."]},
        ),
        (
            [{"key": "a"}, {"key": "b", "depends_on": ["a", "a"]}],
            {"tasks.1.depends_on": ["Name each key once."]},
        ),
        (
            [{"key": "a", "depends_on": ["b"]}, {"key": "b", "depends_on": ["a"]}],
            {"tasks.0.depends_on": ["These tasks wait for each other: a → b → a. Take one of them out."]},
        ),
        (
            [
                {"key": "free"},
                {"key": "a", "depends_on": ["c"]},
                {"key": "b", "depends_on": ["a"]},
                {"key": "c", "depends_on": ["b"]},
            ],
            {"tasks.1.depends_on": ["These tasks wait for each other: a → c → b → a. Take one of them out."]},
        ),
    ],
)
def test_a_graph_that_cannot_be_put_in_order_is_refused_on_its_field(
    conversation: Conversation, user: User, agent: Agent, tasks: list[dict[str, Any]], fields: dict[str, list[str]]
) -> None:
    assert refused(conversation, user, *tasks) == fields


def test_a_single_task_that_depends_on_another_is_refused_without_a_number(
    conversation: Conversation, user: User, agent: Agent
) -> None:
    assert list(refused(conversation, user, {"depends_on": ["other"]})) == ["depends_on"]


KEYS = ["a", "b", "c", "d", "e"]
GRAPHS = st.lists(st.lists(st.sampled_from(KEYS), unique=True, max_size=3), min_size=5, max_size=5)


@pytest.mark.database_independent
@settings(max_examples=300, deadline=None)
@given(GRAPHS)
def test_a_graph_is_refused_exactly_where_it_has_a_cycle(depends_on: list[list[str]]) -> None:
    graph = dict(zip(KEYS, depends_on, strict=True))
    # Taken apart: what depends on nothing that is left goes, until nothing goes any more.
    left = dict(graph)
    while free := [key for key, wanted in left.items() if not set(wanted) & set(left)]:
        for key in free:
            del left[key]
    wrong = order.problems(KEYS, depends_on)
    assert bool(wrong) == bool(left)
    for words in wrong.values():
        for text in words:
            if "wait for each other" in text:
                cycle = text.split(": ")[1].split(".")[0].split(" → ")
                assert cycle[0] == cycle[-1]
                assert all(after in graph[before] for before, after in pairwise(cycle))


@pytest.mark.database_independent
def test_a_hundred_tasks_that_all_depend_on_each_other_are_looked_through_quickly() -> None:
    keys = [f"k{number}" for number in range(100)]
    chain = [keys[:number] for number in range(100)]
    assert order.problems(keys, chain) == {}
    assert order.problems(keys, [[key for key in keys if key != own] for own in keys])
