"""Signatures of agent cards: checked where a card has them (A2A 1.0 section 8.4, JWS over the card's canonical JSON).

What a signature proves is that the card says what its agent's host signed: a key is asked for only at the host that
shows the card, since a key from anywhere would sign anything.
"""

import binascii
import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
from a2a.client.card_resolver import parse_agent_card
from a2a.utils.signing import SignatureVerificationError, create_signature_verifier
from google.protobuf.json_format import ParseError
from jwt.api_jws import PyJWS
from jwt.utils import base64url_decode, base64url_encode

from tasks.agents.errors import AgentError
from tasks.agents.transport import CALL_TIMEOUT, LIMIT

ALGORITHMS = ["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"]
"""With a public key only: a shared secret would let everybody sign who can check."""
MAX_KEY_BYTES = 64 * 1024
MAX_SIGNATURES = 4
"""Signatures of one card that are looked at: each may cost a request."""


class Signature(StrEnum):
    """What became of a card's signatures."""

    NONE = "none"
    """It has none."""
    VALID = "valid"
    UNKNOWN = "unknown"
    """It has some, and their keys cannot be had from the host that shows it."""
    WRONG = "wrong"
    """A key was there, and no signature fits."""


async def verified(card: Mapping[str, Any], place: str, http: httpx.AsyncClient) -> Signature:
    """What the signatures of a `card` found at `place` are worth. http: asks its host for keys. Never raises."""
    signatures = card.get("signatures")
    if not isinstance(signatures, list) or not signatures:
        return Signature.NONE
    keyed = False
    for protected, signature in list(_readable(signatures))[:MAX_SIGNATURES]:
        for key in await _keys(protected, place, http):
            keyed = True
            if _fits(card, key, protected, signature):
                return Signature.VALID
    return Signature.WRONG if keyed else Signature.UNKNOWN


def _readable(signatures: list[Any]) -> Iterator[tuple[str, str]]:
    for one in signatures:
        if isinstance(one, dict) and isinstance(one.get("protected"), str) and isinstance(one.get("signature"), str):
            yield one["protected"], one["signature"]


async def _keys(protected: str, place: str, http: httpx.AsyncClient) -> list[jwt.PyJWK]:
    """The keys that a protected header names, where the card's own host has them."""
    try:
        header = json.loads(base64url_decode(protected))
        where, wanted = header["jku"], header.get("kid")
        if not isinstance(where, str) or urlsplit(where)[:2] != urlsplit(place)[:2]:
            return []
        response = await http.get(where, timeout=CALL_TIMEOUT, extensions={LIMIT: MAX_KEY_BYTES})
        found = response.json()["keys"]
        return [jwt.PyJWK(key) for key in found if wanted is None or key.get("kid") == wanted][:MAX_SIGNATURES]
    except (AgentError, httpx.HTTPError, jwt.PyJWTError, binascii.Error, ValueError):
        return []
    except (KeyError, TypeError, AttributeError, RecursionError):
        return []


def _fits(card: Mapping[str, Any], key: jwt.PyJWK, protected: str, signature: str) -> bool:
    """Whether the signature is one over the card: as the SDK makes its form canonical, or as it is written."""
    unsigned = {name: value for name, value in card.items() if name != "signatures"}
    written = json.dumps(unsigned, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        PyJWS().decode(f"{protected}.{base64url_encode(written.encode()).decode()}.{signature}", key, ALGORITHMS)
    except (jwt.PyJWTError, ValueError, TypeError):
        pass
    else:
        return True
    one = [{"protected": protected, "signature": signature}]
    try:
        # The SDK's reader changes what it reads.
        parsed = parse_agent_card(json.loads(json.dumps({**unsigned, "signatures": one})))
        create_signature_verifier(lambda _kid, _jku: key, ALGORITHMS)(parsed)
    except (SignatureVerificationError, ParseError, ValueError, TypeError, AttributeError):
        return False
    return True
