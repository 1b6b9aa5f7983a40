"""Agent cards become Agent rows: from the operator's files, or fetched at a person's request (sync, ORM).

A file's card is the operator's word: it may lie on any address and say what is our own (`enabled`, `credential_env` and
their like). A fetched card is a stranger's: of it only what belongs to A2A is taken, since a card that could name an
environment variable could have any secret sent to itself.
"""

import asyncio
import json
import logging
import re
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from tasks.agents.addresses import PrivateAddress, public_addresses
from tasks.agents.card_format import OURS, CardError, address, is_bare, normalised, parse
from tasks.agents.connections import http_client
from tasks.agents.errors import AgentError, AgentRefused
from tasks.agents.fetching import MAX_CARD_BYTES, fetch_card
from tasks.agents.remote import ADDED_FROM, AgentRef
from tasks.errors import InvalidInput, WrongMoment
from tasks.models import Agent
from tasks.models.agent import SendMode

logger = logging.getLogger(__name__)

FETCH_SECONDS = 8.0
"""For all that an added agent's address is asked: the API answers within ten seconds, whatever it does."""
BARE_SECONDS = 3.0
"""For each card that a file leaves to its agent; one that is not up yet is asked again when it is first used."""
UNDATED = datetime.min.replace(tzinfo=UTC)
"""For references to agents that have no row yet."""
NAME_MAX = 200
URL_MAX = 2000
CONCURRENCY_MAX = 10_000

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class CardReport:
    """What became of one card file."""

    path: Path
    name: str
    """The agent's; empty where the file cannot be read."""
    outcome: str
    """`added`, `updated`, `unchanged`, `skipped` (nothing to do) or `failed` (the card is wrong)."""
    text: str
    """For the operator, with the reason."""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, kw_only=True)
class _File:
    path: Path
    card: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.card["name"])


def load(directories: Sequence[Path], *, force: bool = False) -> list[CardReport]:
    """Load all `*.json` of the directories, in their order (a later card of the same name wins); one report a file.

    A card without an address completes another of its name, or keeps the address that its row has. Loading again
    updates by name. What people changed since (in admin, by PATCH) stays as long as the file says what it said; force:
    the files win over that too. A row whose values stay equal keeps its `updated_at`.
    """
    files, reports = _read(directories)
    reports += _merged(files)
    bare = [file for file in files if is_bare(file.card) and file.card.get("url")]
    told = dict(zip([file.name for file in bare], _run(_fetch_bare(bare)), strict=True)) if bare else {}
    for file in files:
        reports.append(_load_one(file, told.get(file.name), force=force))
    return reports


def fetch_and_add(url: str, *, now: datetime | None = None) -> Agent:
    """Add the agent that answers at `url` (its address, or its card's), by the card that it shows, within 10 s.

    now: when it was added; the clock's where absent.

    Raises InvalidInput (field `url`: not an address, nobody there, no card, a private address without
    ALLOW_PRIVATE_AGENTS, a version that we do not speak) and WrongMoment (`name_taken`).
    """
    public_only = not settings.ALLOW_PRIVATE_AGENTS
    try:
        card = fetch(url)
        where = address(card)
    except (AgentError, CardError) as error:
        text = error.message if isinstance(error, AgentError) else f"The agent cannot be used: {error}."
        raise InvalidInput({"url": [text]}) from error
    if public_only:
        card[ADDED_FROM] = where
    name = card["name"]
    try:
        with transaction.atomic():
            if Agent.objects.filter(name=name).exists():
                raise IntegrityError
            return Agent.objects.create(
                name=name,
                slug=_free_slug(name),
                created_at=now or timezone.now(),
                **_fields({**card, "url": where}),
            )
    except IntegrityError as error:
        raise WrongMoment(f"There is an agent named {name} already.", code="name_taken") from error


def fetch(url: str) -> dict[str, Any]:
    """The card shown at `url`, checked as for `fetch_and_add`, without what is ours to say.

    Raises AgentError and CardError.
    """
    return _run(examined_card(url, public_only=not settings.ALLOW_PRIVATE_AGENTS))


# --- files ---


def _read(directories: Sequence[Path]) -> tuple[list[_File], list[CardReport]]:
    files: list[_File] = []
    reports: list[CardReport] = []
    for path in [path for directory in directories for path in sorted(Path(directory).glob("*.json"))]:
        try:
            if path.stat().st_size > MAX_CARD_BYTES:
                raise CardError(f"the file is larger than {MAX_CARD_BYTES:,} bytes")
            card = json.loads(path.read_text(encoding="utf-8-sig"))
            if not isinstance(card, dict):
                raise CardError("the file holds no JSON object")
            _check(card)
        except (OSError, UnicodeDecodeError, RecursionError, ValueError) as error:
            reason = f"it is not JSON ({error})" if isinstance(error, json.JSONDecodeError) else str(error)
            if isinstance(error, RecursionError):
                reason = "it is nested too deeply"
            reports.append(CardReport(path=path, name="", outcome="failed", text=f"{path.name}: {reason}."))
        else:
            card.pop(ADDED_FROM, None)
            files.append(_File(path=path, card=card))
    return files, reports


def _check(card: Mapping[str, Any]) -> None:
    """Raise CardError where a card is wrong in a way that can be seen without its agent."""
    _check_storable(card)
    name = card.get("name")
    if not isinstance(name, str) or not name.strip() or len(name) > NAME_MAX:
        raise CardError(f"it needs a name of 1 to {NAME_MAX} characters")
    url = address(card)
    if url:
        _check_address(url)
        parse(card)
    for key, kind in (("display_name", str), ("credential_env", str), ("enabled", bool), ("metadata", dict)):
        if card.get(key) is not None and not isinstance(card[key], kind):
            words = {str: "a text", bool: "true or false", dict: "an object"}
            raise CardError(f"{key} must be {words[kind]}")
        if kind is str and len(card.get(key) or "") > NAME_MAX:
            raise CardError(f"{key} must have at most {NAME_MAX} characters")
    if not re.fullmatch(r"([A-Za-z_][A-Za-z0-9_]*)?", card.get("credential_env") or ""):
        raise CardError("credential_env must be the name of an environment variable, never the credential")
    limit = card.get("max_concurrency")
    if limit is not None and (type(limit) is not int or not 1 <= limit <= CONCURRENCY_MAX):
        raise CardError(f"max_concurrency must be a whole number from 1 to {CONCURRENCY_MAX:,}")
    if card.get("send_mode") is not None and card["send_mode"] not in SendMode.values:
        raise CardError(f"send_mode must be {' or '.join(SendMode.values)}")


def _check_storable(card: Mapping[str, Any]) -> None:
    """What JSON allows in texts and numbers, and the databases do not."""
    try:
        text = json.dumps(card, ensure_ascii=False, allow_nan=False)
        text.encode()
    except ValueError as error:
        raise CardError("it holds a number or a character that cannot be stored") from error
    if "\\u0000" in text:
        raise CardError("it holds a NUL character")


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise CardError(f"its address {url!r} cannot be read") from error
    if parts.scheme not in ("http", "https") or not host:
        raise CardError(f"its address {url!r} must begin with http:// or https:// and name a host")
    if parts.username or parts.password:
        raise CardError("its address must not hold a user or password: name a variable in credential_env")
    if len(url) > URL_MAX:
        raise CardError(f"its address is longer than {URL_MAX:,} characters")


def _merged(files: list[_File]) -> list[CardReport]:
    """Reduce the files to one for each name, the last with an address; report the others."""
    by_name: dict[str, list[_File]] = {}
    for file in files:
        by_name.setdefault(file.name, []).append(file)
    files.clear()
    reports = []
    for same in by_name.values():
        chosen = next((file for file in reversed(same) if address(file.card)), same[-1])
        others = [file for file in same if file is not chosen]
        card = dict(chosen.card)
        for other in reversed(others):
            text = f"{other.name}: {chosen.path} takes the place of {other.path}."
            if not address(other.card):
                card = {**other.card, **card}
                text = f"{other.name}: {other.path} completes {chosen.path}, which has the address."
            reports.append(CardReport(path=other.path, name=other.name, outcome="skipped", text=text))
        files.append(_File(path=chosen.path, card=card))
    return reports


def _load_one(file: _File, told: dict[str, Any] | AgentError | None, *, force: bool) -> CardReport:
    def report(outcome: str, text: str) -> CardReport:
        return CardReport(path=file.path, name=file.name, outcome=outcome, text=f"{file.name}: {text}.")

    for attempt in (1, 2):
        try:
            with transaction.atomic():
                row = Agent.objects.select_for_update().filter(name=file.name).first()
                card, note = _completed(file.card, told, row)
                if not card.get("url"):
                    return report("skipped", f"{file.path.name} has no url, and no other card names this agent")
                if row is None:
                    Agent.objects.create(name=file.name, slug=_free_slug(file.name), **_fields(card))
                    return report("added", f"added at {card['url']}{note}")
                if not _update(row, card, force=force):
                    return report("unchanged", f"unchanged at {row.url}{note}")
                return report("updated", f"updated, at {row.url}{note}")
        except CardError as error:
            return report("failed", f"cannot be used: {error}")
        except IntegrityError:
            # Another process added it at the same moment: then there is a row to update.
            if attempt == 2:
                raise
    raise AssertionError("unreachable")


def _completed(
    card: dict[str, Any], told: dict[str, Any] | AgentError | None, row: Agent | None
) -> tuple[dict[str, Any], str]:
    """The card with what its agent told and, without an address, its row's; and a note for the report."""
    note = ""
    if isinstance(told, dict):
        card = {**{key: value for key, value in told.items() if key not in card}, **card}
    elif isinstance(told, AgentError):
        note = f"; its card could not be fetched yet ({told.message.rstrip('.')})"
        if row is not None and row.card.get("url") == card["url"]:
            card = {**{key: value for key, value in row.card.items() if key not in OURS}, **card}
            card.pop(ADDED_FROM, None)
    where = address(card)
    if not where and row is not None:
        return {**card, "url": row.url}, "; its address stays"
    # A card with interfaces keeps its own url beside them; the row has the address that is used.
    return card if where == card.get("url") else {**card, "url": where}, note


def _update(row: Agent, card: Mapping[str, Any], *, force: bool) -> bool:
    """Bring the row in line with the card; returns whether anything changed.

    Of what people may change, a value is taken where the file says another than at its last loading.
    """
    before = _fields(row.card) if row.card and row.card.get("name") else {}
    changed = False
    for key, value in _fields(card).items():
        if getattr(row, key) != value and (force or key == "card" or before.get(key) != value):
            setattr(row, key, value)
            changed = True
    if changed:
        row.last_error = ""
        row.save()
    return changed


def _fields(card: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a card's row, but for name and slug."""
    metadata = card.get("metadata") if isinstance(card.get("metadata"), dict) else {}
    description = card.get("description")
    return {
        "display_name": card.get("display_name") or "",
        "url": card.get("url") or "",
        "description": description if isinstance(description, str) else "",
        "card": normalised(card),
        "enabled": card.get("enabled") is not False,
        "hidden": (metadata or {}).get("hidden") is True,
        "planner_passthrough": (metadata or {}).get("planner_passthrough") is True,
        "max_concurrency": card.get("max_concurrency"),
        "credential_env": card.get("credential_env") or "",
        "send_mode": card.get("send_mode") or SendMode.STREAM.value,
    }


def _free_slug(name: str) -> str:
    """The name where it is URL-safe, else slugified; made unique by a number."""
    wanted = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else slugify(name) or "agent"
    slug, number = wanted, 1
    while Agent.objects.filter(slug=slug).exists():
        number += 1
        slug = f"{wanted}-{number}"
    return slug


# --- the agents' own cards ---


async def examined_card(url: str, *, public_only: bool = False, credential_env: str = "") -> dict[str, Any]:
    """A stranger's card, with all that can be wrong with it looked at, and its `url` where messages go.

    url: the agent's address, or its card's. credential_env: as in `AgentRef`. Raises AgentError and CardError.
    """
    url = url.strip()
    if "://" not in url:
        raise CardError("its address must begin with http:// or https://")
    _check_address(url)
    ref = AgentRef(
        name="The agent",
        url=url,
        card={},
        credential_env=credential_env,
        updated_at=UNDATED,
        public_only=public_only,
    )
    try:
        async with asyncio.timeout(FETCH_SECONDS), http_client(ref) as http:
            card = _strangers(await fetch_card(http, url, seconds=FETCH_SECONDS))
            card["url"] = str(parse(card).supported_interfaces[0].url)
            _check(card)
            if public_only:
                await _must_be_public(card["url"])
            return card
    except TimeoutError as error:
        raise AgentRefused(f"Nobody answered at {url} within {FETCH_SECONDS:.0f} seconds.") from error


async def _must_be_public(url: str) -> None:
    parts = urlsplit(url)
    try:
        await public_addresses(parts.hostname or "", parts.port or 443)
    except PrivateAddress as error:
        raise CardError(f"its card sends messages to {url}, which lies on the private address {error}") from error
    except OSError as error:
        raise CardError(f"its card names {url}, and that host name is not known") from error


async def _fetch_bare(files: Sequence[_File]) -> list[dict[str, Any] | AgentError]:
    async def one(file: _File) -> dict[str, Any] | AgentError:
        ref = AgentRef(
            name=file.name,
            url=str(file.card["url"]),
            card={},
            credential_env=file.card.get("credential_env") or "",
            updated_at=UNDATED,
        )
        try:
            async with asyncio.timeout(BARE_SECONDS), http_client(ref) as http:
                card = _strangers(await fetch_card(http, ref.url, name=file.name, seconds=BARE_SECONDS))
                parse(card)
                return card
        except TimeoutError:
            return AgentRefused(f"no answer within {BARE_SECONDS:.0f} seconds")
        except CardError as error:
            return AgentRefused(str(error))
        except AgentError as error:
            return error

    return await asyncio.gather(*(one(file) for file in files))


def _strangers(card: Mapping[str, Any]) -> dict[str, Any]:
    """A fetched card without the keys that are ours to set."""
    return {key: value for key, value in normalised(card).items() if key not in OURS and key != ADDED_FROM}


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run async work from sync code, also where this thread has a running loop: in a thread of its own."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, work).result()
