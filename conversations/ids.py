"""Ids: UUIDv7, so that the primary key is also the order of creation (keyset pages need no second column)."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Return a new UUIDv7 (RFC 9562 section 5.7)."""
    return uuid7()
