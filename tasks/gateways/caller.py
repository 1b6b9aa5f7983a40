"""Who calls a gateway: a person by their token, and what that token may be used for."""

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth.models import User

from conversations.hub import Credential, hub
from conversations.wire import Forbidden, Refused
from tasks.scopes import Scope, missing

T = TypeVar("T")

CALLER = "valuecell.caller"
"""Where the gate (`valuecell_site.gateways`) puts the caller into an ASGI scope."""


class ScopeMissing(Forbidden):
    """The token may not be used for this; the message says which scope it needs."""

    code = "scope_missing"


class TooManyFollowed(Refused):
    """The person's limit of open sockets and streams is reached."""

    status = 429
    code = "too_many_sockets"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A person, by one of their tokens."""

    user: User
    scopes: frozenset[Scope]
    credential: Credential = field(repr=False)
    """The token, so that what it holds open ends with it."""

    def need(self, scope: Scope) -> None:
        """Raises ScopeMissing unless the token may be used for `scope`."""
        if scope not in self.scopes:
            raise ScopeMissing(missing(scope, self.scopes))

    def need_room(self) -> None:
        """Raises TooManyFollowed where the person has as many sockets and streams open as they may."""
        limit = settings.MAX_SOCKETS_PER_USER
        if limit and hub.sockets.count(self.user.pk) >= limit:
            raise TooManyFollowed(f"You have {limit} streams open: let one end first.")


def caller_of(scope: MutableMapping[str, Any]) -> Caller:
    """The caller of an ASGI request that the gate let through."""
    caller: Caller = scope[CALLER]
    return caller


async def in_thread(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call synchronous database code from a gateway's coroutine."""
    result: T = await database_sync_to_async(function, thread_sensitive=False)(*args, **kwargs)
    return result
