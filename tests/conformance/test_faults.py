"""Connections that break, stall, garble, repeat and refuse, drawn from seeds: no event is lost or said twice, and every
run ends as it should. `python -m tests.conformance --seeds 200` draws more.
"""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from tests.conformance.faults import KINDS, by_server, drawn, violations
from tests.conformance.servers import SERVERS, Served
from tests.conformance.stage import staged

SEEDS = 4 * len(KINDS)
"""Each kind of fault once on each server."""
SAMPLE = range(0, SEEDS, 5)


@pytest.mark.database_independent
def test_every_kind_of_fault_meets_every_server() -> None:
    met = {(trial.server, fault.kind) for trial in map(drawn, range(SEEDS)) for fault in trial.variant.faults}
    assert met == {(server, kind) for server in SERVERS for kind in KINDS}


@pytest.mark.database_independent
def test_a_seed_draws_the_same_trial_again() -> None:
    once, again = [
        [(trial.server, trial.variant.case.name, trial.variant.mode, trial.variant.faults) for trial in trials]
        for trials in ([drawn(seed) for seed in range(40)], [drawn(seed) for seed in range(40)])
    ]
    assert once == again


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", SERVERS)
async def test_a_broken_connection_costs_no_word(
    server_named: Callable[[str], Served], user: User, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    trials = by_server(SAMPLE)[name]
    assert trials
    async with staged(server_named(name), user, monkeypatch) as stage:
        found = await violations(stage, trials)
    wrong = [f"{trial}: {line}" for trial in trials for line in found[trial.seed][1]]
    assert not wrong, "\n".join(wrong)
    assert any(hit for hit, _ in found.values())
