"""Agents' own cards, looked at again now and then: what changed is taken where it is the agent's to say, and shown.

An agent that was added by its address is known by its own card only, so that card's news are taken; of a card file that
left things to the agent, those things. A complete card file is the operator's word: then the agent's news are only
shown. Where messages go is never moved to another host by a card: that is for a person to decide.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import Q

from tasks.agents.card_format import CardError, parse
from tasks.agents.connections import connect, http_client
from tasks.agents.errors import AgentError
from tasks.agents.fetching import Unchanged, fetch
from tasks.agents.own_cards import Examined, checked
from tasks.agents.remote import TOLD, AgentRef
from tasks.agents.signatures import Signature
from tasks.models import Agent

logger = logging.getLogger(__name__)

CHECK_EVERY = timedelta(hours=1)
AT_ONCE = 20
"""Cards that are looked at side by side: the next look goes on where this one ended."""
SECONDS = 10.0
"""For all that one agent is asked."""
CHANGES_KEPT = 10
CHANGES_SHOWN_FOR = timedelta(days=7)
HOW_TO_TALK = frozenset(
    {"url", "supportedInterfaces", "additionalInterfaces", "preferredTransport", "protocolVersion", "name"}
)
"""Keys of a card that are taken together or not at all."""


@dataclass(frozen=True, kw_only=True)
class Due:
    """An agent whose card is to be looked at."""

    ref: AgentRef
    place: str
    """Where its card was found last."""
    etag: str


def take_due(*, now: datetime) -> list[Due]:
    """The agents whose cards nobody has looked at for a while, each given to one caller (conditional update)."""
    late = Q(card_checked_at=None) | Q(card_checked_at__lte=now - CHECK_EVERY)
    found = []
    for agent in Agent.objects.enabled().filter(late, open_until=None).order_by("card_checked_at", "id")[:AT_ONCE]:
        mine = Agent.objects.filter(pk=agent.pk, card_checked_at=agent.card_checked_at)
        if mine.update(card_checked_at=now):
            known = agent.own_card
            # What an agent tells only those with a credential may change while its card does not.
            etag = "" if agent.credential_env else known.get("etag", "")
            found.append(Due(ref=AgentRef.of(agent), place=known.get("place") or agent.url, etag=etag))
    return found


async def refresh_due(*, in_thread: Callable[..., Awaitable[Any]], now: Callable[[], datetime]) -> None:
    """Look at the cards that are due. in_thread: calls a function of the ORM."""
    due = await in_thread(take_due, now=now())

    async def one(one: Due) -> None:
        try:
            found = await look(one)
        except Unchanged:
            return
        except (AgentError, CardError, TimeoutError) as error:
            # An agent that shows no card, or no good one, may work all the same: its runs tell.
            logger.info(
                "a card could not be looked at",
                extra={"event": "card.unseen", "agent": one.ref.name, "error": str(error)},
            )
            if isinstance(error, CardError):
                await in_thread(note_fault, one.ref.name, str(error))
            return
        await in_thread(take, one.ref.name, found, now=now())

    await asyncio.gather(*(one(each) for each in due))


async def look(due: Due) -> Examined:
    """The agent's card as it is now; the extended one, where it has one for those who have a credential.

    Raises Unchanged, AgentError, CardError and TimeoutError.
    """
    async with asyncio.timeout(SECONDS):
        async with http_client(due.ref) as http:
            found = await checked(await fetch(http, due.place, name=due.ref.name, etag=due.etag), http)
        if due.ref.credential_env and parse(found.card).capabilities.extended_agent_card:
            connection = await connect(due.ref)
            try:
                extended = await connection.extended_card()
            finally:
                await connection.aclose()
            more = {key: value for key, value in extended.items() if key in ("skills", "description")}
            return Examined(card={**found.card, **more}, place=found.place, etag=found.etag, signature=found.signature)
        return found


def take(name: str, found: Examined, *, now: datetime) -> list[str]:
    """Keep what the agent's card says now; returns what changed since it was looked at last, in words."""
    with transaction.atomic():
        agent = Agent.objects.select_for_update().filter(name=name).first()
        if agent is None:
            return []
        before, card = agent.own_card, found.card
        changes = list(_changes(before, card)) if before.get("seen") else []
        kept = [{"at": now.isoformat(), "text": text} for text in changes] + before.get("changes", [])
        agent.own_card = {**known(found), "changes": kept[:CHANGES_KEPT]}
        fields = ["own_card"]
        merged = _merged(agent, card)
        if merged != agent.card:
            if agent.description == agent.card.get("description"):  # else a person has written another one
                agent.description = str(merged.get("description") or "")
            agent.card = merged
            fields += ["card", "description", "updated_at"]
        agent.save(update_fields=fields)
    if changes:
        logger.info("a card changed", extra={"event": "card.changed", "agent": name, "changes": "; ".join(changes)})
    return changes


def known(found: Examined) -> dict[str, Any]:
    """What is kept of a card that was looked at, to tell what is another at the next look."""
    return {
        "seen": True,
        "place": found.place,
        "etag": found.etag,
        "signature": "" if found.signature is Signature.NONE else found.signature.value,
        "fault": "",
        "name": found.card["name"],
        "address": found.card["url"],
        "skills": _skills(found.card),
        "changes": [],
    }


def note_fault(name: str, fault: str) -> None:
    """The agent's card cannot be used as it is now; the one before stays."""
    with transaction.atomic():
        agent = Agent.objects.select_for_update().filter(name=name).first()
        if agent is not None and agent.own_card.get("fault") != fault:
            agent.own_card = {**agent.own_card, "fault": fault, "etag": ""}
            agent.save(update_fields=["own_card"])


def recent_changes(agent: Agent, *, now: datetime) -> list[tuple[datetime, str]]:
    """What changed in the agent's card in the last days, newest first."""
    found = [
        (datetime.fromisoformat(change["at"]), str(change["text"])) for change in agent.own_card.get("changes", [])
    ]
    return [(at, text) for at, text in found if at > now - CHANGES_SHOWN_FOR]


def _merged(agent: Agent, card: Mapping[str, Any]) -> dict[str, Any]:
    """The row's card with what is the agent's to say."""
    if TOLD not in agent.card:
        return dict(agent.card)
    before = set(agent.card[TOLD])
    told = (before | set(card)) - (set(agent.card) - before)
    if not _same_place(agent.url, str(card["url"])):
        told -= HOW_TO_TALK
    told -= {"name", "url"}
    kept = {key: value for key, value in agent.card.items() if key not in told}
    taken = {key: value for key, value in card.items() if key in told}
    return {**kept, **taken, TOLD: sorted((before & set(kept)) | set(taken))}


def _same_place(here: str, there: str) -> bool:
    return urlsplit(here)[:3] == urlsplit(there)[:3]


def _skills(card: Mapping[str, Any]) -> dict[str, str]:
    """The skills of a card: what tells them apart, and what they are, name first."""
    found = {}
    for skill in card.get("skills") or []:
        if isinstance(skill, dict):
            said = [skill.get("name"), skill.get("description"), skill.get("tags"), skill.get("examples")]
            found[str(skill.get("id") or skill.get("name"))] = json.dumps(said, sort_keys=True)
    return found


def _changes(before: Mapping[str, Any], card: Mapping[str, Any]) -> Iterator[str]:
    old, new = before.get("skills", {}), _skills(card)
    for key in sorted(new.keys() - old.keys()):
        yield f"new skill “{_name(new[key], key)}”"
    for key in sorted(old.keys() - new.keys()):
        yield f"skill “{_name(old[key], key)}” is gone"
    for key in sorted(key for key in old.keys() & new.keys() if old[key] != new[key]):
        yield f"skill “{_name(new[key], key)}” changed"
    if before.get("address") != card["url"]:
        yield f"it names another address for messages: {card['url']}"
    if before.get("name") != card["name"]:
        yield f"it calls itself {card['name']}"


def _name(said: str, key: str) -> str:
    name = json.loads(said)[0]
    return name if isinstance(name, str) and name else key
