"""What has to be true before anything is served: limits, a free port, the schema, an admin who can sign
in.
"""

import fcntl
import os
import resource
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.contrib.auth.models import User
from django.core.management import call_command

ADMIN = "admin"
PASSWORD_FILE = "admin_password"  # noqa: S105
LOCK_FILE = "start.lock"
AGENTS_LOCK_FILE = "sample_agents.lock"


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """How the operator signs in; `password` is None where only they know it."""

    username: str
    password: str | None


def raise_open_file_limit() -> int:
    """Raise the soft limit of open files to the hard one; returns it. A socket is a file."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def port_is_free(host: str, port: int) -> bool:
    """Whether `host`:`port` can be listened on, so that a taken one is told before anything else happens."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


@contextmanager
def alone(data_dir: Path) -> Iterator[None]:
    """Hold the start lock of DATA_DIR: two processes that start together must not migrate together."""
    with (data_dir / LOCK_FILE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def hold_agents(data_dir: Path, address: str) -> IO[str]:
    """Hold DATA_DIR's sample agents for this process's lifetime: keep the file that is returned.

    Another `serve` that started its own there would put its addresses in the place of ours, and take them away when it
    ends. Raises `AgentsHeld`, naming who holds them. (Agents do not inherit it: Python's files close on exec.)
    """
    lock = (data_dir / AGENTS_LOCK_FILE).open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip()
        lock.close()
        raise AgentsHeld(holder or "another process") from None
    lock.truncate(0)
    lock.write(f"process {os.getpid()} at {address}")
    lock.flush()
    return lock


class AgentsHeld(Exception):
    """Another process serves this DATA_DIR with its sample agents; the message says which."""


def migrate() -> None:
    """Bring the schema up to date."""
    call_command("migrate", interactive=False, verbosity=0)


def ensure_admin(*, data_dir: Path, password: str) -> SignIn:
    """Make the user `admin` unless it is there.

    With a `password` (ADMIN_PASSWORD) it is theirs from now on. Without one, the first start generates it
    into DATA_DIR, readable by its owner only, and later starts read it there; where the person has changed it
    since, nothing is touched.
    """
    path = data_dir / PASSWORD_FILE
    admin = User.objects.filter(username=ADMIN).first()
    if password:
        # Set only where it differs: a new hash ends every session.
        if admin is None:
            User.objects.create_superuser(ADMIN, password=password)
        elif not admin.check_password(password):
            admin.set_password(password)
            admin.save(update_fields=["password"])
        return SignIn(username=ADMIN, password=password)
    kept = path.read_text().strip() if path.exists() else ""
    if admin is None:
        if not kept:
            kept = secrets.token_urlsafe(12)
            path.touch(mode=0o600)
            path.write_text(kept + "\n")
        User.objects.create_superuser(ADMIN, password=kept)
        return SignIn(username=ADMIN, password=kept)
    return SignIn(username=ADMIN, password=kept if kept and admin.check_password(kept) else None)
