"""The last part of private links: a random key, and that key signed with `SECRET_KEY`, so that who reads the database
cannot make the link, and no other kind of link opens with it.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

from django.utils.crypto import constant_time_compare, salted_hmac

KEY_BYTES = 16
SIGNED_BYTES = 16
"""Of the signature: 128 bits are not guessed, and keep the link short."""


def token_of(key: UUID, *, kind: str) -> str:
    """What stands in the link: URL-safe, 43 characters. `kind` tells one kind of link from the others."""
    return urlsafe_b64encode(key.bytes + _signature(key, kind)).rstrip(b"=").decode()


def key_of(token: str, *, kind: str) -> UUID | None:
    """The key of a link of this kind; None for what nobody signed."""
    try:
        content = urlsafe_b64decode(token + "=")
    except (binascii.Error, ValueError):
        return None
    if len(content) != KEY_BYTES + SIGNED_BYTES:
        return None
    key = UUID(bytes=content[:KEY_BYTES])
    return key if constant_time_compare(content[KEY_BYTES:], _signature(key, kind)) else None


def _signature(key: UUID, kind: str) -> bytes:
    return salted_hmac(kind, key.bytes, algorithm="sha256").digest()[:SIGNED_BYTES]
