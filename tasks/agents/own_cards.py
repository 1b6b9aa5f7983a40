"""Agents' own cards: fetched, checked, and reduced to what a stranger may say (async, no ORM).

Of a fetched card only what belongs to A2A is taken, since a card that could name an environment variable could have any
secret sent to itself.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from tasks.agents import signatures
from tasks.agents.addresses import PrivateAddress, public_addresses
from tasks.agents.card_checks import check, check_address
from tasks.agents.card_format import OURS, CardError, normalised, parse
from tasks.agents.connections import http_client
from tasks.agents.errors import AgentError, AgentRefused
from tasks.agents.fetching import Fetched, fetch, fetch_card
from tasks.agents.remote import MARKS, AgentRef, CredentialUse
from tasks.agents.signatures import Signature

FETCH_SECONDS = 8.0
"""For all that an added agent's address is asked: the API answers within ten seconds, whatever it does."""
BARE_SECONDS = 3.0
"""For each card that a file leaves to its agent; one that is not up yet is asked again when it is first used."""
UNDATED = datetime.min.replace(tzinfo=UTC)
"""For references to agents that have no row yet."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Examined:
    """A card that an agent shows, as far as a stranger's word goes; its `url` is where messages go."""

    card: dict[str, Any]
    place: str
    """Where it was found."""
    etag: str
    signature: Signature


async def examined(
    url: str, *, public_only: bool = False, credential_env: str = "", use: CredentialUse | None = None
) -> Examined:
    """A stranger's card, with all that can be wrong with it looked at.

    url: the agent's address, or its card's. credential_env, use: as in `AgentRef`. Raises AgentError and CardError.
    """
    url = url.strip()
    if "://" not in url:
        raise CardError("its address must begin with http:// or https://")
    check_address(url)
    ref = AgentRef(
        name="The agent",
        url=url,
        card={},
        credential_env=credential_env,
        use=use or CredentialUse(),
        updated_at=UNDATED,
        public_only=public_only,
    )
    try:
        async with asyncio.timeout(FETCH_SECONDS), http_client(ref) as http:
            found = await checked(await fetch(http, url, seconds=FETCH_SECONDS), http)
            if public_only:
                await _must_be_public(found.card["url"])
            return found
    except TimeoutError as error:
        raise AgentRefused(f"Nobody answered at {url} within {FETCH_SECONDS:.0f} seconds.") from error


async def examined_card(url: str, *, credential_env: str = "", use: CredentialUse | None = None) -> dict[str, Any]:
    """The card alone, of an agent that may lie anywhere. Raises as `examined`."""
    return (await examined(url, credential_env=credential_env, use=use)).card


async def checked(fetched: Fetched, http: httpx.AsyncClient) -> Examined:
    """A fetched card as a stranger's. http: asks for the key of its signature. Raises AgentError and CardError."""
    signature = await signatures.verified(fetched.card, fetched.place, http)
    if signature is Signature.WRONG:
        raise CardError("its signature does not fit what it says: it was changed after it was signed")
    card = strangers(fetched.card)
    card["url"] = str(parse(card).supported_interfaces[0].url)
    check(card)
    return Examined(card=card, place=fetched.place, etag=fetched.etag, signature=signature)


async def bare_cards(refs: Sequence[AgentRef]) -> list[dict[str, Any] | AgentError]:
    """What the agents of card files that say only where they are tell of themselves, in their order."""

    async def one(ref: AgentRef) -> dict[str, Any] | AgentError:
        try:
            async with asyncio.timeout(BARE_SECONDS), http_client(ref) as http:
                card = strangers(await fetch_card(http, ref.url, name=ref.name, seconds=BARE_SECONDS))
                parse(card)
                return card
        except TimeoutError:
            return AgentRefused(f"no answer within {BARE_SECONDS:.0f} seconds")
        except CardError as error:
            return AgentRefused(str(error))
        except AgentError as error:
            return error

    return await asyncio.gather(*(one(ref) for ref in refs))


def strangers(card: Mapping[str, Any]) -> dict[str, Any]:
    """A fetched card without the keys that are ours to set."""
    return {key: value for key, value in normalised(card).items() if key not in OURS and key not in MARKS}


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run async work from sync code, also where this thread has a running loop: in a thread of its own."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, work).result()


async def _must_be_public(url: str) -> None:
    parts = urlsplit(url)
    try:
        await public_addresses(parts.hostname or "", parts.port or 443)
    except PrivateAddress as error:
        raise CardError(f"its card sends messages to {url}, which lies on the private address {error}") from error
    except OSError as error:
        raise CardError(f"its card names {url}, and that host name is not known") from error
