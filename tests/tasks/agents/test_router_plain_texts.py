"""Texts without `response_event`, questions and endings: the contract's section 2."""

import pytest
from a2a.types import Part, StreamResponse

from tasks.agents.remote import RemoteState
from tasks.agents.router import Router
from tests.tasks.agents.events import artifact, chunk, data, routed, said, short, status, texts

pytestmark = pytest.mark.database_independent


def test_plain_texts_of_a_plain_agent_are_its_answer_and_grow_one_paragraph() -> None:
    responses = routed(Router(), status("Hel"), status("lo"), status(state="COMPLETED"))
    assert texts(responses) == "Hello"
    assert [(r.key, r.append) for r in responses] == [("early:1", False), ("early:1", True)]


@pytest.mark.parametrize(
    ("before", "last", "shown"),
    [
        (["Hel", "lo"], "Hello", "Hello"),  # the whole answer once more
        (["Hel", "lo "], " Hel lo\n", "Hello "),  # whitespace aside
        (["Looking it up."], "It is 4.", "Looking it up.It is 4."),  # something new
        ([], "It is 4.", "It is 4."),
    ],
)
def test_the_closing_text_is_said_once(before: list[str], last: str, shown: str) -> None:
    events = [*(status(text) for text in before), status(last, state="COMPLETED")]
    assert texts(routed(Router(), *events)) == shown


def test_the_closing_text_that_repeats_the_last_paragraph_is_left_out() -> None:
    tool = status("", response_event="tool_call_started", tool_call_id="c", tool_name="t")
    responses = routed(
        Router(), chunk("First."), tool, chunk("Sec"), chunk("ond."), status("Second.", state="COMPLETED")
    )
    assert texts(responses) == "First.Second."


def test_the_closing_text_that_repeats_an_artifact_is_left_out() -> None:
    responses = routed(Router(), artifact("All of it."), status("All of it.", state="COMPLETED"))
    assert texts(responses) == ""


def test_a_new_closing_text_is_a_paragraph_of_its_own() -> None:
    *_, last = routed(Router(), chunk("The answer."), status("Anything else?", state="COMPLETED"))
    assert (last.payload["content"], last.key, last.append) == ("Anything else?", "closing:1", False)


def test_plain_texts_before_the_first_response_event_turn_into_reasoning() -> None:
    router = Router()
    early = routed(router, status("Task received by X"), status("; wait"))
    assert texts(early) == "Task received by X; wait"
    turned, answer = routed(router, chunk("Here it is."))
    assert (str(turned.event), turned.payload["content"]) == ("reasoning_completed", "Task received by X; wait")
    assert turned.key == early[0].key == "early:1"
    assert answer.payload["content"] == "Here it is."


def test_each_early_paragraph_turns_by_its_own_key() -> None:
    router = Router()
    routed(router, status("one"), artifact("x"), status("two"))
    turned = routed(router, chunk("answer"))[:-1]
    assert [(r.key, r.payload["content"]) for r in turned] == [("early:1", "one"), ("early:2", "two")]


def test_plain_working_texts_of_an_agent_that_uses_events_are_progress() -> None:
    responses = routed(Router(), chunk("A"), status("reading page 1"), status("reading page 2"), chunk("B"))
    assert short(responses) == [
        ("message_chunk", "A"),
        ("reasoning_completed", "reading page 1"),
        ("reasoning_completed", "reading page 2"),
        ("message_chunk", "B"),
    ]
    assert len({response.key for response in responses[1:3]}) == 2


def test_what_turned_into_reasoning_is_no_part_of_the_answer_any_more() -> None:
    responses = routed(Router(), status("Received"), chunk("Yes."), status("Received", state="COMPLETED"))
    assert short(responses)[-1] == ("message_chunk", "Received")


@pytest.mark.parametrize(
    ("state", "expected"),
    [("INPUT_REQUIRED", RemoteState.INPUT_REQUIRED), ("AUTH_REQUIRED", RemoteState.AUTH_REQUIRED)],
)
def test_a_question_is_no_text_of_the_answer(state: str, expected: RemoteState) -> None:
    routed_event = Router().route(status("Which symbol?", state=state))
    assert (routed_event.question, routed_event.error, routed_event.responses) == ("Which symbol?", "", [])
    assert routed_event.state is expected


@pytest.mark.parametrize("state", ["FAILED", "REJECTED", "CANCELED"])
def test_the_text_of_a_bad_end_is_its_reason(state: str) -> None:
    routed_event = Router().route(status("No such symbol.", state=state))
    assert (routed_event.error, routed_event.question, routed_event.responses) == ("No such symbol.", "", [])
    assert routed_event.state is RemoteState(state.lower())


def test_the_first_end_counts_and_later_texts_are_still_shown() -> None:
    router = Router()
    router.route(status("broken", state="FAILED"))
    late = router.route(status("by the way", state="COMPLETED"))
    assert late.state is None
    assert texts(late.responses) == "by the way"
    assert router.state is RemoteState.FAILED


def test_a_message_instead_of_a_task_is_the_whole_answer() -> None:
    routed_event = Router().route(StreamResponse(message=said("Forty-two.")))
    assert short(routed_event.responses) == [("message_chunk", "Forty-two.")]
    assert routed_event.state is RemoteState.COMPLETED


def test_the_parts_of_a_message_come_in_their_order() -> None:
    file = Part(url="https://example.org/r.pdf", media_type="application/pdf", filename="r.pdf")
    text, numbers, report = routed(Router(), StreamResponse(message=said("See ", "both.", data([1, 2]), file)))
    assert text.payload == {"content": "See both."}
    assert numbers.payload["data"] == [1, 2]
    assert report.payload["files"] == [
        {"name": "r.pdf", "media_type": "application/pdf", "size": None, "url": "https://example.org/r.pdf"}
    ]
    assert len({numbers.key, report.key}) == 2


def test_an_event_of_an_unknown_kind_is_shown_and_not_dropped() -> None:
    (response,) = routed(Router(), StreamResponse())
    assert str(response.event) == "message"
    assert "not known" in response.payload["content"]


def test_a_state_of_a_later_version_is_no_end() -> None:
    router = Router()
    event = status("still here")
    event.status_update.status.state = 42  # type: ignore[assignment]
    assert router.route(event).state is RemoteState.UNKNOWN
    assert not RemoteState.UNKNOWN.terminal
    assert router.route(status(state="COMPLETED")).state is RemoteState.COMPLETED


def test_what_another_task_says_is_shown_and_how_it_ends_is_not_how_this_one_does() -> None:
    router = Router()
    routed(router, status("first words ", state="WORKING"))
    other = status("from a colleague", state="COMPLETED")
    other.status_update.task_id = "another"
    came = router.route(other)
    assert came.state is None
    assert (router.task_id, came.task_id) == ("remote-1", "remote-1")
    assert [response.payload["content"] for response in came.responses] == ["from a colleague"]
    assert router.route(status("it broke", state="FAILED")).state == RemoteState.FAILED
