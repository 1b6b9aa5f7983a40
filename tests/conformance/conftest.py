"""The servers of the matrix, one of each a session, and a loud word where one cannot be had."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.conformance.servers import CannotInstall, Served, opened

_left_out: list[str] = []


@pytest.fixture(scope="session")
def server_named() -> Iterator[Callable[[str], Served]]:
    """The server of this name (`servers.SERVERS`), started when it is asked for first."""
    with ExitStack() as stack:
        running: dict[str, Served] = {}

        def find(name: str) -> Served:
            if name not in running:
                try:
                    running[name] = stack.enter_context(opened(name))
                except CannotInstall as error:
                    _left_out.append(f"{name}: {error}")
                    pytest.skip(f"a2a-sdk 0.3 cannot be installed: {error}")
            return running[name]

        yield find


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was left out is not passed over in silence."""
    if _left_out:
        terminalreporter.section("THE CONFORMANCE MATRIX IS NOT COMPLETE", sep="#", red=True, bold=True)
        for line in dict.fromkeys(_left_out):
            terminalreporter.line(f"LEFT OUT, nothing is proved about it: {line}", red=True)
