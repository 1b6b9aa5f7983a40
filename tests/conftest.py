"""Fixtures that tests of several rooms share, and what every test leaves behind as it found it."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection

from conversations.journal import journal
from conversations.models import Conversation
from sample_agents.base import BaseAgent
from sample_agents.server import serve_in_thread
from tasks.agents.connections import connections
from tasks.models import Agent, Task
from tests.helpers.runners import short_intervals, working_runner
from tests.helpers.tasks import NOW, TaskMaker
from tests.helpers.threads import together


def pytest_configure(config: pytest.Config) -> None:
    """Hash passwords quickly: a test's user needs no protection."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL, leave out what SQLite's session has run already and what reads no database."""
    if connection.vendor == "postgresql":
        left_out = [item for item in items if item.get_closest_marker("database_independent")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(autouse=True)
def nothing_stays_open(request: pytest.FixtureRequest) -> None:
    """End the journal and the connections of an async test's event loop, before its database goes."""
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        for name in ("transactional_db", "db"):
            if name in request.fixturenames:
                request.getfixturevalue(name)
        request.getfixturevalue("_loop_of_the_test")


@pytest.fixture
async def _loop_of_the_test() -> AsyncIterator[None]:
    yield
    await connections.aclose()
    await asyncio.wait_for(journal.close(), 10)


@pytest.fixture
def user(db: None) -> User:
    """A person."""
    return User.objects.create_user("ann")


@pytest.fixture
def other_user(db: None) -> User:
    """Somebody else."""
    return User.objects.create_user("bob")


@pytest.fixture
def conversation(user: User) -> Conversation:
    """An empty conversation of `user`."""
    return Conversation.objects.create(user=user, created_at=NOW, updated_at=NOW)


@pytest.fixture
def agent(db: None) -> Agent:
    """An agent on file, named Echo; nothing listens at its address."""
    return Agent.objects.create(name="Echo", slug="Echo", url="http://127.0.0.1:9/")


@pytest.fixture
def make_task(conversation: Conversation, agent: Agent) -> TaskMaker:
    """Makes tasks of `user` in `conversation` for `agent`, as a person's request does."""
    return TaskMaker(conversation)


@pytest.fixture
def serve_agent(transactional_db: None) -> Iterator[Callable[..., Agent]]:
    """Serves a real A2A agent on loopback, in a thread of its own, and puts it on file: `serve_agent(Waiting())`.

    It is on file as Echo, or by the `name` that is given; further arguments are columns of its row.
    """
    stops: list[Callable[[], None]] = []

    def serve(agent: BaseAgent, name: str = "Echo", **columns: Any) -> Agent:
        url, stop = serve_in_thread(agent)
        stops.append(stop)
        row, _ = Agent.objects.update_or_create(name=name, defaults={"slug": name, "url": url, **columns})
        return row

    yield serve
    for stop in stops:
        stop()


@pytest.fixture
def in_threads(transactional_db: None) -> Callable[..., list[Any]]:
    """Calls `function(number)` in so many threads at the same moment, each with a connection of its own; returns what
    each returned, or raised.
    """
    return together


@pytest.fixture
async def running_runner(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """A runner at work in the test's event loop, with short intervals; drained at the end."""
    short_intervals(monkeypatch)
    async with working_runner() as runner:
        yield runner


@pytest.fixture
def task(make_task: TaskMaker) -> Task:
    """A once task that is due now."""
    return make_task()
