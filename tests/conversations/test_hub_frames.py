"""Envelopes become bytes that any WebSocket client reads."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from conversations.hub import frames
from conversations.hub.frames import Entry, dumps, split, text_frame

pytestmark = pytest.mark.database_independent


def read(data: bytes) -> Frame:
    stream = StreamReader()
    stream.feed_data(data)
    parser = Frame.parse(stream.read_exact, mask=False)
    try:
        next(parser)
    except StopIteration as done:
        return done.value
    raise AssertionError("the frame is not whole")


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 300_000])
def test_a_text_of_any_length_is_one_whole_frame(length: int) -> None:
    frame = read(text_frame("x" * length))
    assert (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.TEXT, True, b"x" * length)


@given(st.text())
def test_any_text_can_be_sent(text: str) -> None:
    sent = json.loads(bytes(read(text_frame(dumps({"text": text}))).data))
    assert sent["text"] == text


def test_half_a_surrogate_pair_does_not_stop_the_frame() -> None:
    assert json.loads(bytes(read(text_frame(dumps({"text": "a\ud800b"}))).data)) == {"text": "a?b"}


def test_a_frame_carries_its_events_in_order() -> None:
    entry = Entry.of([(1, '{"seq":1}'), (None, '{"seq":null}'), (2, '{"seq":2}')])
    assert json.loads(entry.text) == {"events": [{"seq": 1}, {"seq": None}, {"seq": 2}]}
    assert entry.seqs == (1, 2)


def test_what_a_reader_has_seen_is_taken_out_of_a_frame() -> None:
    entry = Entry.of([(1, '{"seq":1}'), (2, '{"seq":2}'), (None, '{"seq":null}')])
    assert json.loads(entry.after(1).text) == {"events": [{"seq": 2}, {"seq": None}]}


def test_many_events_become_several_frames_and_a_huge_one_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "FRAME_LIMIT", 10)
    events = [(1, "aaaa"), (2, "bbbb"), (3, "c" * 50), (4, "dddd")]
    assert [[seq for seq, _ in part] for part in split(events)] == [[1, 2], [3], [4]]
