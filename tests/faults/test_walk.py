"""A sample of the walk that `make faults` makes of all points: `python -m tests.faults`."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User

from tests.faults.catalogue import SCENES
from tests.faults.stage import Nursery
from tests.faults.walking import tried

pytestmark = pytest.mark.django_db(transaction=True)

SAMPLE = [
    ("run", "claim.committed"),
    ("run", "statement:9"),
    ("retry", "run.retry_queued"),
    ("rerun", "run.sent"),
    ("question", "run.parked"),
    ("answer", "answer.before_commit"),
    ("plan", "plan.armed:2"),
    ("cancel", "run.told_agent"),
    ("cancel many", "cancel_many.committed"),
    ("cancel heard later", "clock.told_agent"),
    ("hook", "hook.before_commit"),
    ("overlap", "claim.committed:2"),
    ("drain", "drain.handing_back"),
    ("recovery", "run.found"),
    ("recovery", "recovery.committed"),
    ("interrupted", "run.interrupted"),
    ("second runner alive", "run.event:1"),
]


@pytest.fixture
def nursery(transactional_db: None) -> Iterator[Nursery]:
    """For one test: its children share the test's database."""
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.mark.parametrize(("name", "point"), SAMPLE)
def test_whatever_dies_nothing_is_lost_doubled_or_left(nursery: Nursery, user: User, name: str, point: str) -> None:
    scene = next(scene for scene in SCENES if scene.name == name)
    trial = tried(scene, point, nursery, user)
    assert list(trial.violations) == []
