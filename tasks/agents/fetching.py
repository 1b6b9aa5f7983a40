"""Fetching an agent's own card."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from tasks.agents.card_format import WELL_KNOWN, WELL_KNOWN_OLD
from tasks.agents.errors import AgentBroken, AgentRefused
from tasks.agents.transport import CALL_TIMEOUT, CONNECT_TIMEOUT, LIMIT, Redirected

MAX_CARD_BYTES = 1024 * 1024
"""Bytes of a card; the longest seen in the wild have some thirty kilobytes."""
MAX_ETAG = 500
REDIRECTS = 3
"""Enough for http to https and a slash; more is a loop."""


class Unchanged(Exception):
    """The card is the one that is known already (HTTP 304)."""


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A card as its agent shows it."""

    card: dict[str, Any]
    place: str
    """Where it was found."""
    etag: str
    """What its host calls this version of it; empty: nothing."""


async def fetch_card(
    http: httpx.AsyncClient, url: str, *, name: str = "", seconds: float = CALL_TIMEOUT
) -> dict[str, Any]:
    """The card alone, as `fetch`."""
    return (await fetch(http, url, name=name, seconds=seconds)).card


async def fetch(
    http: httpx.AsyncClient, url: str, *, name: str = "", seconds: float = CALL_TIMEOUT, etag: str = ""
) -> Fetched:
    """The card that an agent shows at its well-known address.

    http: a client with an AgentTransport. url: the agent's address, or the card's own (`….json`). name: where given, a
    card found at the host's root instead of below `url` counts only if it is this agent's. seconds: the longest that
    each answer may take. etag: of the version that is known (it was found at `url`). Raises AgentError; Unchanged
    where the version is still that one.
    """
    first: AgentRefused | None = None
    for place in _places(url):
        try:
            found = await _get(http, place, seconds, etag)
        except AgentRefused as error:
            first = first or error
            continue
        if place.startswith(url.rstrip("/")) or not name or found.card.get("name") == name:
            return found
    raise first or AgentRefused(f"{name or 'The agent'} shows no card at {url}.")


def _places(url: str) -> list[str]:
    if urlsplit(url).path.endswith(".json"):
        return [url]
    base = url.split("?", 1)[0].split("#", 1)[0].rstrip("/")
    return list(dict.fromkeys([base + WELL_KNOWN, urljoin(base + "/", WELL_KNOWN), base + WELL_KNOWN_OLD]))


async def _get(http: httpx.AsyncClient, url: str, seconds: float, etag: str) -> Fetched:
    for _ in range(REDIRECTS + 1):
        try:
            response = await http.get(
                url,
                timeout=httpx.Timeout(seconds, connect=min(seconds, CONNECT_TIMEOUT)),
                headers={"If-None-Match": etag} if etag else {},
                extensions={LIMIT: MAX_CARD_BYTES},
            )
        except Redirected as error:
            target = urljoin(url, error.location)
            if not _same_host(url, target):
                raise
            url = target
            continue
        if response.status_code == httpx.codes.NOT_MODIFIED:
            raise Unchanged
        try:
            card = response.json()
        except (ValueError, RecursionError) as error:
            raise AgentBroken(f"What is at {url} is not an agent's card: it is not JSON.") from error
        if not isinstance(card, dict):
            raise AgentBroken(f"What is at {url} is not an agent's card: it is not a JSON object.")
        return Fetched(card=card, place=url, etag=response.headers.get("etag", "")[:MAX_ETAG])
    raise AgentRefused(f"{url} sends us in a circle.")


def _same_host(url: str, target: str) -> bool:
    """Whether a redirect stays where it is: the same host and port, or the same host's https instead of its http."""
    before, after = urlsplit(url), urlsplit(target)
    if before.hostname != after.hostname:
        return False
    standard = {"http": 80, "https": 443}
    here = (before.scheme, before.port or standard.get(before.scheme))
    there = (after.scheme, after.port or standard.get(after.scheme))
    return here == there or (here, there) == (("http", 80), ("https", 443))
