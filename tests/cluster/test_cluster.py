"""Many processes on PostgreSQL and Redis: the main job, and each process killed in front of a viewer."""

import asyncio
import json
import signal
import time
from collections import Counter
from typing import Any

import pytest
from websockets.exceptions import WebSocketException

from tests.cluster.conftest import Cluster, counted, until


def test_runs_are_shared_by_the_workers_and_each_happens_once(cluster: Cluster) -> None:
    conversation = cluster.conversation()
    before = len(cluster.agent.received)
    tasks = [cluster.ask(conversation, 5, 0.1) for _ in range(30)]
    assert {cluster.ended(task)["status"] for task in tasks} == {"completed"}
    assert cluster.said(conversation) == [counted(5)] * 30
    assert Counter(cluster.agent.received[before:]) == {"[5, 0.1]": 30}
    assert all(len(cluster.runs(task)) == 1 for task in tasks)


def test_a_task_starts_at_once_though_three_processes_lie_between(cluster: Cluster) -> None:
    conversation = cluster.conversation()
    begun = time.monotonic()
    task = cluster.ask(conversation, 1, 0)
    cluster.ended(task)
    # Without the call from process to process each of the two steps would wait for a look, up to a second each.
    assert time.monotonic() - begun < 10
    (run,) = cluster.runs(task)
    assert run["status"] == "succeeded"


def test_a_cancel_reaches_the_worker_and_the_agent(cluster: Cluster) -> None:
    conversation = cluster.conversation()
    task = cluster.ask(conversation, 1000, 0.05)
    until(lambda: cluster.said(conversation), 60)
    stopped = len(cluster.agent.stopped)
    assert cluster.call("POST", f"/tasks/{task}/cancel")["success"]
    until(lambda: len(cluster.agent.stopped) > stopped, 60)
    assert cluster.call("GET", f"/tasks/{task}")["status"] == "cancelled"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_that_end_lose_no_word(cluster: Cluster, number: int) -> None:
    conversation = cluster.conversation()
    before = len(cluster.agent.received)
    task = cluster.ask(conversation, 80, 0.1)
    until(lambda: "5 " in "".join(cluster.said(conversation)), 60)
    # Whichever has it: both are started anew, one after the other.
    cluster.signal("worker-1", number)
    cluster.signal("worker-2", number)
    assert cluster.ended(task)["status"] == "completed"
    assert "".join(cluster.said(conversation)) == counted(80)
    assert len(cluster.agent.received) == before + 1, "it was asked twice"


@pytest.mark.parametrize("name", ["runner", "web", "worker-1"])
def test_what_a_viewer_sees_is_whole_whichever_process_is_killed(cluster: Cluster, name: str) -> None:
    conversation = cluster.conversation()
    cluster.ask(conversation, 60, 0.1)

    async def watch() -> str:
        seen: dict[str, str] = {}
        seq = 0
        killing: asyncio.Future[Any] | None = None
        while True:
            try:
                async with cluster.viewer(conversation, seq) as viewer:
                    async for frame in viewer:
                        for envelope in json.loads(frame).get("events", ()):
                            seq = max(seq, envelope["seq"] or 0)
                            if envelope["event"] == "message_chunk":
                                _grow(seen, envelope["data"])
                        if killing is None and "3 " in "".join(seen.values()):
                            killing = asyncio.ensure_future(asyncio.to_thread(cluster.signal, name, signal.SIGKILL))
                        if "59 " in "".join(seen.values()):
                            assert killing is not None
                            await killing
                            return "".join(seen.values())
            except (OSError, WebSocketException):
                await asyncio.sleep(0.2)

    assert asyncio.run(asyncio.wait_for(watch(), 90)) == counted(60)
    until(lambda: cluster.said(conversation) == [counted(60)], 60)


def _grow(seen: dict[str, str], data: Any) -> None:
    payload = data["payload"]
    if "delta" in payload:
        assert len(seen[data["item_id"]]) == payload["offset"]
        seen[data["item_id"]] += payload["delta"]
    else:
        seen[data["item_id"]] = payload["content"]


def test_a_killed_worker_is_no_room_that_runs_wait_for(cluster: Cluster) -> None:
    conversation = cluster.conversation()
    cluster.signal("worker-2", signal.SIGKILL)
    tasks = [cluster.ask(conversation, 2, 0.1) for _ in range(60)]
    assert {cluster.ended(task)["status"] for task in tasks} == {"completed"}
    assert Counter(cluster.said(conversation)) == {counted(2): 60}


def test_a_drained_worker_ends_what_it_has_and_takes_nothing_until_it_may_again(cluster: Cluster) -> None:
    def switch(name: str) -> str:
        lines = (
            "from django.utils import timezone",
            "from tasks.models import TaskRun, Worker",
            "from tasks.services import TaskService",
            f"worker = Worker.objects.get(name__contains=':{cluster.pid('worker-1')}:').name",
            f"print(TaskService.{name}(worker, now=timezone.now()))",
            "print(TaskRun.objects.filter(worker=worker, status='running').count())",
        )
        return cluster.manage("shell", "--no-imports", "-c", "\n".join(lines))

    conversation = cluster.conversation()
    before = [cluster.ask(conversation, 40, 0.1) for _ in range(8)]
    until(lambda: len(cluster.said(conversation)) == 8, 60)
    assert switch("drain").split()[0] == "True"
    time.sleep(2.5)  # it looks once a second
    assert {cluster.ended(task)["status"] for task in before} == {"completed"}
    after = [cluster.ask(conversation, 20, 0.1) for _ in range(6)]
    until(lambda: len(cluster.said(conversation)) == 14, 60)
    assert switch("drain").split() == ["False", "0"], "it drains already, and the other one has them all"
    assert {cluster.ended(task)["status"] for task in after} == {"completed"}
    assert switch("undrain").split()[0] == "True"
    until(lambda: cluster.ended(cluster.ask(conversation, 1, 0))["status"] == "completed", 60)
