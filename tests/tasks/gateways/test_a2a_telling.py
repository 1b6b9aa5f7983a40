"""Envelopes become artifacts and updates: each word once, live and from history the same."""

from typing import Any

from a2a.helpers import get_artifact_text, get_message_text

from conversations.events import Envelope
from tasks.gateways.a2a.telling import Telling
from tests.tasks.gateways.test_speech import artifact
from tests.tasks.gateways.test_speech import envelope as undated


def envelope(item: str, event: str, payload: dict[str, Any], **more: Any) -> Envelope:
    made = undated(item, event, payload, **more)
    made["data"]["created_at"] = "2026-11-02T09:00:00+00:00"
    return made


def told(*envelopes: Envelope) -> tuple[list[str], list[str], Telling]:
    """The artifacts as a client folds them, the messages of working updates, and who told them."""
    telling = Telling(task_id="t", context_id="c")
    texts: dict[str, str] = {}
    words: list[str] = []
    for each in envelopes:
        for update in telling.take(each):
            if hasattr(update, "artifact"):
                key = update.artifact.artifact_id
                texts[key] = (texts.get(key, "") if update.append else "") + get_artifact_text(update.artifact)
            else:
                words.append(get_message_text(update.status.message))
    return list(texts.values()), words, telling


def whole(telling: Telling) -> list[str]:
    return [get_artifact_text(made) for made in telling.artifacts()]


def test_growing_text_is_told_once_though_it_comes_whole_again():
    texts, words, telling = told(
        envelope("1", "message_chunk", {"content": "He"}),
        envelope("1", "message_chunk", {"delta": "llo", "offset": 2}),
        envelope("1", "message_chunk", {"content": "Hello, wo"}),
        envelope("1", "message_chunk", {"delta": "o, 😀 world", "offset": 4}),
        envelope("1", "message_chunk", {"content": "Hello, 😀 world"}),
    )
    assert texts == whole(telling) == ["Hello, 😀 world"]
    assert words == []


def test_a_text_that_is_replaced_takes_the_place_of_what_was_told():
    texts, _, telling = told(
        envelope("1", "message_chunk", {"content": "One"}), envelope("1", "message_chunk", {"content": "Two"})
    )
    assert texts == whole(telling) == ["Two"]


def test_text_that_turns_out_to_be_reasoning_is_no_artifact_any_more():
    texts, words, telling = told(
        envelope("1", "message_chunk", {"content": "Let me see"}),
        envelope("1", "reasoning", {"content": "Let me see"}),
        envelope("1", "reasoning_completed", {"content": "Let me see"}),
        envelope("2", "message_chunk", {"content": "Yes."}),
    )
    assert (texts, words, whole(telling)) == (["", "Yes."], ["Let me see"], ["Yes."])


def test_reasoning_and_tools_are_working_updates_with_their_kind():
    telling = Telling(task_id="t", context_id="c")
    updates = [
        update
        for each in (
            envelope("1", "reasoning", {"content": "I th"}),
            envelope("1", "reasoning", {"delta": "ink", "offset": 4}),
            envelope("1", "reasoning_completed", {"content": "I think"}),
            envelope("2", "tool_call_started", {"tool_call_id": "a", "tool_name": "look"}),
            envelope("2", "tool_call_completed", {"tool_call_id": "a", "tool_name": "look", "tool_result": "seen"}),
        )
        for update in telling.take(each)
    ]
    said = [(update.metadata["response_event"], get_message_text(update.status.message)) for update in updates]
    assert said == [
        ("reasoning", "I th"),
        ("reasoning", "ink"),
        ("tool_call_started", "look"),
        ("tool_call_completed", "seen"),
    ]
    assert updates[-1].metadata["tool_name"] == "look"
    assert len({update.status.message.message_id for update in updates}) == 4


def test_an_artifact_with_data_and_files_has_them_as_parts():
    files = [{"name": "a.pdf", "media_type": "application/pdf", "size": 1, "url": "https://example.org/a"}]
    _, _, telling = told(
        envelope("1", "component_generator", artifact(name="Report", content="Text", data={"n": 1}, files=files))
    )
    (made,) = telling.artifacts()
    assert [part.WhichOneof("content") for part in made.parts] == ["text", "data", "url"]
    assert (made.name, made.parts[2].filename, made.parts[2].media_type) == ("Report", "a.pdf", "application/pdf")


def test_components_are_data_and_those_that_steer_a_page_are_nothing():
    _, _, telling = told(
        envelope("1", "component_generator", {"component_type": "filtered_line_chart", "content": '{"data": [1]}'}),
        envelope("2", "component_generator", {"component_type": "report", "content": "no JSON"}),
        envelope("3", "component_generator", {"component_type": "scheduled_task_controller", "content": "{}"}),
        envelope("4", "component_generator", {"component_type": "scheduled_task_result", "content": '{"result": "R"}'}),
    )
    kinds = [(made.parts[0].WhichOneof("content"), get_artifact_text(made)) for made in telling.artifacts()]
    assert kinds == [("data", ""), ("text", "no JSON"), ("text", "R")]


def test_the_history_is_what_was_exchanged():
    _, words, telling = told(
        envelope("1", "thread_started", {"content": "paint"}, role="user"),
        envelope("2", "message_chunk", {"content": "Fine."}),
        envelope("3", "plan_require_user_input", {"content": "Which colour?"}),
        envelope("4", "thread_started", {"content": "red"}, role="user"),
        envelope("5", "task_failed", {"content": "No paint."}),
    )
    assert [get_message_text(said) for said in telling.history()] == ["paint", "Which colour?", "red"]
    assert telling.question() == "Which colour?"
    assert words == []
