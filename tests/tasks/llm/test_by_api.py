"""A message to a planner that asks a model, through the API: in time, with nothing held, and only where it may."""

import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from django.db import connection, connections
from django.db.transaction import get_connection

from tasks.models import Agent, ExecutionPlan
from tasks.planner.llm import LLMPlanner
from tests.api_client import Program
from tests.helpers.models import ChatModel, answers, plans, says, waits

pytestmark = pytest.mark.django_db(transaction=True)

WEEKDAYS = "Say hello every weekday at 7:30"


@pytest.fixture
def talk(ana: Program) -> str:
    Agent.objects.create(name="Market", slug="Market", url="http://127.0.0.1:9/", card={"skills": [{"name": "Prices"}]})
    return ana.conversation()


def send(ana: Program, talk: str, text: str, *, key: str = "", **more: Any) -> dict[str, Any]:
    headers = {"Idempotency_Key": key} if key else {}
    answer = ana("POST", f"/conversations/{talk}/messages", {"text": text, **more}, **headers)
    assert answer.status == 202, answer.data
    return answer.data


@pytest.mark.parametrize("key", ["", "k-1"])
def test_nothing_is_held_while_the_model_is_asked(ana: Program, talk: str, model: ChatModel, key: str) -> None:
    found: list[tuple[bool, bool]] = []
    mine = get_connection()

    def look(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
        found.append((mine.in_atomic_block, mine.connection is None))
        # Another one can write meanwhile, on SQLite too.
        Agent.objects.filter(name="Market").update(description="changed")
        connections.close_all()
        plans(("Echo", "Say hello"), ("Market", "Prices"))(handler, asked)

    model.will(look)
    plan = send(ana, talk, "Say hello, and prices", key=key)
    assert found == [(False, True)]
    assert [(task["agent_name"], task["query"], task["depends_on"]) for task in plan["tasks"]] == [
        ("Echo", "Say hello", []),
        ("Market", "Prices", []),
    ]


def test_a_repeat_under_the_same_key_gets_the_same_plan_and_asks_nobody(
    ana: Program,
    talk: str,
    model: ChatModel,
) -> None:
    model.will(plans(("Echo", "Say hello"), ("Market", "Prices")))
    first = send(ana, talk, "Say hello, and prices", key="k-2")
    assert send(ana, talk, "Say hello, and prices", key="k-2") == first
    assert (len(model.asked), ExecutionPlan.objects.count()) == (1, 1)


def test_a_repeat_while_the_model_still_thinks_waits_for_the_same_plan(
    ana: Program,
    talk: str,
    model: ChatModel,
) -> None:
    asked = threading.Event()

    def think(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        asked.set()
        time.sleep(0.2)
        plans(("Echo", "Say hello"), ("Market", "Prices"))(handler, body)

    model.will(think)
    got: list[dict[str, Any]] = []

    def repeat() -> None:
        assert asked.wait(10)
        got.append(send(ana, talk, "Say hello, and prices", key="k-3"))
        connection.close()

    thread = threading.Thread(target=repeat)
    thread.start()
    got.append(send(ana, talk, "Say hello, and prices", key="k-3"))
    thread.join(10)
    assert got[0] == got[1]
    assert (len(model.asked), ExecutionPlan.objects.count()) == (1, 1)


def test_a_model_that_hangs_costs_its_time_and_no_more(
    ana: Program,
    talk: str,
    model: ChatModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert LLMPlanner.seconds <= 6
    monkeypatch.setattr(LLMPlanner, "seconds", 0.2)
    model.will(waits())
    (task,) = send(ana, talk, "Say it again", key="k-4")["tasks"]
    assert (task["agent_name"], task["query"]) == ("Echo", "Say it again")


def test_what_comes_again_is_confirmed_and_nobody_is_asked_twice(ana: Program, talk: str, model: ChatModel) -> None:
    model.will(plans(("Echo", "Say hello"), ("Market", "Prices")))
    asked = send(ana, talk, WEEKDAYS)
    assert (asked["status"], asked["tasks"]) == ("waiting_input", [])
    plan = send(ana, talk, "yes", key="k-5")
    assert [task["schedule"]["cron"] for task in plan["tasks"]] == ["30 7 * * 1-5"] * 2
    assert len(model.asked) == 1


def test_of_an_exchange_that_moved_meanwhile_the_advice_does_not_count(
    ana: Program,
    talk: str,
    model: ChatModel,
) -> None:
    model.will(says({"tasks": [], "question": "Which one?"}))
    plan = send(ana, talk, "Say it again")

    def overtaken(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        model.will(says({"tasks": [], "question": "And where?"}))
        send(ana, talk, "the second", answer_to=plan["id"])
        connections.close_all()
        plans(("Market", "x"), ("Market", "y"))(handler, body)

    model.will(overtaken)
    late = send(ana, talk, "the first", answer_to=plan["id"])
    (task,) = late["tasks"]
    assert (task["agent_name"], task["query"]) == ("Echo", "Say it again\nthe second\nthe first")


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("Say hello", {"agent_name": "Market"}),
        ("Say hello {{ scheduled_for }}", {}),
        ("Say hello " * 500, {}),
        ("every day at 9", {}),
        ("Hand it over to Whole", {}),
        ("every day at 9, over to Whole", {}),
    ],
    ids=[
        "names its agent",
        "has places for values",
        "is a document",
        "says no request",
        "passes",
        "passes with a time",
    ],
)
def test_the_model_is_not_asked_about_a_message_that(
    ana: Program,
    talk: str,
    model: ChatModel,
    text: str,
    more: dict[str, Any],
) -> None:
    Agent.objects.create(name="Whole", slug="Whole", url="http://127.0.0.1:9/", planner_passthrough=True)
    model.will(answers(b"", 500))
    send(ana, talk, text, **more)
    assert model.asked == []


def test_nor_in_a_conversation_that_has_an_agent(ana: Program, talk: str, model: ChatModel) -> None:
    model.will(answers(b"", 500))
    send(ana, ana.conversation(agent_name="Market"), "Say hello")
    assert model.asked == []


def test_a_wrong_message_is_refused_without_asking(ana: Program, talk: str, model: ChatModel) -> None:
    for body in ({"text": ""}, {"text": "Hi", "schedule": {"cron": "x"}}, {"text": "Hi", "answer_to": "x"}, [], "x"):
        for headers in ({}, {"Idempotency_Key": "k-6"}):
            assert ana("POST", f"/conversations/{talk}/messages", body, **headers).status == 422
    assert ana("POST", "/conversations/nowhere/messages", {"text": "Hi"}, Idempotency_Key="k-7").status == 404
    assert model.asked == []


def test_reading_a_schedule_asks_nobody(ana: Program, model: ChatModel) -> None:
    assert ana("POST", "/schedules/parse", {"text": WEEKDAYS}).data["request"] == "Say hello"
    assert model.asked == []
