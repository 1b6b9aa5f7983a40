"""What of a run becomes its result, and what of a recurring run the transcript shows."""

import pytest

from conversations.changes import Response
from conversations.events import Event
from tasks.execution.accumulator import RESULT_MAX, SHOWN_ABOVE, SWALLOWED, Accumulator

pytestmark = pytest.mark.database_independent


def say(event: Event, content: str = "", key: str = "", **fields: object) -> Response:
    payload = {"content": content, **fields}
    return Response(event=event, payload=payload, key=key)


def result(*responses: Response, recurring: bool = True) -> str:
    accumulator = Accumulator(recurring=recurring)
    for response in responses:
        accumulator.take(response)
    return accumulator.result()


CHUNK, MESSAGE, COMPONENT = Event.MESSAGE_CHUNK, Event.MESSAGE, Event.COMPONENT_GENERATOR


def test_chunks_join_and_paragraphs_stand_apart() -> None:
    assert result(say(CHUNK, "a"), say(CHUNK, "b"), say(Event.TOOL_CALL_STARTED), say(CHUNK, "c")) == "ab\n\nc"


def test_a_recurring_run_swallows_text_reasoning_and_calls_and_shows_the_rest() -> None:
    recurring, once = Accumulator(recurring=True), Accumulator(recurring=False)
    for event in Event:
        assert recurring.take(say(event)) is (event not in SWALLOWED)
        assert once.take(say(event)) is True


def test_what_turned_out_to_be_progress_is_no_part_of_the_answer() -> None:
    early = say(CHUNK, "Task received", key="early:1")
    assert result(early, say(Event.REASONING_COMPLETED, "Task received", key="early:1"), say(CHUNK, "42")) == "42"


def test_reasoning_is_no_part_of_the_answer() -> None:
    assert result(say(Event.REASONING, "hm"), say(Event.REASONING_COMPLETED, "hm")) == ""


def test_without_text_the_messages_are_the_result_and_without_those_the_text_artifacts() -> None:
    artifact = say(COMPONENT, "art", key="a", component_type="artifact")
    assert result(artifact, say(MESSAGE, "one"), say(MESSAGE, "two"), say(CHUNK, "text")) == "text"
    assert result(artifact, say(MESSAGE, "one"), say(MESSAGE, "two")) == "one\n\ntwo"
    assert result(artifact) == "art"


def test_an_artifact_that_is_sent_again_replaces_itself_and_one_that_is_appended_grows() -> None:
    first = say(COMPONENT, "old", key="a", component_type="artifact")
    more = Response(
        event=COMPONENT, payload={"content": " and more", "component_type": "artifact"}, key="a", append=True
    )
    assert result(first, more) == "old and more"
    assert result(first, say(COMPONENT, "new", key="a", component_type="artifact")) == "new"


def test_charts_alone_are_an_answer_that_is_shown_above() -> None:
    assert result(say(COMPONENT, "{}", component_type="filtered_line_chart")) == SHOWN_ABOVE


def test_white_space_alone_is_no_answer() -> None:
    assert result(say(CHUNK, " \n"), say(MESSAGE, "  ")) == ""


def test_a_result_has_a_bound_and_memory_too() -> None:
    found = result(*(say(CHUNK, "x" * 50_000) for _ in range(10)))
    assert len(found) == RESULT_MAX
