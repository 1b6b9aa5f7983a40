"""Who asks: a bearer token first, else the session's cookie. The same tokens open the API and the sockets."""

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from tasks.scopes import Scope, granted
from valuecell_site.models import ApiToken, token_digest

USE_NOTED_EVERY = timedelta(minutes=1)
"""How exact `last_used_at` is: a write for every request would make readers wait for SQLite's one writer."""


def bearer_of(header: str) -> str | None:
    """The token in an `Authorization` header's value; None where the header is of another kind, or empty."""
    scheme, _, token = header.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def holder_of(token: str, *, now: datetime | None = None) -> tuple[User, frozenset[Scope]] | None:
    """The person whose token this is, and what it may be used for; None for one that is unknown, expired, revoked, or
    of an inactive user.

    Reads the database (call it from a thread). `now` is aware and defaults to the clock.
    """
    now = now or timezone.now()
    found = ApiToken.objects.select_related("user").filter(digest=token_digest(token)).first()
    if found is None or not found.valid(now) or not found.user.is_active:
        return None
    if found.last_used_at is None or found.last_used_at <= now - USE_NOTED_EVERY:
        # By condition, so that of many requests in one moment one writes.
        ApiToken.objects.filter(Q(last_used_at=None) | Q(last_used_at__lte=now - USE_NOTED_EVERY), pk=found.pk).update(
            last_used_at=now
        )
    return found.user, granted(found.scopes)


def user_for_bearer(token: str, *, now: datetime | None = None) -> User | None:
    """The person whose token this is, whatever it may be used for (see `holder_of`)."""
    holder = holder_of(token, now=now)
    return holder[0] if holder else None


def user_of(request: HttpRequest) -> tuple[User | None, frozenset[Scope] | None]:
    """Who sends `request`, and the scopes of the token that says so; None: a session says so, or nobody does.

    A bearer token decides alone: a bad one beside a good cookie is nobody.
    """
    token = bearer_of(request.headers.get("Authorization", ""))
    if token is not None:
        return holder_of(token) or (None, None)
    user = request.user
    return (user if isinstance(user, User) and user.is_active else None), None
