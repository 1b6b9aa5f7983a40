"""A task looked up or joined again: what was missed is added, what is known is not said twice."""

import pytest
from a2a.types import Message, Role

from tasks.agents.remote import RemoteState
from tasks.agents.router import Router
from tests.tasks.agents.events import chunk, routed, said, short, snapshot, status, texts, whole_artifact

pytestmark = pytest.mark.database_independent


def asked(text: str = "Report") -> Message:
    return said(text, role=Role.ROLE_USER)


def pieces(*texts: str) -> list[Message]:
    return [said(text, response_event="message_chunk") for text in texts]


def test_the_first_snapshot_of_a_stream_says_nothing_of_the_person() -> None:
    assert routed(Router(), snapshot(asked(), state="SUBMITTED")) == []


def test_a_status_text_in_the_first_snapshot_is_live() -> None:
    (response,) = routed(Router(), snapshot(asked(), message=said("On it.")))
    assert (response.payload["content"], dict(response.metadata)) == ("On it.", {})


def test_within_one_process_only_what_was_missed_is_added() -> None:
    router = Router()
    messages = pieces("one ", "two ", "three ", "four")
    live = routed(router, *(status(message=m, response_event="message_chunk") for m in messages[:2]))
    rejoined = routed(router, snapshot(asked(), *messages[:3], message=messages[3]))
    assert texts(live + rejoined) == "one two three four"


def test_a_message_missed_between_two_known_ones_is_added() -> None:
    router = Router()
    messages = pieces("one ", "two ", "three")
    routed(router, *(status(message=m, response_event="message_chunk") for m in (messages[0], messages[2])))
    assert short(routed(router, snapshot(asked(), *messages))) == [("message_chunk", "two ")]


def test_messages_without_ids_are_known_by_their_text() -> None:
    router = Router()
    nameless = [said(text, message_id="", response_event="message_chunk") for text in ("a", "b", "a")]
    routed(router, *(status(message=m, response_event="message_chunk") for m in nameless[:2]))
    assert short(routed(router, snapshot(asked(), *nameless))) == [("message_chunk", "a")]
    assert routed(router, snapshot(asked(), *nameless)) == []


@pytest.mark.parametrize("stored", ["", "one ", "one tw", "one two ", "one two three", "one two three four"])
def test_after_a_restart_only_what_is_not_stored_is_added(stored: str) -> None:
    router = Router()
    router.resume(stored)
    rejoined = routed(router, snapshot(asked(), *pieces("one ", "two ", "three "), message=pieces("four")[0]))
    assert stored + texts(rejoined) == "one two three four"


def test_a_history_that_the_server_cut_adds_only_its_end() -> None:
    router = Router()
    router.resume("one two three ")
    assert texts(routed(router, snapshot(*pieces("three ", "four")))) == "four"


def test_reasoning_calls_and_components_before_the_stored_text_are_not_said_again() -> None:
    router = Router()
    router.resume("The answer", reasoning="I think")
    history = [
        asked(),
        said("", response_event="reasoning_started"),
        said("I think", response_event="reasoning"),
        said("", response_event="reasoning_completed"),
        said("", response_event="tool_call_started", tool_call_id="c", tool_name="t"),
        said("{}", response_event="component_generator", component_type="report"),
        *pieces("The ", "answer", " is 4."),
    ]
    assert short(routed(router, snapshot(*history))) == [("message_chunk", " is 4.")]


def test_reasoning_that_was_cut_goes_on_and_is_closed() -> None:
    router = Router()
    router.resume("", reasoning="I thi")
    history = [
        asked(),
        said("", response_event="reasoning_started"),
        said("I think", response_event="reasoning"),
        said("", response_event="reasoning_completed"),
    ]
    assert short(routed(router, snapshot(*history))) == [("reasoning", "nk"), ("reasoning_completed", "")]


def test_a_stored_component_without_a_key_is_not_doubled() -> None:
    router = Router()
    router.resume("", components=[("report", "{}")])
    history = [
        asked(),
        said("{}", response_event="component_generator", component_type="report"),
        said("{1}", response_event="component_generator", component_type="report"),
    ]
    assert short(routed(router, snapshot(*history))) == [("component_generator", "{1}")]


def test_texts_whose_kind_nobody_kept_are_text_and_marked() -> None:
    router = Router()
    router.resume("one ")
    (response,) = routed(router, snapshot(asked(), said("one "), said("two")))
    assert (response.payload["content"], dict(response.metadata)) == ("two", {"recovered": True})


def test_reasoning_and_components_whose_kind_nobody_kept_are_recognised_by_what_is_stored() -> None:
    router = Router()
    router.resume("", reasoning="thinking", components=[("report", '{"a": 1}')])
    assert routed(router, snapshot(asked(), said("thinking"), said('{"a": 1}'))) == []


def test_earlier_turns_are_not_said_again_after_an_answer() -> None:
    router = Router()
    router.resume("First part. ")
    history = [asked(), *pieces("First part. "), said("Which symbol?"), asked("IBM"), *pieces("IBM is up.")]
    assert short(routed(router, snapshot(*history))) == [("message_chunk", "IBM is up.")]


def test_a_question_that_was_just_answered_is_not_asked_again() -> None:
    answered = Router().route(snapshot(asked(), said("Which?"), asked("IBM"), state="INPUT_REQUIRED"))
    assert (answered.state, answered.question) == (RemoteState.WORKING, "")
    again = Router().route(snapshot(asked(), asked("IBM"), state="INPUT_REQUIRED", message=said("Which year?")))
    assert (again.state, again.question) == (RemoteState.INPUT_REQUIRED, "Which year?")


@pytest.mark.parametrize(("state", "error", "shown"), [("COMPLETED", "", "It is 4."), ("FAILED", "It is 4.", "")])
def test_an_agent_that_answers_with_a_finished_task(state: str, error: str, shown: str) -> None:
    routed_event = Router().route(snapshot(asked(), state=state, message=said("It is 4.")))
    assert (routed_event.error, texts(routed_event.responses)) == (error, shown)
    assert routed_event.state is RemoteState(state.lower())


def test_artifacts_of_a_finished_task_are_shown() -> None:
    responses = routed(Router(), snapshot(asked(), state="COMPLETED", artifacts=[whole_artifact("It is 4.")]))
    assert short(responses) == [("component_generator", "It is 4.")]


def test_early_text_turns_into_reasoning_even_when_a_snapshot_told_first_that_the_agent_uses_events() -> None:
    router = Router()
    routed(router, status("Received"), snapshot(asked(), response_event="message_chunk"))
    assert short(routed(router, chunk("Answer"))) == [("reasoning_completed", "Received"), ("message_chunk", "Answer")]


def test_many_polls_of_a_growing_task_say_each_word_once() -> None:
    router, messages = Router(), pieces(*(f"w{n} " for n in range(60)))
    responses = []
    for n in range(1, 61):
        responses += routed(router, snapshot(asked(), *messages[: n - 1], message=messages[n - 1]))
    assert texts(responses) == "".join(f"w{n} " for n in range(60))
