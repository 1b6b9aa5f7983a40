"""10,000 tasks due in one second on a served instance, while people ask it for pages and lists.

The agent answers at once inside the server's process (`burst_served`), so that the figures are the product's own; the
rest is real: `manage.py serve` with claims, leases, executions and the journal, and HTTP requests from here.
"""

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from benchmarks import people
from benchmarks.harness import Row, data_dir, milliseconds, percentile
from benchmarks.served import Served
from conversations.models import Conversation
from tasks.models import ExecutionPlan, Task, TaskRun
from tasks.schedules import Schedule

TASKS, QUICK_TASKS = 10_000, 1_000
CONVERSATIONS = 50
LEAD = timedelta(seconds=20)
"""Between the planning and the moment: what writing the rows takes, and a rest."""
PACE = 0.05
"""Seconds between two requests of each who asks."""
START_GOAL = 60.0
ANSWER_GOAL = 0.2
LIMIT = 300.0
PASSWORD = "burst-of-due-tasks"  # noqa: S105


def make_due(number: int, owner: User) -> list[Task]:
    """`number` once tasks of `owner`, a plan each, with priorities 0 to 9, all due at one moment."""
    due = timezone.now() + LEAD
    places = [Conversation(user=owner, title=f"Burst {place}") for place in range(CONVERSATIONS)]
    Conversation.objects.bulk_create(places)
    plans = ExecutionPlan.objects.bulk_create(
        [
            ExecutionPlan(conversation=where, user=owner, orig_query="burst")
            for where in itertools.islice(itertools.cycle(places), number)
        ],
        batch_size=1_000,
    )
    made = []
    for place, plan in enumerate(plans):
        task = Task(
            plan=plan,
            conversation=plan.conversation,
            user=owner,
            agent_name=people.AGENT,
            title=f"Burst {place}",
            query="Say hello.",
            priority=place % 10,
            anchor_at=due,
            next_slot_at=due,
            next_run_at=due,
        )
        task.schedule = Schedule(start_at=due)
        made.append(task)
    return Task.objects.bulk_create(made, batch_size=1_000)


@dataclass
class Asking:
    """Somebody who asks for the same thing again and again until told to stop."""

    what: str
    ask: Callable[[], httpx.Response]
    seconds: list[float] = field(default_factory=list)
    failed: int = 0

    def go_on(self, stop: threading.Event) -> None:
        """Ask, and note how long each answer took."""
        while not stop.wait(PACE):
            begun = time.perf_counter()
            try:
                good = self.ask().status_code == 200
            except httpx.HTTPError:
                good = False
            self.seconds.append(time.perf_counter() - begun)
            self.failed += not good


def signed_in(url: str) -> httpx.Client:
    """A browser's session of the admin user."""
    client = httpx.Client(base_url=url, timeout=30, follow_redirects=True)
    client.get("/accounts/login/")
    form = {"username": "admin", "password": PASSWORD, "csrfmiddlewaretoken": client.cookies["csrftoken"]}
    client.post("/accounts/login/", data=form, headers={"Referer": url}).raise_for_status()
    assert "sessionid" in client.cookies
    return client


def out_of_order(runs: Sequence[tuple[float, int]]) -> int:
    """Of (moment of the start, priority): those that started before one of a higher priority did."""
    wrong, highest_later = 0, -1
    for _, together in itertools.groupby(sorted(runs, reverse=True), key=lambda run: run[0]):
        priorities = [priority for _, priority in together]
        wrong += sum(priority < highest_later for priority in priorities)
        highest_later = max(highest_later, *priorities)
    return wrong


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def burst(site: Served, tasks: Sequence[Task], asking: Sequence[Asking]) -> tuple[float, float]:
    """Wait for the moment, and until all have started; returns seconds and the server's CPU seconds."""
    due = tasks[0].next_run_at
    assert due is not None
    time.sleep(max(0.0, (due - timezone.now()).total_seconds()))
    begun, used = time.monotonic(), cpu_of(site.pid)
    stop = threading.Event()
    threads = [threading.Thread(target=each.go_on, args=[stop]) for each in asking]
    for thread in threads:
        thread.start()
    try:
        while TaskRun.objects.filter(started_at__isnull=False).count() < len(tasks):
            assert time.monotonic() - begun < LIMIT, "not all have started"
            time.sleep(0.25)
        seconds = time.monotonic() - begun
        while TaskRun.objects.filter(status__in=["queued", "running"]).exists():
            assert time.monotonic() - begun < LIMIT, "not all have ended"
            time.sleep(0.25)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    return seconds, cpu_of(site.pid) - used


def measure(*, quick: bool) -> Iterator[Row]:
    """The rows of the table."""
    number = QUICK_TASKS if quick else TASKS
    os.environ["ADMIN_PASSWORD"] = PASSWORD
    card = {**people.card("http://127.0.0.1:9/"), "max_concurrency": 1_000}
    with Served(data_dir(), card, module="benchmarks.burst_served") as site, signed_in(site.url) as browser:
        tasks = make_due(number, User.objects.get(username="admin"))
        last = tasks[-1].pk
        asking = [
            Asking("the list in the API", lambda: site.client.get("/tasks")),
            Asking("one task in the API", lambda: site.client.get(f"/tasks/{last}")),
            Asking("the list as a page", lambda: browser.get("/tasks/")),
            Asking("one task as a page", lambda: browser.get(f"/tasks/{last}/")),
        ]
        seconds, used = burst(site, tasks, asking)
    runs = list(TaskRun.objects.values_list("started_at", "priority", "scheduled_for", "created_at", "status"))
    ends = {status for *_, status in runs}
    assert len(runs) == number
    assert ends == {"succeeded"}, ends
    claimed = max(created for _, _, _, created, _ in runs) - tasks[0].next_run_at  # type: ignore[operator]
    late = [(started - slot).total_seconds() for started, _, slot, _, _ in runs if started]
    print(f"claimed after {claimed.total_seconds():.1f} s; started p50 {percentile(late, 0.5):.1f} s")
    print(f"the server's CPU: {1000 * used / number:.2f} ms a run, the answers below included")
    yield Row(
        what=f"{number:,} tasks due in one second, {connection.vendor}: all started",
        ours=f"{seconds:.1f} s ({number / seconds:,.0f}/s, agent in the process)",
        goal=f"≤ {START_GOAL:g} s",
        met=seconds <= START_GOAL,
    )
    wrong = out_of_order([(started.timestamp(), priority) for started, priority, *_ in runs if started])
    yield Row(
        what=f"{number:,} tasks due in one second: started before one of a higher priority",
        ours=f"{wrong}",
        goal="none",
        met=wrong == 0,
    )
    for each in asking:
        tail = percentile(each.seconds, 0.99)
        yield Row(
            what=f"meanwhile: {each.what}, p99 of {len(each.seconds)}",
            ours=f"{milliseconds(tail)} (p50 {milliseconds(percentile(each.seconds, 0.5))}, {each.failed} failed)",
            goal=f"< {milliseconds(ANSWER_GOAL)}",
            met=tail < ANSWER_GOAL and not each.failed,
        )
