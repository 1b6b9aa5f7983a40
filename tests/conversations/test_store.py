"""The store: changes become rows, each with the next `seq`; history then shows what live viewers saw."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from conversations import feed
from conversations.changes import Append, Change, Close, Pass, Put, Response, Scope
from conversations.events import Envelope, Event, Role
from conversations.ids import new_id
from conversations.models import Conversation, ConversationItem, ItemTail
from conversations.paragraphs import Paragraphs
from conversations.store import store
from tests.helpers.tasks import NOW
from tests.helpers.transcript import Viewer


def stored(changes: Sequence[Change]) -> list[Envelope]:
    """Commit changes of one conversation; returns what is pushed."""
    with transaction.atomic():
        frames = store(changes, now=NOW)
    return [envelope for part in frames.values() for envelope in part]


def scope(conversation: Conversation, agent: str = "Echo") -> Scope:
    return Scope(conversation_id=conversation.pk, role=Role.AGENT, agent_name=agent)


def put(where: Scope, content: str = "", key: str = "", event: Event = Event.MESSAGE_CHUNK) -> Put:
    return Put(scope=where, item_id=new_id(), event=event, payload={"content": content}, key=key)


def append(item: Put, delta: str, offset: int) -> Append:
    return Append(scope=item.scope, item_id=item.item_id, event=item.event, delta=delta, offset=offset)


def history(conversation: Conversation) -> list[Envelope]:
    return feed.page_before(conversation.pk, None, 10_000)


def test_each_change_takes_the_next_seq_and_a_new_item_takes_it_as_its_place(conversation: Conversation) -> None:
    where = scope(conversation)
    first, second = put(where, "a"), put(where, "b")
    envelopes = stored([first, second]) + stored([put(where, "c")])
    assert [(e["seq"], e["data"]["position"]) for e in envelopes] == [(1, 1), (2, 2), (3, 3)]
    again = Put(scope=where, item_id=first.item_id, event=first.event, payload={"content": "A"})
    (envelope,) = stored([again])
    assert (envelope["seq"], envelope["data"]["position"]) == (4, 1)
    conversation.refresh_from_db()
    assert conversation.last_seq == 4


def test_pieces_of_one_text_in_one_commit_are_one_envelope(conversation: Conversation) -> None:
    item = put(scope(conversation), "Hello")
    stored([item])
    envelopes = stored([append(item, " you", 5), append(item, " there", 9)])
    assert [e["data"]["payload"] for e in envelopes] == [{"delta": " you there", "offset": 5}]
    assert [e["data"]["payload"] for e in history(conversation)] == [{"content": "Hello you there"}]


def test_an_items_first_envelope_is_its_first_words_and_the_rest_of_the_commit_is_a_delta(
    conversation: Conversation,
) -> None:
    item = put(scope(conversation), "Hello")
    envelopes = stored([item, append(item, " you", 5)])
    assert Viewer().take(envelopes).shown() == history(conversation)


def test_growing_text_lies_in_the_tail_until_it_closes(conversation: Conversation) -> None:
    item = put(scope(conversation), "a")
    stored([item])
    stored([append(item, "b", 1)])
    stored([append(item, "c", 2)])
    row = ConversationItem.objects.get()
    assert row.payload == {"content": "a"}
    assert list(row.tail.values_list("offset", "text")) == [(1, "b"), (2, "c")]
    assert history(conversation)[0]["data"]["payload"] == {"content": "abc"}
    assert stored([Close(scope=item.scope, item_id=item.item_id, content="abc")]) == []
    row.refresh_from_db()
    assert (row.payload, row.seq, row.tail.count()) == ({"content": "abc"}, 3, 0)


def test_growing_an_item_does_not_write_its_payload_again(conversation: Conversation) -> None:
    item = put(scope(conversation), "x" * 10_000)
    stored([item])
    with CaptureQueriesContext(
        connection,
    ) as queries:
        stored([append(item, "y", 10_000)])
    assert not any("x" * 100 in query["sql"] for query in queries.captured_queries)


def test_a_replaced_item_forgets_its_tail(conversation: Conversation) -> None:
    item = put(scope(conversation), "a")
    stored([item])
    stored([append(item, "b", 1)])
    stored([Put(scope=item.scope, item_id=item.item_id, event=Event.MESSAGE, payload={"content": "whole"})])
    assert ItemTail.objects.count() == 0
    assert [(e["event"], e["data"]["payload"]) for e in history(conversation)] == [("message", {"content": "whole"})]


def test_a_key_means_the_same_item_in_its_conversation_only(conversation: Conversation, other_user: Any) -> None:
    elsewhere = Conversation.objects.create(user=other_user)
    stored([put(scope(conversation), "one", key="k"), put(scope(elsewhere), "there", key="k")])
    stored([put(scope(conversation), "two", key="k")])
    assert [e["data"]["payload"] for e in history(conversation)] == [{"content": "two"}]
    assert [e["data"]["payload"] for e in history(elsewhere)] == [{"content": "there"}]


def test_a_key_twice_in_one_commit_is_one_item(conversation: Conversation) -> None:
    envelopes = stored([put(scope(conversation), "one", key="k"), put(scope(conversation), "two", key="k")])
    assert len({e["data"]["item_id"] for e in envelopes}) == 1
    assert Viewer().take(envelopes).shown() == history(conversation)


def test_passing_events_ride_in_their_places_and_are_not_stored(conversation: Conversation) -> None:
    where = scope(conversation)
    done = Pass(scope=where, event=Event.DONE)
    envelopes = stored([Pass(scope=where, event=Event.TASK_STARTED), put(where, "a"), done])
    assert [(e["seq"], e["event"]) for e in envelopes] == [
        (None, "task_started"),
        (1, "message_chunk"),
        (None, "done"),
    ]
    assert [e["data"]["item_id"] is None for e in envelopes] == [True, False, True]
    assert len(history(conversation)) == 1


def test_changes_of_a_deleted_conversation_are_dropped_and_hold_up_no_other(
    conversation: Conversation, other_user: Any
) -> None:
    gone = Conversation.objects.create(user=other_user)
    item = put(scope(gone), "a")
    stored([item])
    gone.delete()
    envelopes = stored([append(item, "b", 1), put(scope(conversation), "still here")])
    assert [e["data"]["conversation_id"] for e in envelopes] == [str(conversation.pk)]


def test_growth_of_an_item_that_retention_deleted_is_dropped(conversation: Conversation) -> None:
    item = put(scope(conversation), "a")
    stored([item])
    ConversationItem.objects.all().delete()
    assert stored([append(item, "b", 1), Close(scope=item.scope, item_id=item.item_id, content="ab")]) == []


def test_the_queries_of_a_commit_do_not_grow_with_its_pieces(
    conversation: Conversation, django_assert_num_queries: Callable[..., Any]
) -> None:
    items = [put(scope(conversation), "a", key=f"k{n}") for n in range(5)]
    stored(items)
    counts = []
    for pieces in (2, 200):
        grown = [append(item, "b", 1 + n) for n in range(pieces) for item in items]
        with CaptureQueriesContext(connection) as queries:
            stored(grown)
        counts.append(len(queries))
        ItemTail.objects.all().delete()
    assert counts[0] == counts[1]


def test_a_commit_of_very_many_items_fits(conversation: Conversation) -> None:
    envelopes = stored([put(scope(conversation), str(n)) for n in range(3_000)])
    assert [e["seq"] for e in envelopes] == list(range(1, 3_001))


@pytest.mark.parametrize(("column", "value"), [("event", "task_started"), ("event", "nonsense"), ("role", "nobody")])
def test_the_database_refuses_items_of_no_known_kind(conversation: Conversation, column: str, value: str) -> None:
    values = {"event": Event.MESSAGE, "role": Role.AGENT, column: value}
    with pytest.raises(IntegrityError), transaction.atomic():
        ConversationItem.objects.create(conversation=conversation, position=1, seq=1, **values)


def test_the_database_refuses_two_items_in_one_place_or_of_one_key(conversation: Conversation) -> None:
    stored([put(scope(conversation), "a", key="k")])
    for clash in ({"position": 1, "key": ""}, {"position": 2, "key": "k"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            ConversationItem.objects.create(
                conversation=conversation, seq=2, event=Event.MESSAGE, role=Role.AGENT, **clash
            )


# --- any interleaving ---

TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=6)
RESPONSE = st.one_of(
    st.builds(lambda text: Response(event=Event.MESSAGE_CHUNK, payload={"content": text}), TEXT),
    st.builds(
        lambda text, key, more: Response(event=Event.MESSAGE_CHUNK, payload={"content": text}, key=key, append=more),
        TEXT,
        st.sampled_from(["early:1", "early:2"]),
        st.booleans(),
    ),
    st.builds(
        lambda event, text: Response(event=event, payload={"content": text}),
        st.sampled_from([Event.REASONING_STARTED, Event.REASONING, Event.REASONING_COMPLETED, Event.MESSAGE]),
        TEXT,
    ),
    st.builds(
        lambda event, key: Response(event=event, payload={"tool_call_id": key}, key=key),
        st.sampled_from([Event.TOOL_CALL_STARTED, Event.TOOL_CALL_COMPLETED]),
        st.sampled_from(["1", "2"]),
    ),
    st.builds(
        lambda kind, text, key, more: Response(
            event=Event.COMPONENT_GENERATOR,
            payload={"component_type": kind, "content": text},
            key=key,
            append=more and kind == "artifact" and bool(key),
        ),
        st.sampled_from(["artifact", "report"]),
        TEXT,
        st.sampled_from(["", "c"]),
        st.booleans(),
    ),
    st.builds(lambda: Response(event=Event.TASK_STARTED, payload={})),
    st.builds(
        lambda key, text: Response(event=Event.REASONING_COMPLETED, payload={"content": text}, key=key),
        st.sampled_from(["early:1", "early:2"]),
        TEXT,
    ),
)
STEP = st.one_of(st.tuples(st.integers(0, 2), RESPONSE), st.just("commit"), st.just("close"))


class AnyInterleaving(TestCase):
    """Whatever three speakers say, and wherever the commits fall between."""

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(STEP, max_size=30))
    def test_live_viewers_and_history_agree_byte_for_byte(self, steps: list[Any]) -> None:
        conversation = Conversation.objects.create(user=User.objects.create_user(str(new_id())))
        run_ids = [new_id() for _ in range(3)]
        speakers = [
            Paragraphs(
                Scope(conversation_id=conversation.pk, role=Role.AGENT, agent_name=f"Agent {n % 2}", run_id=run_id)
            )
            for n, run_id in enumerate(run_ids)
        ]
        viewer = Viewer()
        pending: list[Change] = []

        def commit() -> None:
            viewer.take(stored(pending))
            pending.clear()
            shown = viewer.shown()
            assert shown == history(conversation)
            assert feed.changed_since(conversation.pk, 0, 10_000) == sorted(shown, key=lambda item: item["seq"])

        for step in steps:
            if step == "commit":
                commit()
            elif step == "close":
                pending.extend(change for speaker in speakers for change in speaker.close_all())
            else:
                number, response = step
                pending.extend(speakers[number].apply(response))
        pending.extend(change for speaker in speakers for change in speaker.close_all())
        commit()
        assert ItemTail.objects.filter(item__conversation=conversation).count() == 0
