"""Envelopes become an answer's text: each word once, whichever way it comes."""

from typing import Any

from conversations.events import Envelope
from tasks.gateways.speech import Kind, Piece, Speech


def envelope(item: str, event: str, payload: dict[str, Any], *, role: str = "agent") -> Envelope:
    return {
        "seq": 1,
        "event": event,
        "data": {
            "conversation_id": "c",
            "thread_id": "t",
            "task_id": None,
            "run_id": None,
            "item_id": item,
            "position": 1,
            "role": role,
            "agent_name": "Echo",
            "payload": payload,
            "metadata": {},
            "created_at": "",
        },
    }


def artifact(**payload: Any) -> dict[str, Any]:
    return {"component_type": "artifact", "artifact_id": "a", **payload}


def said(*envelopes: Envelope) -> tuple[str, str]:
    """What a listener heard, and the whole in the end."""
    speech = Speech()
    pieces = [speech.take(each) for each in envelopes]
    return "".join(piece.text for piece in pieces if piece and piece.kind != Kind.THOUGHT), speech.text()


def test_growing_text_is_said_once_though_it_comes_whole_again():
    assert said(
        envelope("1", "message_chunk", {"content": "He"}),
        envelope("1", "message_chunk", {"delta": "llo", "offset": 2}),
        envelope("1", "message_chunk", {"content": "Hello, wo"}),
        envelope("1", "message_chunk", {"delta": "o, world", "offset": 4}),
        envelope("1", "message_chunk", {"content": "Hello, world"}),
    ) == ("Hello, world", "Hello, world")


def test_offsets_count_characters_and_not_bytes():
    assert said(
        envelope("1", "message_chunk", {"content": "你好😀"}),
        envelope("1", "message_chunk", {"delta": "!", "offset": 3}),
    ) == ("你好😀!", "你好😀!")


def test_two_items_are_two_paragraphs():
    assert said(
        envelope("1", "message_chunk", {"content": "One."}),
        envelope("2", "message", {"content": "Two."}),
        envelope("3", "plan_require_user_input", {"content": "Three?"}),
    ) == ("One.\n\nTwo.\n\nThree?", "One.\n\nTwo.\n\nThree?")


def test_what_a_text_was_replaced_by_is_said_and_the_whole_has_it_once():
    assert said(
        envelope("1", "component_generator", artifact(content="draft")),
        envelope("1", "component_generator", artifact(content="final")),
    ) == ("draft\n\nfinal", "final")


def test_text_that_turned_out_to_be_reasoning_is_no_part_of_the_whole():
    assert said(
        envelope("1", "message_chunk", {"content": "Looking…"}),
        envelope("1", "reasoning_completed", {"content": "Looking…"}),
        envelope("2", "message_chunk", {"content": "Found."}),
    ) == ("Looking…\n\nFound.", "Found.")


def test_an_artifact_says_its_text_its_data_and_where_its_files_are():
    payload = artifact(
        content="See:",
        data={"a": 1},
        files=[{"name": "x [y](z).pdf", "url": "https://e.example/x.pdf"}, {"name": "s", "url": "javascript:alert(1)"}],
    )
    expected = 'See:\n\n```json\n{\n  "a": 1\n}\n```\n\n[x y z .pdf](https://e.example/x.pdf)\n\nFile: s'
    assert said(envelope("1", "component_generator", payload)) == (expected, expected)


def test_an_artifacts_text_that_grows_above_its_data_loses_nothing():
    assert said(
        envelope("1", "component_generator", artifact(content="a", data=1)),
        envelope("1", "component_generator", artifact(delta="b", offset=1)),
    )[1].startswith("ab\n\n```json")


def test_charts_and_what_the_system_or_the_person_says_are_no_answer():
    assert said(
        envelope("1", "component_generator", {"component_type": "filtered_line_chart", "content": "[]"}),
        envelope("2", "task_failed", {"content": "no"}, role="system"),
        envelope("3", "message", {"content": "notice"}, role="system"),
    ) == ("", "")


def test_reasoning_and_tools_are_told_apart():
    speech = Speech()
    assert speech.take(envelope("1", "reasoning", {"content": "Hm"})) == Piece(kind=Kind.THOUGHT, text="Hm")
    call = envelope("2", "tool_call_started", {"tool_name": "look", "tool_call_id": "1"})
    assert speech.take(call) == Piece(kind=Kind.TOOL, text="look")
    assert (speech.text(), speech.thoughts()) == ("", "Hm")
