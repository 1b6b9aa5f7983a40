"""A virtual environment with a2a-sdk 0.3.x, kept below `var/tmp` from one session of tests to the next."""

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conformance.agents.record import Json

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements-0.3.txt"
KEPT = HERE.parents[1] / "var" / "tmp"
INSTALL_WITHIN = 300
"""Seconds for the installation."""
START_WITHIN = 30


class CannotInstall(Exception):
    """There is no a2a-sdk 0.3 to be had; the message says why."""


def python() -> Path:
    """The interpreter of the environment, made where there is none yet. Raises CannotInstall."""
    mark = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = KEPT / f"a2a-0.3-{mark}"
    found = folder / "bin" / "python"
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / "a2a-0.3.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Sessions on two databases begin side by side.
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            try:
                _run(sys.executable, "-m", "venv", str(folder))
                _run(
                    str(found), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes",
                    "-r", str(REQUIREMENTS),
                )  # fmt: skip
            except (subprocess.SubprocessError, OSError) as error:
                said = getattr(error, "stderr", None) or str(error)
                raise CannotInstall(said.strip().splitlines()[-1] if said.strip() else repr(error)) from error
            (folder / "complete").touch()
    return found


@contextmanager
def serving(scripts: dict[str, list[list[Json]]]) -> Iterator[str]:
    """The address of a server on a2a-sdk 0.3.x while the context lasts. Raises CannotInstall."""
    interpreter = python()
    with tempfile.TemporaryDirectory(prefix="vct-conformance-") as folder:
        path = Path(folder) / "scripts.json"
        path.write_text(json.dumps(scripts), encoding="utf-8")
        process = subprocess.Popen(
            [str(interpreter), str(HERE / "agents" / "sdk03.py"), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            if not url:
                raise RuntimeError("the server on a2a-sdk 0.3 ended before it answered")
            yield url
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_WITHIN)
