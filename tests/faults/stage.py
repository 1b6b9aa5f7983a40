"""What a trial has: a conversation, an agent that notes what it gets, and processes that die where they are told to."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from conversations.models import Conversation
from sample_agents.server import serve_in_thread
from tasks.models import Agent, Task
from tasks.services import TaskService
from tests.helpers.agents import TestAgent
from tests.helpers.processes import ROOT, database_url
from tests.helpers.tasks import TaskMaker

PATIENCE = 60.0
"""Seconds after which something that should have happened has not, however busy the machine is."""
TICK = 0.01

Ready = Callable[[], bool]


class Stuck(AssertionError):
    """Something that should have happened did not."""


class Child:
    """A process of the nursery."""

    def __init__(self) -> None:
        self.pid = 0
        self.status: int | None = None
        self._said: queue.Queue[dict[str, int]] = queue.Queue()

    def hear(self, said: dict[str, int]) -> None:
        """Take what the nursery says of it. From another thread."""
        self._said.put(said)

    def begun(self) -> "Child":
        """Wait until it lives."""
        self.pid = self._said.get(timeout=PATIENCE)["pid"]
        return self

    def ended(self) -> bool:
        """Whether it is over, and reaped."""
        if self.status is None and not self._said.empty():
            self.status = self._said.get()["status"]
        return self.status is not None

    @property
    def died(self) -> bool:
        """Whether it was killed."""
        return self.ended() and self.status == -signal.SIGKILL

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless it is over."""
        if not self.ended():
            # It may be over a moment before the nursery says so.
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL; nothing of it runs any more when this returns."""
        self.send(signal.SIGKILL)
        until(self.ended, "a killed process does not end")


class Nursery:
    """The process that forks the others (`tests.faults.nursery`), while the context lasts."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": database_url(), "LOG_LEVEL": "CRITICAL"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._children: dict[int, Child] = {}
        self._ids = count(1)
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    def start(self, do: str, point: str = "", **args: Any) -> Child:
        """Begin a process that does this and dies at `point`."""
        assert self._process.stdin is not None
        child, number = Child(), next(self._ids)
        self._children[number] = child
        given = {"id": number, "do": do, "point": point, "args": args}
        self._process.stdin.write(json.dumps(given, default=str).encode() + b"\n")
        self._process.stdin.flush()
        return child.begun()

    def close(self) -> None:
        """Kill what is left, and the nursery."""
        for child in self._children.values():
            child.kill()
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE)
        self._listening.join(PATIENCE)
        self._process.stdout.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            self._children[said["id"]].hear(said)


class Stage:
    """One trial's own conversation and agent, beside those of all the others in one database."""

    _numbers = count(1)

    def __init__(self, nursery: Nursery, user: User, agent: TestAgent) -> None:
        self.nursery = nursery
        self.agent = agent
        self.agent_name = f"Agent {next(self._numbers)}"
        self.conversation = Conversation.objects.create(user=user)
        url, self._stop_agent = serve_in_thread(agent)
        Agent.objects.create(name=self.agent_name, slug=self.agent_name.replace(" ", "-"), url=url)
        self._make = TaskMaker(self.conversation)
        self._children: list[Child] = []
        self.begun = timezone.now()

    def task(self, query: str, **fields: Any) -> Task:
        """A task of this trial, due now."""
        return self._make(query=query, agent_name=self.agent_name, now=self.begun, **fields)

    def plan(self, *queries: str) -> list[Task]:
        """A plan of several, one after the other."""
        plan = self._make.plan([{"query": query, "agent_name": self.agent_name} for query in queries], now=self.begun)
        return list(plan.tasks.order_by("place"))

    @property
    def tasks(self) -> list[Task]:
        """All tasks of this trial, as they are now."""
        return list(Task.objects.filter(conversation=self.conversation).order_by("id"))

    def start(self, do: str, point: str = "", **args: Any) -> Child:
        """A process of this trial."""
        child = self.nursery.start(do, point, **args)
        self._children.append(child)
        return child

    def dies(self, point: str, done: Ready, *, signalled: Ready | None = None, **args: Any) -> bool:
        """Let a runner live until it dies at `point`, or `done` and it never came there; whether it died.

        signalled: when this holds, it is told to end (SIGTERM).
        """
        child = self.start("runner", point, **args)
        told = False

        def over() -> bool:
            nonlocal told
            if signalled is not None and not told and not child.ended() and signalled():
                child.send(signal.SIGTERM)
                told = True
            return child.ended() or (not told and done())

        until(over, f"the runner neither died at {point} nor had done all there was")
        died = child.died
        child.kill()
        return died

    def acts(self, do: str, point: str = "", **args: Any) -> bool:
        """Let a person's act happen in a process that dies at `point`; whether it died."""
        child = self.start(do, point, **args)
        until(child.ended, f"{do} does not end")
        if child.status not in (0, -signal.SIGKILL):
            raise Stuck(f"{do} failed with status {child.status}")
        return child.died

    def heals(self, done: Ready) -> None:
        """Let a healthy runner live until `done`."""
        with self.alive():
            until(done, "the next runner did not bring it to an end")

    @contextmanager
    def alive(self, **args: Any) -> Iterator[Child]:
        """A healthy runner while the context lasts, killed at its end."""
        child = self.start("runner", **args)
        try:
            yield child
            if child.ended():
                raise Stuck(f"a healthy runner ended with status {child.status}")
        finally:
            child.kill()

    def close(self) -> None:
        """Leave nothing that lives or comes due later."""
        for child in self._children:
            child.kill()
        for task in Task.objects.unfinished().filter(conversation=self.conversation):
            TaskService.cancel(task.pk, actor=None, now=timezone.now())
        self._stop_agent()


def until(condition: Ready, what: str) -> None:
    """Wait until `condition` holds. Raises Stuck."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise Stuck(what)
        time.sleep(TICK)
