"""Threads of one process write in the order in which they came; a turn is never kept by who is gone."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from conversations.ids import new_id
from conversations.models import Conversation, ConversationItem
from valuecell_site.sqlite3.turns import Turns, turns_of

sqlite_only = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL has no one writer")


def in_thread(function: Callable[[], Any]) -> threading.Thread:
    """Start `function` in a thread of its own."""
    thread = threading.Thread(target=function)
    thread.start()
    return thread


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does, without a sleep of a fixed length."""
    limit = threading.Event()
    for _ in range(5_000):
        if condition():
            return
        limit.wait(0.001)
    raise AssertionError("it did not happen")


def test_who_came_first_is_served_first() -> None:
    turns, served = Turns(), list[int]()
    assert turns.acquire(1)
    threads = []
    for number in range(5):

        def take(number: int = number) -> None:
            assert turns.acquire(10)
            served.append(number)
            turns.release()

        threads.append(in_thread(take))
        wait_until(lambda number=number: len(turns._waiting) == number + 1)  # type: ignore[misc]
    turns.release()
    for thread in threads:
        thread.join()
    assert served == [0, 1, 2, 3, 4]
    assert turns.acquire(0.1)


def test_who_gives_up_is_passed_over() -> None:
    turns = Turns()
    assert turns.acquire(1)
    assert turns.acquire(0.01) is False
    turns.release()
    assert turns.acquire(0.01)


@sqlite_only
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("ending", ["commit", "rollback", "refused", "closed"])
def test_a_transaction_hands_its_turn_on_however_it_ends(ending: str, conversation: Conversation) -> None:
    turns = turns_of(str(connection.settings_dict["NAME"]))

    def write() -> None:
        try:
            with transaction.atomic():
                assert turns._held
                Conversation.objects.filter(pk=conversation.pk).update(title="new")
                if ending == "rollback":
                    raise OperationalError("no")
                if ending == "refused":
                    ConversationItem.objects.create(conversation_id=new_id(), position=1, seq=1)
                if ending == "closed":
                    connection.close()
        except (IntegrityError, OperationalError):
            assert ending in ("rollback", "refused")
        finally:
            connection.close()

    thread = in_thread(write)
    thread.join()
    assert not turns._held
    with transaction.atomic():
        conversation.refresh_from_db()
    assert conversation.title == ("new" if ending == "commit" else "")
