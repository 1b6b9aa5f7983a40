"""What can be wrong with a card that can be seen without asking its agent. Pure."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tasks.agents.card_format import CardError, address, parse
from tasks.models.agent import SendMode

NAME_MAX = 200
URL_MAX = 2000
CONCURRENCY_MAX = 10_000


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
