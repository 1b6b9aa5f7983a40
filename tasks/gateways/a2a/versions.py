"""Which version of the protocol a request speaks: the `A2A-Version` header or parameter (specification, 3.6)."""

import re
from urllib.parse import parse_qs

from a2a.utils.errors import A2AError, VersionNotSupportedError

from tasks.gateways.exchange import Exchange

HEADER = "A2A-Version"
V1, V03 = "1.0", "0.3"


def named(exchange: Exchange) -> str:
    """The version that the request names; empty where it names none. Raises `VersionNotSupportedError`."""
    query = parse_qs(exchange.scope.get("query_string", b"").decode("latin-1"))
    version = exchange.header(HEADER) or next(iter(query.get(HEADER, [])), "")
    if not version:
        return ""
    # Major.Minor; a patch version says nothing about the protocol (3.6).
    found = re.fullmatch(r"(\d+\.\d+)(\.\d+)?", version)
    if found is None or found[1] not in (V1, V03):
        raise VersionNotSupportedError(f"A2A {version[:20]} is not spoken here: send {HEADER}: {V1}, or {V03}.")
    return found[1]


def mismatch(version: str, *, wanted: str, what: str) -> A2AError:
    """What is asked belongs to another version than the one that the request names."""
    return VersionNotSupportedError(f"{what} belongs to A2A {wanted}, and the request says {HEADER}: {version}.")
