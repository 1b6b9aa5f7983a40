"""A sample of the proof of 100,000 random cron schedules around clock changes."""

import pytest

from tests.proof.crons import prove

pytestmark = pytest.mark.database_independent


def test_random_cron_schedules_around_clock_changes_are_never_wrong_and_never_past() -> None:
    score = prove(800, seed=20260, most_windows=40)
    assert score.wrong == []
    assert score.past == 0
    assert score.questions == 2_400
    assert len(score.zones) > 15
