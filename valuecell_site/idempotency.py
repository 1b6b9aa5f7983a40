"""A POST that carries an `Idempotency-Key` is carried out once: sent again, it gets the same answer.

Only what succeeded is kept. A refused POST changed nothing, so the same key may be sent again with what was mended.
"""

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from conversations.ids import new_id
from conversations.wire import Refused
from valuecell_site.models import IdempotencyKey

KEPT = timedelta(hours=24)
ABANDONED = timedelta(seconds=60)
"""After this, whoever began it is taken for dead: six times what any answer may take."""
PATIENCE = 7.5
"""Seconds for which a second request waits for the first one's answer, so that both come within ten; more than the six
that a planner takes at most which consults a model."""
POLL = 0.05
SWEEP_EVERY = timedelta(hours=1)
KEY_MAX = 255

SecretOf = Callable[[str], str | None]
"""The secret of what an answer's `id` names; None where it was deleted since."""


class KeyRefused(Refused):
    """The key cannot be used so, or not now."""

    def __init__(self, message: str, *, code: str, status: int = 409) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def once(
    request: HttpRequest,
    user: User,
    key: str,
    view: Callable[[], HttpResponseBase],
    *,
    in_transaction: bool,
    before: Callable[[], None] | None = None,
    secret_of: SecretOf | None = None,
) -> HttpResponseBase:
    """Answer `request` by `view`, or as it was answered before under the same key. Raises KeyRefused.

    1. Claim: insert the key's row and commit it, so that others see that somebody is at it.
    2. Run `view`; with `in_transaction` in one transaction with 3, so that a crash leaves both or neither. A view
       that talks to other machines must not hold the database meanwhile: it runs outside, and a crash between 2 and
       3 may let a repeat run it again. `before` is the part of such talk that can go ahead of a transaction.
    3. Store a success, by condition on the lease; forget the row for anything else.

    The `secret` in an answer is never stored: a repeat gets it from `secret_of`, while what was made is there.
    """
    if not key.isascii() or not key.isprintable() or not 0 < len(key) <= KEY_MAX:
        raise KeyRefused(
            f"Idempotency-Key: send 1 to {KEY_MAX} printable ASCII characters.", code="invalid", status=422
        )
    digest = sha256(request.body).hexdigest()
    _sweep.now_and_then(timezone.now())
    row = _claim(user, request, key, digest)
    if row.status is not None:
        return _again(row, secret_of)
    lease = row.lease
    try:
        if before is not None:
            before()
        if in_transaction:
            with transaction.atomic():
                response = view()
                if response.status_code >= 400:
                    transaction.set_rollback(True)
                elif not _store(row.pk, lease, response, secret_of):
                    raise _in_progress()
        else:
            response = view()
            _store(row.pk, lease, response, secret_of)
    except BaseException:
        _forget(row.pk, lease)
        raise
    if response.status_code >= 400:
        _forget(row.pk, lease)
    return response


def _claim(user: User, request: HttpRequest, key: str, digest: str) -> IdempotencyKey:
    """The row to carry out (no status), or one that has an answer. Raises KeyRefused."""
    deadline = time.monotonic() + PATIENCE
    same = {"user": user, "method": request.method or "", "path": request.path[:500], "key": key}
    while True:
        now = timezone.now()
        try:
            with transaction.atomic():
                return IdempotencyKey.objects.create(**same, body_digest=digest, created_at=now)
        except IntegrityError:
            found = IdempotencyKey.objects.filter(**same).first()
        if found is None:
            continue  # forgotten in between: the next insert decides
        if found.created_at <= now - KEPT:
            IdempotencyKey.objects.filter(pk=found.pk, created_at=found.created_at).delete()
            continue
        if found.body_digest != digest:
            raise KeyRefused(
                "This Idempotency-Key was sent with another body: use a new key for a new request.",
                code="idempotency_key_reused",
            )
        if found.status is not None:
            return found
        if found.created_at <= now - ABANDONED and (taken := _take_over(found, now)):
            return taken
        if time.monotonic() >= deadline:
            raise _in_progress()
        time.sleep(POLL)


def _in_progress() -> KeyRefused:
    return KeyRefused("The first request with this Idempotency-Key is still being answered.", code="in_progress")


def _take_over(found: IdempotencyKey, now: datetime) -> IdempotencyKey | None:
    """Carry out what a dead process began; None where somebody else took it first."""
    lease = new_id()
    taken = IdempotencyKey.objects.filter(pk=found.pk, lease=found.lease, status=None).update(
        lease=lease, created_at=now
    )
    found.lease = lease
    return found if taken else None


def _store(pk: UUID, lease: UUID, response: HttpResponseBase, secret_of: SecretOf | None) -> bool:
    """Keep a success; False where the lease was lost, and another one's answer counts."""
    if response.status_code >= 400:
        return False
    content = response.content.decode() if isinstance(response, HttpResponse) else ""
    if secret_of is not None and content:
        told = json.loads(content)
        told.pop("secret", None)
        content = json.dumps(told, ensure_ascii=False)
    stored = IdempotencyKey.objects.filter(pk=pk, lease=lease, status=None).update(
        status=response.status_code, answer=content
    )
    return bool(stored)


def _forget(pk: UUID, lease: UUID) -> None:
    IdempotencyKey.objects.filter(pk=pk, lease=lease, status=None).delete()


def _again(row: IdempotencyKey, secret_of: SecretOf | None) -> HttpResponse:
    content = row.answer
    if secret_of is not None and content:
        told = json.loads(content)
        if (secret := secret_of(told["id"])) is not None:
            content = json.dumps({**told, "secret": secret}, ensure_ascii=False)
    response = HttpResponse(content, status=row.status, content_type="application/json")
    response["Idempotent-Replayed"] = json.dumps(True)
    return response


def forget_old(now: datetime) -> int:
    """Delete the keys whose time is over; returns their number."""
    return IdempotencyKey.objects.filter(created_at__lte=now - KEPT).delete()[0]


class _Sweep:
    """Forgets old keys from time to time, where new ones come in: who sends none has none to forget."""

    def __init__(self) -> None:
        self._next: datetime | None = None

    def now_and_then(self, now: datetime) -> None:
        """Forget old keys unless this process did within the last hour."""
        if self._next is None or now >= self._next:
            self._next = now + SWEEP_EVERY
            forget_old(now)


_sweep = _Sweep()
