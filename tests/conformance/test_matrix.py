"""What an agent says is in our database, whichever way it says it, and however often its connection breaks.

Each case on each server, and a sample of the ways to send, to drop and to write it; `python -m tests.conformance` runs
all of them.
"""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from tests.conformance.cases import CASES
from tests.conformance.matrix import as_expected, compared, dropped, odd, other_ways, sampled, undisturbed
from tests.conformance.servers import SERVERS, Served
from tests.conformance.stage import staged
from tests.conformance.transcript import FOLDER, unlike_its_transcript

pytestmark = pytest.mark.django_db(transaction=True)

OTHER_WAYS, DROPPED, ODD = 5, 17, 23
"""One in so many is run here."""
ONCE = ("raw-0.3", "sdk-1.x")
"""Servers that are asked on one database only."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.database_independent] if name in ONCE else []) for name in SERVERS],
)
async def test_what_an_agent_says_is_stored_whatever_happens_to_its_connection(
    server_named: Callable[[str], Served], user: User, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    served = server_named(name)
    async with staged(served, user, monkeypatch) as stage:
        variants = undisturbed(served)
        found = await stage.play(variants)
        truth = {variant.case.name: told for variant, told in zip(variants, found, strict=True)}
        wrong = [line for case in truth for line in as_expected(CASES[case], truth[case])]
        wrong += [line for case in truth for line in unlike_its_transcript(CASES[case], truth[case])]
        some = sampled(other_ways(served), OTHER_WAYS) + sampled(dropped(served), DROPPED)
        some += sampled(odd(), ODD) if served.raw else []
        wrong += await compared(stage, some, truth)
    assert not wrong, "\n".join(wrong)


@pytest.mark.database_independent
def test_each_case_has_its_transcript() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(CASES)
