"""Fetching an agent's own card."""

from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from tasks.agents.card_format import WELL_KNOWN, WELL_KNOWN_OLD
from tasks.agents.errors import AgentBroken, AgentRefused
from tasks.agents.transport import CALL_TIMEOUT, CONNECT_TIMEOUT, LIMIT, Redirected

MAX_CARD_BYTES = 1024 * 1024
"""Bytes of a card; the longest seen in the wild have some thirty kilobytes."""
REDIRECTS = 3
"""Enough for http to https and a slash; more is a loop."""


async def fetch_card(
    http: httpx.AsyncClient, url: str, *, name: str = "", seconds: float = CALL_TIMEOUT
) -> dict[str, Any]:
    """The card that an agent shows at its well-known address, as JSON.

    http: a client with an AgentTransport. url: the agent's address, or the card's own (`….json`). name: where given, a
    card found at the host's root instead of below `url` counts only if it is this agent's. seconds: the longest that
    each answer may take. Raises AgentError.
    """
    first: AgentRefused | None = None
    for place in _places(url):
        try:
            card = await _get(http, place, seconds)
        except AgentRefused as error:
            first = first or error
            continue
        if place.startswith(url.rstrip("/")) or not name or card.get("name") == name:
            return card
    raise first or AgentRefused(f"{name or 'The agent'} shows no card at {url}.")


def _places(url: str) -> list[str]:
    if urlsplit(url).path.endswith(".json"):
        return [url]
    base = url.split("?", 1)[0].split("#", 1)[0].rstrip("/")
    return list(dict.fromkeys([base + WELL_KNOWN, urljoin(base + "/", WELL_KNOWN), base + WELL_KNOWN_OLD]))


async def _get(http: httpx.AsyncClient, url: str, seconds: float) -> dict[str, Any]:
    for _ in range(REDIRECTS + 1):
        try:
            response = await http.get(
                url,
                timeout=httpx.Timeout(seconds, connect=min(seconds, CONNECT_TIMEOUT)),
                extensions={LIMIT: MAX_CARD_BYTES},
            )
        except Redirected as error:
            target = urljoin(url, error.location)
            if urlsplit(target).hostname != urlsplit(url).hostname:
                raise
            url = target
            continue
        try:
            card = response.json()
        except (ValueError, RecursionError) as error:
            raise AgentBroken(f"What is at {url} is not an agent's card: it is not JSON.") from error
        if not isinstance(card, dict):
            raise AgentBroken(f"What is at {url} is not an agent's card: it is not a JSON object.")
        return card
    raise AgentRefused(f"{url} sends us in a circle.")
