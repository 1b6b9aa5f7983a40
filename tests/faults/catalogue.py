"""All paths."""

from collections.abc import Sequence

from tests.faults.path import Scene
from tests.faults.scenes import Answer, Ask, Beside, Plan, Recovery, Rerun, Retry, Run, Unknown
from tests.faults.stopping import Cancel, CancelAll, CancelLeft, Drain, Hook, Overlap

SCENES: Sequence[Scene] = (
    Run(),
    Retry(),
    Rerun(),
    Ask(),
    Answer(),
    Plan(),
    Cancel(),
    CancelAll(),
    CancelLeft(),
    Hook(),
    Overlap(),
    Drain(),
    Recovery(),
    Unknown(),
    Beside(),
)
