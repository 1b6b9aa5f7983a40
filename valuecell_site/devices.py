"""Signed-in devices: which browsers hold a session of a person, since when, and signing them out."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from conversations import audit
from conversations.audit import Act
from valuecell_site.addresses import client_address
from valuecell_site.models import Device
from valuecell_site.sockets import ended

SEEN_EVERY = timedelta(minutes=10)
"""How exact "last seen" is: a write for every request would make readers wait for SQLite's one writer."""
NOTED = "device"
"""Where a session keeps under which key it was noted, and when."""
SHOWN = 50
_BROWSERS = (
    ("Edge", r"\bEdg(?:e|A|iOS)?/"),
    ("Opera", r"\bOPR/"),
    ("Firefox", r"\b(?:Firefox|FxiOS)/"),
    ("Chrome", r"(?:Chrome|CriOS)/"),
    ("Safari", r"\bSafari/"),
)
_SYSTEMS = (
    ("iPhone", r"\biPhone\b"),
    ("iPad", r"\biPad\b"),
    ("Android", r"\bAndroid\b"),
    ("Windows", r"\bWindows\b"),
    ("macOS", r"\bMac OS X\b|\bMacintosh\b"),
    ("ChromeOS", r"\bCrOS\b"),
    ("Linux", r"\bLinux\b"),
)


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A device as the settings page shows it."""

    id: UUID
    words: str
    address: str
    signed_in_at: datetime
    last_seen_at: datetime
    current: bool


def devices_of(user: User, current_key: str | None) -> list[SignedIn]:
    """The devices whose session still holds, the current one first, then the latest seen. Three queries."""
    rows = list(Device.objects.filter(user=user).order_by("-last_seen_at")[:SHOWN])
    over = {value for _kind, value in ended([("session", row.session_key) for row in rows])}
    found = [
        SignedIn(
            id=row.pk,
            words=words(row.user_agent),
            address=row.address,
            signed_in_at=row.signed_in_at,
            last_seen_at=row.last_seen_at,
            current=row.session_key == current_key,
        )
        for row in rows
        if row.session_key not in over
    ]
    return sorted(found, key=lambda device: not device.current)


def words(user_agent: str) -> str:
    """A browser's name and system, as far as it tells them: "Firefox on Linux"."""
    browser = next((name for name, sign in _BROWSERS if re.search(sign, user_agent)), "")
    system = next((name for name, sign in _SYSTEMS if re.search(sign, user_agent)), "")
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or user_agent[:60] or _("Unknown device")


@sync_and_async_middleware
def note_device(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Keep the list of devices: a session is noted at its first request, when its key changes, and now and then.

    After the view, and only where something has read the session anyway: pages that ask no database go on so.
    """
    if iscoroutinefunction(get_response):
        waiting = cast(Callable[[HttpRequest], Awaitable[HttpResponseBase]], get_response)

        async def later(request: HttpRequest) -> HttpResponseBase:
            response = await waiting(request)
            if _due(request, timezone.now()):
                await sync_to_async(_note)(request, timezone.now())
            return response

        return later

    def now(request: HttpRequest) -> HttpResponseBase:
        response = cast(HttpResponseBase, get_response(request))
        if _due(request, timezone.now()):
            _note(request, timezone.now())
        return response

    return now


def _due(request: HttpRequest, now: datetime) -> bool:
    session = request.session
    if not session.accessed or session.session_key is None or SESSION_KEY not in session:
        return False
    key, seen = session.get(NOTED, ("", ""))
    return key != session.session_key or datetime.fromisoformat(seen) <= now - SEEN_EVERY


def _note(request: HttpRequest, now: datetime) -> None:
    session, key = request.session, request.session.session_key
    user_id = int(session[SESSION_KEY])
    before = session.get(NOTED, ("", ""))[0]
    seen = {
        "user_id": user_id,
        "last_seen_at": now,
        "address": client_address(request),
        "user_agent": request.headers.get("User-Agent", "").replace("\0", "")[:300],
    }
    if before and before != key:
        # The same browser with a new key: a password was changed, or it signed in again.
        Device.objects.filter(session_key=before, user=user_id).update(session_key=key)
    _row, made = Device.objects.update_or_create(
        session_key=key, defaults=seen, create_defaults={**seen, "signed_in_at": now}
    )
    if made:
        held = Session.objects.filter(expire_date__gt=now).values("session_key")
        Device.objects.filter(user=user_id).exclude(session_key__in=held).exclude(session_key=key).delete()
    session[NOTED] = (key, now.isoformat())


@login_required
@require_POST
def sign_out_devices(request: HttpRequest) -> HttpResponse:
    """`POST /settings/devices/`: `device` is the id of one of the person's, or `others`: all but this one."""
    user = cast(User, request.user)
    wanted = request.POST.get("device", "")
    keys: list[str] = []
    if wanted == "others":
        keys = [key for key in _sessions_of(user) if key != request.session.session_key]
    elif (pk := _uuid(wanted)) is not None:
        keys = list(Device.objects.filter(pk=pk, user=user).values_list("session_key", flat=True))
    if keys:
        with transaction.atomic():
            _end(keys)
            audit.record(Act.DEVICES_SIGNED_OUT, now=timezone.now(), request=request, subject=user, count=len(keys))
    return redirect(f"{reverse('tasks:settings')}#devices")


def _sessions_of(user: User) -> list[str]:
    """Every session of a person, noted or not. Sessions say whose they are in their data alone, so all are read."""
    rows = Session.objects.filter(expire_date__gt=timezone.now()).iterator()
    return [row.session_key for row in rows if row.get_decoded().get(SESSION_KEY) == str(user.pk)]


def _end(gone: Sequence[str]) -> None:
    """End sessions: from now on they are nobody's. Their sockets close within seconds (`hub.check`)."""
    Session.objects.filter(session_key__in=gone).delete()
    Device.objects.filter(session_key__in=gone).delete()


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
