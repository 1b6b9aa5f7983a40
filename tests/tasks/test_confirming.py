"""A message whose words mean a schedule: asked about, confirmed, changed, declined; and when it is not."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from conversations import feed
from conversations.models import Conversation, ConversationItem
from tasks.errors import InvalidInput, NotWaiting
from tasks.models import Agent, ExecutionPlan, Task
from tasks.services import TaskService, transcript
from tests.helpers.tasks import NOW, contents, events, history, say

pytestmark = pytest.mark.django_db

Tell = Callable[..., ExecutionPlan]
TEXT = "Will it rain? Tell me every weekday at 7:30"


@pytest.fixture
def two_agents(db: None) -> list[Agent]:
    """Two agents that can do different things."""
    skills: dict[str, list[dict[str, Any]]] = {
        "Weather": [{"id": "forecast", "name": "Forecast", "tags": ["rain", "temperature"]}],
        "Market": [{"id": "price", "name": "Share prices", "tags": ["stocks"]}],
    }
    return [
        Agent.objects.create(name=name, slug=name, url="http://127.0.0.1:9/", card={"skills": found})
        for name, found in skills.items()
    ]


@pytest.fixture
def tell(conversation: Conversation, two_agents: list[Agent]) -> Tell:
    """Say something in the conversation, somebody in Berlin does."""

    def say_it(text: str, **fields: Any) -> ExecutionPlan:
        with timezone.override("Europe/Berlin"):
            return say(conversation, text, now=fields.pop("now", NOW), **fields)

    return say_it


def the_task(plan: ExecutionPlan) -> Task:
    return plan.tasks.get()


def status(plan: ExecutionPlan) -> str:
    return str(ExecutionPlan.objects.get(pk=plan.pk).status)


def test_a_recurring_wish_waits_for_a_yes_and_makes_nothing_before(tell: Tell, conversation: Conversation) -> None:
    plan = tell(TEXT)
    conversation.refresh_from_db()
    assert (plan.status, plan.tasks.count(), conversation.status) == ("waiting_input", 0, "require_user_input")
    assert events(conversation) == ["thread_started", "plan_require_user_input"]
    (question,) = contents(conversation, "plan_require_user_input")
    assert "Weekdays at 07:30, Berlin" in question
    assert question.count("\n- ") == 5
    item = ConversationItem.objects.get(event="plan_require_user_input")
    assert (item.metadata["plan_id"], item.metadata["asks"]) == (str(plan.pk), "confirm")
    assert item.metadata["proposal"]["schedule"] == {"cron": "30 7 * * 1-5", "timezone": "Europe/Berlin"}


def test_yes_makes_the_task_with_the_request_that_is_left(tell: Tell, conversation: Conversation) -> None:
    asked = tell("Tell me about rain every weekday at 7:30", priority=8)
    plan = tell("yes")
    task = the_task(plan)
    conversation.refresh_from_db()
    assert plan.pk == asked.pk
    assert (task.agent_name, task.query, task.pattern) == ("Weather", "Tell me about rain", "recurring")
    assert (task.crons, task.timezone, task.priority) == (["30 7 * * 1-5"], "Europe/Berlin", 8)
    assert conversation.status == "active"
    assert events(conversation)[-2:] == ["thread_started", "component_generator"]


def test_a_change_asks_again_with_the_new_times(tell: Tell, conversation: Conversation) -> None:
    tell(TEXT)
    plan = tell("make it 10am")
    assert plan.status == "waiting_input"
    assert "Weekdays at 10:00, Berlin" in contents(conversation, "plan_require_user_input")[-1]
    assert the_task(tell("ok")).crons == ["0 10 * * 1-5"]


def test_no_ends_the_plan_as_cancelled(tell: Tell, conversation: Conversation) -> None:
    tell(TEXT)
    plan = tell("no")
    conversation.refresh_from_db()
    assert (status(plan), plan.tasks.count(), conversation.status) == ("cancelled", 0, "active")
    assert history(conversation)[-1]["data"]["payload"]["content"] == "Nothing was set up."


def test_confirming_twice_is_refused_the_second_time(tell: Tell) -> None:
    plan = tell(TEXT)
    tell("yes", answer_to=str(plan.pk))
    with pytest.raises(NotWaiting):
        tell("yes", answer_to=str(plan.pk))
    assert plan.tasks.count() == 1
    declined = tell(TEXT)
    tell("no", answer_to=str(declined.pk))
    with pytest.raises(NotWaiting):
        tell("yes", answer_to=str(declined.pk))


def test_what_is_not_understood_is_asked_again_and_forgotten(tell: Tell, conversation: Conversation) -> None:
    plan = tell(TEXT)
    tell("hm?")
    plan.refresh_from_db()
    assert (plan.status, plan.draft["answers"]) == ("waiting_input", [])
    assert len(contents(conversation, "plan_require_user_input")) == 2
    assert the_task(tell("yes")).crons == ["30 7 * * 1-5"]


def test_an_explicit_schedule_is_never_asked_about(tell: Tell) -> None:
    task = the_task(tell("Any rain every day at 9?", schedule={"interval_minutes": 60}))
    assert (task.query, task.interval_minutes) == ("Any rain every day at 9?", 60)


def test_a_named_agent_gets_the_text_unchanged_at_once(tell: Tell) -> None:
    task = the_task(tell(TEXT, agent_name="Market"))
    assert (task.query, task.pattern, task.next_run_at) == (TEXT, "once", NOW)


def test_a_moment_is_made_at_once_and_said(tell: Tell, conversation: Conversation) -> None:
    plan = tell("Check the rain radar tomorrow at 9")
    task = the_task(plan)
    assert (task.query, task.pattern, task.next_run_at) == (
        "Check the rain radar",
        "once",
        (NOW + timedelta(days=1)).replace(hour=8),
    )
    assert plan.guidance_message == "Weather takes this. Once, on Tue 3 Nov 2026 at 09:00, Berlin."


def test_another_agents_message_starts_a_plan_and_leaves_the_question_open(tell: Tell) -> None:
    plan = tell(TEXT)
    other = tell("Price of AAPL?", agent_name="Market")
    assert (other.pk != plan.pk, status(plan)) == (True, "waiting_input")
    assert the_task(tell("yes")).plan_id == plan.pk


def test_an_answer_with_an_agent_gives_the_task_to_it(tell: Tell) -> None:
    plan = tell(TEXT)
    tell("let Market do it", answer_to=str(plan.pk), agent_name="Market")
    assert the_task(tell("yes")).agent_name == "Market"
    with pytest.raises(InvalidInput):
        tell("yes", answer_to=str(tell(TEXT).pk), agent_name="Nobody")


@pytest.mark.parametrize("whole", [True, False])
def test_cancelling_a_plan_or_its_conversation_drops_the_question(
    tell: Tell, conversation: Conversation, whole: bool
) -> None:
    plan = tell(TEXT)
    if whole:
        TaskService.cancel_conversation_tasks([conversation.pk], actor=None, now=NOW)
    else:
        TaskService.cancel_plan(plan.pk, actor=None, now=NOW)
    conversation.refresh_from_db()
    assert (status(plan), conversation.status) == ("cancelled", "active")
    # Whoever watches sees it, and whoever comes later.
    said = feed.page_before(conversation.pk, None, 10)[-1]
    assert (said["event"], said["data"]["thread_id"], said["data"]["task_id"]) == (
        "task_cancelled",
        str(plan.thread_id),
        None,
    )
    assert said["data"]["payload"] == {"content": transcript.WITHDRAWN}
    TaskService.cancel_plan(plan.pk, actor=None, now=NOW)
    assert feed.last_seq(conversation.pk) == said["seq"]
    with pytest.raises(NotWaiting):
        tell("yes", answer_to=str(plan.pk))


def test_values_of_runs_may_stand_in_a_wish_that_comes_again(tell: Tell) -> None:
    tell("Every day at 9, tell me about rain since {{ previous.finished_at }}")
    assert "{{ previous.finished_at }}" in the_task(tell("yes")).query
    with pytest.raises(InvalidInput):
        tell("Any rain since {{ previous.finished_at }}")


def test_the_zone_is_the_one_in_which_it_was_said(tell: Tell, conversation: Conversation) -> None:
    tell(TEXT)
    with timezone.override("Asia/Tokyo"):
        assert the_task(say(conversation, "yes", now=NOW)).timezone == "Europe/Berlin"


def test_an_answer_days_later_never_makes_what_is_over(tell: Tell) -> None:
    plan = tell("Check the rain radar tomorrow")
    late = tell("at 9", now=NOW + timedelta(days=5))
    assert (late.pk, late.status, late.tasks.count()) == (plan.pk, "waiting_input", 0)
    assert the_task(tell("tomorrow at 9", now=NOW + timedelta(days=5))).next_run_at == (
        NOW + timedelta(days=6)
    ).replace(hour=8)
