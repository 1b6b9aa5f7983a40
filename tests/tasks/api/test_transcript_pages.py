"""A transcript by the API: what changed since a seq, or pages backwards; and the results of schedules."""

from uuid import UUID

import pytest
from django.db import transaction

from conversations import journal
from conversations.changes import Put, Scope
from conversations.events import ComponentType, Event, Role
from conversations.ids import new_id
from tests.api_client import Program


@pytest.fixture
def told(ana: Program) -> str:
    """A conversation of seven items, 2 and 5 (by position) results of a schedule."""
    pk = ana.conversation()
    scope = Scope(conversation_id=UUID(pk), role=Role.AGENT, agent_name="Echo")
    with transaction.atomic():
        for number in range(1, 8):
            if number in (2, 5):
                payload = {"component_type": ComponentType.SCHEDULED_TASK_RESULT, "content": f"{number}"}
                event = Event.COMPONENT_GENERATOR
            else:
                payload, event = {"content": f"{number}"}, Event.MESSAGE
            journal.write([Put(scope=scope, item_id=new_id(), event=event, payload=payload)])
    return f"/conversations/{pk}"


def said(answer) -> list[str]:
    assert answer.status == 200
    return [row["data"]["payload"]["content"] for row in answer.data["items"]]


def test_without_a_place_comes_the_newest_page_newest_last(ana: Program, told):
    assert said(ana("GET", f"{told}/items")) == list("1234567")
    assert said(ana("GET", f"{told}/items?limit=3")) == list("567")


def test_after_a_seq_comes_what_changed_since_in_order(ana: Program, told):
    assert said(ana("GET", f"{told}/items?after_seq=0&limit=3")) == list("123")
    assert said(ana("GET", f"{told}/items?after_seq=5")) == list("67")
    assert said(ana("GET", f"{told}/items?after_seq=7")) == []
    assert said(ana("GET", f"{told}/items?after_seq={2**63 - 1}")) == []


def test_before_a_position_comes_the_page_before_it(ana: Program, told):
    assert said(ana("GET", f"{told}/items?before_position=5&limit=3")) == list("234")
    assert said(ana("GET", f"{told}/items?before_position=1")) == []
    assert said(ana("GET", f"{told}/items?before_position=0")) == []


@pytest.mark.parametrize(
    ("start", "pages"),
    [("after_seq=0", ["123", "456", "7"]), ("", ["567", "234", "1"]), ("before_position=7", ["456", "123"])],
)
def test_the_cursor_goes_on_in_the_same_direction(ana: Program, told, start, pages):
    got, cursor = [], ""
    while cursor is not None:
        page = ana("GET", f"{told}/items?limit=3&{start if not cursor else 'cursor=' + cursor}")
        got.append("".join(said(page)))
        cursor = page.data["next_cursor"]
    assert got == pages


def test_both_places_at_once_are_refused(ana: Program, told):
    assert list(ana("GET", f"{told}/items?after_seq=1&before_position=2").fields) == ["before_position"]


def test_results_of_schedules_come_newest_first(ana: Program, told):
    page = ana("GET", f"{told}/scheduled-task-results?limit=1")
    assert said(page) == ["5"]
    assert said(ana("GET", f"{told}/scheduled-task-results?cursor={page.data['next_cursor']}")) == ["2"]


def test_a_page_of_items_takes_three_queries_however_long(ana: Program, told, django_assert_num_queries):
    for limit in (1, 3, 200):
        with django_assert_num_queries(3):
            ana("GET", f"{told}/items?limit={limit}")
        with django_assert_num_queries(3):
            ana("GET", f"{told}/scheduled-task-results?limit={limit}")
