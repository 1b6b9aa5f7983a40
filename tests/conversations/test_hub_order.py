"""Whatever order threads and processes publish in, viewers see every `seq` once and in order."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.hub import sequence
from conversations.hub.frames import Encoded
from conversations.hub.sequence import DisorderError, Order

pytestmark = pytest.mark.database_independent


def events(*seqs: int | None) -> list[Encoded]:
    return [(seq, f"event {seq}") for seq in seqs]


def flat(runs: list[list[Encoded]]) -> list[int | None]:
    return [seq for run in runs for seq, _ in run]


def started(at: int) -> Order:
    order = Order()
    order.start(at)
    return order


def test_what_follows_goes_out_at_once() -> None:
    order = started(4)
    assert flat(order.offer(events(5, 6))) == [5, 6]
    assert order.head == 6


def test_a_run_that_came_too_early_waits_for_the_gap() -> None:
    order = started(0)
    assert order.offer(events(3)) == []
    assert order.gap
    assert order.offer(events(2)) == []
    assert flat(order.offer(events(1))) == [1, 2, 3]
    assert not order.gap


def test_nothing_goes_out_before_the_first_reader_has_said_what_it_saw() -> None:
    order = Order()
    assert order.offer(events(7)) == []
    assert order.offer(events(8, 9)) == []
    assert not order.gap
    assert flat(order.start(7)) == [8, 9]


def test_a_second_reader_does_not_move_the_head() -> None:
    order = started(3)
    order.offer(events(4))
    assert order.start(3) == []
    assert order.head == 4


def test_repetitions_are_dropped_with_the_passing_events_in_them() -> None:
    order = started(0)
    order.offer(events(1, None, 2))
    assert order.offer(events(1, None, 2)) == []
    assert flat(order.offer(events(2, None, 3))) == [None, 3]


def test_passing_events_stay_in_their_places() -> None:
    order = started(0)
    assert flat(order.offer(events(None, 1, None))) == [None, 1, None]
    assert flat(order.offer(events(None))) == [None]


def test_a_passing_event_behind_a_gap_waits_for_what_it_follows() -> None:
    order = started(0)
    assert order.offer(events(2)) == []
    assert order.offer(events(None)) == []
    assert flat(order.offer(events(1))) == [1, 2, None]


def test_too_much_behind_a_gap_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequence, "WAITING_LIMIT", 100)
    order = started(0)
    with pytest.raises(DisorderError):
        for seq in range(2, 50):
            order.offer(events(seq))


@given(st.data())
def test_any_order_and_any_repetition_comes_out_as_one_order(data: st.DataObject) -> None:
    last = data.draw(st.integers(1, 20))
    cuts = sorted(data.draw(st.sets(st.integers(1, last))) | {0, last})
    runs = [list(range(a + 1, b + 1)) for a, b in pairwise(cuts)]
    seen = data.draw(st.integers(0, last))
    sent = data.draw(st.permutations(runs + data.draw(st.lists(st.sampled_from(runs), max_size=5))))
    before = data.draw(st.integers(0, len(sent)))
    order, out = Order(), []
    for index, run in enumerate(sent):
        if index == before:
            out += flat(order.start(seen))
        out += flat(order.offer(events(*run)))
    out += flat(order.start(seen))
    assert out == list(range(seen + 1, last + 1))
