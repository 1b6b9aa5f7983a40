"""The journal: what runs say is collected, committed in one transaction, and pushed only then."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Collection, Hashable, Sequence
from typing import Any

import pytest
from django.db import OperationalError, connections, transaction
from django.db.transaction import TransactionManagementError

from conversations import feed
from conversations import journal as journals
from conversations.changes import Append, Change, Close, Pass, Put, Scope
from conversations.events import Envelope, Event, Role
from conversations.hub import hub
from conversations.ids import new_id
from conversations.journal import Journal, Together, write
from conversations.models import Conversation, ConversationItem, ItemTail
from tests.helpers.runners import sync
from tests.helpers.transcript import Viewer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def journal() -> AsyncIterator[Journal]:
    """A journal of the test's own."""
    made = Journal()
    yield made
    await made.close()


@pytest.fixture
def pushed(monkeypatch: pytest.MonkeyPatch) -> list[Envelope]:
    """What was handed to the hub, in its order."""
    found: list[Envelope] = []
    monkeypatch.setattr(hub, "publish", lambda _, envelopes: found.extend(envelopes))
    return found


@pytest.fixture
def where(conversation: Conversation) -> Scope:
    return Scope(conversation_id=conversation.pk, role=Role.AGENT, agent_name="Echo")


def text(where: Scope, content: str, event: Event = Event.MESSAGE_CHUNK) -> Put:
    return Put(scope=where, item_id=new_id(), event=event, payload={"content": content})


def grown(item: Put, delta: str, offset: int) -> Append:
    return Append(scope=item.scope, item_id=item.item_id, event=item.event, delta=delta, offset=offset)


def contents(conversation: Conversation) -> list[Any]:
    return [e["data"]["payload"]["content"] for e in feed.page_before(conversation.pk, None, 10_000)]  # type: ignore[index]


class Commits:
    """Counts the transactions of a journal, and what each held."""

    def __init__(self, journal: Journal) -> None:
        self.sizes: list[int] = []
        inner = journal._commit

        async def commit(entries: list[Any]) -> None:
            self.sizes.append(len(entries))
            await inner(entries)

        journal._commit = commit  # type: ignore[method-assign]


async def test_what_comes_within_the_window_is_one_transaction(
    journal: Journal, where: Scope, conversation: Conversation
) -> None:
    commits = Commits(journal)
    for n in range(100):
        journal.add([text(where, str(n))])
    await journal.flush()
    assert commits.sizes == [101]
    assert await sync(contents, conversation) == [str(n) for n in range(100)]


async def test_nobody_needs_to_wait_for_the_commit(
    journal: Journal, where: Scope, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "WINDOW_UNWATCHED", 0.01)
    journal.add([text(where, "a")])
    for _ in range(200):
        if await sync(contents, conversation) == ["a"]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("never committed")


async def test_where_somebody_watches_the_window_is_the_short_one(
    journal: Journal, where: Scope, monkeypatch: pytest.MonkeyPatch, pushed: list[Envelope]
) -> None:
    monkeypatch.setattr(journals, "WINDOW_UNWATCHED", 60)
    monkeypatch.setattr(hub, "watched", lambda _: True)
    journal.add([text(where, "a")])
    await asyncio.sleep(0)
    for _ in range(200):
        if pushed:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("waited for the long window")


async def test_what_is_pushed_is_committed(
    journal: Journal, where: Scope, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def publish(_: Any, envelopes: Sequence[Envelope]) -> None:
        # From another connection: what this finds is committed.
        seen.append(_from_a_thread(lambda: ConversationItem.objects.filter(conversation=conversation).count()))

    monkeypatch.setattr(hub, "publish", publish)
    await journal.settle([text(where, "a"), text(where, "b")])
    assert seen == [2]


async def test_a_write_in_a_transaction_is_pushed_after_its_commit_and_never_after_a_rollback(
    where: Scope, pushed: list[Envelope]
) -> None:
    def committed() -> None:
        with transaction.atomic():
            frames = write([text(where, "kept")])
            assert [e["seq"] for part in frames.values() for e in part] == [1]
            assert pushed == []

    def rolled_back() -> None:
        with transaction.atomic():
            write([text(where, "lost")])
            transaction.set_rollback(True)

    await sync(committed)
    await sync(rolled_back)
    assert [e["data"]["payload"] for e in pushed] == [{"content": "kept"}]


async def test_a_write_outside_a_transaction_is_an_error(where: Scope) -> None:
    if connections["default"].vendor == "sqlite":
        pytest.skip("SQLite locks no rows, so nothing notices there")
    with pytest.raises(TransactionManagementError):
        await sync(write, [text(where, "a")])


async def test_the_order_of_adding_is_the_order_of_seq(journal: Journal, where: Scope, pushed: list[Envelope]) -> None:
    async def say(number: int) -> None:
        item = text(where, f"{number}:")
        journal.add([item])
        length = len(f"{number}:")
        for n in range(20):
            journal.add([grown(item, str(n), length)])
            length += len(str(n))
            if n % 7 == number:
                await asyncio.sleep(0)
            if n % 11 == number:
                await journal.flush()

    await asyncio.gather(*(say(n) for n in range(5)))
    await journal.flush()
    viewer = Viewer().take(pushed)
    assert viewer.shown() == await sync(feed.page_before, where.conversation_id, None, 100)
    assert sorted(item["data"]["payload"]["content"] for item in viewer.shown()) == [
        f"{n}:" + "".join(map(str, range(20))) for n in range(5)
    ]


async def test_a_settle_becomes_visible_with_its_items_at_once(
    journal: Journal, where: Scope, conversation: Conversation
) -> None:
    seen: list[tuple[int, str]] = []

    def look() -> tuple[int, str]:
        row = Conversation.objects.get(pk=conversation.pk)
        return row.items.count(), row.title

    def settle() -> Sequence[Change]:
        Conversation.objects.filter(pk=conversation.pk).update(title="over")
        # Held open: another connection sees neither the items nor the title.
        seen.append(_from_a_thread(look))
        return [text(where, "the end")]

    assert await journal.settle([text(where, "last words")], settle)
    seen.append(await sync(look))
    assert seen == [(0, ""), (2, "over")]


def _from_a_thread(function: Callable[[], Any]) -> Any:
    """Ask on a connection of another thread."""
    found: list[Any] = []

    def ask() -> None:
        try:
            found.append(function())
        finally:
            connections.close_all()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return found[0]


async def test_the_gate_drops_what_a_run_writes_that_may_not_any_more(
    journal: Journal, where: Scope, conversation: Conversation
) -> None:
    allowed = {"first", "second"}
    asked: list[tuple[set[Hashable], set[Hashable]]] = []

    def gate(passes: Collection[Hashable], settling: Collection[Hashable]) -> Collection[Hashable]:
        asked.append((set(passes), set(settling)))
        return [each for each in passes if each in allowed]

    journal.use_gate(gate)
    journal.add([text(where, "of the first")], gate_pass="first")
    journal.add([text(where, "of the second")], gate_pass="second")
    assert await journal.settle((), lambda: [text(where, "the first's end")], gate_pass="first") is True
    allowed.remove("second")
    journal.add([text(where, "too late")], gate_pass="second")
    ran: list[str] = []
    assert await journal.settle((), lambda: ran.append("settled") or (), gate_pass="second") is False
    assert ran == []
    assert await sync(contents, conversation) == ["of the first", "of the second", "the first's end"]
    assert asked == [({"first", "second"}, {"first"}), ({"second"}, {"second"})]


async def test_a_failing_settle_rolls_back_its_own_part_only(
    journal: Journal, where: Scope, conversation: Conversation
) -> None:
    def fails() -> Sequence[Change]:
        Conversation.objects.filter(pk=conversation.pk).update(title="half done")
        raise ValueError("no")

    journal.add([text(where, "before")])
    bad = asyncio.ensure_future(journal.settle([text(where, "bad")], fails))
    journal.add([text(where, "between")])
    good = asyncio.ensure_future(journal.settle([text(where, "good")], lambda: [text(where, "its end")]))
    with pytest.raises(ValueError, match="no"):
        await bad
    assert await good is True
    assert await sync(contents, conversation) == ["before", "between", "good", "its end"]
    assert (await sync(Conversation.objects.get, pk=conversation.pk)).title == ""


async def test_what_many_passes_settle_alike_is_one_call_after_all_their_words(
    journal: Journal, where: Scope, conversation: Conversation
) -> None:
    calls: list[tuple[str, list[str], list[str]]] = []

    def known(names: Sequence[str]) -> list[Change]:
        calls.append(("known", list(names), contents(conversation)))
        return []

    def ended(names: Sequence[str]) -> list[Change]:
        calls.append(("ended", list(names), contents(conversation)))
        return [text(where, f"end of {name}") for name in names]

    journal.add([text(where, "a")], Together(known, "a"), gate_pass="a")
    journal.add([text(where, "b")], Together(known, "b"), gate_pass="b")
    first = asyncio.ensure_future(journal.settle([text(where, "more of a")], Together(ended, "a"), gate_pass="a"))
    second = asyncio.ensure_future(journal.settle((), Together(ended, "b"), gate_pass="b"))
    assert await asyncio.gather(first, second) == [True, True]
    words = ["a", "b", "more of a"]
    assert calls == [("known", ["a", "b"], words), ("ended", ["a", "b"], words)]
    assert await sync(contents, conversation) == [*words, "end of a", "end of b"]


async def test_what_one_settles_alone_comes_before_what_it_settles_with_others_later(
    journal: Journal, where: Scope, conversation: Conversation
) -> None:
    def ended(names: Sequence[str]) -> list[Change]:
        return [text(where, f"end of {name}") for name in names]

    alone = journal.settle([text(where, "a")], lambda: [text(where, "a alone")], gate_pass="a")
    last = journal.settle([text(where, "last of a")], Together(ended, "a"), gate_pass="a")
    other = journal.settle([text(where, "b")], Together(ended, "b"), gate_pass="b")
    assert await asyncio.gather(alone, last, other) == [True, True, True]
    assert await sync(contents, conversation) == ["b", "end of b", "a", "a alone", "last of a", "end of a"]


async def test_a_settle_of_many_that_fails_for_one_fails_for_that_one_only(
    journal: Journal, where: Scope, conversation: Conversation
) -> None:
    def ended(names: Sequence[str]) -> list[Change]:
        if "bad" in names:
            raise ValueError("bad")
        return [text(where, f"end of {name}") for name in names]

    waiting = [
        journal.settle([text(where, name)], Together(ended, name), gate_pass=name) for name in ("a", "bad", "c", "d")
    ]
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [one if one is True else str(one) for one in found] == [True, "bad", True, True]
    assert set(await sync(contents, conversation)) == {"a", "end of a", "c", "end of c", "d", "end of d"}


async def test_words_that_cannot_be_stored_cost_nobody_elses(
    journal: Journal, where: Scope, conversation: Conversation, pushed: list[Envelope]
) -> None:
    broken = Put(scope=where, item_id=new_id(), event=Event.MESSAGE, payload={"content": object()})
    journal.add([text(where, "before")])
    journal.add([broken])
    journal.add([text(where, "after")])
    await journal.flush()
    assert await sync(contents, conversation) == ["before", "after"]
    Viewer().take(pushed)


async def test_a_run_whose_words_could_not_be_stored_does_not_end_as_if_they_were(
    journal: Journal, where: Scope, conversation: Conversation
) -> None:
    broken = Put(scope=where, item_id=new_id(), event=Event.MESSAGE, payload={"content": object()})
    journal.add([broken], gate_pass="run")
    journal.add([text(where, "more")], gate_pass="run")
    with pytest.raises(TypeError):
        await journal.settle([], lambda: [text(where, "the end")], gate_pass="run")
    assert "the end" not in await sync(contents, conversation)


async def test_a_busy_database_is_tried_again_and_nothing_is_lost_or_doubled(
    journal: Journal, where: Scope, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "RETRY_DELAY", 0.01)
    tries: list[int] = []

    def settle() -> Sequence[Change]:
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("database is locked")
        return [text(where, "the end")]

    journal.add([text(where, "before")])
    assert await journal.settle([text(where, "last")], settle)
    assert len(tries) == 3
    assert await sync(contents, conversation) == ["before", "last", "the end"]


async def test_a_database_that_stays_away_is_told_to_those_who_wait_and_the_next_commit_goes_on(
    journal: Journal, where: Scope, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "RETRY_DELAY", 0.001)

    def settle() -> Sequence[Change]:
        raise OperationalError("gone")

    with pytest.raises(OperationalError):
        await journal.settle([text(where, "lost")], settle)
    await journal.settle([text(where, "kept")])
    assert await sync(contents, conversation) == ["kept"]


async def test_who_adds_faster_than_is_written_is_held_up(
    journal: Journal, where: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "PENDING_MAX", 100)
    journal.add([text(where, "x" * 101)])
    assert journal._pending.size > 100
    await asyncio.wait_for(journal.room(), 5)
    assert journal._pending.size == 0


async def test_closing_commits_what_is_pending_and_a_closed_journal_can_be_used_again(
    journal: Journal, where: Scope, conversation: Conversation
) -> None:
    item = text(where, "a")
    journal.add([item])
    journal.add([grown(item, "b", 1)])
    await journal.close()
    assert await sync(contents, conversation) == ["ab"]
    journal.add([grown(item, "c", 2), Close(scope=where, item_id=item.item_id, content="abc")])
    await journal.close()
    assert await sync(contents, conversation) == ["abc"]
    assert await sync(ItemTail.objects.count) == 0


async def test_a_cancelled_waiter_does_not_take_the_commit_with_it(
    journal: Journal, where: Scope, conversation: Conversation
) -> None:
    waiting = asyncio.ensure_future(journal.settle([text(where, "said")]))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await journal.flush()
    assert await sync(contents, conversation) == ["said"]


async def test_passing_events_alone_take_no_seq(journal: Journal, where: Scope, pushed: list[Envelope]) -> None:
    await journal.settle([Pass(scope=where, event=Event.TASK_STARTED)])
    assert [(e["seq"], e["event"]) for e in pushed] == [(None, "task_started")]
