"""Adding an agent by its address, in two steps: its card is fetched and shown, then taken as it was (sync, ORM)."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from a2a.types import AgentCard
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from tasks.agents import own_cards
from tasks.agents.card_format import CardError, parse
from tasks.agents.cards import free_slug, values_of
from tasks.agents.errors import AgentError
from tasks.agents.own_cards import Examined
from tasks.agents.refreshing import known
from tasks.agents.remote import ADDED_FROM, TOLD
from tasks.agents.security_schemes import asks_for
from tasks.agents.signatures import Signature
from tasks.errors import InvalidInput, WrongMoment
from tasks.models import Agent

SIGNED = {
    Signature.VALID: "Its card is signed, and the signature fits.",
    Signature.UNKNOWN: "Its card is signed, and the key of the signature cannot be had from its host.",
}
_MARKUP = re.compile(r"<\s*/?\s*[a-z!]|javascript:|\bon\w+\s*=", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a person sees of an agent before it is added."""

    name: str
    description: str
    address: str
    """Where messages would go."""
    protocol: str
    """As in `A2A 1.0, JSONRPC`."""
    version: str
    provider: str
    skills: list[dict[str, Any]]
    streaming: bool
    push_notifications: bool
    asks_for: list[str]
    """The credentials that it asks for, in words."""
    notes: list[str]
    """What is worth a thought before it is enabled."""
    taken: bool
    """There is an agent of this name."""
    digest: str
    """Of what was looked at; `fetch_and_add` takes it back, so that what is added is what was seen."""


def preview(url: str) -> Preview:
    """The agent that answers at `url` (its address, or its card's), within 10 s; nothing is stored.

    Raises InvalidInput as `fetch_and_add` does.
    """
    found = _examined(url)
    card, parsed = found.card, parse(found.card)
    interface = parsed.supported_interfaces[0]
    return Preview(
        name=parsed.name,
        description=parsed.description,
        address=interface.url,
        protocol=f"A2A {interface.protocol_version}, {interface.protocol_binding}",
        version=parsed.version,
        provider=parsed.provider.organization,
        skills=[skill for skill in card.get("skills") or [] if isinstance(skill, dict)],
        streaming=parsed.capabilities.streaming,
        push_notifications=parsed.capabilities.push_notifications,
        asks_for=asks_for(parsed),
        notes=list(_notes(found, parsed)),
        taken=Agent.objects.filter(name=card["name"]).exists(),
        digest=_digest(card),
    )


def fetch_and_add(
    url: str,
    *,
    digest: str = "",
    enabled: bool = True,
    now: datetime | None = None,
    noted: Callable[[Agent], None] = lambda _agent: None,
) -> Agent:
    """Add the agent that answers at `url` (its address, or its card's), by the card that it shows, within 10 s.

    digest: that of the preview which a person agreed to. enabled: whether it may be given work at once. now: when it
    was added; the clock's where absent. noted: called in the transaction that adds it.

    Raises InvalidInput (field `url`: not an address, nobody there, no card, a private address without
    ALLOW_PRIVATE_AGENTS, a version that we do not speak) and WrongMoment (`name_taken`; `card_changed`: the card is
    another than the one of the digest).
    """
    now = now or timezone.now()
    found = _examined(url)
    card = found.card
    if digest and digest != _digest(card):
        raise WrongMoment("Its card has changed since you looked at it. Look at it again.", code="card_changed")
    where = str(card["url"])
    # All of it is the agent's to say, also later (`refreshing`).
    card[TOLD] = sorted(card)
    if not settings.ALLOW_PRIVATE_AGENTS:
        card[ADDED_FROM] = where
    name = card["name"]
    try:
        with transaction.atomic():
            if Agent.objects.filter(name=name).exists():
                raise IntegrityError
            agent = Agent.objects.create(
                name=name,
                slug=free_slug(name),
                created_at=now,
                own_card=known(found),
                card_checked_at=now,
                **{**values_of({**card, "url": where}), "enabled": enabled},
            )
            noted(agent)
            return agent
    except IntegrityError as error:
        raise WrongMoment(f"There is an agent named {name} already.", code="name_taken") from error


def _examined(url: str) -> Examined:
    try:
        return own_cards.run(own_cards.examined(url, public_only=not settings.ALLOW_PRIVATE_AGENTS))
    except (AgentError, CardError) as error:
        text = error.message if isinstance(error, AgentError) else f"The agent cannot be used: {error}."
        raise InvalidInput({"url": [text]}) from error


def _notes(found: Examined, parsed: AgentCard) -> Iterator[str]:
    address = parsed.supported_interfaces[0].url
    if found.signature in SIGNED:
        yield SIGNED[found.signature]
    if urlsplit(address).scheme == "http":
        yield "Messages to it are not encrypted: its address begins with http://."
    if urlsplit(address).hostname != urlsplit(found.place).hostname:
        yield f"Its card lies at {found.place}, and sends messages to another host."
    if any(_MARKUP.search(text) for text in _texts(found.card)):
        yield "Its texts hold markup or script. It is shown as text, and never run."
    if not parsed.capabilities.streaming:
        yield "It does not stream: what it says is shown as it is asked for it, every few seconds."
    if not found.card.get("skills"):
        yield "It names no skills, so requests reach it only where it is chosen by name."


def _texts(value: Any, levels: int = 6) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif levels and isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner, levels - 1)


def _digest(card: dict[str, Any]) -> str:
    """Of what a person is shown: a card may hold more that changes with every answer."""
    shown = ("name", "description", "url", "supportedInterfaces", "protocolVersion", "skills", "securitySchemes")
    kept = json.dumps({key: card.get(key) for key in shown}, sort_keys=True)
    return hashlib.sha256(kept.encode()).hexdigest()[:32]
