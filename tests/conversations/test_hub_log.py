"""A viewer reads a conversation's log from where its history ended, at its own pace, and is told when it
cannot.
"""

import asyncio
import json
import threading
from time import monotonic
from uuid import UUID, uuid4

import pytest

from conversations.events import Envelope
from conversations.hub import Close, Hub, StreamViewer, conversation_key, log

pytestmark = pytest.mark.database_independent


def envelopes(*seqs: int | None, text: str = "") -> list[Envelope]:
    return [{"seq": seq, "event": "message_chunk", "data": {"text": text}} for seq in seqs]  # type: ignore[typeddict-item]


async def opened(hub: Hub, conversation: UUID) -> StreamViewer:
    viewer = await hub.open(conversation_key(conversation))
    assert isinstance(viewer, StreamViewer)
    return viewer


async def read(viewer: StreamViewer, count: int) -> list[int | None]:
    seqs: list[int | None] = []
    while len(seqs) < count:
        entry = await asyncio.wait_for(viewer.read(), 2)
        assert entry is not None, viewer.code
        seqs += [event["seq"] for event in json.loads(entry.text)["events"]]
    return seqs


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def conversation() -> UUID:
    return uuid4()


async def test_what_is_committed_while_the_history_is_read_comes_after_it(hub: Hub, conversation: UUID) -> None:
    viewer = await opened(hub, conversation)
    hub.publish(conversation, envelopes(9, 10))  # In the snapshot that is being read.
    hub.publish(conversation, envelopes(11))
    await asyncio.sleep(0)
    viewer.seek(10)
    hub.publish(conversation, envelopes(12))
    assert await read(viewer, 2) == [11, 12]


async def test_a_viewer_that_comes_later_starts_at_its_own_place(hub: Hub, conversation: UUID) -> None:
    first = await opened(hub, conversation)
    first.seek(0)
    hub.publish(conversation, envelopes(1, 2))
    assert await read(first, 2) == [1, 2]
    second = await opened(hub, conversation)
    hub.publish(conversation, envelopes(3))
    await asyncio.sleep(0)
    second.seek(3)
    hub.publish(conversation, envelopes(4))
    assert await read(first, 2) == [3, 4]
    assert await read(second, 1) == [4]


async def test_a_frame_that_the_snapshot_cut_in_two_is_shown_from_the_cut_on(hub: Hub, conversation: UUID) -> None:
    viewer = await opened(hub, conversation)
    hub.publish(conversation, envelopes(1, 2, 3))
    await asyncio.sleep(0)
    other = await opened(hub, conversation)
    other.seek(0)
    viewer.seek(2)
    assert await read(viewer, 1) == [3]


async def test_a_reader_whose_snapshot_is_older_than_the_logs_beginning_reads_on(hub: Hub, conversation: UUID) -> None:
    # Both open a new log; 3 is committed after the first one's snapshot and before the second one's.
    first, second = await opened(hub, conversation), await opened(hub, conversation)
    hub.publish(conversation, envelopes(3))
    await asyncio.sleep(0)
    assert second.seek(3)
    assert not first.seek(2)
    assert first.seek(3)
    hub.publish(conversation, envelopes(4))
    assert await read(first, 1) == await read(second, 1) == [4]


async def test_a_passing_event_after_the_snapshot_is_shown(hub: Hub, conversation: UUID) -> None:
    viewer = await opened(hub, conversation)
    viewer.seek(5)
    second = await opened(hub, conversation)
    hub.publish(conversation, envelopes(None))
    await asyncio.sleep(0)
    second.seek(5)
    assert await read(viewer, 1) == [None]
    assert await read(second, 1) == [None]


async def test_any_thread_may_publish(hub: Hub, conversation: UUID) -> None:
    viewer = await opened(hub, conversation)
    viewer.seek(0)
    threads = [threading.Thread(target=hub.publish, args=(conversation, envelopes(seq))) for seq in (3, 1, 4, 2, 5)]
    for thread in threads:
        thread.start()
    assert await read(viewer, 5) == [1, 2, 3, 4, 5]


async def test_who_falls_off_the_ring_is_closed_as_too_slow(
    hub: Hub, conversation: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "RING_BYTES", 10_000)
    slow, quick = await opened(hub, conversation), await opened(hub, conversation)
    slow.seek(0)
    quick.seek(0)
    for seq in range(1, 21):
        hub.publish(conversation, envelopes(seq, text="x" * 1_000))
        assert await read(quick, 1) == [seq]
    assert await slow.read() is None
    assert slow.code == Close.TOO_SLOW
    assert quick.code is None


async def test_a_lagging_viewer_within_the_ring_gets_everything(hub: Hub, conversation: UUID) -> None:
    slow, quick = await opened(hub, conversation), await opened(hub, conversation)
    slow.seek(0)
    quick.seek(0)
    for seq in range(1, 101):
        hub.publish(conversation, envelopes(seq))
        assert await read(quick, 1) == [seq]
    assert await read(slow, 100) == list(range(1, 101))


async def test_a_gap_that_does_not_fill_closes_the_viewers(hub: Hub, conversation: UUID) -> None:
    viewer = await opened(hub, conversation)
    viewer.seek(0)
    hub.publish(conversation, envelopes(2))
    await asyncio.sleep(0)
    watchdog = hub._watchdog
    assert watchdog is not None
    watchdog.look(monotonic() + 1)
    assert viewer.code is None
    watchdog.look(monotonic() + 3)
    assert await viewer.read() is None
    assert viewer.code == Close.TOO_SLOW
    assert not hub.watched(conversation)


async def test_who_comes_back_after_a_gap_reads_on(hub: Hub, conversation: UUID) -> None:
    viewer = await opened(hub, conversation)
    viewer.seek(0)
    hub.publish(conversation, envelopes(2))
    await asyncio.sleep(0)
    hub.drop(viewer.log, Close.TOO_SLOW)
    again = await opened(hub, conversation)
    again.seek(2)
    hub.publish(conversation, envelopes(3))
    assert await read(again, 1) == [3]


async def test_a_closed_conversation_closes_its_viewers_with_the_code(hub: Hub, conversation: UUID) -> None:
    viewer = await opened(hub, conversation)
    viewer.seek(0)
    hub.close_conversation(conversation, Close.NOT_FOUND)
    assert await asyncio.wait_for(viewer.read(), 2) is None
    assert viewer.code == Close.NOT_FOUND


async def test_nothing_is_kept_once_everybody_has_had_it(hub: Hub, conversation: UUID) -> None:
    viewer = await opened(hub, conversation)
    viewer.seek(0)
    for seq in range(1, 11):
        hub.publish(conversation, envelopes(seq))
    await read(viewer, 10)
    viewer.log.release()
    assert viewer.log.start == viewer.log.end == viewer.place


async def test_a_conversation_that_nobody_watches_costs_nothing(hub: Hub, conversation: UUID) -> None:
    assert not hub.watched(conversation)
    hub.publish(conversation, envelopes(1))
    viewer = await opened(hub, conversation)
    assert hub.watched(conversation)
    hub.close(viewer)
    assert not hub.watched(conversation)
    assert hub.logs == {}


def test_publishing_where_nothing_is_served_does_nothing(hub: Hub, conversation: UUID) -> None:
    hub.publish(conversation, envelopes(1))
    hub.announce(1, "task_changed", [conversation])
    hub.close_user(1, Close.SIGNED_OUT)
    assert not hub.watched(conversation)


async def test_a_commit_that_was_read_before_it_was_published_is_not_shown_twice(hub: Hub, conversation: UUID) -> None:
    first = await opened(hub, conversation)
    first.seek(5)
    late = await opened(hub, conversation)
    late.seek(7)  # Its snapshot was read after the commit of 6 and 7, and before they were published.
    hub.publish(conversation, envelopes(6, 7, 8))
    assert await read(first, 3) == [6, 7, 8]
    assert await read(late, 1) == [8]
