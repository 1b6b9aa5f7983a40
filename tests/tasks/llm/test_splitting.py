"""What a good model does for a person: a request is split, chosen for, asked about or scheduled."""

from datetime import timedelta

import pytest

from conversations.models import Conversation, ConversationItem
from tasks.models import Agent, ExecutionPlan, Task, TaskRun
from tasks.services import texts
from tests.helpers.models import ChatModel, knows_no_schema, plans, says
from tests.helpers.tasks import NOW, contents, fail, started, succeed
from tests.tasks.llm.conftest import Tell

pytestmark = pytest.mark.django_db

REQUEST = "Will it rain, and what are stocks doing?"
EVERY_MORNING = {"daily_time": "07:00", "interval_minutes": None, "cron": None, "start_at": None, "timezone": None}


def of(plan: ExecutionPlan) -> list[tuple[str, str]]:
    return [(task.agent_name, task.query) for task in plan.tasks.order_by("place")]


def test_a_request_is_split_over_two_agents_that_start_together(tell: Tell, model: ChatModel) -> None:
    model.will(plans(("Weather", "Will it rain?"), ("Market", "What are stocks doing?")))
    plan = tell(REQUEST, priority=8)
    assert of(plan) == [("Weather", "Will it rain?"), ("Market", "What are stocks doing?")]
    tasks = list(plan.tasks.order_by("place"))
    assert [task.next_run_at for task in tasks] == [NOW, NOW]
    assert [(task.key, task.title, task.priority) for task in tasks] == [
        ("a", "Will it rain?", 8),
        ("b", "What are stocks doing?", 8),
    ]


def test_who_takes_what_is_said(tell: Tell, model: ChatModel, conversation: Conversation) -> None:
    model.will(plans(("Weather", "Will it rain?"), ("Market", "Shares of umbrella makers", ["a"])))
    tell(REQUEST)
    (said,) = contents(conversation, "message_chunk")
    assert said == "Weather takes “Will it rain?”. Then Market takes “Shares of umbrella makers”."


def test_a_task_that_depends_on_another_waits_for_it_and_gets_its_result(tell: Tell, model: ChatModel) -> None:
    # The model may name them in any order.
    model.will(plans(("Market", "Compare with shares", ["b"]), ("Weather", "Rain this week")))
    first, second = tell(REQUEST).tasks.order_by("place")
    assert (first.agent_name, first.depends_on, first.on_failure) == ("Weather", [], "stop")
    assert (second.depends_on, second.on_failure, second.next_run_at) == (["b"], "continue", None)
    succeed(started(first), result="12 mm")
    run = TaskRun.objects.get(pk=started(second).run_id)
    assert texts.written(second, run) == "Compare with shares\n\nResult of “Rain this week”:\n12 mm"


def test_one_that_fails_stops_what_needs_its_result(tell: Tell, model: ChatModel) -> None:
    model.will(plans(("Weather", "Rain this week"), ("Market", "Compare", ["a"]), ("Market", "Stocks")))
    tasks = {task.key: task for task in tell(REQUEST).tasks.all()}
    fail(started(tasks["a"]))
    for task in tasks.values():
        task.refresh_from_db()
    assert {key: task.status for key, task in tasks.items()} == {"a": "failed", "b": "cancelled", "c": "running"}


def test_a_single_task_gets_the_persons_own_words(tell: Tell, model: ChatModel) -> None:
    model.will(plans(("Market", "Buy everything at once")))
    text = "Bring   an umbrella?\n\n  (rain)"
    assert of(tell(text)) == [("Market", text)]


def test_an_unsure_model_asks_and_the_answer_goes_to_it_with_its_question(
    tell: Tell, model: ChatModel, conversation: Conversation
) -> None:
    model.will(
        says({"tasks": [], "schedule": None, "question": "Which city?"}),
        plans(("Weather", "Rain in Oslo"), ("Market", "Stocks in Oslo")),
    )
    plan = tell("Rain and stocks there")
    conversation.refresh_from_db()
    assert (plan.status, conversation.status) == ("waiting_input", "require_user_input")
    assert contents(conversation, "plan_require_user_input") == ["Which city?"]
    assert ConversationItem.objects.get(event="plan_require_user_input").metadata["asks"] == "details"
    assert of(tell("Oslo")) == [("Weather", "Rain in Oslo"), ("Market", "Stocks in Oslo")]
    assert model.told["request"] == "Rain and stocks there\nOslo"
    assert model.told["asked_before"] == [{"question": "Which city?", "answer": "Oslo"}]


def test_its_question_can_be_cancelled_without_asking_it_again(tell: Tell, model: ChatModel) -> None:
    model.will(says({"tasks": [], "question": "Which city?"}))
    tell("Rain and stocks there")
    assert tell("never mind").status == "cancelled"
    assert len(model.asked) == 1


def test_a_model_that_only_asks_is_not_let_ask_a_third_time(tell: Tell, model: ChatModel) -> None:
    model.will(says({"tasks": [], "question": "Where exactly?"}))
    tell("Will it rain there?")
    assert tell("north").status == "waiting_input"
    assert of(tell("of here")) == [("Weather", "Will it rain there?\nnorth\nof here")]
    assert "question is null" in model.asked[-1]["messages"][0]["content"]


def test_what_the_words_say_of_time_is_not_the_models_to_decide(
    tell: Tell, model: ChatModel, conversation: Conversation
) -> None:
    model.will(plans(("Weather", "Rain?"), ("Market", "Stocks?"), schedule={**EVERY_MORNING, "daily_time": "11:11"}))
    tell("Rain and stocks every weekday at 7:30")
    (question,) = contents(conversation, "plan_require_user_input")
    assert model.told["request"] == "Rain and stocks"
    assert "now" not in model.told
    assert "**Weekdays at 07:30, Berlin**:\n\n- Weather: “Rain?”\n- Market: “Stocks?”" in question
    assert question.count("at 07:30\n") == 5
    tasks = list(tell("yes").tasks.order_by("place"))
    assert [(task.agent_name, task.query, task.crons) for task in tasks] == [
        ("Weather", "Rain?", ["30 7 * * 1-5"]),
        ("Market", "Stocks?", ["30 7 * * 1-5"]),
    ]
    assert len(model.asked) == 1


def test_a_schedule_that_only_the_model_reads_waits_for_a_yes_with_its_next_five_times(
    tell: Tell, model: ChatModel, conversation: Conversation
) -> None:
    model.will(plans(("Weather", "Regnet es?"), schedule=EVERY_MORNING))
    plan = tell("Sag mir jeden Tag um sieben, ob es regnet")
    assert (plan.status, plan.tasks.count()) == ("waiting_input", 0)
    item = ConversationItem.objects.get(event="plan_require_user_input")
    assert item.metadata["asks"] == "confirm"
    assert item.metadata["proposal"]["schedule"] == {"daily_time": "07:00", "timezone": "Europe/Berlin"}
    assert len(item.metadata["proposal"]["times"]) == 5
    task = tell("yes").tasks.get()
    assert (task.query, [str(time) for time in task.daily_times], task.pattern) == (
        "Regnet es?",
        ["07:00"],
        "recurring",
    )


def test_its_schedule_is_changed_as_any_other(tell: Tell, model: ChatModel, conversation: Conversation) -> None:
    model.will(plans(("Weather", "Regnet es?"), schedule=EVERY_MORNING))
    tell("Sag mir jeden Tag um sieben, ob es regnet")
    tell("make it 10am")
    tell("weekdays only")
    assert "**Weekdays at 10:00, Berlin**" in contents(conversation, "plan_require_user_input")[-1]
    assert tell("ok").tasks.get().crons == ["0 10 * * 1-5"]
    assert len(model.asked) == 1


def test_one_that_no_words_say_can_be_replaced(tell: Tell, model: ChatModel, conversation: Conversation) -> None:
    model.will(plans(("Weather", "Regnet es?"), schedule={"cron": "*/7 3 * * *"}))
    tell("Sag mir ab und zu, ob es regnet")
    tell("make it 10am")
    assert "Say it whole" in contents(conversation, "plan_require_user_input")[-1]
    tell("every day at 10:00")
    assert [str(time) for time in tell("yes").tasks.get().daily_times] == ["10:00"]


def test_its_schedule_can_be_declined_or_run_once(tell: Tell, model: ChatModel) -> None:
    model.will(plans(("Weather", "Regnet es?"), schedule=EVERY_MORNING))
    tell("Sag mir jeden Tag um sieben, ob es regnet")
    assert tell("no").status == "cancelled"
    tell("Sag mir jeden Tag um sieben, ob es regnet")
    task = tell("just once").tasks.get()
    assert (task.query, task.pattern, task.next_run_at) == ("Regnet es?", "once", NOW)


def test_another_agent_can_be_named_and_its_schedule_stays(
    tell: Tell, model: ChatModel, conversation: Conversation
) -> None:
    model.will(plans(("Weather", "Regnet es?"), schedule=EVERY_MORNING))
    tell("Sag mir jeden Tag um sieben, ob es regnet")
    assert tell("let Market do it").status == "waiting_input"
    assert "Every day at 07:00, Berlin**, Market: “Regnet es?”" in contents(conversation, "plan_require_user_input")[-1]
    task = tell("yes").tasks.get()
    assert (task.agent_name, task.query, task.pattern) == ("Market", "Regnet es?", "recurring")


def test_of_several_at_a_moment_the_second_runs_when_the_first_has_ended(tell: Tell, model: ChatModel) -> None:
    model.will(plans(("Weather", "Rain this week"), ("Market", "Compare", ["a"])))
    first, second = tell("Rain, and compare, in 20 minutes").tasks.order_by("place")
    moment = NOW + timedelta(minutes=20)
    assert (first.next_run_at, second.next_run_at) == (moment, None)
    later = moment + timedelta(minutes=3)
    succeed(started(first, now=moment), now=later)
    second.refresh_from_db()
    assert (second.status, second.next_run_at, second.timezone) == ("pending", later, "Europe/Berlin")


def test_a_moment_that_only_the_model_reads_is_confirmed_too(tell: Tell, model: ChatModel) -> None:
    moment = NOW + timedelta(hours=20)
    model.will(plans(("Weather", "Regnet es?"), schedule={"start_at": moment.isoformat()}))
    plan = tell("Sag mir morgen früh, ob es regnet")
    assert plan.status == "waiting_input"
    task = tell("yes").tasks.get()
    assert (task.pattern, task.next_run_at) == ("once", moment)


def test_a_moment_that_is_over_when_it_is_confirmed_is_asked_about_again(
    tell: Tell, model: ChatModel, conversation: Conversation
) -> None:
    model.will(plans(("Weather", "Regnet es?"), schedule={"start_at": (NOW + timedelta(hours=1)).isoformat()}))
    tell("Sag mir gleich, ob es regnet")
    plan = tell("yes", now=NOW + timedelta(hours=2))
    assert (plan.status, plan.tasks.count()) == ("waiting_input", 0)
    assert "That does not work" in contents(conversation, "plan_require_user_input")[-1]


def test_with_an_explicit_schedule_it_is_split_and_nothing_is_asked(tell: Tell, model: ChatModel) -> None:
    model.will(plans(("Weather", "Rain?"), ("Market", "Stocks?"), schedule=EVERY_MORNING))
    tasks = list(tell(REQUEST, schedule={"interval_minutes": 60}).tasks.all())
    assert [task.interval_minutes for task in tasks] == [60, 60]
    assert "depends_on is empty everywhere" in model.asked[0]["messages"][0]["content"]


def test_a_title_is_for_one_task(tell: Tell, model: ChatModel) -> None:
    model.will(plans(("Weather", "Rain?"), ("Market", "Stocks?")))
    plan = tell(REQUEST, title="Morning")
    assert [task.title for task in plan.tasks.order_by("place")] == ["Rain?", "Stocks?"]


def test_a_server_without_schemas_is_asked_for_a_json_object(tell: Tell, model: ChatModel) -> None:
    model.will(knows_no_schema(plans(("Weather", "Rain?"), ("Market", "Stocks?"))))
    assert len(of(tell(REQUEST))) == 2
    assert [asked["response_format"]["type"] for asked in model.asked] == ["json_schema", "json_object"]


def test_an_answer_between_fences_or_after_a_thought_is_read(tell: Tell, model: ChatModel) -> None:
    model.will(says('<think>hm</think>\n```json\n{"tasks": [{"key": "a", "agent_name": "Market", "query": "x"}]}\n```'))
    assert of(tell("Will it rain?")) == [("Market", "Will it rain?")]


def test_without_a_named_model_the_first_that_is_listed_is_asked(
    tell: Tell, model: ChatModel, settings: object
) -> None:
    settings.LLM_MODEL = ""  # type: ignore[attr-defined]
    model.will(plans(("Market", "x")))
    tell(REQUEST)
    assert (model.asked[0]["model"], model.keys) == ("small", ["Bearer sk-test"])


def test_it_is_told_the_request_the_agents_and_the_time_and_nothing_else(tell: Tell, model: ChatModel) -> None:
    Agent.objects.create(name="Hidden", slug="h", url="http://127.0.0.1:9/", hidden=True)
    Agent.objects.create(name="Off", slug="o", url="http://127.0.0.1:9/", enabled=False)
    Agent.objects.create(name="Whole", slug="w", url="http://127.0.0.1:9/", planner_passthrough=True)
    model.will(plans(("Market", "x")))
    tell(REQUEST)
    assert model.told == {
        "request": REQUEST,
        "now": "Monday 2026-11-02T10:00+01:00",
        "timezone": "Europe/Berlin",
        "agents": [
            {"name": "Market", "skills": ["Share prices · stocks"]},
            {"name": "Weather", "skills": ["Forecast · rain, temperature"]},
        ],
    }
    schema = model.asked[0]["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["tasks"]["items"]["properties"]["agent_name"]["enum"] == ["Market", "Weather"]
    assert set(model.asked[0]) == {"model", "messages", "response_format"}


def test_an_agent_that_went_before_the_yes_is_not_used(tell: Tell, model: ChatModel, two_agents: list[Agent]) -> None:
    model.will(plans(("Market", "Regnet es?"), schedule=EVERY_MORNING))
    tell("Regen: sag mir jeden Tag um sieben, ob rain")
    Agent.objects.filter(name="Market").update(enabled=False)
    task = Task.objects.filter(plan=tell("yes")).first()
    assert task is None or task.agent_name == "Weather"
