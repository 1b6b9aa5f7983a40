"""Sends what waits in the outbox: to webhooks, signed as Standard Webhooks, and by mail.

At least once: who sends a row takes it for a minute by moving its next attempt; if the process dies meanwhile, another
one tries again, and a receiver tells repeats by their `webhook-id`.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction

from conversations.events import made_storable
from tasks.agents.addresses import PrivateAddress, send_to_public
from tasks.hooks.signatures import sign
from tasks.models import Outgoing, SendStatus, Webhook

BATCH = 20
"""Rows that are sent at once."""
LEASE = timedelta(seconds=60)
"""How long a row is one sender's: three times what an attempt may take."""
TIMEOUT = 10.0
"""Seconds for which a receiver may take to answer; who has more to do should answer first."""
CONNECT_TIMEOUT = 5.0
ATTEMPT_TIMEOUT = 20.0
"""Seconds for an attempt as a whole, look-ups and slow drips included."""
EXCERPT_BYTES = 2_000
EXCERPT = 500
"""Characters that are kept of an answer."""
WAITS = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1_800, 7_200, 21_600, 43_200))
"""Waits after the first, second, … failed attempt: nine attempts over about 21 hours."""
PUT_OFF_MAX = timedelta(minutes=2)
"""How long the other rows of a webhook wait at most after one failed, so that a dead receiver holds up nobody else."""
REMEMBERED = timedelta(days=30)
"""How long the log is kept."""
GONE = 410
"""What a receiver answers to be left alone from now on."""
USER_AGENT = "ValueCell-Tasks"

InThread = Callable[..., Awaitable[Any]]
"""Calls a function that uses the database, in a thread."""


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """One row, as far as sending it needs to know."""

    id: UUID
    payload: dict[str, Any]
    attempt: int
    url: str = ""
    secret: str = ""
    address: str = ""
    """Whom to mail, where there is no webhook."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an attempt came to; `status` is None where there was no answer, or it was a mail."""

    delivered: bool
    status: int | None = None
    excerpt: str = ""


async def deliver_due(*, in_thread: InThread, now: Callable[[], datetime]) -> int:
    """Send one batch of what is due; returns how many it were (fewer than `BATCH`: nothing more is due).

    `in_thread` runs database code; `now` tells the time.
    """
    parcels: list[Parcel] = await in_thread(take, now=now())
    if not parcels:
        return 0
    sent = await attempt(parcels, now=now())
    await in_thread(settle, sent, now=now())
    return len(parcels)


async def attempt(parcels: Sequence[Parcel], *, now: datetime) -> list[tuple[Parcel, Answer]]:
    """Send all of them at once; returns each with what it came to. Uses no database, and raises nothing."""
    answers = await asyncio.gather(*(_attempt(parcel, now) for parcel in parcels))
    return list(zip(parcels, answers, strict=True))


def take(*, now: datetime) -> list[Parcel]:
    """Take up to `BATCH` rows that are due. Rows of webhooks that were switched off are given up."""
    if not Outgoing.objects.ripe(now).exists():
        return []
    with transaction.atomic():
        due = Outgoing.objects.ripe(now).select_for_update(skip_locked=True, of=("self",))
        parcels = []
        for row in due.select_related("webhook", "user")[:BATCH]:
            if row.webhook is not None and not row.webhook.enabled:
                _end(row, SendStatus.FAILED, now, "The webhook was switched off.")
                continue
            row.attempts += 1
            row.next_try_at = now + LEASE
            row.save(update_fields=["attempts", "next_try_at"])
            parcels.append(_parcel(row))
    return parcels


def settle(sent: Sequence[tuple[Parcel, Answer]], *, now: datetime) -> None:
    """Write what attempts came to, and when those that failed are tried again."""
    for parcel, answer in sent:
        with transaction.atomic():
            row = Outgoing.objects.select_for_update().filter(pk=parcel.id, status=SendStatus.PENDING).first()
            if row is None or row.attempts != parcel.attempt:
                continue  # deleted, or its lease ran out and another sender has it
            row.response_status = answer.status
            if answer.delivered:
                _end(row, SendStatus.DELIVERED, now, answer.excerpt)
            elif answer.status == GONE and row.webhook_id is not None:
                Webhook.objects.filter(pk=row.webhook_id).update(enabled=False)
                _end(row, SendStatus.FAILED, now, "The receiver wants no more (HTTP 410); the webhook is switched off.")
            elif row.attempts > len(WAITS):
                _end(row, SendStatus.FAILED, now, answer.excerpt)
            else:
                row.next_try_at = now + WAITS[row.attempts - 1]
                row.response_excerpt = answer.excerpt
                row.save(update_fields=["next_try_at", "response_status", "response_excerpt"])
                _put_off(row, now)


def forget_old(*, now: datetime) -> int:
    """Delete one batch of rows that were ended long ago; returns how many."""
    old = Outgoing.objects.filter(created_at__lt=now - REMEMBERED, next_try_at=None)
    ids = list(old.values_list("pk", flat=True)[:500])
    if ids:
        Outgoing.objects.filter(pk__in=ids).delete()
    return len(ids)


def _put_off(row: Outgoing, now: datetime) -> None:
    if row.webhook_id is not None:
        others = Outgoing.objects.filter(webhook=row.webhook_id, next_try_at__lte=now).exclude(pk=row.pk)
        others.update(next_try_at=now + min(WAITS[row.attempts - 1], PUT_OFF_MAX))


def _end(row: Outgoing, status: SendStatus, now: datetime, excerpt: str) -> None:
    row.status = status
    row.next_try_at = None
    row.finished_at = now
    row.response_excerpt = excerpt
    row.save(update_fields=["status", "next_try_at", "finished_at", "response_status", "response_excerpt"])


def _parcel(row: Outgoing) -> Parcel:
    if row.webhook is None:
        return Parcel(id=row.pk, payload=row.payload, attempt=row.attempts, address=row.user.email)
    return Parcel(id=row.pk, payload=row.payload, attempt=row.attempts, url=row.webhook.url, secret=row.webhook.secret)


async def _attempt(parcel: Parcel, now: datetime) -> Answer:
    try:
        async with asyncio.timeout(ATTEMPT_TIMEOUT):
            return await (_post(parcel, now) if parcel.url else asyncio.to_thread(_mail, parcel))
    except TimeoutError:
        return Answer(delivered=False, excerpt=f"No answer within {ATTEMPT_TIMEOUT:.0f} seconds.")
    except PrivateAddress as error:
        return Answer(
            delivered=False, excerpt=f"It lies on the private address {error}; the operator allows public ones only."
        )
    except Exception as error:  # whatever the network or a mail server makes of it belongs into the log, for its owner
        return Answer(delivered=False, excerpt=_short(f"{type(error).__name__}: {error}"))


async def _post(parcel: Parcel, now: datetime) -> Answer:
    body = json.dumps(parcel.payload, ensure_ascii=False).encode()
    timestamp = int(now.timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "webhook-id": str(parcel.id),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(parcel.secret, message_id=str(parcel.id), timestamp=timestamp, body=body),
    }
    timeout = httpx.Timeout(TIMEOUT, connect=CONNECT_TIMEOUT)
    # Redirects are not followed: a signature is for the address that its owner gave.
    async with (
        httpx.AsyncClient(transport=_Guarded(), timeout=timeout, follow_redirects=False, trust_env=False) as client,
        client.stream("POST", parcel.url, content=body, headers=headers) as response,
    ):
        excerpt = bytearray()
        async for chunk in response.aiter_raw():
            excerpt += chunk
            if len(excerpt) >= EXCERPT_BYTES:
                break
        text = bytes(excerpt[:EXCERPT_BYTES]).decode("utf-8", "replace")
        return Answer(delivered=response.is_success, status=response.status_code, excerpt=_short(text))


def _mail(parcel: Parcel) -> Answer:
    if not parcel.address:
        return Answer(delivered=True, excerpt="There is no address any more.")
    message = EmailMessage(
        subject=parcel.payload["subject"],
        body=parcel.payload["text"],
        to=[parcel.address],
        headers={"Auto-Submitted": "auto-generated", "Message-ID": f"<{parcel.id}@{_domain()}>"},
        connection=get_connection(timeout=TIMEOUT),
    )
    message.send()
    return Answer(delivered=True)


def _domain() -> str:
    return httpx.URL(settings.PUBLIC_URL).host or "localhost"


def _short(text: str) -> str:
    return str(made_storable(text.strip()))[:EXCERPT]


class _Guarded(httpx.AsyncBaseTransport):
    """Reaches public addresses only, unless the operator allows others (`ALLOW_PRIVATE_AGENTS`)."""

    def __init__(self) -> None:
        self._inner = httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if settings.ALLOW_PRIVATE_AGENTS:
            return await self._inner.handle_async_request(request)
        return await send_to_public(self._inner, request)

    async def aclose(self) -> None:
        await self._inner.aclose()
