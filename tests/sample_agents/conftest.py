"""Serves agents for the length of a test."""

from collections.abc import Callable, Iterator

import pytest

from sample_agents.base import BaseAgent
from sample_agents.server import serve_in_thread


@pytest.fixture
def served() -> Iterator[Callable[[BaseAgent], str]]:
    """Serve agents from threads for the length of a test: call it with an agent, get its URL."""
    stops: list[Callable[[], None]] = []

    def serve(agent: BaseAgent) -> str:
        url, stop = serve_in_thread(agent)
        stops.append(stop)
        return url

    yield serve
    for stop in stops:
        stop()
