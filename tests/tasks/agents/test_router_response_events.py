"""Status updates with `metadata.response_event`: valuecell.md's table."""

from typing import Any

import pytest

from tasks.agents.remote import RemoteState
from tasks.agents.router import Router
from tests.tasks.agents.events import chunk, data, routed, short, status

pytestmark = pytest.mark.database_independent


def test_chunks_become_chunks_as_they_are() -> None:
    assert short(routed(Router(), chunk("Hello "), chunk("world\n"))) == [
        ("message_chunk", "Hello "),
        ("message_chunk", "world\n"),
    ]


def test_an_empty_chunk_says_nothing() -> None:
    assert routed(Router(), chunk("")) == []


def test_a_message_is_an_item_of_its_own() -> None:
    (response,) = routed(Router(), status("Done, see above.", response_event="message"))
    assert (str(response.event), response.payload, response.key) == ("message", {"content": "Done, see above."}, "")


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (
            [("reasoning_started", ""), ("reasoning", "I think"), ("reasoning_completed", "")],
            [("reasoning_started", ""), ("reasoning", "I think"), ("reasoning_completed", "")],
        ),
        ([("reasoning", "straight in")], [("reasoning", "straight in")]),
        ([("reasoning_started", "first")], [("reasoning_started", ""), ("reasoning", "first")]),
        (
            [("reasoning", "a"), ("reasoning_completed", "last")],
            [("reasoning", "a"), ("reasoning", "last"), ("reasoning_completed", "")],
        ),
    ],
)
def test_reasoning_opens_grows_and_closes(events: list[tuple[str, str]], expected: list[tuple[str, str]]) -> None:
    sent = [status(text, response_event=kind) for kind, text in events]
    assert short(routed(Router(), *sent)) == expected


def test_reasoning_without_a_message_is_read_from_its_metadata() -> None:
    assert short(routed(Router(), status(response_event="reasoning_started"))) == [("reasoning_started", "")]


def test_a_tool_call_and_its_end_have_one_key() -> None:
    call: dict[str, Any] = {"tool_call_id": "c1", "tool_name": "price"}
    started, completed = routed(
        Router(),
        status("", response_event="tool_call_started", **call),
        status("", response_event="tool_call_completed", tool_result='[{"content": "3"}]', **call),
    )
    assert (started.key, completed.key) == ("c1", "c1")
    assert started.payload == {**call, "tool_result": None}
    assert completed.payload == {**call, "tool_result": '[{"content": "3"}]'}


def test_a_tool_result_that_is_no_text_becomes_json_with_whole_numbers() -> None:
    result = {"rows": [1, 2.5, None], "ok": True}
    (response,) = routed(
        Router(), status("", response_event="tool_call_completed", tool_call_id="c", tool_name="t", tool_result=result)
    )
    assert response.payload["tool_result"] == '{"ok": true, "rows": [1, 2.5, null]}'


def test_tool_calls_without_an_id_are_matched_by_name() -> None:
    names = ["price", "news"]
    started = [status("", response_event="tool_call_started", tool_name=name) for name in names]
    ended = [status("x", response_event="tool_call_completed", tool_name=name) for name in names]
    keys = [response.key for response in routed(Router(), *started, *ended)]
    assert keys[0] == keys[2] != keys[1] == keys[3]
    assert all(keys)


@pytest.mark.parametrize(("component_id", "key"), [("chart-1", "chart-1"), (None, "")])
def test_a_component_is_keyed_by_its_id(component_id: str | None, key: str) -> None:
    (response,) = routed(
        Router(),
        status(
            '{"title": "t"}', response_event="component_generator", component_type="report", component_id=component_id
        ),
    )
    assert response.payload == {"component_type": "report", "content": '{"title": "t"}'}
    assert response.key == key


def test_a_component_without_a_type_is_shown_as_free_text() -> None:
    (response,) = routed(Router(), status("hm", response_event="component_generator"))
    assert response.payload == {"component_type": "profile", "content": "hm"}


@pytest.mark.parametrize(
    ("text", "more", "content"),
    [
        ("Half way.", {}, "Half way."),
        ("", {"percent": 50}, '{"percent": 50}'),
        ("", {}, "progress_report"),
    ],
)
def test_an_event_that_is_not_known_is_shown_plainly(text: str, more: dict[str, Any], content: str) -> None:
    (response,) = routed(Router(), status(text, response_event="progress_report", **more))
    assert (str(response.event), response.payload["content"]) == ("message", content)
    assert response.metadata == {"response_event": "progress_report", **more}


def test_other_metadata_is_kept_with_whole_numbers() -> None:
    (response,) = routed(Router(), status("x", response_event="message", weight=7, part={"of": [1, 2.5]}))
    assert response.metadata == {"weight": 7, "part": {"of": [1, 2.5]}}
    assert type(response.metadata["weight"]) is int


def test_data_beside_a_chunk_becomes_an_artifact_after_it() -> None:
    first, second = routed(Router(), status("See: ", data({"n": 3}), response_event="message_chunk"))
    assert first.payload == {"content": "See: "}
    assert second.payload["component_type"] == "artifact"
    assert second.payload["data"] == {"n": 3}
    assert second.payload["content"] is None


def test_nul_characters_never_reach_the_database() -> None:
    assert short(routed(Router(), chunk("a\0b"))) == [("message_chunk", "a\ufffdb")]


def test_the_same_event_twice_is_shown_once() -> None:
    event = chunk("once")
    assert short(routed(Router(), event, event, chunk("once"))) == [("message_chunk", "once")] * 2


def test_an_agent_that_gives_all_messages_one_id_loses_none() -> None:
    from tests.tasks.agents.events import said

    texts = ["one", "two", "two", "three"]
    events = [status(message=said(text, message_id="same"), response_event="message_chunk") for text in texts]
    assert [content for _, content in short(routed(Router(), *events))] == texts


def test_ids_and_states_are_learnt_from_the_first_event() -> None:
    routed_event = Router().route(chunk("x"))
    assert (routed_event.task_id, routed_event.context_id) == ("remote-1", "context-1")
    assert routed_event.state is RemoteState.WORKING
