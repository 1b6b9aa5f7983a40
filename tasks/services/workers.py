"""The workers of the job engine: who is there, how much room they have, and how a run passes into one's hands."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Sum

from tasks.models import TaskRun, Worker
from tasks.services.leases import Lease, lease_ready
from tasks.states import RunStatus

ENGINE = "engine"
"""Who holds a run between its lease and the worker that takes it."""
FORGET_AFTER = timedelta(days=1)


def hand_over(defer: Callable[[Sequence[Lease]], None], *, by: str = "", now: datetime) -> int:
    """Lease as many ready runs as the workers have room for, and `defer` them in the same transaction.

    So the engine holds no queue of its own to speak of: whose turn it is stays decided by `leases`, whatever the number
    of workers. `defer` writes the engine's jobs through Django's connection; `by` is the runner. Returns how many
    runs it were.
    """
    if not TaskRun.objects.ready(now).exists():
        return 0
    with transaction.atomic():
        room = _room(now)
        leases = lease_ready(worker=ENGINE, capacity=room, now=now, by=by) if room > 0 else []
        if leases:
            defer(leases)
    return len(leases)


def take_over(lease: Lease, *, worker: str, now: datetime) -> bool:
    """Make a deferred run `worker`'s own; False if it was cancelled, or given to somebody else, meanwhile."""
    held = TaskRun.objects.filter(pk=lease.run_id, token=lease.token, status=RunStatus.RUNNING, worker=ENGINE)
    return bool(held.update(worker=worker, heartbeat_at=now))


def present(name: str, *, concurrency: int, leaving: bool = False, now: datetime) -> None:
    """Say that the worker `name` is alive, and whether it takes runs."""
    Worker.objects.update_or_create(
        name=name,
        defaults={"concurrency": concurrency, "leaving": leaving, "seen_at": now},
        create_defaults={"concurrency": concurrency, "leaving": leaving, "seen_at": now, "started_at": now},
    )


def gone(name: str, *, now: datetime) -> None:
    """The worker `name` has ended. Workers that were killed long ago are forgotten with it."""
    Worker.objects.filter(name=name).delete()
    Worker.objects.filter(seen_at__lt=now - FORGET_AFTER).delete()


def _room(now: datetime) -> int:
    everywhere: int = Worker.objects.at_work(now).aggregate(sum=Sum("concurrency"))["sum"] or 0
    return everywhere - TaskRun.objects.filter(status=RunStatus.RUNNING).count()
