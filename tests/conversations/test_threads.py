"""Threads for the database: each keeps a connection, and gives it up when it is broken or at the end."""

import asyncio
import threading
from typing import Any

import pytest
from django.db import OperationalError, connections

from conversations.threads import DatabaseThreads

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
