"""A simulated year: many tasks of all kinds through two years of clock changes and downtimes, beside an oracle.

`python -m tests.proof.year --tasks 1000 --seed 1` drives the real claim, leases and outcomes with a clock of its own
that goes from due moment to due moment, and prints every difference between the database and the oracle.
"""

import argparse
import heapq
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.proof.world import HOUR, Deed, Wish, World

BEGIN, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
SHOWN = 40
"""Differences that are printed."""
AT_ONCE = 10_000


@dataclass(kw_only=True)
class Report:
    """What was driven, and where product and oracle differ."""

    tasks: int = 0
    refused: int = 0
    runs: int = 0
    slots: int = 0
    rows: int = 0
    claims: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    by_task: Counter[int] = field(default_factory=Counter)


def _nothing(text: str) -> None:
    """Say nothing."""


class Driver:
    """Lives through a world with the real services, on the database that Django has."""

    def __init__(self, world: World, say: Callable[[str], None] = _nothing) -> None:
        from django.contrib.auth.models import User

        from conversations.models import Conversation
        from tasks.models import Agent

        self.world, self.say = world, say
        self.ids: dict[int, UUID] = {}
        self.wishes: dict[UUID, Wish] = {}
        self.refused: list[int] = []
        self.claims = 0
        self.now = world.start
        user = User.objects.create_user("proof")
        Agent.objects.create(name="Proof", slug="Proof", url="http://127.0.0.1:9/", max_concurrency=AT_ONCE)
        self._conversations: dict[str, Conversation] = defaultdict(
            lambda: Conversation.objects.create(user=user, created_at=world.start, updated_at=world.start)
        )
        self._order = 0
        self._events: list[tuple[datetime, int, int, Any]] = []
        for wish in world.wishes:
            self._at(wish.created_at, 0, wish)
            for deed in wish.deeds:
                self._at(deed.at, 1, (wish, deed))

    def _at(self, moment: datetime, rank: int, what: Any) -> None:
        self._order += 1
        heapq.heappush(self._events, (moment, rank, self._order, what))

    def live(self) -> None:
        """From the first creation to the end of the world, event by event."""
        from tasks.services import TaskService

        month = 0
        while (now := self._next()) is not None and now <= self.world.end:
            assert now >= self.now
            self.now = now
            if now.month != month:
                month = now.month
                self.say(f"{now:%Y-%m} · {self.claims} claims")
            ending = []
            while self._events and self._events[0][0] <= now:
                _, rank, _, what = heapq.heappop(self._events)
                if rank == 0:
                    self._create(what, now)
                elif rank == 1:
                    wish, deed = what
                    self._do(wish, deed, now)
                else:
                    ending.append(what)
            if ending:
                self._end(ending, now)
            if self.world.look(now) == now:
                TaskService.resume_due(now=now)
                while TaskService.claim_due(now=now):
                    self.claims += 1
            self._start(now)

    def _next(self) -> datetime | None:
        from django.db.models import Min

        from tasks.models import Task

        moments = [moment for moment, *_ in self._events[:1]]
        due = Task.objects.armed().aggregate(moment=Min("next_run_at"))["moment"]
        until = Task.objects.filter(paused_until__isnull=False).aggregate(moment=Min("paused_until"))["moment"]
        moments += [self.world.look(max(moment, self.now)) for moment in (due, until) if moment is not None]
        return min(moments, default=None)

    def _create(self, wish: Wish, now: datetime) -> None:
        from tasks.errors import InvalidInput
        from tasks.requests import submit_tasks
        from tasks.schemas.inputs import TaskIn

        asked = TaskIn(query=f"task {wish.number}", agent_name="Proof", schedule=wish.schedule, **wish.options)
        conversation = self._conversations[wish.zone]
        try:
            plan = submit_tasks(conversation, [asked], user=conversation.user, now=now)
        except InvalidInput:
            self.refused.append(wish.number)
            return
        task = plan.tasks.get()
        self.ids[wish.number] = task.pk
        self.wishes[task.pk] = wish

    def _do(self, wish: Wish, deed: Deed, now: datetime) -> None:
        from tasks.errors import AlreadyFinished, InvalidInput
        from tasks.schemas.inputs import TaskPatch
        from tasks.services import TaskService

        task_id = self.ids.get(wish.number)
        if task_id is None:
            return
        try:
            match deed.what:
                case "pause":
                    TaskService.pause(task_id, actor=None, now=now)
                case "pause_until":
                    TaskService.pause(task_id, actor=None, now=now, until=deed.value)
                case "resume":
                    TaskService.resume(task_id, actor=None, now=now)
                case "trigger":
                    TaskService.trigger(task_id, actor=None, now=now)
                case "edit":
                    TaskService.update(task_id, TaskPatch(schedule=deed.value), actor=None, now=now)
                case "cancel":
                    TaskService.cancel(task_id, actor=None, now=now)
        except (AlreadyFinished, InvalidInput):
            pass  # the oracle knows which: a difference shows in what follows

    def _start(self, now: datetime) -> None:
        from tasks.models import TaskRun
        from tasks.services import TaskService

        if not TaskRun.objects.ready(now).exists():
            return
        leases = TaskService.start(worker="proof", capacity=AT_ONCE, now=now)
        runs = TaskRun.objects.in_bulk([lease.run_id for lease in leases])
        for lease in leases:
            run = runs[lease.run_id]
            wish = self.wishes[run.task_id]
            ends = self.world.up(now + self.world.length(wish, run.scheduled_for))
            self._at(ends, 2, (lease, self.world.ends_well(wish, run.scheduled_for)))

    def _end(self, ending: list[Any], now: datetime) -> None:
        """End runs as the journal does: gate, outcome and items in one transaction."""
        from django.db import transaction

        from conversations.journal import write
        from tasks.services import TaskService

        with transaction.atomic():
            leases = {lease for lease, _ in ending}
            held = TaskService.gate(leases, leases)
            for lease, well in ending:
                if lease not in held:
                    continue  # cancelled meanwhile
                if well:
                    changes = TaskService.complete(lease, result="done", now=now)
                else:
                    changes = TaskService.fail(lease, error="it broke", retryable=False, now=now)
                write(changes)


def compare(driver: Driver) -> Report:
    """Every difference between what is in the database and what the oracle says."""
    from tasks.models import Task, TaskRun
    from tests.proof.oracle import live_all

    world = driver.world
    names = {number: str(pk) for number, pk in driver.ids.items()}
    wishes = [wish for wish in world.wishes if wish.number in names]
    lives = live_all(world, wishes, names, world.end)
    report = Report(tasks=len(wishes), refused=len(driver.refused), claims=driver.claims)
    runs: dict[UUID, list[TaskRun]] = defaultdict(list)
    for run in TaskRun.objects.order_by("scheduled_for", "id"):
        runs[run.task_id].append(run)
    tasks = Task.objects.in_bulk(list(driver.wishes))
    for wish in wishes:
        task, life = tasks[driver.ids[wish.number]], lives[wish.number]
        expected = sorted(
            [
                *((r.slot, r.slot, 1, r.trigger, r.status, r.started_at, r.finished_at) for r in life.runs),
                *((k.slot, k.last, k.slots, k.reason, k.status, None, k.finished_at) for k in life.rows()),
            ],
            key=str,
        )
        found = sorted(
            [
                (
                    run.scheduled_for,
                    run.last_slot or run.scheduled_for,
                    run.slots,
                    run.reason if run.status in ("skipped", "missed") else run.trigger,
                    run.status,
                    run.started_at,
                    run.finished_at,
                )
                for run in runs[task.pk]
            ],
            key=str,
        )
        for row in found:
            report.fates[row[4]] += row[2]
            report.rows += 1
            report.slots += row[2]
        wrong: list[tuple[str, tuple[Any, ...]]] = [
            ("only the oracle has", row) for row in expected if row not in set(found)
        ]
        wrong += [("only the product has", row) for row in found if row not in set(expected)]
        if len(found) != len(set(found)):
            wrong.append(("twice in the product", ()))
        now = (task.status, task.paused_at is not None, task.run_count)
        if now != (life.status, life.paused, life.count):
            wrong.append((f"status, paused, runs: {now}, not", (life.status, life.paused, life.count)))
        if life.next_slot is not None and task.next_slot_at != life.next_slot:
            wrong.append((f"plans {task.next_slot_at}, not", (life.next_slot,)))
        if wrong:
            report.by_task[wish.number] += len(wrong)
            report.differences.append(f"task {wish.number}: {wish}")
            report.differences += [
                f"  {who} {' · '.join(str(part) for part in row)}"
                for who, row in sorted(wrong, key=lambda w: str(w[1]))
            ]
    report.runs = report.slots - report.fates["skipped"] - report.fates["missed"]
    return report


def simulate(world: World, say: Callable[[str], None] = _nothing) -> Report:
    """Drive a world and compare; the database must be empty."""
    driver = Driver(world, say)
    driver.live()
    return compare(driver)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=(END - BEGIN).days)
    parser.add_argument("--slots", type=int, default=70, help="slots in the life of a task, about")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vct-year-") as folder:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "valuecell_site.settings")
        os.environ.update(DATA_DIR=folder, SECRET_KEY="only for a proof, never secret", TIME_ZONE="UTC")
        (Path(folder) / "agent_cards").mkdir()
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        call_command("migrate", verbosity=0)
        if connection.vendor == "sqlite":
            connection.cursor().execute("PRAGMA synchronous=OFF")
        world = World(
            seed=options.seed,
            tasks=options.tasks,
            start=BEGIN,
            end=BEGIN + timedelta(days=options.days),
            slots_wanted=options.slots,
        )
        begun = time.perf_counter()
        report = simulate(world, say=lambda text: print(text, file=sys.stderr, flush=True))
        connection.close()
    down = sum((end - begin for begin, end in world.downs), timedelta())
    print(
        f"{report.tasks} tasks ({report.refused} refused at creation), {options.days} days, seed {options.seed}, "
        f"{len(world.downs)} downtimes ({down / HOUR:,.0f} h): {report.slots:,} slots in {report.rows:,} rows, "
        f"{report.claims:,} claims, {time.perf_counter() - begun:,.0f} s"
    )
    print("  " + ", ".join(f"{number:,} {fate}" for fate, number in report.fates.most_common()))
    print(f"{sum(report.by_task.values())} differences in {len(report.by_task)} tasks")
    print("\n".join(report.differences[:SHOWN]))
    return 1 if report.differences else 0


if __name__ == "__main__":
    sys.exit(main())
