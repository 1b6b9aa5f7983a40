"""What can be wrong with a card that can be seen without asking its agent. Pure."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tasks.agents.card_format import CardError, address, parse
from tasks.agents.credentials import fault
from tasks.models.agent import SendMode

NAME_MAX = 200
URL_MAX = 2000
LENGTHS = {"credential_scope": 500, "credential_header": 100, "credential_token_url": URL_MAX}
"""Characters of texts that may not have NAME_MAX, or more."""
WHOLE = {"max_concurrency": 10_000, "max_per_minute": 100_000, "max_megabytes": 64, "max_seconds": 30 * 86_400}
"""Whole numbers of a card file, and the largest that each may be."""
CREDENTIAL_KEYS = {
    "variable": "credential_env",
    "scheme": "credential_scheme",
    "header": "credential_header",
    "token_url": "credential_token_url",
    "scope": "credential_scope",
}
"""Keys of a card file by what `credentials.fault` calls them."""


def check(card: Mapping[str, Any]) -> None:
    """Raise CardError where a card is wrong in a way that can be seen without its agent."""
    check_storable(card)
    name = card.get("name")
    if not isinstance(name, str) or not name.strip() or len(name) > NAME_MAX:
        raise CardError(f"it needs a name of 1 to {NAME_MAX} characters")
    url = address(card)
    if url:
        check_address(url)
        parse(card)
    texts = ("display_name", "credential_env", "credential_scheme", "credential_header", "credential_scope")
    kinds: list[tuple[str, type]] = [(key, str) for key in (*texts, "credential_token_url")]
    for key, kind in (*kinds, ("enabled", bool), ("metadata", dict)):
        if card.get(key) is not None and not isinstance(card[key], kind):
            words = {str: "a text", bool: "true or false", dict: "an object"}
            raise CardError(f"{key} must be {words[kind]}")
        most = LENGTHS.get(key, NAME_MAX)
        if kind is str and len(card.get(key) or "") > most:
            raise CardError(f"{key} must have at most {most:,} characters")
    parts = {part: card.get(key) or "" for part, key in CREDENTIAL_KEYS.items()}
    if found := fault(**{**parts, "scheme": parts["scheme"] or "bearer"}):
        raise CardError(f"{CREDENTIAL_KEYS[found[0]]} {found[1]}")
    for key, most in WHOLE.items():
        limit = card.get(key)
        if limit is not None and (type(limit) is not int or not 1 <= limit <= most):
            raise CardError(f"{key} must be a whole number from 1 to {most:,}")
    if card.get("send_mode") is not None and card["send_mode"] not in SendMode.values:
        raise CardError(f"send_mode must be {' or '.join(SendMode.values)}")


def check_storable(card: Mapping[str, Any]) -> None:
    """What JSON allows in texts and numbers, and the databases do not."""
    try:
        text = json.dumps(card, ensure_ascii=False, allow_nan=False)
        text.encode()
    except ValueError as error:
        raise CardError("it holds a number or a character that cannot be stored") from error
    if "\\u0000" in text:
        raise CardError("it holds a NUL character")


def check_address(url: str) -> None:
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
