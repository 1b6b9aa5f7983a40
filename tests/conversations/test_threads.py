"""Threads for the database: each keeps a connection, and gives it up when it is broken or at the end."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import OperationalError, connections

from conversations.threads import DatabaseThreads, Gathered

pytestmark = pytest.mark.django_db(transaction=True)


def _connection() -> Any:
    """The thread's own connection object, opened."""
    connections["default"].ensure_connection()
    return connections["default"]


async def test_a_thread_keeps_its_connection_from_call_to_call() -> None:
    threads = DatabaseThreads("test")
    first = (await threads.run(_connection)).connection
    assert (await threads.run(_connection)).connection is first
    await threads.close()


async def test_closing_closes_the_connection_of_every_thread() -> None:
    threads = DatabaseThreads("test", workers=3)
    together = threading.Barrier(3)

    def used() -> Any:
        together.wait(5)
        return _connection()

    opened = await asyncio.gather(*(threads.run(used) for _ in range(3)))
    assert len({id(each) for each in opened}) == 3
    await threads.close()
    assert [each.connection for each in opened] == [None, None, None]


async def test_after_a_database_error_the_connection_is_made_anew() -> None:
    threads = DatabaseThreads("test")
    broken = (await threads.run(_connection)).connection

    def fails() -> None:
        raise OperationalError("gone away")

    with pytest.raises(OperationalError):
        await threads.run(fails)
    assert (await threads.run(_connection)).connection is not broken
    await threads.close()


async def test_questions_asked_in_one_turn_are_answered_by_one_call() -> None:
    threads = DatabaseThreads("test")
    calls: list[list[int]] = []

    def doubled(numbers: Sequence[int]) -> list[int]:
        calls.append(list(numbers))
        return [2 * number for number in numbers]

    gathered = Gathered(threads, doubled)
    assert await asyncio.gather(*(gathered.ask(number) for number in range(50))) == [2 * n for n in range(50)]
    assert await gathered.ask(7) == 14
    assert calls == [list(range(50)), [7]]
    await threads.close()


async def test_an_error_is_raised_to_all_who_asked_together_and_to_nobody_else() -> None:
    threads = DatabaseThreads("test")

    def refusing(numbers: Sequence[int]) -> Sequence[int]:
        if 0 in numbers:
            raise ValueError("0")
        return numbers

    gathered = Gathered(threads, refusing)
    found = await asyncio.gather(*(gathered.ask(number) for number in (0, 1)), return_exceptions=True)
    assert [str(one) for one in found] == ["0", "0"]
    assert await gathered.ask(1) == 1
    await threads.close()


async def test_who_stops_waiting_costs_nobody_their_answer() -> None:
    threads = DatabaseThreads("test")
    gathered = Gathered(threads, list)
    first, second = (asyncio.ensure_future(gathered.ask(number)) for number in (1, 2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 2
    await threads.close()
