"""Real processes on the test's database: `manage.py runner`, killed and started again."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30.0
"""Seconds for a process to begin or to end."""


def database_url() -> str:
    """The address of the database that this test uses, for another process."""
    settings = connection.settings_dict
    name = str(settings["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    where = settings["HOST"] or settings["OPTIONS"].get("host", "")
    return f"postgres://{settings['USER']}@/{name}?host={quote(str(where), safe='')}"


def start_runner(**environment: str) -> "subprocess.Popen[bytes]":
    """`manage.py runner`, on the test's database and data folder."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "runner"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url(), "LOG_LEVEL": "WARNING", **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


@contextmanager
def runner(**environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """The same, stopped at the end."""
    process = start_runner(**environment)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stderr is not None
        process.stderr.close()


class RunnerProcess:
    """One runner that is waited for, and stopped with real signals."""

    def __init__(self, **environment: str) -> None:
        runner = {"LOG_LEVEL": "WARNING", "PYTHONUNBUFFERED": "1", **environment}
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "runner"],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": database_url(), **runner},
            stdout=subprocess.PIPE,
            text=True,
        )

    def at_work(self) -> "RunnerProcess":
        """Wait until it says that it is."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert "at work" in line, line
        return self

    def kill(self) -> None:
        """SIGKILL: nothing of it runs any more when this returns."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(PATIENCE)


@contextmanager
def runners(number: int, **environment: str) -> Iterator[list[RunnerProcess]]:
    """So many runners at work, side by side; those that are left are killed at the end."""
    processes = [RunnerProcess(**environment) for _ in range(number)]
    try:
        for process in processes:
            process.at_work()
        yield processes
    finally:
        for process in processes:
            if process.process.poll() is None:
                process.kill()
            if process.process.stdout is not None:
                process.process.stdout.close()
