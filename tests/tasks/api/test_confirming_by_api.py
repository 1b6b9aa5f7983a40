"""A plan that asks, as programs see it: waiting, confirmed, and told that it was."""

import pytest

from tests.api_client import Program

TEXT = "Say hello every weekday at 7:30"


@pytest.fixture
def talk(ana: Program) -> str:
    return ana.conversation()


def send(ana: Program, talk: str, text: str, status: int = 202, **more: object) -> dict:
    answer = ana("POST", f"/conversations/{talk}/messages", {"text": text, **more})
    assert answer.status == status, answer.data
    return answer.data


def test_a_plan_asks_and_yes_makes_its_task(ana: Program, talk: str):
    plan = send(ana, talk, TEXT)
    assert (plan["status"], plan["tasks"]) == ("waiting_input", [])
    confirmed = send(ana, talk, "yes")
    assert confirmed["id"] == plan["id"]
    (task,) = confirmed["tasks"]
    assert (task["query"], task["pattern"], task["schedule"]["cron"]) == ("Say hello", "recurring", "30 7 * * 1-5")


def test_confirming_twice_is_a_409_that_says_what_happened(ana: Program, talk: str):
    plan = send(ana, talk, TEXT)
    send(ana, talk, "ok", answer_to=plan["id"])
    error = send(ana, talk, "ok", 409, answer_to=plan["id"])["error"]
    assert error["code"] == "not_waiting"
    assert len(ana("GET", f"/plans/{plan['id']}").data["tasks"]) == 1


def test_declining_ends_the_plan_as_cancelled(ana: Program, talk: str):
    plan = send(ana, talk, TEXT)
    assert send(ana, talk, "取消")["status"] == "cancelled"
    assert ana("GET", f"/plans/{plan['id']}").data["status"] == "cancelled"


def test_a_cancelled_plan_asks_no_more(ana: Program, talk: str):
    plan = send(ana, talk, TEXT)
    assert ana("POST", f"/plans/{plan['id']}/cancel").data == {"cancelled": 0}
    send(ana, talk, "yes", 409, answer_to=plan["id"])


def test_a_message_may_leave_the_question_open_and_start_a_plan_of_its_own(ana: Program, talk: str):
    asking = send(ana, talk, TEXT)
    other = send(ana, talk, "yes, how is this machine?", new_plan=True, agent_name="Echo")
    assert other["id"] != asking["id"]
    assert ana("GET", f"/plans/{asking['id']}").data["status"] == "waiting_input"
    assert send(ana, talk, "yes")["id"] == asking["id"]


def test_a_message_cannot_both_answer_and_start_a_plan_of_its_own(ana: Program, talk: str):
    plan = send(ana, talk, TEXT)
    error = send(ana, talk, "yes", 422, answer_to=plan["id"], new_plan=True)["error"]
    assert list(error["fields"]) == ["new_plan"]
