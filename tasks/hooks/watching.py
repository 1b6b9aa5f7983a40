"""Making and changing a person's webhooks, and trying them."""

from collections.abc import Sequence
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from tasks.agents.addresses import is_public
from tasks.errors import InvalidInput, WrongMoment
from tasks.models import TEST_EVENT, Outgoing, Webhook, WebhookEvent

WEBHOOKS_MAX = 20
"""Webhooks of one person: each costs a row an event."""


def create(*, user: User, url: str, events: Sequence[str], now: datetime) -> Webhook:
    """Make a webhook of `user`; its `secret` is to be shown now, and never again.

    `events` are names of `WebhookEvent`; none at all means every event. Raises `InvalidInput`, and `WrongMoment` where
    there are as many as a person may have.
    """
    _check(url)
    with transaction.atomic():
        if Webhook.objects.filter(user=user).count() >= WEBHOOKS_MAX:
            raise WrongMoment(f"You have {WEBHOOKS_MAX} webhooks: remove one first.", code="too_many_webhooks")
        wanted = sorted(set(events)) or sorted(WebhookEvent)
        return Webhook.objects.create(user=user, url=url, events=wanted, created_at=now)


def send_test(webhook: Webhook, *, now: datetime) -> Outgoing:
    """Put a sample event into the outbox; what became of it is in the log, within seconds."""
    payload = {
        "type": TEST_EVENT,
        "timestamp": now.isoformat(),
        "data": {"message": "A test from ValueCell Tasks.", "webhook_id": str(webhook.pk)},
    }
    return Outgoing.objects.create(
        user_id=webhook.user_id, webhook=webhook, event=TEST_EVENT, payload=payload, next_try_at=now, created_at=now
    )


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or any(c.isspace() or not c.isprintable() for c in url):
        raise InvalidInput({"url": ["Write the receiver's address: http:// or https://, a host name, and its path."]})
    if parts.username or parts.password:
        raise InvalidInput({"url": ["Leave out user and password: what is sent is signed with the webhook's secret."]})
    if not settings.ALLOW_PRIVATE_AGENTS and _is_private(host):
        raise InvalidInput(
            {"url": [f"{host} is a loopback or private address, and the operator allows public ones only."]}
        )


def _is_private(host: str) -> bool:
    """What a name alone tells; the address that it leads to is looked at with each delivery."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        ip_address(host.split("%", 1)[0])
    except ValueError:
        return False
    return not is_public(host)
