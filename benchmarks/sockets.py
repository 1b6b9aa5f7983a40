"""The fan-out to sockets (`benchmarks.fanout`), as rows of the table."""

import resource
from collections.abc import Iterator

from benchmarks import fanout
from benchmarks.harness import RUNS, Row, median_of

SOCKETS, QUICK_SOCKETS = 1_000, 200


def measure(*, quick: bool) -> Iterator[Row]:
    """The rows of the table."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sockets = QUICK_SOCKETS if quick else SOCKETS
    for name, servers in fanout.measure(sockets, 1 if quick else RUNS).items():
        ours = median_of(result.rate for result in servers["ours"])
        bare = median_of(result.rate for result in servers["bare"])
        p99 = {kind: median_of(result.p99 for result in found) for kind, found in servers.items()}
        yield Row(
            what=f"sockets: deliveries to {sockets:,} of one conversation, {name}",
            ours=f"{ours:,.0f}/s, p99 {p99['ours']:.0f} ms",
            baseline=f"{bare:,.0f}/s, p99 {p99['bare']:.0f} ms bare websockets",
            ratio=f"{ours / bare:.2f}",
            goal=f"≥ {fanout.AIMS[name]}",
            met=ours / bare >= fanout.AIMS[name],
        )
