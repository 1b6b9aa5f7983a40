"""`manage.py serve` in a process of its own, with one agent, for benchmarks that ask it over HTTP."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
from django.conf import settings

START_SECONDS = 60.0


class Served:
    """A running server; a context manager. `client` carries the token of its user `admin`."""

    def __init__(self, directory: Path, card: dict[str, object], *, module: str = "") -> None:
        """directory: its DATA_DIR, made where it is missing. card: the one agent that it knows. module: what serves in
        the place of `manage.py`.
        """
        cards = directory / "cards"
        cards.mkdir(parents=True)
        (cards / "bench.json").write_text(json.dumps(card))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{port}"
        self._manage = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py")]
        self._environment = {
            **os.environ,
            "DATA_DIR": str(directory),
            "AGENT_CARDS_DIR": str(cards),
            "PORT": str(port),
            "PUBLIC_URL": self.url,
        }
        serving = [sys.executable, "-m", module] if module else self._manage
        self._process = subprocess.Popen(
            [*serving, "serve", "--no-sample-agents"], env=self._environment, stdout=subprocess.DEVNULL
        )
        self._wait()
        self.client = httpx.Client(base_url=f"{self.url}/api/v1", headers={"Authorization": f"Bearer {self._token()}"})

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *exc: object) -> None:
        self.client.close()
        self._process.terminate()
        self._process.wait()

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid

    def _wait(self) -> None:
        limit = time.monotonic() + START_SECONDS
        while time.monotonic() < limit:
            assert self._process.poll() is None, "the server ended"
            try:
                if httpx.get(f"{self.url}/healthz").status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
        raise AssertionError("the server did not answer in time")

    def _token(self) -> str:
        output = subprocess.run(
            [*self._manage, "create_api_token", "admin"],
            env=self._environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        return output.strip().splitlines()[-1]
