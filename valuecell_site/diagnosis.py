"""What `manage.py doctor` looks at: each check is a function that says how things are and what would mend them."""

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Min
from django.utils import timezone
from redis import Redis

from tasks.agents.own_cards import examined_card
from tasks.agents.remote import AgentRef
from tasks.models import Agent, Task, TaskRun, Worker
from tasks.services import TaskService
from tasks.states import RunStatus

DISK_LEFT = 1024**3
"""Bytes below which the disk is said to be nearly full."""
SKEW = timedelta(seconds=2)
LATE = timedelta(minutes=1)
HEARTBEATS_OLD = timedelta(minutes=1)
AGENT_SECONDS = 5.0


class Level(StrEnum):
    """How bad it is."""

    WELL = "well"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line, and what to do about it."""

    what: str
    level: Level
    words: str
    mend: str = ""


def examine() -> Iterator[Finding]:
    """Every check in turn. One that breaks is a finding, and the next is looked at."""
    database_answers = False
    for check in CHECKS:
        if check in NEED_SCHEMA and not database_answers:
            continue
        try:
            for finding in check():
                database_answers = database_answers or (check is _schema and finding.level == Level.WELL)
                yield finding
        except Exception as error:
            name = check.__name__.strip("_").replace("_", " ")
            yield _wrong(name, f"cannot be looked at ({type(error).__name__}: {error})", "")


def _folder() -> Iterator[Finding]:
    path = settings.DATA_DIR
    if not os.access(path, os.W_OK):
        yield _wrong("data folder", f"{path} cannot be written", "Give it to the user that runs the processes.")
        return
    left = shutil.disk_usage(path).free
    words = f"{path}, {left / 1024**3:.1f} GiB free"
    if left < DISK_LEFT:
        yield _wrong("data folder", words, "Make room: SQLite and uploads need it. RETENTION_DAYS deletes old runs.")
    else:
        yield _well("data folder", words)


def _secrets() -> Iterator[Finding]:
    if settings.DEBUG:
        yield _wrong("DEBUG", "is on: error pages show settings to everybody", "Unset DEBUG.")
    key = settings.DATA_DIR / "secret_key"
    if not os.environ.get("SECRET_KEY") and key.exists() and key.stat().st_mode & 0o077:
        yield _wrong("secret key", f"{key} can be read by others", f"chmod 600 {key}")
    elif settings.SCALED_OUT and not os.environ.get("SECRET_KEY"):
        yield _note("secret key", "is this machine's own", "On several machines set one SECRET_KEY for all of them.")
    else:
        yield _well("secret key", "set" if os.environ.get("SECRET_KEY") else f"in {key}")


def _address() -> Iterator[Finding]:
    public = urlsplit(settings.PUBLIC_URL)
    if public.scheme == "http" and public.hostname not in ("127.0.0.1", "localhost", "::1"):
        yield _note(
            "public address",
            f"{settings.PUBLIC_URL} is not encrypted: passwords and tokens can be read on the way",
            "Put a proxy with TLS before it, and set PUBLIC_URL=https://… and TRUSTED_PROXIES.",
        )
    else:
        yield _well("public address", settings.PUBLIC_URL)


def _database() -> Iterator[Finding]:
    begun = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("SELECT CURRENT_TIMESTAMP")
        told = cursor.fetchone()[0]
    took = time.monotonic() - begun
    version = ".".join(str(part) for part in getattr(connection, "get_database_version", tuple)())
    yield _well("database", f"{connection.vendor} {version} answers in {1000 * took:.0f} ms")
    if isinstance(told, datetime):
        skew = abs(timezone.now() - told)
        if skew > SKEW:
            yield _wrong(
                "clock", f"differs by {skew.total_seconds():.1f} s from the database's", "Run an NTP client on both."
            )
        else:
            yield _well("clock", "agrees with the database's")


def _schema() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in missing[:5])
        yield _wrong(
            "schema", f"{len(missing)} migrations are missing ({names})", "manage.py migrate, or start `serve`."
        )
    else:
        yield _well("schema", "up to date")


def _redis() -> Iterator[Finding]:
    if not settings.REDIS_URL:
        if connection.vendor == "postgresql":
            yield _note("redis", "none: one process serves and runs everything", "Set REDIS_URL to spread the work.")
        return
    client: Any = Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
    try:
        client.ping()
        yield _well("redis", "answers")
    finally:
        client.close()
    if connection.vendor != "postgresql":
        yield _wrong(
            "redis", "is set, but the database is SQLite", "Set DATABASE_URL to PostgreSQL, or unset REDIS_URL."
        )


def _people() -> Iterator[Finding]:
    staff = User.objects.filter(is_active=True, is_superuser=True).count()
    if not staff:
        yield _wrong("people", "nobody may administer", "manage.py createsuperuser, or start `serve`.")
    else:
        yield _well("people", f"{User.objects.filter(is_active=True).count()} active, {staff} of them superusers")


def _due() -> Iterator[Finding]:
    now = timezone.now()
    held = TaskService.held()
    if held.since is not None:
        since = held.since.isoformat(timespec="minutes")
        by = f" by {held.by}" if held.by else ""
        yield _note("runner", f"all runs are paused since {since}{by}", "Admin → Operation → Resume all runs.")
    oldest = Task.objects.due(now).aggregate(at=Min("next_run_at"))["at"]
    if held.since is None and oldest is not None and now - oldest > LATE:
        waited = (now - oldest).total_seconds()
        yield _wrong(
            "runner", f"a task has been due for {waited:.0f} s and nobody claims it", "Start `serve` or `runner`."
        )
    elif held.since is None:
        yield _well("runner", "nothing that is due waits for one")
    stale = TaskRun.objects.filter(status=RunStatus.RUNNING, heartbeat_at__lt=now - HEARTBEATS_OLD).count()
    if stale:
        yield _wrong(
            "runs", f"{stale} belong to a process that is gone", "A runner takes them up within seconds: start one."
        )
    if settings.SCALED_OUT:
        workers = Worker.objects.at_work(now)
        if workers:
            room = sum(worker.concurrency for worker in workers)
            yield _well("workers", f"{len(workers)} at work, room for {room} runs at once")
        else:
            yield _wrong("workers", "none is at work: nothing that is due runs", "Start `manage.py worker`.")


def _agents() -> Iterator[Finding]:
    agents = list(Agent.objects.enabled().order_by("name"))
    if not agents:
        yield _note("agents", "none is enabled", "Put a card into AGENT_CARDS_DIR and run load_agent_cards.")
    for agent, wrong in zip(agents, asyncio.run(_ask(agents)), strict=True):
        variable = agent.credential_env
        if variable and not os.environ.get(variable):
            yield _wrong(
                agent.name, f"its credential is read from {variable}, which is not set here", f"Set {variable}."
            )
        elif wrong:
            yield _wrong(agent.name, wrong, f"Start it, or look closer: manage.py check_agent {agent.url}")
        else:
            yield _well(agent.name, f"shows its card at {agent.url}")


async def _ask(agents: list[Agent]) -> list[str]:
    async def one(agent: Agent) -> str:
        try:
            async with asyncio.timeout(AGENT_SECONDS):
                await examined_card(agent.url, credential_env=agent.credential_env, use=AgentRef.of(agent).use)
        except TimeoutError:
            return f"did not answer within {AGENT_SECONDS:.0f} s"
        except Exception as error:
            return str(error)
        return ""

    return await asyncio.gather(*(one(agent) for agent in agents))


def _well(what: str, words: str) -> Finding:
    return Finding(what=what, level=Level.WELL, words=words)


def _note(what: str, words: str, mend: str) -> Finding:
    return Finding(what=what, level=Level.NOTE, words=words, mend=mend)


def _wrong(what: str, words: str, mend: str) -> Finding:
    return Finding(what=what, level=Level.WRONG, words=words, mend=mend)


Check = Callable[[], Iterator[Finding]]
CHECKS: tuple[Check, ...] = (_folder, _secrets, _address, _database, _schema, _redis, _people, _due, _agents)
NEED_SCHEMA: tuple[Check, ...] = (_people, _due, _agents)
