"""What belongs to somebody else is not there: the same 404 as for nothing, an empty list in filters, 422 in bodies."""

import pytest

from tests.api_client import Program

NO_SUCH = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def bens(ben: Program) -> dict[str, str]:
    task = ben.task(schedule={"interval_minutes": 5})
    run = ben("POST", f"/tasks/{task['id']}/trigger").data
    return {"c": task["conversation_id"], "t": task["id"], "p": task["plan_id"], "r": run["id"]}


@pytest.mark.parametrize(
    "request_line",
    [
        "GET /conversations/{c}",
        "PATCH /conversations/{c}",
        "DELETE /conversations/{c}",
        "GET /conversations/{c}/items",
        "GET /conversations/{c}/items?after_seq=-1",
        "GET /conversations/{c}/scheduled-task-results",
        "GET /conversations/{c}/scheduled-task-results?limit=0",
        "GET /conversations/{c}/events",
        "POST /conversations/{c}/messages",
        "POST /conversations/{c}/cancel",
        "GET /conversations/{c}/export",
        "GET /conversations/{c}/export?format=pdf",
        "POST /conversations/{c}/seen",
        "POST /conversations/{c}/restore",
        "GET /conversations/{c}/share",
        "POST /conversations/{c}/share",
        "DELETE /conversations/{c}/share",
        "DELETE /conversations/{c}?grace_seconds=5",
        "GET /plans/{p}",
        "POST /plans/{p}/cancel",
        "GET /tasks/{t}",
        "PATCH /tasks/{t}",
        "POST /tasks/{t}/cancel",
        "POST /tasks/{t}/pause",
        "POST /tasks/{t}/resume",
        "POST /tasks/{t}/trigger",
        "POST /tasks/{t}/run-again",
        "GET /tasks/{t}/runs",
        "GET /tasks/{t}/runs?cursor=x",
        "GET /tasks/{t}/transitions",
        "GET /runs/{r}",
    ],
)
def test_somebody_elses_object_is_answered_as_none(ana: Program, ben: Program, bens, request_line):
    method, path = request_line.split()
    foreign = ana(method, path.format(**bens), {"x": 1} if method in ("POST", "PATCH") else None)
    none = ana(method, path.format(c=NO_SUCH, t=NO_SUCH, p=NO_SUCH, r=NO_SUCH))
    assert (foreign.status, foreign.data) == (404, none.data)
    assert ben("GET", f"/tasks/{bens['t']}").data["status"] == "running"


def test_foreign_ids_in_filters_find_nothing(ana: Program, bens):
    assert ana("GET", f"/tasks?conversation_id={bens['c']}").data == {"items": [], "next_cursor": None}
    assert ana("GET", f"/plans?conversation_id={bens['c']}").data == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("foreign", ["c", NO_SUCH, "no-uuid", ""])
def test_foreign_ids_in_bodies_are_422_on_that_field(ana: Program, bens, foreign):
    body = {"conversation_id": bens.get(foreign, foreign), "query": "say it", "agent_name": "Echo"}
    assert list(ana("POST", "/tasks", body).fields) == ["conversation_id"]
    body = {"conversation_id": bens.get(foreign, foreign), "tasks": [{"query": "say it", "agent_name": "Echo"}]}
    assert list(ana("POST", "/plans", body).fields) == ["conversation_id"]


def test_a_foreign_run_or_question_in_a_body_is_422(ana: Program, bens):
    mine = ana.task()
    assert list(ana("POST", f"/tasks/{mine['id']}/run-again", {"run_id": bens["r"]}).fields) == ["run_id"]
    said = ana("POST", f"/conversations/{mine['conversation_id']}/messages", {"text": "a", "answer_to": bens["t"]})
    assert list(said.fields) == ["answer_to"]


def test_lists_hold_ones_own_only(ana: Program, bens):
    for path in ("/conversations", "/tasks", "/plans"):
        assert ana("GET", path).data == {"items": [], "next_cursor": None}
