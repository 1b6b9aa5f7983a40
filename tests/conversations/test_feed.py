"""History shows whole items: changed since a `seq`, or a page before a position."""

from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries

from conversations import feed
from conversations.events import Role
from conversations.ids import new_id
from conversations.models import Conversation, ConversationItem, ItemTail

pytestmark = pytest.mark.django_db


@pytest.fixture
def conversation() -> Conversation:
    return Conversation.objects.create(user=User.objects.create_user("ana"), last_seq=100)


def item(conversation: Conversation, seq: int, *, position: int | None = None, **payload: Any) -> ConversationItem:
    return ConversationItem.objects.create(
        id=new_id(),
        conversation=conversation,
        position=position or seq,
        seq=seq,
        event="message_chunk",
        role=Role.AGENT,
        payload=payload,
    )


def test_growing_text_is_the_payload_and_its_tail_in_order(conversation: Conversation) -> None:
    grown = item(conversation, 3, content="Grüße", kind="kept")
    for offset, text in ((7, " 🎉"), (5, ", "), (9, " – zu Ende")):
        ItemTail.objects.create(item=grown, offset=offset, text=text)
    (shown,) = feed.changed_since(conversation.pk, 0, 10)
    assert shown["data"]["payload"] == {"content": "Grüße,  🎉 – zu Ende", "kind": "kept"}
    assert feed.item_envelope(ConversationItem.objects.get(pk=grown.pk)) == shown


def test_text_that_began_with_nothing_is_its_tail(conversation: Conversation) -> None:
    ItemTail.objects.create(item=item(conversation, 1), offset=0, text="only this")
    (shown,) = feed.changed_since(conversation.pk, 0, 10)
    assert shown["data"]["payload"] == {"content": "only this"}


def test_items_changed_since_a_seq_come_in_seq_order(conversation: Conversation) -> None:
    for seq, position in ((9, 1), (4, 4), (7, 2), (5, 5)):
        item(conversation, seq, position=position)
    assert [shown["seq"] for shown in feed.changed_since(conversation.pk, 4, 10)] == [5, 7, 9]
    assert [shown["seq"] for shown in feed.changed_since(conversation.pk, 0, 2)] == [4, 5]
    assert feed.changed_since(conversation.pk, 9, 10) == []


def test_a_page_before_a_position_has_the_newest_last(conversation: Conversation) -> None:
    for seq in range(1, 8):
        item(conversation, seq)
    assert [shown["data"]["position"] for shown in feed.page_before(conversation.pk, None, 3)] == [5, 6, 7]
    assert [shown["data"]["position"] for shown in feed.page_before(conversation.pk, 5, 3)] == [2, 3, 4]
    assert feed.page_before(conversation.pk, 1, 3) == []


def test_other_conversations_are_not_shown(conversation: Conversation) -> None:
    other = Conversation.objects.create(user=conversation.user)
    item(other, 1)
    assert feed.changed_since(conversation.pk, 0, 10) == []


@pytest.mark.parametrize("items", [1, 30])
def test_a_page_takes_one_statement_however_much_of_it_grows(
    conversation: Conversation, items: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for seq in range(1, items + 1):
        ItemTail.objects.create(item=item(conversation, seq, content="a"), offset=1, text="b")
    with django_assert_num_queries(1):
        shown = feed.changed_since(conversation.pk, 0, 100)
    assert {one["data"]["payload"]["content"] for one in shown if one["data"]["payload"]} == {"ab"}


def test_a_conversation_belongs_to_one_person(conversation: Conversation) -> None:
    ben = User.objects.create_user("ben")
    assert feed.belongs_to(conversation.pk, conversation.user_id)
    assert not feed.belongs_to(conversation.pk, ben.pk)
    assert not feed.belongs_to(UUID(int=0), ben.pk)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("count", [0, 1, feed.PAGE - 1, feed.PAGE, feed.PAGE * 2 + 1])
async def test_the_history_ends_with_the_seq_that_it_shows_everything_up_to(count: int) -> None:
    user = await User.objects.acreate(username="ana")
    conversation = await Conversation.objects.acreate(user=user, last_seq=count)
    await ConversationItem.objects.abulk_create(
        ConversationItem(conversation=conversation, position=seq, seq=seq, event="message", role=Role.AGENT)
        for seq in range(1, count + 1)
    )
    pages = [page async for page in feed.history(conversation.pk, conversation.user_id, 0, lambda _: True)]
    assert [envelope["seq"] for envelopes, _ in pages for envelope in envelopes] == list(range(1, count + 1))
    assert [last for _, last in pages] == [None] * (len(pages) - 1) + [count]


@pytest.mark.django_db(transaction=True)
async def test_a_place_beyond_the_end_gets_the_true_end() -> None:
    conversation = await Conversation.objects.acreate(user=await User.objects.acreate(username="ana"), last_seq=7)
    assert [page async for page in feed.history(conversation.pk, conversation.user_id, 99, lambda _: True)] == [([], 7)]


@pytest.mark.django_db(transaction=True)
async def test_the_history_goes_on_when_its_reader_needs_more() -> None:
    conversation = await Conversation.objects.acreate(user=await User.objects.acreate(username="ana"), last_seq=1)
    await ConversationItem.objects.acreate(
        conversation=conversation, position=1, seq=1, event="message", role=Role.AGENT
    )
    asked: list[int] = []

    def reached(seq: int) -> bool:
        asked.append(seq)
        return len(asked) == 2

    pages = feed.history(conversation.pk, conversation.user_id, 0, reached)
    envelopes, last = await anext(pages)
    assert ([envelope["seq"] for envelope in envelopes], last) == ([1], None)
    await ConversationItem.objects.acreate(
        conversation=conversation, position=2, seq=2, event="message", role=Role.AGENT
    )
    envelopes, last = await anext(pages)
    assert ([envelope["seq"] for envelope in envelopes], last) == ([2], 2)
    assert asked == [1, 2]
