"""From a message to a plan, or to the question that it answers."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from conversations.models import Conversation
from tasks import wakeup
from tasks.errors import InvalidInput, NotWaiting
from tasks.models import Agent, ExecutionPlan, Task, TaskRun
from tasks.services import TaskService
from tests.helpers.tasks import (
    HOUR,
    NOW,
    TaskMaker,
    ask,
    contents,
    events,
    history,
    run_statuses,
    say,
    started,
    succeed,
)

pytestmark = pytest.mark.django_db

SKILLS: dict[str, list[dict[str, Any]]] = {
    "Weather": [{"id": "forecast", "name": "Forecast", "tags": ["rain", "temperature"]}],
    "Market": [{"id": "price", "name": "Share prices", "tags": ["stocks"]}],
}


@pytest.fixture
def two_agents(db: None) -> list[Agent]:
    """Two agents that can do different things."""
    return [
        Agent.objects.create(name=name, slug=name, url="http://127.0.0.1:9/", card={"skills": skills})
        for name, skills in SKILLS.items()
    ]


def tell(conversation: Conversation, text: str, **fields: Any) -> ExecutionPlan:
    return say(conversation, text, now=NOW, **fields)


def test_a_message_that_names_its_agent_is_one_task_with_the_text_unchanged(
    conversation: Conversation, agent: Agent
) -> None:
    plan = tell(conversation, "  Do\nthis, please.  ", agent_name="Echo", priority=7)
    (task,) = plan.tasks.all()
    assert (task.query, task.agent_name, task.priority) == ("  Do\nthis, please.  ", "Echo", 7)
    assert (task.status, task.next_run_at, task.title) == ("pending", NOW, "Do")
    assert events(conversation) == ["thread_started"]
    assert contents(conversation, "thread_started") == ["  Do\nthis, please.  "]
    assert plan.thread_id == task.thread_id


def test_a_message_without_an_agent_goes_to_the_best_match_and_says_so(
    conversation: Conversation, two_agents: Any
) -> None:
    plan = tell(conversation, "Will there be rain in Berlin?")
    assert [task.agent_name for task in plan.tasks.all()] == ["Weather"]
    (_, guidance) = history(conversation)
    assert (guidance["event"], guidance["data"]["agent_name"]) == ("message_chunk", "Planner")
    assert plan.guidance_message == "Weather takes this."


def test_the_agent_of_the_conversation_is_taken_without_a_word(user: User, two_agents: Any) -> None:
    conversation = Conversation.objects.create(user=user, agent_name="Market")
    plan = tell(conversation, "Will there be rain?")
    assert [task.agent_name for task in plan.tasks.all()] == ["Market"]
    assert events(conversation) == ["thread_started"]


def test_a_message_that_fits_no_agent_is_answered_with_a_question_and_the_answer_goes_on(
    conversation: Conversation, two_agents: Any
) -> None:
    plan = tell(conversation, "Bake bread", schedule={"interval_minutes": 60})
    conversation.refresh_from_db()
    assert (plan.status, conversation.status, plan.tasks.count()) == ("waiting_input", "require_user_input", 0)
    (question,) = contents(conversation, "plan_require_user_input")
    assert "Weather" in question
    again = tell(conversation, "Hmm, the other one")
    conversation.refresh_from_db()
    assert (again.pk, conversation.status) == (plan.pk, "require_user_input")
    done = tell(conversation, "market please")
    (task,) = done.tasks.all()
    conversation.refresh_from_db()
    assert (done.pk, task.agent_name, task.query, task.interval_minutes) == (plan.pk, "Market", "Bake bread", 60)
    assert conversation.status == "active"


def test_a_message_with_a_schedule_answers_no_question(conversation: Conversation, two_agents: Any) -> None:
    asked = tell(conversation, "Bake bread")
    other = tell(conversation, "Share prices", schedule={"interval_minutes": 60})
    asked.refresh_from_db()
    assert (other.pk != asked.pk, asked.question != "") == (True, True)


def test_the_next_message_answers_the_newest_question(make_task: TaskMaker, conversation: Conversation) -> None:
    first, second = make_task(), make_task()
    ask(started(first), question="First?")
    ask(started(second), question="Second?")
    assert tell(conversation, "yes").pk == second.plan_id
    assert tell(conversation, "no").pk == first.plan_id
    assert list(TaskRun.objects.order_by("id").values_list("answer", flat=True)) == ["no", "yes"]


def test_a_message_that_names_the_waiting_agent_answers_it_and_one_that_names_another_does_not(
    make_task: TaskMaker, conversation: Conversation, two_agents: Any
) -> None:
    task = make_task()
    ask(started(task))
    other = tell(conversation, "Any rain?", agent_name="Weather")
    assert other.pk != task.plan_id
    conversation.refresh_from_db()
    assert (run_statuses(task), conversation.status) == (["waiting_input"], "require_user_input")
    assert tell(conversation, "blue", agent_name="Echo").pk == task.plan_id


def test_answer_to_names_the_task_or_the_plan(make_task: TaskMaker, conversation: Conversation) -> None:
    first, second = make_task(), make_task()
    ask(started(first))
    ask(started(second))
    assert tell(conversation, "a", answer_to=str(first.pk)).pk == first.plan_id
    assert tell(conversation, "b", answer_to=str(second.plan_id)).pk == second.plan_id
    with pytest.raises(NotWaiting):
        tell(conversation, "c", answer_to=str(first.pk))
    with pytest.raises(NotWaiting):
        tell(conversation, "c", answer_to=str(second.plan_id))


@pytest.mark.parametrize("answer_to", ["nonsense", "01890000-0000-7000-8000-000000000000", "foreign"])
def test_answer_to_something_else_is_refused(
    make_task: TaskMaker, conversation: Conversation, other_user: User, answer_to: str
) -> None:
    if answer_to == "foreign":
        foreign = TaskMaker(Conversation.objects.create(user=other_user))()
        ask(started(foreign))
        answer_to = str(foreign.pk)
    with pytest.raises(InvalidInput) as refused:
        tell(conversation, "x", answer_to=answer_to)
    assert list(refused.value.fields) == ["answer_to"]
    assert events(conversation) == []


def test_an_answer_stands_in_the_transcript_and_keeps_the_thread(
    make_task: TaskMaker, conversation: Conversation
) -> None:
    task = make_task()
    ask(started(task))
    tell(conversation, "blue")
    said = [e["data"] for e in history(conversation) if e["event"] == "thread_started"]
    assert [data["thread_id"] for data in said] == [str(task.thread_id)] * 2


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"agent_name": "Nobody"}, "agent_name"),
        ({"agent_name": "Echo", "schedule": {"interval_minutes": 0}}, "schedule.interval_minutes"),
        ({"agent_name": "Echo", "schedule": {"daily_time": "25:00"}}, "schedule.daily_time"),
        ({"agent_name": "Echo", "schedule": {"cron": "nonsense"}}, "schedule.cron"),
        ({"agent_name": "Echo", "schedule": {"interval_minutes": 5, "timezone": "Mars"}}, "schedule.timezone"),
        ({"agent_name": "Echo", "deadline_at": "2020-01-01T00:00:00Z"}, "deadline_at"),
        ({"schedule": {"interval_minutes": -1}}, "schedule.interval_minutes"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_left(
    conversation: Conversation, agent: Agent, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        tell(conversation, "hello", **fields)
    assert list(refused.value.fields) == [field]
    assert (events(conversation), Task.objects.count(), ExecutionPlan.objects.count()) == ([], 0, 0)


def test_an_unknown_agent_is_answered_with_those_that_there_are(conversation: Conversation, two_agents: Any) -> None:
    Agent.objects.filter(name="Market").update(hidden=True)
    with pytest.raises(InvalidInput, match="Write one of these: Weather"):
        tell(conversation, "hello", agent_name="Nobody")


def test_a_disabled_agent_is_told_from_an_unknown_one(conversation: Conversation, agent: Agent) -> None:
    Agent.objects.update(enabled=False)
    with pytest.raises(InvalidInput, match="is disabled"):
        tell(conversation, "hello", agent_name="Echo")
    with pytest.raises(InvalidInput, match="No agent is enabled"):
        tell(conversation, "hello")


def test_a_hidden_agent_can_be_named_and_is_never_chosen(conversation: Conversation, two_agents: Any) -> None:
    Agent.objects.filter(name="Weather").update(hidden=True)
    plan = tell(conversation, "Will there be rain?")
    assert [task.agent_name for task in plan.tasks.all()] == ["Market"]
    named = tell(conversation, "Will there be rain?", agent_name="Weather")
    assert [task.agent_name for task in named.tasks.all()] == ["Weather"]


def test_the_first_message_names_the_conversation(conversation: Conversation, agent: Agent) -> None:
    tell(conversation, "What is the weather like\nin Berlin?", agent_name="Echo")
    tell(conversation, "And now?", agent_name="Echo")
    conversation.refresh_from_db()
    assert conversation.title == "What is the weather like in Berlin?"


def test_deleting_a_conversation_cancels_what_runs_in_it(make_task: TaskMaker, conversation: Conversation) -> None:
    task = make_task()
    started(task)
    TaskService.delete_conversation(conversation, user=conversation.user, now=NOW)
    assert not Conversation.objects.exists()
    assert not Task.objects.exists()


def test_deleting_the_conversation_of_one_run_leaves_the_schedule_alone(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 60}, conversation_mode="new")
    started(task)
    own = task.runs.get().conversation
    TaskService.delete_conversation(own, user=own.user, now=NOW)
    task.refresh_from_db()
    assert (task.status, task.next_run_at) == ("running", NOW + HOUR)
    succeed(started(task, now=NOW + HOUR), now=NOW + HOUR)


def test_deleting_the_conversation_of_a_parked_run_leaves_the_schedule_running(make_task: TaskMaker) -> None:
    task = make_task(schedule={"interval_minutes": 60}, conversation_mode="new")
    ask(started(task))
    own = task.runs.get().conversation
    TaskService.delete_conversation(own, user=own.user, now=NOW)
    task.refresh_from_db()
    assert task.status == "running"


def test_deleting_the_conversation_of_a_once_tasks_only_run_cancels_the_task(make_task: TaskMaker) -> None:
    task = make_task(conversation_mode="new")
    started(task)
    own = task.runs.get().conversation
    TaskService.delete_conversation(own, user=own.user, now=NOW)
    task.refresh_from_db()
    assert task.status == "cancelled"


def test_deleting_a_plans_conversation_stops_its_tasks_in_other_conversations(
    make_task: TaskMaker, conversation: Conversation, user: User, django_capture_on_commit_callbacks: Any
) -> None:
    stopped: list[Any] = []
    end = wakeup.listen(moved=lambda: None, stopped=stopped.extend)
    there = Conversation.objects.create(user=user)
    task = make_task(conversation_id=str(there.pk))
    lease = started(task)
    with django_capture_on_commit_callbacks(execute=True):
        TaskService.delete_conversation(conversation, user=user, now=NOW)
    end()
    assert stopped == [lease.run_id]


@pytest.mark.django_db(transaction=True)
def test_of_two_answers_at_once_one_counts(
    make_task: TaskMaker, conversation: Conversation, in_threads: Callable[..., list[Any]]
) -> None:
    task = make_task()
    ask(started(task))
    found = in_threads(2, lambda number: say(conversation, f"answer {number}", answer_to=str(task.pk)))
    assert {type(each) for each in found} == {ExecutionPlan, NotWaiting}
    assert len(contents(conversation, "thread_started")) == 2
    assert TaskRun.objects.get().answer in ("answer 0", "answer 1")


@pytest.mark.django_db(transaction=True)
def test_of_two_answers_to_the_planners_question_at_once_one_counts(
    conversation: Conversation, two_agents: Any, in_threads: Callable[..., list[Any]]
) -> None:
    plan = tell(conversation, "Bake bread")
    found = in_threads(2, lambda _: say(conversation, "Market", answer_to=str(plan.pk)))
    assert {type(each) for each in found} == {ExecutionPlan, NotWaiting}
    assert plan.tasks.count() == 1


def test_the_time_of_a_message_is_the_moment_of_its_plan(conversation: Conversation, agent: Agent) -> None:
    plan = say(conversation, "hello", agent_name="Echo", now=NOW + timedelta(hours=3))
    assert plan.created_at == NOW + timedelta(hours=3)
