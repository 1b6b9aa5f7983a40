"""What an agent says that its task used, wherever A2A lets it say so."""

from typing import Any

import pytest

from tasks.agents.router import Router
from tests.tasks.agents.events import artifact, routed, said, snapshot, status

OURS = {"input_tokens": 12, "output_tokens": 30}
OPENAI = {"prompt_tokens": 12, "completion_tokens": 30, "total_tokens": 42}


@pytest.mark.parametrize("usage", [OURS, OPENAI])
def test_it_may_stand_on_a_status_on_its_message_or_on_an_artifact(usage: dict[str, Any]) -> None:
    for event in (
        status("done", state="COMPLETED", usage=usage),
        status(message=said("done", usage=usage), state="COMPLETED"),
        artifact("text", metadata={"usage": usage}),
    ):
        router = Router()
        routed(router, event)
        assert router.usage == OURS


def test_of_each_figure_the_last_counts_since_agents_say_what_they_used_so_far() -> None:
    router = Router()
    routed(
        router,
        status("a", usage={"input_tokens": 10, "output_tokens": 1}),
        status("b", usage={"output_tokens": 20}),
        status("c", state="COMPLETED", usage={"completion_tokens": 30, "cost": 0.5, "currency": "EUR"}),
    )
    assert router.usage == {"input_tokens": 10, "output_tokens": 30, "cost": 0.5, "currency": "EUR"}


@pytest.mark.parametrize("usage", ["much", -5, [1], {"input_tokens": -5}, {"input_tokens": "5"}, {"cost": 1e300}, {}])
def test_what_is_no_usage_changes_nothing(usage: Any) -> None:
    router = Router()
    routed(router, status("a", usage=OURS), status("b", state="COMPLETED", usage=usage))
    assert router.usage == OURS


def test_a_snapshot_says_it_too() -> None:
    router = Router()
    routed(router, snapshot(state="COMPLETED", usage=OURS))
    assert router.usage == OURS
