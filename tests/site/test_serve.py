"""`manage.py serve` as an operator meets it: a real process, from an empty folder, with real signals."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = pytest.mark.database_independent  # Each server here has an SQLite file of its own.


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(what: Callable[[], Any], seconds: float = 30) -> Any:
    """`what()` once it is true."""
    limit = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < limit, "not in time"
        time.sleep(0.05)
    return found


class Serve:
    """One `manage.py serve`, in a session of its own."""

    def __init__(self, data_dir: Path, *, command: str = "serve --no-sample-agents", **environment: str) -> None:
        self.port = int(environment.pop("PORT", "") or free_port())
        self.log = data_dir / "log"
        self._output = self.log.open("w")
        # A soft limit as shells usually set it; `true`, so that the shell stays as the parent.
        wrapped = f'ulimit -S -n 512; "{sys.executable}" manage.py {command}; true'
        self.shell = subprocess.Popen(
            ["/bin/bash", "-c", wrapped],
            cwd=ROOT,
            env={
                **{name: value for name, value in os.environ.items() if name != "ADMIN_PASSWORD"},
                "DATA_DIR": str(data_dir),
                "PORT": str(self.port),
                "DATABASE_URL": "",
                "REDIS_URL": "",
                "PYTHONUNBUFFERED": "1",
                **environment,
            },
            stdout=self._output,
            stderr=self._output,
            start_new_session=True,
        )

    def up(self) -> "Serve":
        """Wait until `/healthz` answers 200."""
        until(lambda: self.status("/healthz") == 200 or self.shell.poll() is not None)
        assert self.shell.poll() is None, self.log.read_text()
        return self

    def status(self, path: str) -> int:
        return self.get(path)[0]

    def get(self, path: str) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            return 0, b""

    @property
    def processes(self) -> list[psutil.Process]:
        """Everything of this session that is alive."""
        found = []
        for process in psutil.process_iter():
            try:
                if os.getsid(process.pid) == self.shell.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue
        return found

    def process(self, words: str) -> psutil.Process | None:
        """The one whose command line holds `words`."""
        for process in self.processes:
            line = " ".join(process.cmdline())
            if words in line and "bash" not in line:
                return process
        return None

    @property
    def server(self) -> psutil.Process:
        found: psutil.Process = until(lambda: self.process("manage.py"))
        return found

    def end(self) -> None:
        for process in self.processes:
            process.kill()
        self.shell.wait()
        self._output.close()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Serve]]:
    made: list[Serve] = []

    def start(**options: str) -> Serve:
        made.append(Serve(tmp_path, **options))
        return made[-1]

    yield start
    for serve in made:
        serve.end()


def signs_in(serve: Serve, password: str) -> bool:
    """Whether the sign-in page takes `admin` with this password."""
    import httpx

    with httpx.Client(base_url=f"http://127.0.0.1:{serve.port}") as client:
        page = client.get("/accounts/login/")
        token = client.cookies["vct_csrf"]
        assert page.status_code == 200
        form = {"username": "admin", "password": password, "csrfmiddlewaretoken": token}
        return client.post("/accounts/login/", data=form).status_code == 302


def test_the_first_start_makes_an_admin_whose_password_stays(started: Callable[..., Serve], tmp_path: Path) -> None:
    serve = started().up()
    printed = re.search(r"Sign in as admin with the password (\S+)", serve.log.read_text())
    assert printed
    assert f"http://127.0.0.1:{serve.port}/" in serve.log.read_text()
    kept = tmp_path / "admin_password"
    assert kept.read_text().strip() == printed[1]
    assert kept.stat().st_mode & 0o777 == 0o600
    assert signs_in(serve, printed[1])
    serve.server.terminate()
    assert serve.shell.wait(12) == 0
    again = started().up()
    assert f"Sign in as admin with the password {printed[1]}\n" in again.log.read_text()


def test_a_soft_limit_of_open_files_is_raised(started: Callable[..., Serve]) -> None:
    soft, hard = started().up().server.rlimit(psutil.RLIMIT_NOFILE)
    assert soft == hard


def test_a_taken_port_is_said_at_once(started: Callable[..., Serve]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        serve = started(PORT=str(port))
        serve.shell.wait(20)
    assert f"127.0.0.1:{port} is taken" in serve.log.read_text()


def test_the_sample_agents_start_come_back_and_leave_with_it(started: Callable[..., Serve], tmp_path: Path) -> None:
    serve = started(command="serve").up()
    assert json.loads(serve.get("/readyz")[1]) == {
        "status": "ok",
        "checks": {"database": "ok", "runner": "ok", "sample_agents": "ok"},
    }
    agents = serve.process("sample_agents")
    assert agents is not None
    # A group of their own: a signal to ours must not cut the answers that are being drained.
    assert os.getpgid(agents.pid) != os.getpgid(serve.server.pid)
    agents.kill()
    until(lambda: serve.status("/readyz") == 503, 5)
    assert serve.status("/healthz") == 200
    until(lambda: serve.status("/readyz") == 200)
    os.killpg(serve.shell.pid, signal.SIGTERM)
    before = time.monotonic()
    until(lambda: not serve.processes, 10)
    assert time.monotonic() - before < 10


def test_sample_agents_that_come_back_elsewhere_are_found_there(started: Callable[..., Serve], tmp_path: Path) -> None:
    serve = started(command="serve").up()
    ports = json.loads((tmp_path / "sample_agents.json").read_text())
    name = next(iter(ports))
    agents = serve.process("sample_agents")
    assert agents is not None
    # Their kept address is lost: they choose another one.
    (tmp_path / "sample_agents.json").write_text("{}")
    agents.kill()
    database = sqlite3.connect(tmp_path / "db.sqlite3")

    def moved() -> bool:
        kept = json.loads((tmp_path / "sample_agents.json").read_text()).get(name)
        (url,) = database.execute("SELECT url FROM tasks_agent WHERE name = ?", (name,)).fetchone()
        return kept is not None and f":{kept}/" in url

    until(moved)
    database.close()
    until(lambda: serve.status("/readyz") == 200)


def test_a_second_one_on_the_same_data_leaves_the_first_ones_agents_alone(
    started: Callable[..., Serve], tmp_path: Path
) -> None:
    first = started(command="serve").up()
    kept = (tmp_path / "sample_agents.json").read_text()
    second = started(command="serve")
    second.shell.wait(30)
    said = second.log.read_text()
    assert "is served already, by process" in said
    assert f":{first.port}" in said
    assert (tmp_path / "sample_agents.json").read_text() == kept
    assert first.status("/readyz") == 200


def test_it_ends_when_its_parent_is_killed(started: Callable[..., Serve]) -> None:
    serve = started(command="serve").up()
    assert len(serve.processes) == 3
    serve.shell.kill()
    until(lambda: not serve.processes, 11)


def test_a_runner_alone_starts_and_drains(started: Callable[..., Serve]) -> None:
    started().up().end()  # Makes the database.
    serve = started(command="runner")
    until(lambda: "The runner is at work" in serve.log.read_text() or serve.shell.poll() is not None)
    serve.server.terminate()
    serve.shell.wait(12)
    assert "Traceback" not in serve.log.read_text()


@pytest.mark.parametrize("origin", ["null", "file:///home/x.html", "no origin", "http://[", "https://evil.example"])
def test_a_foreign_origin_gets_403_in_the_handshake(served: Serve, origin: str) -> None:
    assert handshake(served.port, origin).startswith(b"HTTP/1.1 403 ")


def test_its_own_origin_and_none_at_all_are_let_in(served: Serve) -> None:
    for origin in (f"http://127.0.0.1:{served.port}", None):
        assert handshake(served.port, origin).startswith(b"HTTP/1.1 101 ")


def handshake(port: int, origin: str | None) -> bytes:
    """What the server answers to a WebSocket's handshake."""
    lines = [
        "GET /ws/activity/ HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *([f"Origin: {origin}"] if origin is not None else []),
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return connection.recv(4096)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """One that these tests only ask."""
    serve = Serve(tmp_path_factory.mktemp("served")).up()
    yield serve
    serve.end()


def test_a_database_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "DATABASE_URL": f"postgresql://nobody@127.0.0.1:{free_port()}/none?connect_timeout=1",
        "DATA_DIR": str(tmp_path),
    }
    command = [sys.executable, "manage.py", "create_api_token", "admin"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "The database cannot be used" in ended.stderr.splitlines()[-1]
    assert "DATABASE_URL" in ended.stderr.splitlines()[-1]


def test_a_broken_form_is_answered_in_the_one_error_shape(started: Callable[..., Serve]) -> None:
    serve = started(ADMIN_PASSWORD="a-long-password").up()
    body = b"--x\r\nbroken"
    with socket.create_connection(("127.0.0.1", serve.port), timeout=10) as connection:
        connection.sendall(
            b"POST /api/v1/conversations HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, said = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 401 ")
    assert json.loads(said)["error"]["code"] == "not_signed_in"
