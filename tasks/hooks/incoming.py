"""Deliveries to hooks: who may send one, what becomes of it, and that one which comes twice starts one run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from conversations import faults
from tasks.errors import InvalidInput, NotFound, TaskError
from tasks.hooks import bodies, filters, signatures
from tasks.models import TAKEN, HookDelivery, Outcome, Task, TaskHook
from tasks.models.hook import derived_secret
from tasks.services import TaskService, history
from tasks.services.events import Arrival

REMEMBERED = timedelta(days=30)
"""How long a redelivery is recognised, and a delivery listed."""
MINUTE = timedelta(minutes=1)
KEYS = ("Idempotency-Key", "X-GitHub-Delivery", "webhook-id", "svix-id")
"""Headers in which senders name a delivery; the first that is there counts."""
KEY_MAX = 255
KEPT_BYTES = 64 * 1024
"""Bytes of a body up to which it is kept with its delivery."""
BATCH = 500


class NotProven(TaskError):
    """The request does not show that it knows the hook's secret. Nothing is written."""

    code = "not_signed"


class TooLarge(TaskError):
    """The body has more than `bodies.BODY_MAX` bytes."""

    code = "too_large"


class TooMany(TaskError):
    """More deliveries in a minute than the API takes of anybody; come back after `wait` seconds."""

    code = "too_many_requests"

    def __init__(self, message: str, *, wait: int) -> None:
        super().__init__(message)
        self.wait = wait


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What a delivery came to; `again`: it was known, and this is what it came to the first time."""

    delivery: HookDelivery
    again: bool = False


def receive(hook_id: UUID | None, *, headers: Mapping[str, str], body: bytes, now: datetime) -> Taken:
    """Take one delivery to the hook of this id (None: what was sent is no id) and say what became of it.

    1. Too large a body is not looked at.
    2. The secret must be proven (`signatures`); an unknown hook takes as long to refuse as a wrong signature.
    3. The body is read.
    4. Under the task's lock: a known delivery gets its first answer; then the API's rate, the hook's filter and its
       rate limit; then the task takes it (`services.events`). Whatever became of it is written in the same transaction.

    Raises `TooLarge`, `NotFound`, `NotProven`, `InvalidInput` (unreadable body), `TooMany`; none of them writes.
    """
    if len(body) > bodies.BODY_MAX:
        raise TooLarge(f"The body is too large: send at most {bodies.BODY_MAX:,} bytes.")
    # Of somebody whose account is not active there is none, as long as that is so.
    known_hooks = TaskHook.objects.filter(task__user__is_active=True)
    hook = known_hooks.filter(pk=hook_id).first() if hook_id is not None else None
    secret = hook.secret if hook is not None else derived_secret("hook", "nobody's")
    known = signatures.proven(secret, headers=headers, body=body, now=now)
    if hook is None:
        raise NotFound("There is no such hook here.")
    if not known:
        raise NotProven(
            "Prove that you know the hook's secret: Authorization: Bearer SECRET, X-Hub-Signature-256, or "
            "webhook-id, webhook-timestamp (within five minutes) and webhook-signature."
        )
    try:
        event = bodies.read(body, headers.get("Content-Type", ""))
    except bodies.Unreadable as error:
        raise InvalidInput({"body": [str(error)]}) from None
    kept = event if len(body) <= KEPT_BYTES else None
    return _take(hook, event, kept=kept, headers=headers, key=_key(headers), now=now, limit=settings.API_RATE)


def receive_sample(hook: TaskHook, event: Any, *, now: datetime) -> HookDelivery:
    """The same for an event that the hook's owner makes up, to try it: no signature, no key, and the rest as ever."""
    return _take(hook, event, kept=event, headers={}, key="", now=now).delivery


def forget_old(*, now: datetime) -> int:
    """Delete one batch of deliveries that are no more recognised; returns how many."""
    old = list(HookDelivery.objects.filter(received_at__lt=now - REMEMBERED).values_list("pk", flat=True)[:BATCH])
    if old:
        HookDelivery.objects.filter(pk__in=old).delete()
    return len(old)


def _take(
    hook: TaskHook, event: Any, *, kept: Any, headers: Mapping[str, str], key: str, now: datetime, limit: int = 0
) -> Taken:
    with transaction.atomic():
        # The lock that starts of this task take anyway also brings redeliveries that come together into an order.
        task = TaskService.locked(hook.task_id)
        if key and (first := HookDelivery.objects.filter(hook=hook, key=key).first()) is not None:
            if first.received_at > now - REMEMBERED:
                return Taken(delivery=first, again=True)
            HookDelivery.objects.filter(pk=first.pk).update(key="")
        _refuse_flood(hook, limit, now)
        arrival = _arrival(hook, task, event, headers, now)
        delivery = HookDelivery.objects.create(
            hook=hook,
            key=key,
            received_at=now,
            outcome=arrival.outcome,
            reason=arrival.reason,
            run=arrival.run,
            payload=kept,
        )
        faults.reached("hook.before_commit")
        history.announce([task])
    return Taken(delivery=delivery)


def _refuse_flood(hook: TaskHook, limit: int, now: datetime) -> None:
    if limit <= 0:
        return
    lately = HookDelivery.objects.filter(hook=hook, received_at__gt=now - MINUTE)
    if lately.count() >= limit:
        oldest = lately.order_by("received_at").values_list("received_at", flat=True)[0]
        wait = max(1, round((oldest + MINUTE - now).total_seconds()))
        raise TooMany(f"Too many deliveries: at most {limit:,} a minute.", wait=wait)


def _arrival(hook: TaskHook, task: Task, event: Any, headers: Mapping[str, str], now: datetime) -> Arrival:
    if why := filters.refusal(hook.filter, event, headers):
        return Arrival(outcome=Outcome.FILTERED, reason=why[:500])
    if hook.rate_limit is not None:
        taken = HookDelivery.objects.filter(hook=hook, received_at__gt=now - MINUTE, outcome__in=TAKEN).count()
        if taken >= hook.rate_limit:
            return Arrival(outcome=Outcome.LIMITED, reason=f"More than {hook.rate_limit:,} in a minute.")
    return TaskService.start_by_event(task, event, now=now)


def _key(headers: Mapping[str, str]) -> str:
    found = next((headers[name].strip() for name in KEYS if headers.get(name, "").strip()), "")
    # Longer than any real one: its digest stands for it.
    return found if len(found) <= KEY_MAX else sha256(found.encode("utf-8", "surrogateescape")).hexdigest()
