"""The servers of the matrix, by name."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.conformance import environment03
from tests.conformance.agents.raw import RawAgent
from tests.conformance.agents.sdk10 import SdkAgent
from tests.conformance.cases import scripts
from tests.conformance.environment03 import CannotInstall

SERVERS = ("raw-0.3", "raw-1.0", "sdk-0.3", "sdk-1.x")
__all__ = ["SERVERS", "CannotInstall", "Served", "opened"]


@dataclass(frozen=True, kw_only=True)
class Served:
    """A server that plays the scripts."""

    name: str
    url: str
    version: str

    @property
    def raw(self) -> bool:
        """Whether no SDK stands behind it."""
        return self.name.startswith("raw")


@contextmanager
def opened(name: str) -> Iterator[Served]:
    """The server of this name while the context lasts. Raises CannotInstall."""
    if name == "sdk-0.3":
        with environment03.serving(scripts()) as url:
            yield Served(name=name, url=url, version="0.3")
        return
    agent = SdkAgent(scripts()) if name == "sdk-1.x" else RawAgent(name.removeprefix("raw-"), scripts())
    agent.start()
    try:
        yield Served(name=name, url=agent.url, version=agent.version)
    finally:
        agent.stop()
