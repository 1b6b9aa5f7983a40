"""Frames to 1,000 sockets of one conversation: our server beside `websockets`' own broadcast.

    python -m benchmarks.fanout [--sockets N] [--rounds N]

Both servers run alone in a process, on the machine of the one client process; each gets the same frames of
about 250 bytes. *Burst*: 40 frames 1 ms apart, read by a raw client that costs 4 µs a frame. *Paced*: 20
frames 50 ms apart, read by `websockets` clients. The aim is 0.85 of the bare server's rate when paced and 0.6
in the burst.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

BURST = (40, 0.001)
PACED = (20, 0.050)
"""Frames, and seconds between two."""
AIMS = {"burst": 0.6, "paced": 0.85}


@dataclass(frozen=True, kw_only=True)
class Result:
    """One run: deliveries a second, the server's CPU microseconds a delivery, milliseconds until a frame was
    read.
    """

    rate: float
    cpu: float
    p50: float
    p99: float


# --- the servers, each in a process of its own
# --------------------------------------------------------------------------
def frame(seq: int, conversation: str) -> dict[str, Any]:
    """An envelope as a stream of text makes it, with the moment of its making."""
    return {
        "seq": seq,
        "event": "message_chunk",
        "data": {"conversation_id": conversation, "payload": {"delta": "word " * 16, "offset": seq, "t": time.time()}},
    }


async def commands(publish: Any) -> None:
    """Obey the benchmark: `count pause` on a line of standard input; answer with the CPU seconds it took."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        count, pause = line.split()
        before, begun = time.process_time(), time.perf_counter()
        for number in range(int(count)):
            await publish()
            await asyncio.sleep(max(0.0, begun + (number + 1) * float(pause) - time.perf_counter()))
        await asyncio.sleep(0.5)
        print(time.process_time() - before, flush=True)


async def bare() -> None:
    """`websockets`: serve and broadcast."""
    from websockets.asyncio.server import broadcast, serve

    seq = 0

    async def idle(socket: Any) -> None:
        await socket.send(json.dumps({"ready": True}))
        await socket.wait_closed()

    async with serve(idle, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        port = server.sockets[0].getsockname()[1]
        print(json.dumps({"url": f"ws://127.0.0.1:{port}/", "token": ""}), flush=True)

        async def publish() -> None:
            nonlocal seq
            seq += 1
            broadcast(server.connections, json.dumps({"events": [frame(seq, "bare")]}))

        await commands(publish)


def ours() -> None:
    """The project's server, hub and sockets; frames are published as the journal does after a commit."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "valuecell_site.settings"
    django.setup()
    from django.contrib.auth.models import User

    from conversations.hub import hub
    from conversations.models import Conversation
    from valuecell_site.asgi import application
    from valuecell_site.models import ApiToken
    from valuecell_site.serve import startup
    from valuecell_site.serve.server import Server

    startup.raise_open_file_limit()
    startup.migrate()
    user = User.objects.create_user("bench")
    conversation = Conversation.objects.create(user=user)
    _, token = ApiToken.issue(user_id=user.pk)
    port = free_port()
    seq = 0

    async def publish() -> None:
        nonlocal seq
        seq += 1
        hub.publish(conversation.pk, [frame(seq, str(conversation.pk))])  # type: ignore[list-item]

    async def start() -> None:
        print(
            json.dumps({"url": f"ws://127.0.0.1:{port}/ws/conversations/{conversation.pk}/", "token": token}),
            flush=True,
        )
        running.append(asyncio.create_task(commands(publish)))

    async def stop() -> None:
        return

    running: list[asyncio.Task[None]] = []
    Server(application, host="127.0.0.1", port=port, start=start, stop=stop).run()


def free_port() -> int:
    """A port that is free now."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- the clients
# ---------------------------------------------------------------------------------------------------------
class Raw(asyncio.Protocol):
    """A WebSocket client that counts text frames and does nothing else."""

    def __init__(self, url: str, token: str) -> None:
        host, _, path = url.removeprefix("ws://").partition("/")
        self._request = (
            f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            + (f"Authorization: Bearer {token}\r\n" if token else "")
            + "\r\n"
        ).encode()
        self._data = b""
        self._open = False
        self.frames = 0
        self.last = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Shake hands."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Count whole frames."""
        data = self._data + data if self._data else data
        if not self._open:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._data = head
                return
            assert b" 101 " in head, head
            self._open = True
        at, size = 0, len(data)
        while size - at >= 4:
            length, begin = data[at + 1], at + 2
            if length == 126:
                length, begin = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            if begin + length > size:
                break
            self.frames += data[at] == 0x81
            at = begin + length
        self._data = data[at:]
        self.last = time.perf_counter()


async def burst(url: str, token: str, sockets: int, server: "ServerProcess") -> Result:
    """Many frames at once, raw clients."""
    host, _, _ = url.removeprefix("ws://").partition("/")
    address, port = host.split(":")
    loop = asyncio.get_running_loop()
    clients: list[Raw] = []
    for start in range(0, sockets, 50):
        made = await asyncio.gather(
            *(
                loop.create_connection(lambda: Raw(url, token), address, int(port))
                for _ in range(min(50, sockets - start))
            )
        )
        clients += [client for _, client in made]
    await until(lambda: all(client.frames == 1 for client in clients))  # `ready`
    count, pause = BURST
    begun = time.perf_counter()
    server.tell(count, pause)
    await until(lambda: all(client.frames == 1 + count for client in clients))
    ends = sorted(client.last - begun for client in clients)
    cpu = await asyncio.to_thread(server.heard)
    for client in clients:
        assert client.transport is not None
        client.transport.abort()
    behind = [1000 * (end - (count - 1) * pause) for end in ends]
    deliveries = sockets * count
    return Result(
        rate=deliveries / ends[-1],
        cpu=1e6 * cpu / deliveries,
        p50=statistics.median(behind),
        p99=behind[int(len(behind) * 0.99)],
    )


async def paced(url: str, token: str, sockets: int, server: "ServerProcess") -> Result:
    """Frames at a steady pace, `websockets` clients."""
    from websockets.asyncio.client import connect

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    latencies: list[float] = []
    count, pause = PACED
    ends: list[float] = []

    async def read(socket: Any) -> None:
        for _ in range(count):
            text = await socket.recv()
            at = text.index('"t":')
            latencies.append(time.time() - float(text[at + 4 : text.index("}", at)]))
        ends.append(time.perf_counter())

    opened: list[Any] = []
    for start in range(0, sockets, 50):
        opened += await asyncio.gather(
            *(
                connect(url, additional_headers=headers, compression=None, ping_interval=None, open_timeout=30)
                for _ in range(min(50, sockets - start))
            )
        )
    for socket in opened:
        await socket.recv()  # `ready`
    readers = [asyncio.create_task(read(socket)) for socket in opened]
    begun = time.perf_counter()
    server.tell(count, pause)
    await asyncio.gather(*readers)
    cpu = await asyncio.to_thread(server.heard)
    for socket in opened:
        socket.transport.abort()
    deliveries = sockets * count
    latencies.sort()
    return Result(
        rate=deliveries / (max(ends) - begun),
        cpu=1e6 * cpu / deliveries,
        p50=1000 * statistics.median(latencies),
        p99=1000 * latencies[int(len(latencies) * 0.99)],
    )


async def until(done: Any, seconds: float = 60.0) -> None:
    """Wait for `done()`."""
    limit = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < limit, "not in time"
        await asyncio.sleep(0.01)


class ServerProcess:
    """One of the servers, told what to publish over a pipe."""

    def __init__(self, kind: str, data_dir: str) -> None:
        environment = {
            **os.environ,
            "DATA_DIR": data_dir,
            "MAX_SOCKETS_PER_USER": "0",
            "DATABASE_URL": "",
            "REDIS_URL": "",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.fanout", "--server", kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self._process.stdout is not None
        self.address: dict[str, str] = json.loads(self._process.stdout.readline())

    def tell(self, count: int, pause: float) -> None:
        """Publish `count` frames, `pause` seconds apart."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{count} {pause}\n")
        self._process.stdin.flush()

    def heard(self) -> float:
        """CPU seconds that it took."""
        assert self._process.stdout is not None
        return float(self._process.stdout.readline())

    def end(self) -> None:
        """Stop it."""
        self._process.kill()
        self._process.wait()


def measure(sockets: int, rounds: int) -> dict[str, dict[str, list[Result]]]:
    """By run and server, one result a round; the servers take turns."""
    results: dict[str, dict[str, list[Result]]] = {run: {"bare": [], "ours": []} for run in ("burst", "paced")}
    with tempfile.TemporaryDirectory() as directory:
        for _ in range(rounds):
            for name, run in (("burst", burst), ("paced", paced)):
                for kind in ("bare", "ours"):
                    server = ServerProcess(kind, tempfile.mkdtemp(dir=directory))
                    try:
                        address = server.address
                        result = asyncio.run(run(address["url"], address["token"], sockets, server))
                    finally:
                        server.end()
                    results[name][kind].append(result)
    return results


def table(results: dict[str, dict[str, list[Result]]], sockets: int) -> list[str]:
    """The medians as lines of text."""
    lines = [
        f"Fan-out to {sockets:,} sockets of one conversation (medians of {len(results['burst']['ours'])})",
        f"{'':8}{'server':8}{'deliveries/s':>14}{'CPU µs each':>13}{'p50 ms':>9}{'p99 ms':>9}{'ratio':>8}{'aim':>7}",
    ]
    for run, servers in results.items():
        for kind, found in servers.items():
            middle = {
                field: statistics.median(getattr(result, field) for result in found)
                for field in ("rate", "cpu", "p50", "p99")
            }
            ratio = ""
            if kind == "ours":
                base = statistics.median(result.rate for result in servers["bare"])
                ratio = f"{middle['rate'] / base:8.2f}{AIMS[run]:7.2f}"
            lines.append(
                f"{run:8}{kind:8}{middle['rate']:14,.0f}{middle['cpu']:13.1f}{middle['p50']:9.1f}{middle['p99']:9.1f}"
                + ratio
            )
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--server", choices=["bare", "ours"], help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.server == "bare":
        asyncio.run(bare())
    elif options.server == "ours":
        ours()
    else:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        print("\n".join(table(measure(options.sockets, options.rounds), options.sockets)))


if __name__ == "__main__":
    main()
