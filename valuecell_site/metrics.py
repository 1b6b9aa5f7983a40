"""`/metrics`, in Prometheus' text format: what this process counted, and what the database holds now."""

import contextlib
import ipaddress
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Count, Min, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from tasks.models import RunnerProcess, Task, TaskRun, Worker
from tasks.services import TaskService
from tasks.states import RunStatus
from valuecell_site.auth import user_of


class Backlog(Collector):
    """What waits and what goes on, everywhere: read by index at each scrape, so every process tells the same."""

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing, so that registering it does not read the database."""
        return []

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The gauges. Called in the thread of the scrape."""
        now = timezone.now()
        due = Task.objects.due(now).aggregate(number=Count("pk"), oldest=Min("next_run_at"))
        yield _gauge("valuecell_tasks_due", "Tasks whose slot has come and that nobody has claimed.", due["number"])
        yield _gauge("valuecell_tasks_due_age_seconds", "Age of the oldest of them.", _age(due["oldest"], now))
        ready = TaskRun.objects.ready(now).order_by().aggregate(number=Count("pk"), oldest=Min("ready_at"))
        yield _gauge("valuecell_runs_ready", "Runs that wait for a worker.", ready["number"])
        yield _gauge("valuecell_runs_ready_age_seconds", "Age of the oldest of them.", _age(ready["oldest"], now))
        running = GaugeMetricFamily("valuecell_runs_running", "Runs that go on, by agent.", labels=["agent"])
        going = TaskRun.objects.filter(status=RunStatus.RUNNING).order_by()
        for agent, number in going.values_list("agent_name").annotate(number=Count("pk")):
            running.add_metric([agent], number)
        yield running
        held = TaskService.held()
        yield _gauge("valuecell_runs_held", "1 while an operator pauses all runs.", float(held.everywhere))
        yield _gauge("valuecell_processes_drained", "Processes that an operator drains.", len(held.drained))
        runners = RunnerProcess.objects.alive(now).count()
        yield _gauge("valuecell_runners", "Runners that are alive.", runners)
        if settings.SCALED_OUT:
            yield from _engine(now)
        if (pool := _pool()) is not None:
            yield _gauge("valuecell_database_pool_size", "Connections in this process's pool.", pool["pool_size"])
            yield _gauge("valuecell_database_pool_waiting", "Who waits for one.", pool["requests_waiting"])


def _engine(now: datetime) -> Iterable[GaugeMetricFamily]:
    at_work = Worker.objects.at_work(now).aggregate(number=Count("pk"), room=Sum("concurrency"))
    yield _gauge("valuecell_workers", "Workers that are alive and take runs.", at_work["number"])
    yield _gauge("valuecell_workers_room", "Runs that they can carry out at once.", at_work["room"] or 0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'")
        yield _gauge("valuecell_engine_jobs", "Jobs that no worker has begun.", cursor.fetchone()[0])


def _pool() -> dict[str, int] | None:
    pool: Any = getattr(connection, "pool", None)
    if pool is None:
        return None
    stats = pool.get_stats()
    return {name: stats.get(name, 0) for name in ("pool_size", "requests_waiting")}


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value=value)


def _age(oldest: datetime | None, now: datetime) -> float:
    return 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())


REGISTRY.register(Backlog())


def metrics(request: HttpRequest) -> HttpResponse:
    """For whoever asks from this machine itself, and for staff: by token (`Authorization: Bearer`) or session."""
    if not _is_local(request):
        user = user_of(request)[0]
        if not isinstance(user, User) or not user.is_staff:
            return HttpResponse(
                "Send the token of a member of the staff: Authorization: Bearer TOKEN.\n",
                status=401 if user is None else 403,
                content_type="text/plain; charset=utf-8",
            )
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)


def _is_local(request: HttpRequest) -> bool:
    # Behind a proxy on this machine everybody seems to be local; it says for whom it asks.
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers or settings.TRUSTED_PROXIES:
        return False
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    return False
