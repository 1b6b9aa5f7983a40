"""Whatever a client sends, the answer is in the one error shape, says what to change, and is never a 5xx."""

import json

import pytest

from tests.api_client import Program
from valuecell_site.problems import problem

NO_SUCH = "00000000-0000-7000-8000-000000000000"


def test_an_unknown_address_is_404_and_a_wrong_verb_405_in_the_shape(ana: Program):
    assert ana("GET", "/no-such-thing").error["code"] == "not_found"
    assert ana("GET", "/tasks/").status == 404
    wrong = ana("DELETE", "/tasks")
    assert (wrong.status, wrong.error["code"]) == (405, "method_not_allowed")
    assert set(wrong.headers["Allow"].replace(" ", "").split(",")) == {"GET", "POST"}


def test_an_address_beside_the_api_is_404_in_the_shape(client):
    response = client.get("/api/v2/tasks")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize("no_uuid", ["1", "x", NO_SUCH, "%00", "..%2f", "é", NO_SUCH + "0", "null"])
@pytest.mark.parametrize("path", ["/conversations/{}", "/tasks/{}", "/plans/{}", "/runs/{}", "/tasks/{}/runs"])
def test_an_id_that_is_not_there_or_is_none_is_404(ana: Program, path, no_uuid):
    assert ana("GET", path.format(no_uuid)).error["code"] == "not_found"


BAD_BODIES = {
    "not JSON": b"{nope",
    "a blank that JSON does not know": b"\x0c",
    "cut": b'{"title": "a',
    "a list": b"[]",
    "a text": b'"title"',
    "a number": b"1",
    "null": b"null",
    "not UTF-8": b'{"title": "\xff"}',
    "UTF-16": json.dumps({"title": "a"}).encode("utf-16"),
    "with a mark before it": b'\xef\xbb\xbf{"title": "a"}',
    "deep": b'{"title": ' + b"[" * 200 + b"]" * 200 + b"}",
    "very deep": b"[" * 100_000 + b"]" * 100_000,
    "NaN": b'{"title": NaN}',
    "infinite": b'{"title": 1e999}',
    "a huge number": b'{"title": ' + b"9" * 30 + b"}",
    "a number of 10,000 digits": b'{"title": ' + b"9" * 10_000 + b"}",
    "NUL": b'{"title": "a\\u0000b"}',
    "NUL in a key": b'{"a\\u0000b": 1}',
    "half a character": b'{"title": "\\ud800"}',
    "half a character in a key": b'{"\\ud800": 1}',
    "an unknown field": b'{"titel": "a"}',
    "a wrong kind": b'{"title": 5}',
    "too long": json.dumps({"title": "a" * 201}).encode(),
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_bad_body_is_422_with_words(ana: Program, body):
    answer = ana("POST", "/conversations", body)
    assert (answer.status, answer.error["code"]) == (422, "invalid")
    assert answer.error["message"]


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_bad_body_for_what_is_not_there_is_404(ana: Program, ben: Program, body):
    foreign = ben.conversation()
    for conversation in (foreign, NO_SUCH, "no-uuid"):
        assert ana("PATCH", f"/conversations/{conversation}", body).status == 404
        assert ana("POST", f"/conversations/{conversation}/messages", body).status == 404


@pytest.mark.parametrize("kind", ["conversations", "tasks", "runs", "plans"])
def test_an_id_that_is_none_is_answered_like_one_that_is_not_there(ana: Program, kind):
    assert ana("GET", f"/{kind}/no-uuid").data == ana("GET", f"/{kind}/{NO_SUCH}").data


def test_a_body_over_the_limit_is_422(ana: Program, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = ana("POST", "/conversations", {"title": "a" * 2000})
    assert (answer.status, answer.error["code"]) == (422, "too_large")
    answer = ana("POST", "/conversations", {"title": "a" * 2000}, Idempotency_Key="k")
    assert (answer.status, answer.error["code"]) == (422, "too_large")


def test_fields_are_named_as_they_were_sent_and_worded_for_people(ana: Program):
    sent = {"conversation_id": ana.conversation(), "tasks": [{"query": " ", "agent_name": "Echo", "priority": "5"}]}
    assert ana("POST", "/plans", sent).fields == {
        "tasks.0.query": ["Write what the agent should do."],
        "tasks.0.priority": ["Write a whole number."],
    }
    assert ana("POST", "/plans", {}).fields == {
        "conversation_id": ["This is required."],
        "tasks": ["This is required."],
    }
    wrong = {"conversation_id": "x", "query": "a", "agent_name": "Echo", "overlap": "x", "hurry": 1}
    assert ana("POST", "/tasks", wrong).fields == {
        "overlap": ["Write one of 'skip', 'queue', 'cancel_running' or 'parallel'."],
        "hurry": ["There is no such field here: leave it out."],
    }


@pytest.mark.parametrize("limit", ["0", "-1", "201", "x", "", "1e3", "99999999999999999999999", "%00"])
def test_a_limit_out_of_range_is_422_on_that_field(ana: Program, limit):
    for path in ("/conversations", "/tasks", "/plans", "/agents"):
        assert list(ana("GET", f"{path}?limit={limit}").fields) == ["limit"]


@pytest.mark.parametrize(
    "cursor",
    ["x", "", "%00", "W10", "WyJhIl0", "WyJhIiwiYiJd", "WzFd", "e30", "é", "*", "a" * 501, "W1tbW1td", "0" * 400],
)
def test_a_cursor_of_nobody_is_422_on_that_field(ana: Program, cursor):
    conversation = ana.conversation()
    for path in ("/conversations", "/tasks", "/plans", f"/conversations/{conversation}/items"):
        assert list(ana("GET", f"{path}?cursor={cursor}").fields) == ["cursor"]


@pytest.mark.parametrize(
    "query",
    ["after_seq=-1", "after_seq=x", "before_position=-1", f"after_seq={2**63}", "before_position=1.5"],
)
def test_an_impossible_place_in_a_transcript_is_422(ana: Program, query):
    assert ana("GET", f"/conversations/{ana.conversation()}/items?{query}").status == 422


@pytest.mark.parametrize(
    "moment",
    [
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00%2B12:00",
        "2026-01-01T00:00:00",
        "soon",
        "2026-13-01T00:00:00Z",
        "0.5",
        "1767225600",
    ],
)
def test_a_time_that_no_calendar_holds_is_422(ana: Program, moment):
    assert list(ana("GET", f"/tasks?created_after={moment}").fields) == ["created_after"]
    sent = moment.replace("%2B", "+")
    task = ana.task(schedule={"interval_minutes": 60})
    assert list(ana("PATCH", f"/tasks/{task['id']}", {"deadline_at": sent}).fields) == ["deadline_at"]
    assert list(ana("POST", f"/tasks/{task['id']}/pause", {"until": sent}).fields) == ["until"]
    refused = ana("POST", "/schedules/preview", {"interval_minutes": 60, "start_at": sent})
    assert refused.status in (200, 422)


def test_a_whole_number_may_be_written_with_a_point(ana: Program):
    assert ana("POST", "/schedules/preview", b'{"interval_minutes": 5.0, "count": 2.0}').status == 200
    assert ana("POST", "/schedules/preview", b'{"interval_minutes": 5, "count": 2.5}').fields == {
        "count": ["Write a whole number."]
    }


def test_odd_words_in_filters_find_nothing_or_are_refused(ana: Program):
    assert ana("GET", "/tasks?conversation_id=no-uuid").data == {"items": [], "next_cursor": None}
    assert ana("GET", "/plans?conversation_id=%00").status == 422
    assert list(ana("GET", "/tasks?status=asleep").fields) == ["status"]
    assert list(ana("GET", "/tasks?q=%00").fields) == ["q"]
    assert ana("GET", "/tasks?q=%ff%25_'").data["items"] == []


def test_what_nobody_foresaw_is_a_500_in_the_shape_and_in_the_log(rf, caplog):
    answer = problem(rf.get("/api/v1/tasks"), ZeroDivisionError("of nobody's making"))
    assert (answer.status_code, json.loads(answer.content)["error"]["code"]) == (500, "internal")
    assert "of nobody's making" in caplog.text
    assert "of nobody's making" not in answer.content.decode()
