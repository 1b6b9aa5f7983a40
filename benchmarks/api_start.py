"""From `POST /tasks` to the moment at which the agent has the message, on a served instance, beside asking the agent
itself over HTTP.
"""

import time
from collections.abc import Iterator

import httpx

from benchmarks import people
from benchmarks.agent import AgentProcess
from benchmarks.harness import Row, data_dir, milliseconds, percentile
from benchmarks.served import Served

TASKS = 30
GOAL = 0.2


def ask_directly(client: httpx.Client, url: str, text: str) -> None:
    """Send the agent a message as an A2A 0.3 client does, and read its answer."""
    message = {"role": "user", "messageId": text, "parts": [{"kind": "text", "text": text}], "kind": "message"}
    body = {"jsonrpc": "2.0", "id": 1, "method": "message/stream", "params": {"message": message}}
    client.post(url, json=body).raise_for_status()


def measure(*, quick: bool) -> Iterator[Row]:
    """The rows of the table."""
    number = 10 if quick else TASKS
    ours, direct = [], []
    with (
        AgentProcess() as agent,
        httpx.Client() as plain,
        Served(data_dir() / "served", people.card(agent.url)) as site,
    ):
        conversation = site.client.post("/conversations", json={"title": "Benchmark"}).json()["id"]
        for turn in range(-2, number):  # The first two open connections.
            begun = time.time()
            ask_directly(plain, agent.url, f"direct {turn}")
            direct.append(agent.wait_for(f"direct {turn}") - begun)
            body = {"conversation_id": conversation, "agent_name": people.AGENT, "query": f"task {turn}"}
            begun = time.time()
            site.client.post("/tasks", json=body).raise_for_status()
            ours.append(agent.wait_for(f"task {turn}") - begun)
            time.sleep(0.1)
    ours, direct = ours[2:], direct[2:]
    for name, share in (("median", 0.5), ("p99", 0.99)):
        found, bare = percentile(ours, share), percentile(direct, share)
        yield Row(
            what=f"a task created through the API starts ({number}), {name}",
            ours=milliseconds(found),
            baseline=f"{milliseconds(bare)} asking the agent itself",
            ratio=f"+{milliseconds(found - bare)}",
            goal=f"< {milliseconds(GOAL)}",
            met=found < GOAL,
        )
