"""Paragraphs: what a run says, piece by piece, becomes items that open, grow and close."""

from typing import Any
from uuid import UUID

import pytest

from conversations.changes import Append, Change, Close, Pass, Put, Response, Scope
from conversations.events import Event, Role
from conversations.ids import new_id
from conversations.paragraphs import Paragraphs

pytestmark = pytest.mark.database_independent


def scope(agent: str = "Echo", **fields: Any) -> Scope:
    return Scope(conversation_id=UUID(int=1), role=Role.AGENT, agent_name=agent, run_id=UUID(int=2), **fields)


def chunk(text: str, **fields: Any) -> Response:
    return Response(event=Event.MESSAGE_CHUNK, payload={"content": text}, **fields)


def say(paragraphs: Paragraphs, *responses: Response) -> list[Change]:
    return [change for response in responses for change in paragraphs.apply(response)]


def brief(changes: list[Change]) -> list[str]:
    """Each change in a word, with its event and text."""
    found = []
    for change in changes:
        match change:
            case Put():
                found.append(f"put {change.event} {change.payload.get('content')}")
            case Append():
                found.append(f"append {change.event} {change.offset} {change.delta}")
            case Close():
                found.append(f"close {change.content}")
            case Pass():
                found.append(f"pass {change.event}")
    return found


def ids(changes: list[Change]) -> list[UUID]:
    return [change.item_id for change in changes if not isinstance(change, Pass)]


def test_chunks_grow_one_item_and_its_id_is_known_from_the_first() -> None:
    paragraphs = Paragraphs(scope())
    changes = say(paragraphs, chunk("He"), chunk("llo"), chunk(" you")) + paragraphs.close_all()
    assert brief(changes) == [
        "put message_chunk He",
        "append message_chunk 2 llo",
        "append message_chunk 5  you",
        "close Hello you",
    ]
    assert len(set(ids(changes))) == 1


def test_a_paragraph_of_one_piece_has_nothing_to_fold() -> None:
    paragraphs = Paragraphs(scope())
    assert brief(say(paragraphs, chunk("All of it")) + paragraphs.close_all()) == ["put message_chunk All of it"]


def test_offsets_count_unicode_code_points() -> None:
    paragraphs = Paragraphs(scope())
    changes = say(paragraphs, chunk("👩‍🚀é"), chunk("字"), chunk("!"))
    assert [change.offset for change in changes if isinstance(change, Append)] == [4, 5]


def test_what_cannot_be_stored_is_replaced_and_offsets_stay_true() -> None:
    paragraphs = Paragraphs(scope())
    changes = say(paragraphs, chunk("a\0\ud800b"), chunk("\udfffc"))
    assert brief(changes) == ["put message_chunk a\ufffd\ufffdb", "append message_chunk 4 \ufffdc"]


def test_metadata_and_names_that_cannot_be_stored_are_replaced_too() -> None:
    response = Response(
        event=Event.MESSAGE, payload={"content": "x", "a\0": ["\0", {"b": "\ud900"}]}, metadata={"m\0": "\0"}
    )
    (put,) = Paragraphs(scope()).apply(response)
    assert isinstance(put, Put)
    assert put.payload == {"content": "x", "a\ufffd": ["\ufffd", {"b": "\ufffd"}]}
    assert put.metadata == {"m\ufffd": "\ufffd"}


BOUNDARIES = [
    Response(event=Event.MESSAGE, payload={"content": "m"}),
    Response(event=Event.PLAN_REQUIRE_USER_INPUT, payload={"content": "?"}),
    Response(event=Event.TOOL_CALL_STARTED, payload={"tool_call_id": "1"}, key="1"),
    Response(event=Event.TOOL_CALL_COMPLETED, payload={"tool_call_id": "1"}, key="1"),
    Response(event=Event.COMPONENT_GENERATOR, payload={"component_type": "report", "content": "{}"}),
    Response(event=Event.COMPONENT_GENERATOR, payload={"component_type": "report", "content": "{}"}, key="c"),
    Response(event=Event.REASONING_STARTED, payload={"content": ""}),
    Response(event=Event.REASONING, payload={"content": "hm"}),
]


@pytest.mark.parametrize("boundary", BOUNDARIES, ids=lambda response: f"{response.event}{response.key}")
def test_every_item_that_is_no_text_of_the_same_kind_closes_the_paragraph(boundary: Response) -> None:
    paragraphs = Paragraphs(scope())
    before = say(paragraphs, chunk("one "), chunk("two"))
    at = say(paragraphs, boundary)
    after = say(paragraphs, chunk("three"))
    assert brief(at)[0] == "close one two"
    assert brief(after)[-1] == "put message_chunk three"
    assert ids(after)[-1] != ids(before)[0]


def test_an_item_that_is_put_again_does_not_move_so_it_closes_nothing() -> None:
    paragraphs = Paragraphs(scope())
    call = {"tool_call_id": "1"}
    say(paragraphs, Response(event=Event.TOOL_CALL_STARTED, payload=call, key="1"), chunk("one "))
    changes = say(paragraphs, Response(event=Event.TOOL_CALL_COMPLETED, payload=call, key="1"), chunk("two"))
    assert brief(changes)[-1] == "append message_chunk 4 two"


def test_passing_events_close_nothing() -> None:
    paragraphs = Paragraphs(scope())
    changes = say(paragraphs, chunk("a"), Response(event=Event.TASK_STARTED, payload={}), chunk("b"))
    assert brief(changes) == ["put message_chunk a", "pass task_started", "append message_chunk 1 b"]


def test_reasoning_is_one_item_that_opens_grows_and_closes() -> None:
    paragraphs = Paragraphs(scope())
    changes = say(
        paragraphs,
        Response(event=Event.REASONING_STARTED, payload={"content": ""}),
        Response(event=Event.REASONING, payload={"content": "Let me "}),
        Response(event=Event.REASONING, payload={"content": "think."}),
        Response(event=Event.REASONING_COMPLETED, payload={"content": ""}),
    )
    assert brief(changes) == [
        "put reasoning_started ",
        "append reasoning 0 Let me ",
        "append reasoning 7 think.",
        "put reasoning_completed Let me think.",
    ]
    assert len(set(ids(changes))) == 1


def test_reasoning_without_a_start_opens_it() -> None:
    paragraphs = Paragraphs(scope())
    changes = say(paragraphs, Response(event=Event.REASONING, payload={"content": "Hm"}), chunk("So."))
    assert brief(changes) == ["put reasoning Hm", "put reasoning_completed Hm", "put message_chunk So."]


def test_reasoning_that_is_said_whole_once_more_as_it_ends_is_not_doubled() -> None:
    paragraphs = Paragraphs(scope())
    changes = say(
        paragraphs,
        Response(event=Event.REASONING, payload={"content": "ab"}),
        Response(event=Event.REASONING_COMPLETED, payload={"content": "ab"}),
    )
    assert brief(changes)[-1] == "put reasoning_completed ab"


def test_a_tool_call_is_one_item_replaced_when_it_completes() -> None:
    paragraphs = Paragraphs(scope())
    started = {"tool_call_id": "1", "tool_name": "look", "tool_result": None}
    done = {**started, "tool_result": "seen"}
    changes = say(
        paragraphs,
        Response(event=Event.TOOL_CALL_STARTED, payload=started, key="1"),
        Response(event=Event.TOOL_CALL_COMPLETED, payload=done, key="1"),
    )
    assert len(set(ids(changes))) == 1
    assert [change.payload for change in changes if isinstance(change, Put)] == [started, done]


def test_text_artifacts_grow_and_are_folded_at_the_end() -> None:
    paragraphs = Paragraphs(scope())
    payload = {"component_type": "artifact", "artifact_id": "a"}
    changes = say(
        paragraphs,
        Response(event=Event.COMPONENT_GENERATOR, payload={**payload, "content": "x"}, key="a"),
        Response(event=Event.COMPONENT_GENERATOR, payload={**payload, "content": "yz"}, key="a", append=True),
    )
    assert brief(changes + paragraphs.close_all()) == [
        "put component_generator x",
        "append component_generator 1 yz",
        "close xyz",
    ]


def keys(agent: str, run: int, response: Response) -> list[str]:
    """The key of the item that a response puts."""
    where = Scope(conversation_id=UUID(int=1), role=Role.AGENT, agent_name=agent, run_id=UUID(int=run))
    return [change.key for change in Paragraphs(where).apply(response) if isinstance(change, Put)]


def test_a_component_id_reaches_the_agents_own_items_in_every_run_and_no_other_agents() -> None:
    report = Response(event=Event.COMPONENT_GENERATOR, payload={"component_type": "report", "content": ""}, key="c")
    assert keys("Echo", 1, report) == keys("Echo", 2, report)
    assert keys("Echo", 1, report) != keys("Other", 1, report)


def test_a_tool_call_id_and_an_artifact_id_reach_items_of_their_own_run_only() -> None:
    call = Response(event=Event.TOOL_CALL_STARTED, payload={}, key="c")
    artifact = Response(event=Event.COMPONENT_GENERATOR, payload={"component_type": "artifact", "content": ""}, key="c")
    assert keys("Echo", 1, call) != keys("Echo", 2, call)
    assert keys("Echo", 1, artifact) != keys("Echo", 2, artifact)
    assert keys("Echo", 1, call) != keys("Echo", 1, artifact)


def test_a_key_of_any_length_and_with_any_separator_is_a_key_of_its_own() -> None:
    def of(key: str) -> str:
        return keys("Echo", 1, Response(event=Event.TOOL_CALL_STARTED, payload={}, key=key))[0]

    assert len({of("a" * 10_000), of("a" * 9_999), of("a:b"), of("a"), of("\ud800")}) == 5
    assert all(len(of(key)) < 400 for key in ("a" * 10_000, "\0"))


def test_an_item_that_a_dead_worker_left_open_goes_on_where_it_ended() -> None:
    item_id = new_id()
    paragraphs = Paragraphs(scope())
    paragraphs.reopen(item_id, Event.MESSAGE_CHUNK, "Half a ")
    changes = say(paragraphs, chunk("sentence.")) + paragraphs.close_all()
    assert brief(changes) == ["append message_chunk 7 sentence.", "close Half a sentence."]
    assert set(ids(changes)) == {item_id}


def test_what_a_dead_worker_left_open_is_folded_even_if_nothing_follows() -> None:
    paragraphs = Paragraphs(scope())
    paragraphs.reopen(new_id(), Event.MESSAGE_CHUNK, "That was all")
    assert brief(paragraphs.close_all()) == ["close That was all"]


def test_a_keyed_item_that_an_earlier_worker_put_keeps_its_id() -> None:
    call = Response(event=Event.TOOL_CALL_STARTED, payload={}, key="1")
    first = Paragraphs(scope())
    (put,) = first.apply(call)
    assert isinstance(put, Put)
    (again,) = Paragraphs(scope(), {put.key: put.item_id}).apply(call)
    assert isinstance(again, Put)
    assert again.item_id == put.item_id


def test_empty_chunks_change_nothing() -> None:
    paragraphs = Paragraphs(scope())
    assert say(paragraphs, chunk(""), Response(event=Event.REASONING_COMPLETED, payload={"content": ""})) == []
