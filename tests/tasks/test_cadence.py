"""A schedule that runs more seldom than it says is told so, with figures, and one that keeps its pace is not."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tasks.cadence import TICKS, Slow, Tick, pace

BEGIN = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def _ticks(pattern: str, *, took: timedelta = 3 * MINUTE) -> Sequence[Tick]:
    """One tick a letter, every minute: r ran, s skipped, c cut, w still goes."""
    return [
        Tick(
            slot=BEGIN + n * MINUTE,
            skipped=letter == "s",
            cut=letter == "c",
            took=took if letter == "r" else None,
        )
        for n, letter in enumerate(pattern)
    ]


def test_runs_longer_than_the_interval_are_told_with_figures() -> None:
    assert pace(_ticks("rss" * 10), MINUTE) == Slow(
        planned=MINUTE, real=3 * MINUTE, took=3 * MINUTE, lost=20, of=30, cut=False
    )


def test_a_kept_pace_and_a_single_skip_are_no_warning() -> None:
    assert pace(_ticks("r" * 30), MINUTE) is None
    assert pace(_ticks("r" * 20 + "s" + "r" * 20), MINUTE) is None
    assert pace(_ticks("rs" * 2), MINUTE) is None  # too few to say
    assert pace(_ticks("rss" * 10), None) is None  # a schedule without a pace


def test_what_is_long_over_says_nothing_any_more() -> None:
    assert pace(_ticks("s" * 40 + "r" * TICKS), MINUTE) is None


def test_a_row_that_stands_for_many_slots_counts_as_many() -> None:
    ticks = [*_ticks("r" * 5), Tick(slot=BEGIN + 10 * MINUTE, slots=7, skipped=True)]
    slow = pace(ticks, MINUTE)
    assert slow is not None and (slow.lost, slow.of) == (7, 12)


def test_runs_that_are_cut_by_the_next_one_are_told_as_such() -> None:
    slow = pace(_ticks("c" * 20 + "w"), MINUTE)
    assert slow is not None and (slow.cut, slow.lost, slow.took) == (True, 20, None)


@given(st.lists(st.sampled_from("rscw"), max_size=80), st.randoms())
def test_order_does_not_matter_and_figures_stay_in_their_bounds(pattern: list[str], random: object) -> None:
    ticks = list(_ticks("".join(pattern)))
    slow = pace(ticks, MINUTE)
    random.shuffle(ticks)  # type: ignore[attr-defined]
    assert pace(ticks, MINUTE) == slow
    if slow is not None:
        assert 0 < slow.lost <= slow.of <= TICKS
        assert slow.real > slow.planned
