"""A sample of the simulated year: some weeks around the clock changes of spring, on this session's database."""

from datetime import UTC, datetime

import pytest

from tests.proof.world import World
from tests.proof.year import simulate

pytestmark = pytest.mark.django_db


def test_weeks_of_clock_changes_and_downtimes_agree_with_the_oracle() -> None:
    world = World(
        seed=7, tasks=40, start=datetime(2027, 3, 10, tzinfo=UTC), end=datetime(2027, 4, 8, tzinfo=UTC), slots_wanted=20
    )
    report = simulate(world)
    assert report.differences == []
    assert report.refused <= 3
    # It was no empty world.
    assert set(report.fates) >= {"succeeded", "failed", "cancelled", "skipped", "missed"}
    assert report.slots > 300
