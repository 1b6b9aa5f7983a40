"""Artifacts: folded by id, shown as they were sent, and shown once (expectations.md, line 42)."""

import pytest
from a2a.types import Part

from conversations.changes import Response
from tasks.agents.router import Router
from tests.tasks.agents.events import artifact, chunk, data, routed, short, snapshot, struct, whole_artifact

pytestmark = pytest.mark.database_independent


def contents(responses: list[Response]) -> list[tuple[str | None, bool]]:
    return [(response.payload["content"], response.append) for response in responses]


def test_a_text_artifact_is_a_component_with_the_payload_of_the_contract() -> None:
    (response,) = routed(Router(), artifact("# Report", name="report.md"))
    assert str(response.event) == "component_generator"
    assert response.key == "a1"
    assert response.payload == {
        "component_type": "artifact",
        "artifact_id": "a1",
        "name": "report.md",
        "media_type": "text/plain",
        "content": "# Report",
    }


def test_appended_text_grows_the_same_item() -> None:
    responses = routed(
        Router(), artifact("one "), artifact("two ", append=True), artifact("three", append=True, last=True)
    )
    assert contents(responses) == [("one ", False), ("two ", True), ("three", True)]
    assert {response.key for response in responses} == {"a1"}


def test_an_append_to_an_id_not_seen_yet_is_kept() -> None:
    responses = routed(Router(), artifact("one", append=True), artifact(" two", append=True))
    assert contents(responses) == [("one", False), (" two", True)]


def test_without_append_a_known_artifact_is_replaced() -> None:
    assert contents(routed(Router(), artifact("draft"), artifact("final"))) == [("draft", False), ("final", False)]


@pytest.mark.parametrize("append", [True, False])
def test_the_whole_text_once_more_at_the_end_is_shown_once(append: bool) -> None:
    events = [artifact("one "), artifact("two", append=True), artifact("one two", append=append, last=True)]
    assert contents(routed(Router(), *events)) == [("one ", False), ("two", True)]


def test_a_second_piece_that_equals_the_first_is_kept() -> None:
    responses = routed(Router(), artifact("ha"), artifact("ha", append=True, last=True))
    assert contents(responses) == [("ha", False), ("ha", True)]


def test_an_artifact_that_changes_nothing_says_nothing() -> None:
    assert len(routed(Router(), artifact("same", name="n"), artifact("same", name="n"))) == 1


def test_data_is_given_as_it_was_with_whole_numbers() -> None:
    (response,) = routed(Router(), artifact(data({"rows": [[1, 2.5]], "none": None, "big": 9007199254740993})))
    assert response.payload["data"] == {"rows": [[1, 2.5]], "none": None, "big": 9007199254740992}
    assert response.payload["media_type"] == "application/json"
    assert response.payload["content"] is None


def test_several_data_parts_become_a_list() -> None:
    responses = routed(Router(), artifact(data(1)), artifact(data("two"), append=True))
    assert responses[-1].payload["data"] == [1, "two"]
    assert not responses[-1].append


def test_a_number_that_json_does_not_have_becomes_null() -> None:
    part = Part()
    part.data.number_value = float("inf")
    (response,) = routed(Router(), artifact(part))
    assert response.payload["data"] is None


def test_a_file_by_bytes_is_listed_and_said_to_be_not_stored() -> None:
    file = Part(raw=b"\x89PNG", media_type="image/png", filename="chart.png")
    (response,) = routed(Router(), artifact(file, id="f"))
    assert response.payload["files"] == [{"name": "chart.png", "media_type": "image/png", "size": 4, "url": ""}]
    assert response.metadata == {"files_not_stored": ["chart.png"]}


def test_description_and_metadata_are_kept() -> None:
    (response,) = routed(Router(), artifact("x", description="What it is", metadata=struct({"pages": 3})))
    assert response.metadata == {"description": "What it is", "pages": 3}


def test_a_part_of_a_later_version_is_shown_as_what_it_is() -> None:
    part = Part(media_type="audio/ogg")
    (response,) = routed(Router(), artifact(part))
    assert response.payload["data"] == {"mediaType": "audio/ogg"}


def test_two_artifacts_grow_side_by_side() -> None:
    responses = routed(Router(), artifact("a", id="1"), artifact("b", id="2"), artifact("A", id="1", append=True))
    assert [(r.key, r.payload["content"], r.append) for r in responses] == [
        ("1", "a", False), ("2", "b", False), ("1", "A", True)
    ]  # fmt: skip


def test_an_artifact_ends_the_paragraph_before_it() -> None:
    from tests.tasks.agents.events import status

    responses = routed(Router(), chunk("Before. "), artifact("x"), chunk("After."), status("After.", state="COMPLETED"))
    assert short(responses) == [
        ("message_chunk", "Before. "),
        ("component_generator", "x"),
        ("message_chunk", "After."),
    ]


class TestSnapshotsInMidStream:
    def test_one_without_artifacts_wipes_nothing(self) -> None:
        responses = routed(Router(), artifact("one "), snapshot(), artifact("two", append=True))
        assert contents(responses) == [("one ", False), ("two", True)]

    def test_one_with_artifacts_doubles_nothing(self) -> None:
        router = Router()
        responses = routed(
            router, artifact("one "), snapshot(artifacts=[whole_artifact("one ")]), artifact("two", append=True)
        )
        assert contents(responses) == [("one ", False), ("two", True)]

    def test_a_stale_one_takes_nothing_back(self) -> None:
        responses = routed(
            Router(), artifact("one "), artifact("two", append=True), snapshot(artifacts=[whole_artifact("one ")])
        )
        assert contents(responses) == [("one ", False), ("two", True)]

    def test_one_that_knows_more_adds_the_missing_rest(self) -> None:
        responses = routed(Router(), artifact("one "), snapshot(artifacts=[whole_artifact("one ", "two")]))
        assert contents(responses) == [("one ", False), ("two", True)]

    def test_the_last_one_takes_back_what_was_told_twice(self) -> None:
        final = snapshot(state="COMPLETED", artifacts=[whole_artifact("one ")])
        responses = routed(Router(), artifact("one "), artifact("one ", append=True), final)
        assert contents(responses) == [("one ", False), ("one ", True), ("one ", False)]

    def test_one_that_differs_is_right(self) -> None:
        responses = routed(Router(), artifact("draft"), snapshot(artifacts=[whole_artifact("final")]))
        assert contents(responses) == [("draft", False), ("final", False)]
