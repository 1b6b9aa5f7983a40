"""Where agents call us back about a run, and who waits for that: A2A's push notifications, of 1.0 and 0.3.

A notification is a nudge and nothing more: it says that there is something to look up, and what is true the agent's
task tells. So one that comes twice, late or out of order changes nothing, and one that is lost costs a slower look.

The token of a run is derived from the site's key and the run's id: nothing secret is stored, and no run's token opens
another's callback.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from tasks.models import TaskRun

PATH = "push"
TOKEN_SALT = "tasks.agents.callbacks"  # noqa: S105  (what tokens are made for, no token)


@dataclass(kw_only=True)
class Callback:
    """One run's: what its agent is told, and the way to wait for it."""

    run_id: UUID
    pushes: int = 0
    """Notifications that were heard of already."""
    heard: bool = False
    """At least one came in: this agent reaches us."""
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _nudged: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """The address that the agent calls."""
        return f"{settings.PUBLIC_URL.rstrip('/')}/{PATH}/{self.run_id}/"

    @property
    def token(self) -> str:
        """What the agent proves itself with."""
        return token_of(self.run_id)

    async def wait(self, seconds: float) -> None:
        """Return at the next notification, or after `seconds`."""
        try:
            await asyncio.wait_for(self._nudged.wait(), seconds)
        except TimeoutError:
            return
        self._nudged.clear()

    def nudge(self) -> None:
        """A notification came in. Called from any thread."""
        self.heard = True
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._nudged.set)


_waiting: dict[UUID, Callback] = {}
"""The callbacks of this process, by run."""


@contextmanager
def expected(run_id: UUID, *, pushes: int) -> Iterator[Callback]:
    """The callback of a run while it goes on here. pushes: the count in its row."""
    callback = Callback(run_id=run_id, pushes=pushes)
    _waiting[run_id] = callback
    try:
        yield callback
    finally:
        if _waiting.get(run_id) is callback:
            del _waiting[run_id]


def token_of(run_id: UUID) -> str:
    """The token of a run's callback."""
    return salted_hmac(TOKEN_SALT, str(run_id), algorithm="sha256").hexdigest()


def proven(run_id: UUID, token: str) -> bool:
    """Whether `token` is that of the run; takes as long whatever is wrong with it."""
    return constant_time_compare(token.encode(), token_of(run_id).encode())


def came_in(run_id: UUID) -> None:
    """Nudge the run, if it goes on in this process."""
    if (callback := _waiting.get(run_id)) is not None:
        callback.nudge()


def look() -> None:
    """Nudge the runs of this process for which another process took notifications in. One query; none without any."""
    waiting = dict(_waiting)
    if not waiting:
        return
    for run_id, pushes in TaskRun.objects.filter(pk__in=waiting).values_list("pk", "pushes"):
        callback = waiting[run_id]
        if pushes != callback.pushes:
            callback.pushes = pushes
            callback.nudge()
