"""The operator's switches: nothing new starts anywhere (hold), or one process takes nothing new (drain).

One row says so to all processes; whoever claims or leases asks it each time, so a switch holds from the next claim on.
What runs goes on to its end. What is due meanwhile stays due: on release, each task's catch-up decides.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction

from tasks import wakeup
from tasks.models import RunnerProcess, Switches, Worker

FORGET_AFTER = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Held:
    """How the switches stand. Nothing is held where there is no row."""

    since: datetime | None = None
    by: str = ""
    reason: str = ""
    drained: frozenset[str] = frozenset()

    @property
    def everywhere(self) -> bool:
        """Whether nothing new starts at all."""
        return self.since is not None


def held() -> Held:
    """How the switches stand. One query, by primary key."""
    row = Switches.objects.filter(pk=Switches.ONE).values_list("held_at", "held_by__username", "held_reason", "drained")
    found = row.first()
    if found is None:
        return Held()
    since, by, reason, drained = found
    return Held(since=since, by=by or "", reason=reason, drained=frozenset(drained))


def stops(process: str) -> bool:
    """Whether `process` may start nothing new now. One query."""
    found = held()
    return found.everywhere or process in found.drained


def hold(*, actor: User | None, now: datetime, reason: str = "") -> bool:
    """From now on nothing new starts, in any process; returns whether that is new. What runs goes on."""
    with transaction.atomic():
        row = _locked()
        if row.held_at is not None:
            return False
        row.held_at, row.held_by, row.held_reason = now, actor, reason[:200]
        row.save(update_fields=["held_at", "held_by", "held_reason"])
    return True


def release() -> bool:
    """Runs start again: what came due meanwhile by its catch-up, what waited in the queue as ever. Returns whether
    they were held.
    """
    with transaction.atomic():
        row = _locked()
        if row.held_at is None:
            return False
        row.held_at, row.held_by, row.held_reason = None, None, ""
        row.save(update_fields=["held_at", "held_by", "held_reason"])
        wakeup.moved()
    return True


def drain(process: str, *, now: datetime) -> bool:
    """The runner or worker `process` takes nothing new from now on; False if it is not there, or drains already.

    It lasts as long as the process: the one that is started in its place takes runs again.
    """
    with transaction.atomic():
        row = _locked()
        there = _processes(now)
        if process not in there or process in row.drained:
            return False
        _write(row, {*row.drained, process} & there)
        # Others may take at once what it would have taken.
        wakeup.moved()
    return True


def undrain(process: str, *, now: datetime) -> bool:
    """The process takes runs again; returns whether it drained."""
    with transaction.atomic():
        row = _locked()
        if process not in row.drained:
            return False
        _write(row, ({*row.drained} - {process}) & _processes(now))
        wakeup.moved()
    return True


def runner_present(name: str, *, concurrency: int, now: datetime) -> None:
    """Say that the runner `name` is alive, and how many runs it carries out itself (0: it gives them to workers)."""
    RunnerProcess.objects.update_or_create(
        name=name,
        defaults={"concurrency": concurrency, "seen_at": now},
        create_defaults={"concurrency": concurrency, "seen_at": now, "started_at": now},
    )


def runner_gone(name: str, *, now: datetime) -> None:
    """The runner `name` has ended. Runners that were killed long ago are forgotten with it."""
    RunnerProcess.objects.filter(name=name).delete()
    RunnerProcess.objects.filter(seen_at__lt=now - FORGET_AFTER).delete()


def _locked() -> Switches:
    row, _ = Switches.objects.get_or_create(pk=Switches.ONE)
    return Switches.objects.select_for_update(of=("self",)).get(pk=row.pk)


def _processes(now: datetime) -> set[str]:
    """The names of those that may be told: what was killed long ago is none."""
    recently = now - FORGET_AFTER
    names = set(RunnerProcess.objects.filter(seen_at__gt=recently).values_list("name", flat=True))
    return names | set(Worker.objects.filter(seen_at__gt=recently).values_list("name", flat=True))


def _write(row: Switches, drained: Collection[str]) -> None:
    row.drained = sorted(drained)
    row.save(update_fields=["drained"])
