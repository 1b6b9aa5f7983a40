"""Who opens a socket: the origin it comes from, the token or session it brings, and whether that still
holds.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.http import is_same_domain

from conversations.hub import Credential
from tasks.scopes import Scope as TokenScope
from valuecell_site.auth import bearer_of, holder_of
from valuecell_site.models import ApiToken, token_digest

BATCH = 500
"""Credentials looked at in one statement."""

Scope = dict[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]


class OriginGate:
    """Answers a handshake from a foreign origin with 403; programs, which send none, pass.

    A browser attaches its cookie whichever page opens the socket, so this is what keeps other sites' pages
    out. The origin must be one of CSRF_TRUSTED_ORIGINS, or a host of ALLOWED_HOSTS on the port that was
    asked.
    """

    def __init__(self, inner: Application) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        if origin is None or allowed_origin(origin.decode("latin-1"), headers.get(b"host", b"").decode("latin-1")):
            await self._inner(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close"})


class SignedIn:
    """Puts `user_id` (None: nobody) and `credential` into the scope."""

    def __init__(self, inner: Application) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        credential = credential_of(dict(scope["headers"]))
        user = None
        if credential is not None:
            user = await database_sync_to_async(user_of, thread_sensitive=False)(credential)
        scope = {**scope, "user_id": user.pk if user else None, "credential": credential}
        await self._inner(scope, receive, send)


def allowed_origin(origin: str, host: str) -> bool:
    """Whether a page of `origin` may open a socket here, `host` being the Host header."""
    try:
        parts = urlsplit(origin)
        name, port = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not name:
        return False
    for trusted in settings.CSRF_TRUSTED_ORIGINS:
        other = urlsplit(trusted)
        if parts.scheme == other.scheme and is_same_domain(parts.netloc, other.netloc.lstrip("*")):
            return True
    host_name, host_port = split_domain_port(host)
    if not validate_host(host_name, settings.ALLOWED_HOSTS):
        return False
    shown = f"[{name}]" if ":" in name else name
    usual = {"http": 80, "https": 443}[parts.scheme]
    same_port = str(port or usual) == (host_port or str(usual))
    if "*" in settings.ALLOWED_HOSTS:
        return same_port and shown == host_name
    return same_port and validate_host(shown, settings.ALLOWED_HOSTS)


def credential_of(headers: dict[bytes, bytes]) -> Credential | None:
    """What a handshake brings: the bearer token decides alone where there is one, else the session's
    cookie.
    """
    token = bearer_of(headers.get(b"authorization", b"").decode("latin-1"))
    if token is not None:
        return ("bearer", token)
    try:
        cookies = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1"))
    except CookieError:
        return None
    key = cookies.get(settings.SESSION_COOKIE_NAME)
    return ("session", key.value) if key is not None and key.value else None


def user_of(credential: Credential) -> User | None:
    """Whose credential it is, if it holds now and they are active. Reads the database."""
    kind, value = credential
    if kind == "bearer":
        holder = holder_of(value)
        # Sockets only show. A token that may not read is nobody here: a close code has no words to say more.
        return holder[0] if holder and TokenScope.READ in holder[1] else None
    request = HttpRequest()
    request.session = SessionStore(value)
    user = get_user(request)
    return user if isinstance(user, User) and user.is_active else None


def ended(credentials: Collection[Credential]) -> set[Credential]:
    """Those that hold no more. Reads the database: a few statements for each BATCH of them."""
    rest = list(credentials)
    held: set[Credential] = set()
    for start in range(0, len(rest), BATCH):
        part = rest[start : start + BATCH]
        held |= _held_tokens([value for kind, value in part if kind == "bearer"])
        held |= _held_sessions([value for kind, value in part if kind == "session"])
    return set(rest) - held


def _held_tokens(tokens: Sequence[str]) -> set[Credential]:
    now = timezone.now()
    by_digest = {token_digest(token): token for token in tokens}
    found = ApiToken.objects.filter(digest__in=by_digest, user__is_active=True)
    return {("bearer", by_digest[row.digest]) for row in found if row.valid(now)}


def _held_sessions(keys: Sequence[str]) -> set[Credential]:
    sessions = {
        row.session_key: row.get_decoded()
        for row in Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    }
    owners = {str(data.get(SESSION_KEY)) for data in sessions.values() if SESSION_KEY in data}
    users = {str(user.pk): user for user in User.objects.filter(pk__in=owners, is_active=True)}
    held: set[Credential] = set()
    for key, data in sessions.items():
        user = users.get(str(data.get(SESSION_KEY)))
        # A changed password ends the other sessions.
        if user is not None and any(
            constant_time_compare(data.get(HASH_SESSION_KEY, ""), known)
            for known in (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
        ):
            held.add(("session", key))
    return held
