"""Agent cards become Agent rows: the operator's files (sync, ORM).

A file's card is the operator's word: it may lie on any address and say what is our own (`enabled`, `credential_env` and
their like). What it leaves out, the agent itself is asked for (`own_cards`).
"""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from tasks.agents import noting
from tasks.agents.card_checks import check
from tasks.agents.card_format import OURS, CardError, address, is_bare, normalised
from tasks.agents.errors import AgentError
from tasks.agents.fetching import MAX_CARD_BYTES
from tasks.agents.own_cards import UNDATED, bare_cards, run
from tasks.agents.remote import ADDED_FROM, TOLD, AgentRef, CredentialUse
from tasks.models import Agent
from tasks.models.agent import CredentialScheme, SendMode

logger = logging.getLogger(__name__)


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

    @property
    def ref(self) -> AgentRef:
        """Where its agent is asked for its own card."""
        return AgentRef(
            name=self.name,
            url=str(self.card["url"]),
            card={},
            credential_env=self.card.get("credential_env") or "",
            use=CredentialUse(
                scheme=self.card.get("credential_scheme") or "bearer",
                header=self.card.get("credential_header") or "",
                token_url=self.card.get("credential_token_url") or "",
                scope=self.card.get("credential_scope") or "",
            ),
            updated_at=UNDATED,
        )


def load(directories: Sequence[Path], *, force: bool = False) -> list[CardReport]:
    """Load all `*.json` of the directories, in their order (a later card of the same name wins); one report a file.

    A card without an address completes another of its name, or keeps the address that its row has. Loading again
    updates by name. What people changed since (in admin, by PATCH) stays as long as the file says what it said; force:
    the files win over that too. A row whose values stay equal keeps its `updated_at`.
    """
    files, reports = _read(directories)
    reports += _merged(files)
    bare = [file for file in files if is_bare(file.card) and file.card.get("url")]
    told = dict(zip([file.name for file in bare], run(bare_cards([file.ref for file in bare])), strict=True))
    for file in files:
        reports.append(_load_one(file, told.get(file.name), force=force))
    return reports


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
            check(card)
        except (OSError, UnicodeDecodeError, RecursionError, ValueError) as error:
            reason = f"it is not JSON ({error})" if isinstance(error, json.JSONDecodeError) else str(error)
            if isinstance(error, RecursionError):
                reason = "it is nested too deeply"
            reports.append(CardReport(path=path, name="", outcome="failed", text=f"{path.name}: {reason}."))
        else:
            for mark in (ADDED_FROM, TOLD):
                card.pop(mark, None)
            files.append(_File(path=path, card=card))
    return files, reports


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
                    row = Agent.objects.create(name=file.name, slug=free_slug(file.name), **values_of(card))
                    noting.added(row, request=None, now=timezone.now())
                    return report("added", f"added at {card['url']}{note}")
                if not (columns := _update(row, card, force=force)):
                    return report("unchanged", f"unchanged at {row.url}{note}")
                noting.changed(row, columns, request=None, now=timezone.now())
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
        more = {key: value for key, value in told.items() if key not in card}
        card = {**more, **card, TOLD: sorted(more)}
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


def _update(row: Agent, card: Mapping[str, Any], *, force: bool) -> list[str]:
    """Bring the row in line with the card; returns the columns that changed.

    Of what people may change, a value is taken where the file says another than at its last loading.
    """
    before = values_of(row.card) if row.card and row.card.get("name") else {}
    changed: list[str] = []
    for key, value in values_of(card).items():
        if getattr(row, key) != value and (force or key == "card" or before.get(key) != value):
            setattr(row, key, value)
            changed.append(key)
    if changed:
        row.last_error = ""
        row.save()
    return changed


def values_of(card: Mapping[str, Any]) -> dict[str, Any]:
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
        "credential_scheme": card.get("credential_scheme") or CredentialScheme.BEARER.value,
        "credential_header": card.get("credential_header") or "",
        "credential_token_url": card.get("credential_token_url") or "",
        "credential_scope": card.get("credential_scope") or "",
        "max_per_minute": card.get("max_per_minute"),
        "max_megabytes": card.get("max_megabytes"),
        "max_seconds": card.get("max_seconds"),
        "send_mode": card.get("send_mode") or SendMode.STREAM.value,
    }


def free_slug(name: str) -> str:
    """The name where it is URL-safe, else slugified; made unique by a number."""
    wanted = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else slugify(name) or "agent"
    slug, number = wanted, 1
    while Agent.objects.filter(slug=slug).exists():
        number += 1
        slug = f"{wanted}-{number}"
    return slug
